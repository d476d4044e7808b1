"""Candidates as rows for people: those that differ in nothing but a version's rounding are one row.

Float32 and float64, or NumPy 1 and 2, move the end of a range by its last digits. A row shows what holds for all of its
versions; the candidates themselves keep the exact range of each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, TypeVar

from kcb_replay.replay.inference.candidates import PlateauCandidate, StoppingCandidate
from kcb_replay.replay.inference.float_ranges import Range

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["CandidateRow", "rows_of"]

_Kind = TypeVar("_Kind", StoppingCandidate, PlateauCandidate)
# Ends that are as close mean the same to whoever reads a table.
_CLOSE = 0.01


@dataclass(frozen=True, slots=True)
class CandidateRow(Generic[_Kind]):
    """What holds for all versions of the `members`: the ranges that they have in common, and their versions."""

    common: _Kind
    members: tuple[_Kind, ...]


def rows_of(candidates: Iterable[_Kind]) -> list[CandidateRow[_Kind]]:
    """Return the candidates as rows, in the order of the first of each."""
    commons: list[_Kind] = []
    members: list[list[_Kind]] = []
    alike: dict[object, list[int]] = {}
    for each in candidates:
        places = alike.setdefault(_key(each), [])
        shared = ((place, _in_common(commons[place], each)) for place in places)
        place, common = next(((place, common) for place, common in shared if common is not None), (None, None))
        if place is None or common is None:
            places.append(len(commons))
            commons.append(each)
            members.append([each])
        else:
            commons[place] = common
            members[place].append(each)
    return [CandidateRow(common, tuple(group)) for common, group in zip(commons, members, strict=True)]


def _key(candidate: StoppingCandidate | PlateauCandidate) -> object:
    """Return what candidates of one row have to share."""
    shared = (candidate.monitor, candidate.mode, candidate.patience, candidate.next_index)
    if isinstance(candidate, StoppingCandidate):
        return (*shared, candidate.stops)
    return (*shared, candidate.cooldown, candidate.at_floor, candidate.reading, candidate.factor is None)


def _in_common(one: _Kind, other: _Kind) -> _Kind | None:
    """Return the candidate that both share, None where they differ by more than rounding."""
    names = ("min_delta",) if isinstance(one, StoppingCandidate) else ("min_delta", "factor", "min_lr")
    ranges: dict[str, Range | None] = {}
    for name in names:
        first, second = getattr(one, name), getattr(other, name)
        if first != second:
            shared = _shared(first, second)
            if shared is None:
                return None
            ranges[name] = shared
    versions: Sequence[str] = (*one.versions, *(name for name in other.versions if name not in one.versions))
    # The names are those of its fields.
    common: _Kind = replace(one, versions=tuple(versions), **ranges)  # type: ignore[arg-type]
    return common


def _shared(one: Range, other: Range) -> Range | None:
    """Return the range inside of both, None where there is none or their ends are not close."""
    if not _is_close(one.low, other.low) or (one.high is None) != (other.high is None):
        return None
    low = max(one.low, other.low)
    if one.high is None or other.high is None:
        return Range(low, None)
    high = min(one.high, other.high)
    return Range(low, high) if _is_close(one.high, other.high) and low <= high else None


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) <= _CLOSE * max(abs(one), abs(other))
