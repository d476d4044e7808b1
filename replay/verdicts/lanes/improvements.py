"""The rows at which a metric improves, on arrays: the values that count, the arithmetic, and the comparison.

Values are compared as a version compares them, in float64, or in float32 with denormals as 0 or as they are. Epochs
without a value, or before the callback starts, are passed over. An improvement is a candidate (value plus min_delta)
below the best value so far: found in lanes, epoch by epoch, or along one long stream, minimum by minimum. NaN never is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.behaviours import Arithmetic

Floats: TypeAlias = NDArray[np.float64]


Compared: TypeAlias = NDArray[np.float32] | NDArray[np.float64]


# For functions on what was recorded: NaN, infinities and overflow are values there, as they are to Python's floats.
unwarned = np.errstate(over="ignore", invalid="ignore")


_SMALLEST_NORMAL = np.float32(1.1754943508222875e-38)


_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def operand(values: Floats, arithmetic: Arithmetic) -> Compared:
    """Return what is compared; a finite value beyond float32 becomes infinite, see `fits_float32`."""
    if arithmetic == "float64":
        return values
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32)
    if arithmetic == "float32 with denormals":
        return rounded
    # Losses are all above it, and metrics to maximise all below: told without another array.
    if rounded.size and (rounded.min() >= _SMALLEST_NORMAL or rounded.max() <= -_SMALLEST_NORMAL):
        return rounded
    denormal = np.abs(rounded) < _SMALLEST_NORMAL
    if denormal.any():
        rounded[denormal] = 0.0
    return rounded


def comparable(arithmetic: Arithmetic) -> Arithmetic:
    """Return the arithmetic where no value is beyond float32: those that differ in that alone are one."""
    return "float32" if arithmetic == "float32 or ValueError" else arithmetic


def fits_float32(values: Floats) -> bool:
    """Tell whether no finite value is beyond float32, where the tensorflow backend raises."""
    finite = values[np.isfinite(values)]
    return not len(finite) or float(np.abs(finite).max()) <= _LARGEST_FLOAT32


Integers: TypeAlias = NDArray[np.int64]


Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CountedValues:
    """`values` (rows, lanes), of which the first `lengths` (lanes,) count; behind them is NaN.

    `rows` (rows, lanes) says in which row of the block each stood, None where each still stands in its own.
    """

    values: Floats
    lengths: Integers
    rows: Integers | None

    def in_block(self, row: Integers) -> Integers:
        """Return the rows of the block for rows of `values`, of shape (any, lanes); -1 stays -1."""
        if self.rows is None or not self.rows.size:
            return row
        return np.where(row < 0, -1, np.take_along_axis(self.rows, np.maximum(row, 0), axis=0))


def counted_of(values: Floats, counts: Mask) -> CountedValues:
    """Return the values (rows, lanes) that count."""
    lengths = counts.sum(axis=0)
    if (counts[1:] <= counts[:-1]).all():
        return CountedValues(values if counts.all() else np.where(counts, values, np.nan), lengths, None)
    place = np.cumsum(counts, axis=0) - 1
    row, lane = np.nonzero(counts)
    together, rows = np.full(values.shape, np.nan), np.zeros(values.shape, np.int64)
    together[place[row, lane], lane], rows[place[row, lane], lane] = values[row, lane], row
    return CountedValues(together, lengths, rows)


_FEW_LEAPS = 4096


def in_lanes(compared: Compared, candidate: Compared, *, first_always: bool) -> Mask:
    """Return where lanes improve, of the shape of `candidate` (rows, ...), to which that of `compared` is extended."""
    improved = np.zeros(candidate.shape, np.bool_)
    best = np.full(candidate.shape[1:], np.inf, candidate.dtype)
    for row in range(len(candidate)):
        np.less(candidate[row], best, out=improved[row])
        if row == 0 and first_always:
            improved[0] = True
        np.copyto(best, compared[row], where=improved[row])
    return improved


def along_stream(value: Floats, compared: Compared, candidate: Compared, *, first_always: bool) -> Mask:
    """Return where one stream (rows,) improves; `compared` and `candidate` must not fall where `value` rises.

    Only a new minimum can improve, and among minima the next improvement is found by bisection, for their candidates
    only fall.
    """
    improved = np.zeros(len(value), np.bool_)
    is_minimum = value < np.fmin.accumulate(np.concatenate([[np.inf], value[:-1]]))
    # inf - inf: no margin makes an infinite value one that improves.
    is_minimum &= ~np.isnan(candidate)
    is_minimum[:1] |= first_always and not np.isnan(value[:1])
    minima = np.flatnonzero(is_minimum)
    improved[:1] = first_always
    if len(minima) and not (first_always and minima[0] > 0):
        improved[minima[_leaps(compared[minima], candidate[minima], first_always=first_always)]] = True
    return improved


def _leaps(compared: Compared, candidate: Compared, *, first_always: bool) -> list[int]:
    """Return the places of the improvements among falling values."""
    rising, values = -candidate, -compared
    place = 0 if first_always else int(np.searchsorted(rising, -np.inf, side="right"))
    places: list[int] = []
    # Few and far between they are searched for one by one, else all at once.
    while place < len(values) and len(places) < _FEW_LEAPS:
        places.append(place)
        place = int(np.searchsorted(rising, values[place], side="right"))
    if place == len(values):
        return places
    following = (place + np.searchsorted(rising[place:], values[place:], side="right")).tolist()
    first = place
    while place < len(values):
        places.append(place)
        place = following[place - first]
    return places
