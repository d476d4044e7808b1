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

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Reading
from kcb_replay.ingest.readers.texts import decoded, parsed
from kcb_replay.ingest.recording import Fit, Note
from kcb_replay.ingest.table import exact, only, series
from kcb_replay.text import counted, excerpt

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
        path = only(blobs, _WHAT).path
        columns = _columns(parsed(decoded(blobs[0].content, path, _EXPECTED), path, _EXPECTED), path)
        length = max(map(len, columns.values()), default=0)
        if not length:
            raise ReadError(f"{path} holds an empty history: no epochs. {_EXPECTED}")
        notes: list[Note] = []
        fit = _fit(columns, length, path, notes)
        if not fit.metrics:
            raise ReadError(f"{path} holds no list of numbers: {notes[0].text}. {_EXPECTED}")
        return Reading((fit,), tuple(notes))


HISTORY_JSON: Reader = _HistoryJsonReader()


def _columns(document: object, path: str) -> dict[str, list[object]]:
    if not isinstance(document, dict):
        raise ReadError(f"{path} holds no object. {_EXPECTED}")
    columns = {}
    for name, value in document.items():
        if isinstance(value, dict) and list(value) == [str(row) for row in range(len(value))]:
            value = list(value.values())
        if not isinstance(value, list):
            raise ReadError(f"{path} holds a {type(value).__name__} as {excerpt(name)}. {_EXPECTED}")
        columns[name] = value
    return columns


def _fit(columns: Mapping[str, list[object]], length: int, path: str, notes: list[Note]) -> Fit:
    epochs = np.arange(length, dtype=np.int64)
    metrics = {}
    for name, column in columns.items():
        try:
            values = {epoch: exact(value) for epoch, value in enumerate(column) if value is not None}
        except ValueError as error:
            text = f"{excerpt(name)} holds {error}, so it is left out"
            notes.append(Note("not_a_number", text, path, fit=0, metric=name))
            continue
        if len(column) < length:
            text = (
                f"{excerpt(name)} has {counted(len(column), 'value')} for {length} epochs: "
                "which epochs they belong to is not recorded, so it is left out"
            )
            notes.append(Note("alignment_lost", text, path, fit=0, metric=name))
        else:
            metrics[name] = series(values, epochs, name, path)
    return Fit(epochs, metrics)
