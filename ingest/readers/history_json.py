"""Read a History that was saved as JSON: `json.dump(history.history, file)`, or a data frame's `to_json()`.

An object of lists of numbers, or of objects that count their rows from "0". A list that is shorter than the others is
left out, for nobody knows which epochs it lacks. Objects without a loss are not taken: lists of numbers stand in many
files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.readers.base import LogReader
from kcb_replay.ingest.readers.texts import decoded, parsed
from kcb_replay.ingest.recording import Fit
from kcb_replay.ingest.table import Log, alignment_lost, exact, series
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping


_FIRST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"[^"\\\n]*"\s*:\s*(?:\[\s*(?:-?\d|NaN|-?Infinity|null)|\{\s*"0"\s*:)')
_LOSS = re.compile(rb'"(?:[^"\\\n]*[_/])?loss"\s*:\s*[\[{]')


def _looks_like(_: str, head: bytes) -> bool:
    """Tell whether the first bytes are of an object of lists, one of them a loss."""
    return _FIRST.match(head) is not None and _LOSS.search(head) is not None


def _fits_in(content: bytes, log: Log) -> tuple[Fit]:
    columns = _columns(parsed(decoded(content, log), log), log)
    length = max(map(len, columns.values()), default=0)
    if not length:
        raise log.refusal("holds an empty history: no epochs")
    fit = _fit(columns, length, log)
    if not fit.metrics:
        raise log.refusal(f"holds no list of numbers: {log.notes[0].text}")
    return (fit,)


HISTORY_JSON = LogReader(
    format="history_json",
    what="a History in JSON",
    expected="Expected the JSON of history.history, an object of lists of numbers.",
    rank=20,
    suffixes=("", ".json", ".history"),
    looks_like=_looks_like,
    fits_in=_fits_in,
)


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
