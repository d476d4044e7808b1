"""The points of event files: as columns, one per tag and kind in file order, and by the fits they belong to.

Columns grow for all files of a decoding at once, because records of many files are gathered together; a position says
to which file a point belongs. The points of one tag from all files of a folder are split where another `fit` began, and
assigned to fits by their time. Nothing here knows of records or protobuf.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kcb_replay.ingest.events.records import Damage
    from kcb_replay.ingest.recording import Floats, Integers


# The tag and how its values were written: "simple_value" or "tensor".
Key: TypeAlias = tuple[str, str]
# What TensorBoard's downloads and other exports keep of a longer series.
_EXPORTED = (10, 500, 1_000, 10_000)


@dataclass(frozen=True, slots=True)
class TagColumn:
    """The points of one tag in file order; `positions` are the bytes at which their records begin."""

    steps: Integers
    values: Floats
    wall_times: Floats
    positions: Integers

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True, slots=True)
class FileEvents:
    """All of one event file: its scalars, what was skipped by plugin or kind, what is damaged, and where to go on.

    `read_to` is the byte behind the last whole record, at which a file that grows can be read on.
    """

    columns: Mapping[Key, TagColumn]
    skipped: Mapping[str, int]
    damages: tuple[Damage, ...]
    read_to: int


@dataclass(slots=True)
class _GrowingColumn:
    """Points that came many at once, as they came, and those that came one by one."""

    pieces: list[TagColumn] = field(default_factory=list)
    positions: array[int] = field(default_factory=lambda: array("q"))
    steps: array[int] = field(default_factory=lambda: array("q"))
    values: array[float] = field(default_factory=lambda: array("d"))
    wall_times: array[float] = field(default_factory=lambda: array("d"))

    def column(self) -> TagColumn:
        """Return the points by rising position; those of one record stay in its order."""
        steps, positions = np.frombuffer(self.steps, np.int64), np.frombuffer(self.positions, np.int64)
        values, wall_times = np.frombuffer(self.values), np.frombuffer(self.wall_times)
        if self.pieces:
            pieces = [*self.pieces, TagColumn(steps, values, wall_times, positions)]
            self.pieces = []
            steps = np.concatenate([piece.steps for piece in pieces])
            values = np.concatenate([piece.values for piece in pieces])
            wall_times = np.concatenate([piece.wall_times for piece in pieces])
            positions = np.concatenate([piece.positions for piece in pieces])
        if (positions[1:] < positions[:-1]).any():
            order = np.argsort(positions, kind="stable")
            return TagColumn(steps[order], values[order], wall_times[order], positions[order])
        return TagColumn(steps, values, wall_times, positions)


@dataclass(slots=True)
class Growing:
    """Points and skipped values as they are found, in any order; positions count from the first byte of all files."""

    points: defaultdict[Key, _GrowingColumn] = field(default_factory=lambda: defaultdict(_GrowingColumn))
    skips: defaultdict[str, array[int]] = field(default_factory=lambda: defaultdict(lambda: array("q")))

    def add(self, key: Key, position: int, step: int, value: float, wall_time: float) -> None:
        """Take one point."""
        column = self.points[key]
        column.positions.append(position)
        column.steps.append(step)
        column.values.append(value)
        column.wall_times.append(wall_time)

    def extend(self, key: Key, positions: Integers, steps: Integers, values: Floats, wall_times: Floats) -> None:
        """Take many points of one key."""
        self.points[key].pieces.append(TagColumn(steps, values, wall_times, positions))

    def skip(self, kind: str, positions: Integers) -> None:
        """Count values that are no scalars."""
        self.skips[kind].frombytes(positions.tobytes())

    def split(self, starts: Sequence[int]) -> tuple[list[dict[Key, TagColumn]], list[Counter[str]]]:
        """Return the columns and the counts of each file, given the position at which each begins."""
        begins = np.array(starts, np.int64)
        columns: list[dict[Key, TagColumn]] = [{} for _ in starts]
        for key in list(self.points):
            whole = self.points.pop(key).column()
            for number, part in _of_files(whole.positions, begins):
                columns[number][key] = _part(whole, part, starts[number])
        counts: list[Counter[str]] = [Counter() for _ in starts]
        for kind, positions in self.skips.items():
            for number, part in _of_files(np.sort(np.frombuffer(positions, np.int64)), begins):
                counts[number][kind] = part.stop - part.start
        return [_by_first(of_file) for of_file in columns], counts


def _of_files(positions: Integers, begins: Integers) -> Iterator[tuple[int, slice]]:
    """Yield the files that rising positions fall into, and the slice of each."""
    first, behind = (np.searchsorted(begins, positions[[0, -1]], "right") - [1, 0]).tolist()
    cuts = [*np.searchsorted(positions, begins[first:behind]).tolist(), len(positions)]
    for number, (begin, end) in enumerate(pairwise(cuts), first):
        if begin < end:
            yield number, slice(begin, end)


def _part(whole: TagColumn, part: slice, start: int) -> TagColumn:
    return TagColumn(whole.steps[part], whole.values[part], whole.wall_times[part], whole.positions[part] - start)


def _by_first(columns: dict[Key, TagColumn]) -> dict[Key, TagColumn]:
    return dict(sorted(columns.items(), key=lambda item: (int(item[1].positions[0]), item[0])))


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

    def descents(self) -> list[Points]:
        """Split where the step falls, whatever files the points are in."""
        return self._split(self.steps[1:] < self.steps[:-1])

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
        with np.errstate(invalid="ignore"):
            # An infinite time is as far from another one as none at all.
            seconds = np.abs(self._wall_times[np.where(apart[0] <= apart[1], below, above)] - part.wall_times[middle])
        seconds[np.isnan(seconds)] = np.inf
        return int(np.lexsort((np.abs(np.arange(self.count) - number), seconds))[0])

    def until(self, part: Points, number: int) -> Integers:
        """Return for each point the first fit that had not ended before it; without times, by the part's number."""
        if np.isnan(part.wall_times).any() or np.isnan(self._last).any():
            return np.full(len(part), min(number, self.count - 1))
        fits = np.searchsorted(np.maximum.accumulate(self._last), part.wall_times)
        return np.maximum.accumulate(np.minimum(fits, self.count - 1))


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
