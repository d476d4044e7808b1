"""Ranges of settings as doubles, exact at both ends; and every min_delta at once, followed along a recording.

A decision of a callback changes at most once as a setting grows, so the doubles that decide alike are a range, whose
end is found by bisection: the bits of non-negative doubles are in the order of the doubles.

An improvement depends on min_delta alone, and the doubles that make the same rows improve are a range. So all of them
are followed together, row by row: a range is cut where a value improves for its smaller doubles only, ranges that have
come to the same state are joined, and those that contradict the recording are dropped. Nothing is sampled.

At row r the counter is r minus the last row that set it back. A patience acts in the first row in which the counter
reaches it, so rows in which nothing happened bound it from below and those in which something did from above.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.behaviours import Arithmetic
from kcb_replay.replay.verdicts.lanes.improvements import operand

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
# Seventeen digits tell any two doubles apart.
_MOST_DIGITS = 17
Mask: TypeAlias = NDArray[np.bool_]
# Beyond every metric, and within float32 together with it.
LARGEST_MIN_DELTA = 1e30
_NO_END = np.iinfo(np.int64).max // 4


@dataclass(frozen=True, slots=True, order=True)
class Bounds:
    """All numbers from `low` to `high`, both included; `high` is None where there is no end."""

    low: float
    high: float | None

    def __contains__(self, value: float) -> bool:
        return self.low <= value and (self.high is None or value <= self.high)

    @property
    def example(self) -> float:
        """The number of the range that people write with the fewest digits."""
        return simplest(self.low, self.high)

    def to_dict(self) -> dict[str, float | None]:
        """Return both ends; null where there is none."""
        return {"low": self.low, "high": self.high}


def _bits_of(values: Floats) -> Integers:
    """Return the bits of non-negative doubles, which are in the order of the doubles."""
    return np.ascontiguousarray(values, np.float64).view(np.int64)


def _doubles_of(bits: Integers) -> Floats:
    """Return the doubles of `bits_of`."""
    return np.ascontiguousarray(bits, np.int64).view(np.float64)


def _first_false(holds: Callable[[Floats], NDArray[np.bool_]], low: Integers, high: Integers) -> Integers:
    """Return the bits of the first double of each range at which `holds` is false.

    It must be true at `low` and false at `high`, and change once.
    """
    low, high = low.copy(), high.copy()
    while (high - low > 1).any():
        middle = low + (high - low) // 2
        still = holds(_doubles_of(middle))
        low, high = np.where(still, middle, low), np.where(still, high, middle)
    return high


def first_true(holds: Callable[[float], bool], low: float, high: float) -> float | None:
    """Return the first double from `low` to `high` at which `holds`, which changes once; None where it never does."""
    if holds(low):
        return low
    if not holds(high):
        return None
    ends = _bits_of(np.array([low, high]))
    bits_at_change = _first_false(lambda value: np.array([not holds(float(value[0]))]), ends[:1], ends[1:])
    return float(_doubles_of(bits_at_change)[0])


def simplest(low: float, high: float | None) -> float:
    """Return the number from `low` to `high` that is written with the fewest digits."""
    if low <= 0:
        return 0.0
    for digits in range(1, _MOST_DIGITS):
        # The first number of so many digits that is not below; a power of ten may be above it and simpler.
        unit = Decimal(1).scaleb(Decimal(low).adjusted() - digits + 1)
        candidate = float(math.ceil(Decimal(low) / unit) * unit)
        if low <= candidate and (high is None or candidate <= high):
            return candidate
    return low


@dataclass(frozen=True, slots=True)
class Rule:
    """How a version compares: in which arithmetic, and `on_reference` with min_delta taken from the best.

    `first_always`: the first value is an improvement whatever it is.
    """

    arithmetic: Arithmetic
    on_reference: bool
    first_always: bool

    def improves(self, value: float, min_delta: Floats, best: Floats) -> Mask:
        """Tell for which min_delta a value is an improvement on the best so far."""
        with np.errstate(invalid="ignore"):
            left = np.full(best.shape, value) if self.on_reference else value + min_delta
            right = best - min_delta if self.on_reference else best
        improved: Mask = operand(left, self.arithmetic) < operand(right, self.arithmetic)
        return improved

    def reached(self, best: Floats) -> Floats:
        """Return about where a sum of value and min_delta is no improvement on the best any more."""
        if self.arithmetic == "float64":
            return best
        with np.errstate(over="ignore"):
            rounded = best.astype(np.float32)
        # What is above the middle of two float32 rounds to the upper one, which is the best.
        middle: Floats = (rounded.astype(np.float64) + np.nextafter(rounded, -np.inf).astype(np.float64)) / 2
        return middle


@dataclass(frozen=True, slots=True)
class ObservedRows:
    """What is known of the rows: `events` are those in which a plateau ended, none did in the others up to `until`.

    Rows from `first` on are judged. `offsets` are the numbers of rows from an event to the first one that counts again,
    one for each cooldown that is asked about.
    """

    events: tuple[int, ...]
    until: int
    offsets: Integers
    first: int = 0


@dataclass(frozen=True, slots=True)
class Pieces:
    """Ranges of min_delta, in order, and what they allow. `low` and `high` (pieces,) are min_delta, both included.

    Of shape (pieces, cooldowns): patiences from `least` to `most` are consistent, none where `most` is less; `wait` is
    the counter at the end. `best` (pieces,) is the best value.
    """

    low: Floats
    high: Floats
    least: Integers
    most: Integers
    wait: Integers
    best: Floats

    @property
    def endless(self) -> Mask:
        """Where nothing bounds patience from above."""
        return self.most >= _NO_END

    def chosen(self, which: Mask) -> Pieces:
        """Return some of them."""
        return Pieces(*(getattr(self, name)[which] for name in self.__slots__))


@dataclass(slots=True)
class _Ranges:
    """The ranges of min_delta (as bits) while they are followed: `reset` is the row of the last improvement."""

    low: Integers
    high: Integers
    best: Floats
    reset: Integers
    least: Integers
    most: Integers

    def chosen(self, which: Integers) -> _Ranges:
        """Return some of them."""
        return _Ranges(*(getattr(self, name)[which] for name in self.__slots__))


def pieces_of(values: Floats, rule: Rule, observed: ObservedRows) -> Pieces:
    """Return what every min_delta allows; `values` are those that count, negated where they should rise."""
    ranges, events = _all_of_them(), frozenset(observed.events)
    after = np.full(1, -1, np.int64)
    passed = -1
    for row in _telling_rows(values, observed.events):
        ranges = _after_quiet(ranges, range(passed + 1, row), after, observed)
        ranges, changed = _after_value(ranges, row, float(values[row]), rule)
        if row in events:
            ranges = _bounded_above(ranges, row - np.maximum(ranges.reset[:, np.newaxis], after))
            after = row + observed.offsets - 1
            ranges = _with_columns(ranges, len(after))
        else:
            ranges = _after_quiet(ranges, range(row, row + 1), after, observed)
        ranges = _joined(ranges) if changed else ranges
        passed = row
    ranges = _joined(_after_quiet(ranges, range(passed + 1, len(values)), after, observed))
    wait = len(values) - 1 - np.maximum(ranges.reset[:, np.newaxis], after)
    return Pieces(_doubles_of(ranges.low), _doubles_of(ranges.high), ranges.least, ranges.most, wait, ranges.best)


def _telling_rows(values: Floats, events: tuple[int, ...]) -> list[int]:
    """Return the rows in which something may happen: events, the first row, and minima, for only these can improve.

    Whatever min_delta is, the best so far is not above the least value so far plus min_delta.
    """
    before = np.fmin.accumulate(np.concatenate([[np.inf], values[:-1]]))
    return sorted({0, *np.flatnonzero(values < before).tolist(), *events})


def _after_quiet(ranges: _Ranges, rows: range, after: Integers, observed: ObservedRows) -> _Ranges:
    """Return the ranges after rows in which nothing happened; the counter is highest in the last of them."""
    judged = range(max(rows.start, observed.first), min(rows.stop, observed.until + 1))
    if not judged:
        return ranges
    return _bounded_below(ranges, judged[-1] - np.maximum(ranges.reset[:, np.newaxis], after))


def _all_of_them() -> _Ranges:
    ends = _bits_of(np.array([0.0, LARGEST_MIN_DELTA]))
    one = np.ones((1, 1), np.int64)
    return _Ranges(ends[:1], ends[1:], np.array([np.inf]), np.array([-1]), one, one * _NO_END)


def _after_value(ranges: _Ranges, row: int, value: float, rule: Rule) -> tuple[_Ranges, bool]:
    """Return the ranges after a value, cut where it improves for the smaller min_delta only, and whether any did."""
    if row == 0 and rule.first_always:
        improved = np.ones(1, np.bool_)
    else:
        improved = rule.improves(value, _doubles_of(ranges.low), ranges.best)
        if not improved.any():
            return ranges, False
        cut = np.flatnonzero(improved)
        cut = cut[~rule.improves(value, _doubles_of(ranges.high[cut]), ranges.best[cut])]
        if len(cut):
            ranges, improved = _cut(ranges, improved, cut, value, rule)
    ranges.best[improved] = value
    ranges.reset[improved] = row
    return ranges, True


def _cut(ranges: _Ranges, improved: Mask, cut: Integers, value: float, rule: Rule) -> tuple[_Ranges, Mask]:
    best, low, high = ranges.best[cut], ranges.low[cut], ranges.high[cut]
    holds: Callable[[Floats], Mask] = lambda min_delta: rule.improves(value, min_delta, best)  # noqa: E731
    first_without = _first_false(holds, *_near(holds, rule.reached(best) - value, low, high))
    copies = np.ones(len(improved), np.int64)
    copies[cut] = 2
    doubled = ranges.chosen(np.repeat(np.arange(len(improved)), copies))
    second = cut + np.arange(1, len(cut) + 1)
    doubled.high[second - 1], doubled.low[second] = first_without - 1, first_without
    improved = np.repeat(improved, copies)
    improved[second] = False
    return doubled, improved


def _near(holds: Callable[[Floats], Mask], guess: Floats, low: Integers, high: Integers) -> tuple[Integers, Integers]:
    """Return narrower ranges around a guess, where the end that is looked for is in them."""
    # Sums and differences are rounded, so a guess is off by a little; it is checked, and only saves steps.
    with np.errstate(invalid="ignore"):
        below, above = (np.clip(np.nan_to_num(guess * (1 + off)), 0, LARGEST_MIN_DELTA) for off in (-1e-12, 1e-12))
    nearer_low, nearer_high = (np.clip(_bits_of(end), low, high) for end in (below, above))
    low = np.where(holds(_doubles_of(nearer_low)), nearer_low, low)
    high = np.where(holds(_doubles_of(nearer_high)), high, nearer_high)
    return low, high


def _bounded_above(ranges: _Ranges, wait: Integers) -> _Ranges:
    ranges = _with_columns(ranges, wait.shape[1])
    ranges.most = np.minimum(ranges.most, wait)
    return ranges.chosen(np.flatnonzero((ranges.most >= ranges.least).any(axis=1)))


def _bounded_below(ranges: _Ranges, wait: Integers) -> _Ranges:
    ranges.least = np.maximum(ranges.least, wait + 1)
    possible = (ranges.most >= ranges.least).any(axis=1)
    return ranges if possible.all() else ranges.chosen(np.flatnonzero(possible))


def _with_columns(ranges: _Ranges, count: int) -> _Ranges:
    """Return the ranges with a column for every cooldown; before the first event there is one for all of them."""
    if ranges.least.shape[1] != count:
        shape = (len(ranges.low), count)
        ranges.least, ranges.most = (np.broadcast_to(each, shape).copy() for each in (ranges.least, ranges.most))
    return ranges


def _joined(ranges: _Ranges) -> _Ranges:
    """Return the ranges with neighbours of the same state made one."""
    if len(ranges.low) < 2:
        return ranges
    # The row of the last improvement says the best value, too.
    begins = (ranges.reset[1:] != ranges.reset[:-1]) | (ranges.low[1:] != ranges.high[:-1] + 1)
    begins |= (ranges.least[1:] != ranges.least[:-1]).any(axis=1) | (ranges.most[1:] != ranges.most[:-1]).any(axis=1)
    if begins.all():
        return ranges
    first = np.flatnonzero(np.concatenate([[True], begins]))
    last = np.concatenate([first[1:] - 1, [len(ranges.low) - 1]])
    joined = ranges.chosen(first)
    joined.high = ranges.high[last]
    return joined
