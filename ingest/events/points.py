"""Points of one tag from all files of a folder, split where another `fit` began and assigned to fits by their time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.events.columns import TagColumn
    from kcb_replay.ingest.recording import Floats, Integers

__all__ = ["Clocks", "Points", "irregular", "joined"]

# What TensorBoard's downloads and other exports keep of a longer series.
_EXPORTED = (10, 500, 1_000, 10_000)


@dataclass(frozen=True, slots=True)
class Points:
    """Steps, values and wall times in the order of files and positions; `files` numbers the file of each."""

    steps: Integers
    values: Floats
    wall_times: Floats
    files: Integers

    def __len__(self) -> int:
        return len(self.steps)

    def where(self, chosen: slice | np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Points:
        """Return some of the points."""
        return Points(self.steps[chosen], self.values[chosen], self.wall_times[chosen], self.files[chosen])

    def restarts(self) -> list[Points]:
        """Split where the step does not rise: there another `fit` began."""
        return self._split(self.steps[1:] <= self.steps[:-1])

    def runs(self) -> list[Points]:
        """Split where the step falls or another file begins; several points of one step are no restart."""
        return self._split((self.steps[1:] < self.steps[:-1]) | (self.files[1:] != self.files[:-1]))

    def _split(self, between: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> list[Points]:
        if not between.any():
            return [self]
        cuts = [0, *(np.flatnonzero(between) + 1).tolist(), len(self)]
        return [self.where(slice(begin, end)) for begin, end in pairwise(cuts)]


def joined(columns: Sequence[tuple[int, TagColumn]]) -> Points:
    """Return the points of one tag from columns and the numbers of their files, by file and position."""
    if len(columns) == 1:
        ((file, column),) = columns
        return Points(column.steps, column.values, column.wall_times, np.full(len(column), file, np.int64))
    files = np.concatenate([np.full(len(column), file, np.int64) for file, column in columns])
    positions = np.concatenate([column.positions for _, column in columns])
    steps = np.concatenate([column.steps for _, column in columns])
    values = np.concatenate([column.values for _, column in columns])
    order = np.lexsort((positions, files))
    return Points(
        steps[order], values[order], np.concatenate([column.wall_times for _, column in columns])[order], files[order]
    )


class Clocks:
    """When each fit was at which step, by the points of its leading tag."""

    def __init__(self, fits: Sequence[Points]) -> None:
        self.count = len(fits)
        self._wall_times = np.concatenate([fit.wall_times for fit in fits])
        self._steps = np.concatenate([fit.steps for fit in fits])
        self._lengths = [len(fit) for fit in fits]
        self._ends = np.cumsum(self._lengths)
        self._begins = self._ends - self._lengths
        self._last = self._wall_times[self._ends - 1]

    @cached_property
    def _keyed(self) -> tuple[Integers, Integers]:
        """All steps, and one rising key of fit and step for each point: one search finds a step in all fits."""
        known, ranks = np.unique(self._steps, return_inverse=True)
        return known, np.repeat(np.arange(self.count), self._lengths) * (len(known) + 1) + ranks

    def nearest(self, part: Points, number: int) -> int:
        """Return the fit that was at the middle step of a part at the nearest time; without times, by its number."""
        if self.count == 1:
            return 0
        middle, (known, keys) = len(part) // 2, self._keyed
        step = part.steps[middle]
        rank = int(np.searchsorted(known, step))
        above = np.searchsorted(keys, np.arange(self.count) * (len(known) + 1) + rank)
        above = np.minimum(above, self._ends - 1)
        below = np.maximum(above - 1, self._begins)
        # In floats: the distance of two int64 may be none.
        apart = [np.abs(self._steps[at].astype(np.float64) - float(step)) for at in (below, above)]
        seconds = np.abs(self._wall_times[np.where(apart[0] <= apart[1], below, above)] - part.wall_times[middle])
        seconds[np.isnan(seconds)] = np.inf
        return int(np.lexsort((np.abs(np.arange(self.count) - number), seconds))[0])

    def until(self, part: Points, number: int) -> Integers:
        """Return for each point the first fit that had not ended before it; without times, by the part's number."""
        if np.isnan(part.wall_times).any() or np.isnan(self._last).any():
            return np.full(len(part), min(number, self.count - 1))
        found = np.searchsorted(np.maximum.accumulate(self._last), part.wall_times)
        return np.maximum.accumulate(np.minimum(found, self.count - 1))


def irregular(steps: Integers, longest: int | None = None) -> bool:
    """Tell whether points seem to have been dropped from a series, `longest` points being recorded beside it.

    Keras writes at a regular distance, and once more at the begin of an epoch; a sample has ever other distances, some
    of them rare and large.
    """
    gaps = np.diff(steps)
    gaps = gaps[gaps > 0]
    if len(gaps) < 2 or (gaps == gaps[0]).all():
        return False
    if longest is not None and len(steps) in _EXPORTED and longest > len(steps):
        return True
    return int((gaps == gaps.max()).sum()) < (len(gaps) - 1) / 2
