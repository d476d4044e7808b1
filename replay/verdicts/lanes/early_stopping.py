"""Every patience of EarlyStopping at once, for many runs and settings: lanes of NumPy, epoch by epoch.

Patience enters EarlyStopping only in the final test, so one pass of a wait counter that never stops answers all of
them: a patience stops where the counter first reaches it. A lane is one run under one min_delta, baseline and
start_from_epoch. Equal to the engine, lane by lane; versions whose rule is another one are left to the engine.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.verdicts.lanes.improvements import (
    Compared,
    CountedValues,
    along_stream,
    counted_of,
    in_lanes,
    operand,
    unwarned,
)
from kcb_replay.replay.verdicts.lanes.series import Block

Floats: TypeAlias = NDArray[np.float64]


Integers: TypeAlias = NDArray[np.signedinteger[Any]]


Mask: TypeAlias = NDArray[np.bool_]


# Numbers of a pass: enough to be worth the calls, few enough for the cache of a core.
_CHUNK, _LEAST_WIDTH = 2**20, 64


_LONG, _FEW = 2_000, 16


class Start(NamedTuple):
    """What lanes differ in besides their run: `baseline` is NaN for none, and negated for a metric to maximise."""

    min_delta: float
    baseline: float
    start_from_epoch: int


@dataclass(frozen=True, slots=True)
class Stops:
    """The answer for every patience, of shape (patiences, fits); -1 where there is no such row.

    `row` is the row of the block after which the training stops, `best_row` the best one that the callback knows then,
    or at the end where it does not stop. `first_row` (fits,) is the first one that counts, whose weights are kept until
    there is a better one. `wait` (fits,) is the wait counter at the end of a fit that nothing stops.
    """

    row: Integers
    best_row: Integers
    first_row: Integers
    wait: Integers

    def of(self, places: Integers) -> Stops:
        """Return the answers of some patiences."""
        return Stops(self.row[places], self.best_row[places], self.first_row, self.wait)

    @classmethod
    def side_by_side(cls, parts: Sequence[Stops]) -> Stops:
        """Return the answers of the fits of one part after the other."""
        return cls(*(np.concatenate([getattr(part, item.name) for part in parts], axis=-1) for item in fields(cls)))


def is_vectorised(version: Semantics) -> bool:
    """Tell whether the lanes follow the rule of a version: that of TensorFlow 2.12 and of all after it."""
    return (
        version.early_stopping_counts_first
        and version.early_stopping_baseline_by_wait
        and version.early_stopping_improving_never_stops
        and version.early_stopping_spares_first_epoch
        and not version.early_stopping_signed_min_delta
        and not version.early_stopping_needs_metric
    )


@unwarned
def stops_of(
    block: Block, sign: float, starts: Sequence[Start], patiences: Integers, version: Semantics
) -> list[Stops]:
    """Return for each of `starts` where every fit stops with every patience (whole numbers from 0 on; 0 acts like 1).

    `sign` is 1 for a metric that should fall and -1 for one that should rise.
    """
    distinct, place = np.unique(np.maximum(patiences, 1), return_inverse=True)
    in_order = np.array_equal(distinct, patiences)
    stops_by_start: list[Stops | None] = [None] * len(starts)
    for numbers in _together(starts, alone=_is_long(*block.values.shape)):
        together = [starts[number] for number in numbers]
        for number, stops in zip(numbers, _from_epoch(block, sign, together, distinct, version), strict=True):
            stops_by_start[number] = stops if in_order else stops.of(place)
    return [stops for stops in stops_by_start if stops is not None]


def _is_long(rows: int, fits: int) -> bool:
    """Tell whether streams are better followed from minimum to minimum."""
    return rows >= _LONG and fits <= _FEW


def _together(starts: Sequence[Start], *, alone: bool) -> Iterable[list[int]]:
    """Return the numbers of the starts that are worked out at once: those that begin at the same epoch."""
    numbers: dict[object, list[int]] = defaultdict(list)
    for number, start in enumerate(starts):
        numbers[number if alone else start.start_from_epoch].append(number)
    return numbers.values()


def _from_epoch(
    block: Block, sign: float, starts: Sequence[Start], patiences: Integers, version: Semantics
) -> list[Stops]:
    """Return the answers to starts that begin at the same epoch, some fits after the other."""
    rows, count = block.values.shape
    width = max(_LEAST_WIDTH, _CHUNK // max(rows, len(patiences)) // len(starts))
    parts: list[list[Stops]] = [[] for _ in starts]
    for first in range(0, count, width) or [0]:
        fits = slice(first, first + width)
        counts = block.valid[:, fits] & (block.epochs[:, fits] >= starts[0].start_from_epoch)
        counted = counted_of(sign * block.values[:, fits], counts)
        for part, stops in zip(
            parts, _of_fits(counted, block.epochs[:, fits], starts, patiences, version), strict=True
        ):
            part.append(stops)
    return [Stops.side_by_side(part) for part in parts]


def _of_fits(
    counted: CountedValues, epochs: Integers, starts: Sequence[Start], patiences: Integers, version: Semantics
) -> Iterator[Stops]:
    fits = len(counted.lengths)
    first_row = counted.in_block(np.where(counted.lengths > 0, 0, -1)[np.newaxis])[0]
    improved, resets = _improvements(counted, starts, version)
    lengths = np.tile(counted.lengths, len(starts))
    spares = np.tile(epochs[first_row, np.arange(fits)] == 0, len(starts))
    stretches = _stretches_of(improved, resets, lengths, spares_first_row=spares)
    row, best_row = stretches.stops(patiences)
    for number in range(len(starts)):
        lanes = slice(number * fits, (number + 1) * fits)
        wait = stretches.waits[lanes]
        yield Stops(counted.in_block(row[:, lanes]), counted.in_block(best_row[:, lanes]), first_row, wait)


def _improvements(counted: CountedValues, starts: Sequence[Start], version: Semantics) -> tuple[Mask, Mask | None]:
    """Return where lanes improve, and which of the improvements start the counter anew (None: all).

    Both are of shape (rows, starts * fits), start by start.
    """
    rows, fits = counted.values.shape
    arithmetic, first_always = version.early_stopping_arithmetic, version.early_stopping_any_first_value
    deltas = np.array([start.min_delta for start in starts])[:, np.newaxis]
    compared = operand(counted.values, arithmetic)
    candidate = operand(counted.values[:, np.newaxis] + deltas, arithmetic)
    if _is_long(rows, fits):
        improved = _along_streams(counted.values, compared, candidate, first_always=first_always)
    else:
        improved = in_lanes(compared[:, np.newaxis], candidate, first_always=first_always)
    improved[0] &= counted.lengths > 0
    flat = improved.reshape(rows, -1)
    if all(math.isnan(start.baseline) for start in starts):
        return flat, None
    baselines = np.array([start.baseline for start in starts])[:, np.newaxis]
    resets = np.isnan(baselines) | (candidate < operand(baselines, arithmetic))
    return flat, resets.reshape(rows, -1)


def _along_streams(values: Floats, compared: Compared, candidate: Compared, *, first_always: bool) -> Mask:
    improved = np.zeros(candidate.shape, np.bool_)
    for start, fit in np.ndindex(candidate.shape[1:]):
        improved[:, start, fit] = along_stream(
            values[:, fit], compared[:, fit], candidate[:, start, fit], first_always=first_always
        )
    return improved


@dataclass(frozen=True, slots=True)
class Stretches:
    """All stretches of all lanes, lane after lane: one before the first improvement, one after each, and an empty one
    at the end for what the others leave unanswered.

    At row r the counter is r - `zero`; it is first looked at in row `start` and comes to `highest`. `best` is the row
    of the improvement before, -1 where there is none yet. These have shape (stretches,). `last` (lanes,) is the place
    of the empty one, and `so_far` (stretches,) how far the counter came until the end of each stretch. `waits` (lanes,)
    is where it stands at the end of each lane.
    """

    lane: Integers
    zero: Integers
    start: Integers
    highest: Integers
    best: Integers
    last: Integers
    so_far: Integers
    waits: Integers

    def stops(self, patiences: Integers) -> tuple[Integers, Integers]:
        """Return the rows at which patiences stop, -1 for never, and the best rows then: of shape (patiences, lanes).

        `patiences` are rising whole numbers from 1 on.
        """
        answers = self._answering(patiences)
        patiences = patiences.astype(self.zero.dtype)
        stop = self.zero[answers] + patiences[:, np.newaxis]
        if ((self.start > self.zero + 1) & (self.highest > 0)).any():
            stop = np.maximum(stop, self.start[answers])
        stop[patiences[:, np.newaxis] > self.so_far[self.last]] = -1
        return stop, self.best[answers]

    def _answering(self, patiences: Integers) -> Integers:
        """Return the stretch in which each patience stops, the last one where it does not."""
        before = np.append(0, self.so_far[:-1])
        before[self.last[:-1] + 1] = 0
        answers = self.highest > before
        answers[self.last] = True
        answering = np.flatnonzero(answers)
        place = np.searchsorted(patiences, np.arange(1, before.max() + 2))[before[answering]]
        reached = place < len(patiences)
        stretches = np.zeros((len(patiences), len(self.last)), np.int64)
        # Of two stretches for the same place the later one stands: it answers where the earlier one does not reach.
        stretches[place[reached], self.lane[answering[reached]]] = answering[reached]
        for shorter, longer in itertools.pairwise(stretches):
            np.maximum(shorter, longer, out=longer)  # in the cache, so faster than one accumulate
        return stretches


def _stretches_of(improved: Mask, resets: Mask | None, lengths: Integers, spares_first_row: Mask) -> Stretches:
    """Return the stretches of lanes; `improved` has shape (rows, lanes).

    `resets`, of the same shape, says which improvements start the counter anew (None: all). `lengths` (lanes,) is the
    number of rows that count, and `spares_first_row` (lanes,) says where nothing stops at row 0.
    """
    rows, count = improved.shape
    # A place before the rows for the stretch before any improvement, and one behind for the last one.
    begins = np.ones((count, rows + 2), np.bool_)
    begins[:, 1:-1] = improved.T
    # In half the bytes where they do: most of the time goes into moving them.
    kind: type[np.signedinteger[Any]] = np.int32 if (rows + 2) * (count + 1) < 2**31 else np.int64
    lane = np.repeat(np.arange(count, dtype=kind), np.count_nonzero(begins, axis=1))
    row = np.flatnonzero(begins).astype(kind) - lane * (rows + 2) - 1
    (last,) = np.nonzero(row == rows)
    end = np.minimum(np.append(row[1:], 0), lengths[lane]) - 1
    row[last] = row[last - 1]
    start = row + 1
    start[row < 0] = spares_first_row[lane[row < 0]]
    zero = row if resets is None else _last_reset(lane, row, resets)
    highest = np.where(end >= start, end - zero, 0)
    highest[last] = 0
    apart = lane * (rows + 2)
    so_far = np.maximum.accumulate(highest + apart) - apart
    return Stretches(lane, zero, start, highest, row, last, so_far, lengths - 1 - zero[last - 1])


def _last_reset(lane: Integers, row: Integers, resets: Mask) -> Integers:
    """Return the row from which the counter counts: that of the last reset of the lane, -1 where there is none."""
    apart = lane * (len(resets) + 2)
    does = (row >= 0) & resets[row, lane]
    return np.maximum.accumulate(np.where(does, row, -1) + apart) - apart
