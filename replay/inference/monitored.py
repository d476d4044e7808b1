"""The values of one metric as a callback counts them, and what a version cannot do with them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kcb_replay.replay.inference.float_ranges import Floats
from kcb_replay.replay.inference.plateaus import LARGEST_MIN_DELTA
from kcb_replay.replay.verdicts.lanes.improvements import fits_float32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.behaviours import Arithmetic, Semantics
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.stream import Stream

__all__ = ["Monitored", "merged", "monitored_of"]

_Answer = TypeVar("_Answer", bound=Hashable)


@dataclass(frozen=True, eq=False)
class Monitored:
    """The values that count, negated where they should rise, and the 0-based epochs they stand in.

    `last` is the last recorded epoch, whether it has a value or not; `gaps` says that some epoch has none.
    """

    monitor: str
    mode: Direction
    values: Floats
    indices: tuple[int, ...]
    last: int
    gaps: bool

    @property
    def first_is_plain(self) -> bool:
        """Whether the first value is an improvement for every version."""
        return bool(self.values[0] < np.inf)

    def row_of(self, index: int) -> int | None:
        """Return the row of an epoch, None where it has no value."""
        return self.indices.index(index) if index in self.indices else None

    def last_row_until(self, index: int) -> int:
        """Return the last row whose epoch is not behind `index`, -1 for none."""
        return sum(each <= index for each in self.indices) - 1

    def cannot_be_held(self, arithmetic: Arithmetic) -> bool:
        """Tell whether a value is beyond what the version compares, or what is examined here."""
        raises = arithmetic == "float32 or ValueError" and not fits_float32(self.values)
        finite = self.values[np.isfinite(self.values)]
        return raises or bool((np.abs(finite) >= LARGEST_MIN_DELTA).any())


def monitored_of(stream: Stream, monitor: str, mode: Direction) -> Monitored:
    """Return the values of a metric that has some."""
    found = stream.values_of(monitor)
    values = np.array(list(found.values()), np.float64)
    return Monitored(
        monitor,
        mode,
        values if mode == "min" else -values,
        tuple(found),
        stream.epochs[-1].index,
        len(found) < len(stream.epochs),
    )


def merged(
    found: Iterable[tuple[_Answer, Sequence[str]]], order: Sequence[Semantics]
) -> list[tuple[_Answer, tuple[str, ...]]]:
    """Return each answer once, with all the versions it was found for, in order."""
    groups: dict[_Answer, tuple[str, ...]] = {}
    for answer, names in found:
        groups[answer] = groups.get(answer, ()) + tuple(names)
    # Few different groups of versions, and maybe thousands of answers.
    in_order = {group: tuple(each.name for each in order if each.name in group) for group in {*groups.values()}}
    return [(answer, in_order[group]) for answer, group in groups.items()]
