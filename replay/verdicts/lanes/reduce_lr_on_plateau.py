"""When ReduceLROnPlateau would reduce, for many runs and settings at once, from one improvement to the next.

Where a metric improves hangs on min_delta alone. Between two improvements nothing but counters moves: the first
reduction comes `patience` epochs after the improvement and after the cooldown, and the others follow at equal
distances. `factor` and `min_lr` only say how much each reduction is, and with which one the floor is reached. Equal to
the engine, up to the floor; versions whose rule is another one are left to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.verdicts.lanes.improvements import (
    Compared,
    along_stream,
    counted_of,
    in_lanes,
    operand,
    unwarned,
)

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
# Where a stream is better followed from minimum to minimum.
_LONG, _FEW = 2_000, 16
_LONG_AGO = -(2**40)


@dataclass(frozen=True, slots=True)
class Reductions:
    """Every reduction, as if there were no floor: those of lane n are `rows[offsets[n] : offsets[n + 1]]`, in order."""

    rows: Integers
    offsets: Integers

    @property
    def counts(self) -> Integers:
        """Return how many reductions each lane has (lanes,)."""
        counts: Integers = np.diff(self.offsets)
        return counts

    def of(self, lane: int) -> Integers:
        """Return the rows at which a lane reduces."""
        return self.rows[self.offsets[lane] : self.offsets[lane + 1]]

    def count_until(self, rows: Integers) -> Integers:
        """Return how many reductions each lane has in the rows up to and including one of its own (lanes,)."""
        lanes = len(self.offsets) - 1
        # Sorted, for the rows of a lane are, and those of the next one are larger.
        past = int(self.rows.max(initial=0)) + 2
        placed = self.rows + past * np.repeat(np.arange(lanes), self.counts)
        until = np.minimum(rows, past - 1) + past * np.arange(lanes)
        counts: Integers = np.searchsorted(placed, until, side="right") - self.offsets[:-1]
        return counts

    def row_of(self, number: Integers) -> Integers:
        """Return the row of the `number`-th reduction of each lane, counted from 1 (any, lanes); -1 without it."""
        there = (number > 0) & (number <= self.counts)
        place = np.where(there, self.offsets[:-1] + number - 1, 0)
        return np.where(there, self.rows[place], -1) if len(self.rows) else np.full(there.shape, -1)


@dataclass(frozen=True, slots=True)
class Plateaus:
    """The stretches without an improvement, of shape (stretches, lanes), in order.

    Each lies between the counted rows `before` and `behind`; those that fill up a lane are empty. `rows` says where
    each counted row stands, see `CountedValues`.
    """

    before: Integers
    behind: Integers
    rows: Integers | None

    def reductions(self, patiences: Integers, cooldowns: Integers) -> Reductions:
        """Return when every timing (timings,) reduces; of timing t and lane l, they are those of t * lanes + l."""
        patience, cooldown = np.maximum(patiences, 1)[:, np.newaxis], cooldowns[:, np.newaxis]
        distance = np.maximum(cooldown, 1) - 1 + patience
        last = np.full((len(patiences), self.before.shape[1]), _LONG_AGO)
        firsts, counts = [], []
        long_enough = (self.behind - self.before > patiences.min(initial=1)).any(axis=1)
        for before, behind in zip(self.before[long_enough], self.behind[long_enough], strict=True):
            cooling = np.maximum(cooldown - (before - last), 1)
            first = before + cooling - 1 + patience
            count = np.maximum((behind - 1 - first) // distance + 1, 0)
            last = np.where(count > 0, first + (count - 1) * distance, last)
            firsts.append(first)
            counts.append(count)
        return self._listed(firsts, counts, distance, last.shape)

    def _listed(
        self, firsts: list[Integers], counts: list[Integers], distance: Integers, shape: tuple[int, ...]
    ) -> Reductions:
        """Return the reductions of all stretches, lane after lane."""
        first, count = (np.array(each, np.int64).reshape(-1, *shape).transpose(1, 2, 0) for each in (firsts, counts))
        each = count.ravel()
        place = np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)
        rows = np.repeat(first.ravel(), each) + place * np.repeat(
            np.broadcast_to(distance[:, :, np.newaxis], count.shape).ravel(), each
        )
        per_lane = count.sum(axis=2).ravel()
        offsets = np.concatenate([[0], np.cumsum(per_lane)])
        if self.rows is not None and len(rows):
            rows = self.rows[rows, np.repeat(np.arange(len(per_lane)) % shape[1], per_lane)]
        return Reductions(rows, offsets)


def is_vectorised(version: Semantics) -> bool:
    """Tell whether the lanes follow the rule of a version: that of Keras 2.1.6 and of all after it."""
    return version.plateau_counts_first


@unwarned
def plateaus_of(values: Floats, valid: Mask, min_delta: float, version: Semantics) -> Plateaus:
    """Return where lanes do not improve; `values` and `valid` have shape (rows, lanes).

    `values` are the monitored values, `valid` tells where there is one; metrics to maximise come negated.
    """
    counted = counted_of(values, valid)
    absolute, arithmetic = version.plateau_absolute_min_delta, version.plateau_arithmetic
    margin = abs(min_delta) if absolute else min_delta
    # Either the value has to be better by a margin, or the best is taken to be better by it: the same but for rounding.
    compared = operand(counted.values if absolute else counted.values - margin, arithmetic)
    candidate = operand(counted.values + margin if absolute else counted.values, arithmetic)
    if margin == np.inf and not absolute:
        # The worst value of all minus infinity is NaN, which nothing is below.
        candidate = np.full_like(candidate, np.nan)
    improved = _improvements(counted.values, compared, candidate, version, rises=margin >= 0)
    return Plateaus(*_stretches(improved, counted.lengths), counted.rows)


def _improvements(values: Floats, compared: Compared, candidate: Compared, version: Semantics, *, rises: bool) -> Mask:
    rows, lanes = values.shape
    always = version.plateau_any_first_value
    if not (rises and lanes <= _FEW and rows >= _LONG):
        return in_lanes(compared, candidate, first_always=always)
    streams = (along_stream(values[:, n], compared[:, n], candidate[:, n], first_always=always) for n in range(lanes))
    return np.column_stack(list(streams))


def _stretches(improved: Mask, lengths: Integers) -> tuple[Integers, Integers]:
    """Return the rows before and behind the rows without improvement, of shape (stretches, lanes), as few as there are.

    Rows behind the end of a lane are taken as improvements, so that they are in no stretch.
    """
    rows, lanes = improved.shape
    begins = np.ones((lanes, rows + 2), np.bool_)
    begins[:, 1:-1] = improved.T | (np.arange(rows) >= lengths[:, np.newaxis])
    lane, place = np.divmod(np.flatnonzero(begins), rows + 2)
    stretch = np.flatnonzero((lane[1:] == lane[:-1]) & (place[1:] > place[:-1] + 1))
    of_lane = lane[stretch]
    number = np.arange(len(stretch)) - np.searchsorted(of_lane, of_lane)
    shape = (int(number.max(initial=-1)) + 1, lanes)
    before, behind = np.full(shape, rows), np.full(shape, rows)
    before[number, of_lane], behind[number, of_lane] = place[stretch] - 1, place[stretch + 1] - 1
    return before, behind
