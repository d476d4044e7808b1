"""What an event file holds, as columns: one per tag and kind, in file order.

Columns grow for all files of a decoding at once, because records of many files are gathered together; a position says
to which file a point belongs. Nothing here knows of records or protobuf.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from kcb_replay.ingest.events.records import Damage
    from kcb_replay.ingest.recording import Floats, Integers

__all__ = ["FileEvents", "Growing", "Key", "TagColumn"]

# The tag and how its values were written: "simple_value" or "tensor".
Key: TypeAlias = tuple[str, str]


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
            found = [*self.pieces, TagColumn(steps, values, wall_times, positions)]
            self.pieces = []
            steps = np.concatenate([piece.steps for piece in found])
            values = np.concatenate([piece.values for piece in found])
            wall_times = np.concatenate([piece.wall_times for piece in found])
            positions = np.concatenate([piece.positions for piece in found])
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
        return [_by_first(found) for found in columns], counts


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
