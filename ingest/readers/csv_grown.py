"""The new rows of a CSVLogger file that has grown, joined to the fits that were read of it before.

Takes only new rows that are plain, as the rows before them were: whatever else stands there, a header in mid-file or a
row that does not fit, leaves the file to be read from the start.
"""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.csv_bulk import plain_names, read_alike
from kcb_replay.ingest.readers.csv_facts import notes_of_epochs, truncated_note
from kcb_replay.ingest.recording import Fit, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["read_on"]


def read_on(fits: tuple[Fit, ...], head: bytes, new: Blob) -> Reading | None:
    """Return the reading of a whole file from its fits so far, its first bytes and what follows the last whole row."""
    start = head.find(b"\n") + 1
    names = plain_names(head[:start].removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n"))
    (reading,) = read_alike([Blob(new.path, head[:start] + new.content)])
    if not names or reading is None or reading.read_to is None:
        return None
    joined = _joined(fits, reading.fits, names, new.path)
    read_to = reading.read_to - start
    rows = sum(map(len, joined))
    notes = [truncated_note(rows + 2, new.path)] if read_to < len(new.content) else []
    for number, fit in enumerate(joined):
        notes += notes_of_epochs(fit.epochs, number, new.path)
    return Reading(joined, tuple(notes), read_to)


def _joined(before: tuple[Fit, ...], after: tuple[Fit, ...], names: Sequence[str], path: str) -> tuple[Fit, ...]:
    last, first = before[-1], after[0]
    # The epoch goes back where a resumed or repeated fit appended to the file.
    if first.epochs[0] <= last.epochs[-1]:
        return (*before, *after)
    metrics = {}
    for name in names[1:]:
        # A column without a value in one of the parts is no metric there.
        parts = [fit.metrics.get(name, _nothing(len(fit), name, path)) for fit in (last, first)]
        if any(name in fit.metrics for fit in (last, first)):
            values, valid = (np.concatenate([getattr(part, what) for part in parts]) for what in ("values", "valid"))
            metrics[name] = Series(values, valid, tag=name, source=path)
    return (*before[:-1], Fit(np.concatenate([last.epochs, first.epochs]), metrics), *after[1:])


def _nothing(length: int, name: str, path: str) -> Series:
    return Series(np.zeros(length), np.zeros(length, np.bool_), tag=name, source=path)
