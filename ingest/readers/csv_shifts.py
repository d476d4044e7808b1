"""Columns whose values jump to those of other columns: rows of other metrics below a header that they do not have.

CSVLogger writes no header when it appends. After a `compile` with other metrics the rows may have as many fields as
before, and then nothing but their values shows that each stands below the name of another metric.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import Floats, Integers, Note

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kcb_replay.ingest.recording import Fit


# A jump is so many times what the column changes by in this many epochs before and behind.
_TIMES, _AROUND = 2.0, 10
# It lands on another column where the distance left is at most a share of it, or what that column changes by: the
# first share is small, the other one no longer a coincidence.
_LEFT, _LEFT_AS_STEP = 0.05, 0.2
# Shifted columns are two at least, for each takes the place of another.
_FEWEST = 2


@np.errstate(over="ignore", invalid="ignore")
def sudden_changes(columns: Iterable[Floats], starts: Sequence[int] | Integers, length: int) -> Integers:
    """Return the rows at which two columns or more change far more than around them; fits begin at `starts`."""
    first = np.zeros(length, np.int64)
    first[starts] = 1
    fit = np.cumsum(first)
    changes = np.zeros(length, np.int32)
    for values in columns:
        changes[_jumps(values, starts, fit)] += 1
    return np.flatnonzero(changes >= _FEWEST)


def _jumps(values: Floats, starts: Sequence[int] | Integers, fit: Integers) -> Integers:
    steps = np.zeros(len(values) + 2)
    np.abs(np.diff(values), out=steps[2:-1])
    steps[1:-1][starts] = 0.0
    rows = np.flatnonzero(steps[1:-1] > _TIMES * np.maximum(steps[:-2], steps[2:]))
    for distance in (sign * n for n in range(2, _AROUND + 1) for sign in (-1, 1)):
        if not len(rows):
            break
        there = np.clip(rows + distance, 0, len(values) - 1)
        rows = rows[(fit[there] != fit[rows]) | (steps[1:-1][rows] > _TIMES * steps[1:-1][there])]
    return rows


def shift_notes(fits: Sequence[Fit], path: str) -> Iterator[Note]:
    """Yield a note for each fit that has rows which look like those of other metrics."""
    before: Floats = np.zeros((0, 0))
    last: Fit | None = None
    for number, fit in enumerate(fits):
        names, values = list(fit.metrics), _matrix(fit)
        # A fit that began anew is compared with the beginning of the one before it, too.
        same = last is not None and list(last.metrics) == names
        if same and (shift := _shift(before[-_AROUND:], values[:_AROUND], names, before[:1])):
            yield _note(shift, 0, fit, number, path)
        else:
            columns = [series.values for series in fit.metrics.values()]
            for row in sudden_changes(columns, [0], len(fit)).tolist():
                after = values[row : row + _AROUND]
                if shift := _shift(values[max(0, row - _AROUND) : row], after, names, values[:0]):
                    yield _note(shift, row, fit, number, path)
                    break
        before, last = values, fit


def _matrix(fit: Fit) -> Floats:
    if not fit.metrics:
        return np.zeros((len(fit), 0))
    return np.stack([np.where(series.valid, series.values, np.nan) for series in fit.metrics.values()], axis=1)


@np.errstate(over="ignore", invalid="ignore")
def _shift(before: Floats, after: Floats, names: Sequence[str], beginning: Floats) -> tuple[str, str] | None:
    """Return a column and the one whose values it goes on with, None where columns go on with their own."""
    if len(before) < _FEWEST or len(after) < 1 or len(names) < _FEWEST:
        return None
    known = np.concatenate([before[-1:], beginning])
    steps = np.fmax(_largest_step(before), _largest_step(after))
    own = np.abs(after[0] - known).min(axis=0)
    # From each column to each: how far its first value is from the last of the other.
    left = np.abs(after[0][:, np.newaxis] - known[:, np.newaxis, :]).min(axis=0)
    np.fill_diagonal(left, np.inf)
    jumped = own > _TIMES * steps
    most = np.clip(steps[np.newaxis, :], _LEFT * own[:, np.newaxis], _LEFT_AS_STEP * own[:, np.newaxis])
    # A loss may well fall to another loss, but hardly to an accuracy, and that one to a loss.
    are_losses = np.array(["loss" in name for name in names])
    lands = jumped[:, np.newaxis] & (left <= most) & (are_losses[:, np.newaxis] != are_losses)
    places = [(one, int(lands[one].argmax())) for one in np.flatnonzero(lands.any(axis=1)).tolist()]
    if len({other for _, other in places}) < _FEWEST:
        return None
    one, other = min(places, key=lambda pair: (names[pair[0]] != "val_loss", "loss" not in names[pair[0]]))
    return names[one], names[other]


def _largest_step(rows: Floats) -> Floats:
    largest: Floats = np.fmax.reduce(np.abs(np.diff(rows, axis=0)), axis=0, initial=0.0)
    return largest


def _note(shift: tuple[str, str], row: int, fit: Fit, number: int, path: str) -> Note:
    one, other = shift
    text = (
        f"from epoch {int(fit.epochs[row]) + 1} of fit {number} on, the values of {one} in {path} go on with those of"
        f" {other}: rows of other metrics by the look of it, for CSVLogger(append=True) writes no header after another"
        " compile, so no answer from it is exact"
    )
    return Note("sampled", text, path, fit=number)
