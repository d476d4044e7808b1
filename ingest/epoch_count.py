"""Epochs that a table counts from 1, where CSVLogger, History and TensorBoard count from 0.

A table that begins with epoch 1 was either counted from 1 or resumed after the first epoch. The file alone does not
tell: its reader takes the likelier and says so, and where another source of the run has the same values, `merge` asks
that one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kcb_replay.ingest.recording import Fit, Note

if TYPE_CHECKING:
    from collections.abc import Iterable


COUNTS_FROM_1, MAY_COUNT_FROM_1 = "counts_from_1", "may_count_from_1"
# What leads from the epochs that a reader took to the others that are possible, by the code of its note.
OTHER_COUNT = {COUNTS_FROM_1: 1, MAY_COUNT_FROM_1: -1}


def begins_with_1(fits: Iterable[Fit]) -> bool:
    """Tell whether the first epoch of all fits is 1."""
    return min((int(fit.epochs[0]) for fit in fits if len(fit)), default=0) == 1


def moved(fits: Iterable[Fit], by: int) -> tuple[Fit, ...]:
    """Return fits with every epoch moved."""
    return tuple(replace(fit, epochs=fit.epochs + by) for fit in fits)


def assumed_from_1(path: str) -> Note:
    """Return what is said where a table is taken to count from 1."""
    text = (
        f"{path} begins with epoch 1: it is assumed to count from 1, as tables of other writers do (CSVLogger counts"
        " from 0); if it is of a training that was resumed after its first epoch, every epoch is one later"
    )
    return Note(COUNTS_FROM_1, text, path)


def assumed_from_0(path: str) -> Note:
    """Return what is said where a table is taken to count from 0, though it begins with 1."""
    text = (
        f"{path} begins with epoch 1, the second as CSVLogger counts: it is assumed to be of a training that was"
        " resumed after its first epoch; if its writer counted from 1, every epoch is one earlier"
    )
    return Note(MAY_COUNT_FROM_1, text, path)
