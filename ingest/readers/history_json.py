"""Read a History that was saved as JSON: `json.dump(history.history, file)`, or a data frame's `to_json()`.

An object of lists of numbers, or of objects that count their rows from "0". A list that is shorter than the others is
left out, for nobody knows which epochs it lacks. Objects without a loss are not taken: lists of numbers stand in many
files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.readers.base import Reading
from kcb_replay.ingest.readers.texts import decoded, parsed
from kcb_replay.ingest.recording import Fit
from kcb_replay.ingest.table import Log, alignment_lost, exact, only, series
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kcb_replay.ingest.readers.base import Blob, Reader

__all__ = ["HISTORY_JSON"]

_WHAT = "a History in JSON"
_EXPECTED = "Expected the JSON of history.history, an object of lists of numbers."
_FIRST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"[^"\\\n]*"\s*:\s*(?:\[\s*(?:-?\d|NaN|-?Infinity|null)|\{\s*"0"\s*:)')
_LOSS = re.compile(rb'"(?:[^"\\\n]*[_/])?loss"\s*:\s*[\[{]')


@dataclass(frozen=True, slots=True)
class _HistoryJsonReader:
    """Reader of one JSON document."""

    format: str = "history_json"
    rank: int = 20
    suffixes: tuple[str, ...] = ("", ".json", ".history")
    version: int = 1

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # the names inside say more
        """Tell whether the first bytes are of an object of lists, one of them a loss."""
        return _FIRST.match(head) is not None and _LOSS.search(head) is not None

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the one fit of a History; raises `ReadError`."""
        blob = only(blobs, _WHAT)
        log = Log(blob.path, _EXPECTED)
        columns = _columns(parsed(decoded(blob.content, log), log), log)
        length = max(map(len, columns.values()), default=0)
        if not length:
            raise log.refusal("holds an empty history: no epochs")
        fit = _fit(columns, length, log)
        if not fit.metrics:
            raise log.refusal(f"holds no list of numbers: {log.notes[0].text}")
        return Reading((fit,), tuple(log.notes))


HISTORY_JSON: Reader = _HistoryJsonReader()


def _columns(document: object, log: Log) -> dict[str, list[object]]:
    if not isinstance(document, dict):
        raise log.refusal("holds no object")
    columns = {}
    for name, value in document.items():
        if isinstance(value, dict) and list(value) == [str(row) for row in range(len(value))]:
            value = list(value.values())
        if not isinstance(value, list):
            raise log.refusal(f"holds a {type(value).__name__} as {excerpt(name)}")
        columns[name] = value
    return columns


def _fit(columns: Mapping[str, list[object]], length: int, log: Log) -> Fit:
    epochs = np.arange(length, dtype=np.int64)
    metrics = {}
    for name, column in columns.items():
        try:
            values = {epoch: exact(value) for epoch, value in enumerate(column) if value is not None}
        except ValueError as error:
            log.note("not_a_number", f"{excerpt(name)} holds {error}, so it is left out", fit=0, metric=name)
            continue
        if len(column) < length:
            log.note("alignment_lost", alignment_lost(name, len(column), length), fit=0, metric=name)
        else:
            metrics[name] = series(values, epochs, name, log.path)
    return Fit(epochs, metrics)
