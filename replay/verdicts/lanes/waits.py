"""From the rows at which a metric improves to where every patience stops.

Between two improvements the wait counter only climbs. A patience stops in the first such stretch that is long enough,
so of all stretches only those longer than every one before answer anything, and each answers a range of patiences.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Stretches", "stretches_of"]

Integers: TypeAlias = NDArray[np.signedinteger[Any]]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Stretches:
    """All stretches of all lanes, lane after lane: one before the first improvement, one after each, and an empty one
    at the end for what the others leave unanswered.

    At row r the counter is r - `zero`; it is first looked at in row `start` and comes to `highest`. `best` is the row
    of the improvement before, -1 where there is none yet. These have shape (stretches,). `last` (lanes,) is the place
    of the empty one, and `so_far` (stretches,) how far the counter came until the end of each stretch.
    """

    lane: Integers
    zero: Integers
    start: Integers
    highest: Integers
    best: Integers
    last: Integers
    so_far: Integers

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
        asked = place < len(patiences)
        found = np.zeros((len(patiences), len(self.last)), np.int64)
        # Of two stretches for the same place the later one stands: it answers where the earlier one does not reach.
        found[place[asked], self.lane[answering[asked]]] = answering[asked]
        for shorter, longer in itertools.pairwise(found):
            np.maximum(shorter, longer, out=longer)  # in the cache, so faster than one accumulate
        return found


def stretches_of(improved: Mask, resets: Mask | None, lengths: Integers, spares_first_row: Mask) -> Stretches:
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
    return Stretches(lane, zero, start, highest, row, last, np.maximum.accumulate(highest + apart) - apart)


def _last_reset(lane: Integers, row: Integers, resets: Mask) -> Integers:
    """Return the row from which the counter counts: that of the last reset of the lane, -1 where there is none."""
    apart = lane * (len(resets) + 2)
    does = (row >= 0) & resets[row, lane]
    return np.maximum.accumulate(np.where(does, row, -1) + apart) - apart
