"""Settings that explain a recording: ranges per argument, the versions they hold for, and where they diverge.

The rows that people read are candidates that differ in nothing but a version's rounding: float32 and float64, or NumPy
1 and 2, move the end of a range by its last digits. A row shows what holds for all of its versions; the candidates
themselves keep the exact range of each.

Settings diverge at the first further epoch at which they would no longer do the same if the metric does not improve any
more: then every counter goes on by one in each epoch that has the metric, and the least patience acts first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeAlias, TypeVar

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.inference.ranges import Bounds

_DEFAULT_MIN_DELTA = 1e-4
# Of a wide range of factors, those that people write.
_USUAL_FACTORS = (0.1, 0.5, 0.2)
# Ends that are as close mean the same to whoever reads a table.
_CLOSE = 0.01


@dataclass(frozen=True, slots=True)
class StoppingCandidate:
    """EarlyStopping settings that stop exactly at the last epoch (`stops`), or nowhere in the recording.

    Every combination of a whole patience and a min_delta of the ranges does so, in each of `versions`. `next_index` is
    the 0-based epoch at which the least of these patiences stops if no later value improves; None where it has stopped.
    """

    monitor: str
    mode: Direction
    patience: Bounds
    min_delta: Bounds
    stops: bool
    next_index: int | None = None
    versions: tuple[str, ...] = ()

    @property
    def example(self) -> EarlyStopping:
        """The simplest of these settings."""
        patience = 1 if 1 in self.patience else int(self.patience.low)
        return EarlyStopping(self.monitor, patience=patience, min_delta=self.min_delta.example, mode=self.mode)


@dataclass(frozen=True, slots=True)
class PlateauCandidate:
    """ReduceLROnPlateau settings whose reductions are the recorded ones, each in its epoch, and no other.

    With `at_floor` the last recorded rate is the floor, and nothing is known of what would have come after. `factor` is
    None where no reduction says anything of it. `next_index` is as in `StoppingCandidate`.
    """

    monitor: str
    mode: Direction
    factor: Bounds | None
    patience: Bounds
    cooldown: Bounds
    min_delta: Bounds
    min_lr: Bounds
    at_floor: bool
    reading: str
    next_index: int | None = None
    versions: tuple[str, ...] = ()

    @property
    def example(self) -> ReduceLROnPlateau:
        """The simplest of these settings."""
        patience = 1 if 1 in self.patience else int(self.patience.low)
        return ReduceLROnPlateau(
            self.monitor,
            factor=_usual(self.factor),
            patience=patience,
            cooldown=int(self.cooldown.low),
            # Keras's default, where it is one of them.
            min_delta=_DEFAULT_MIN_DELTA if _DEFAULT_MIN_DELTA in self.min_delta else self.min_delta.example,
            min_lr=self.min_lr.example,
            mode=self.mode,
        )


def _usual(factor: Bounds | None) -> float:
    if factor is None:
        return _USUAL_FACTORS[0]
    return next((usual for usual in _USUAL_FACTORS if usual in factor), factor.example)


Candidate: TypeAlias = StoppingCandidate | PlateauCandidate
_Kind = TypeVar("_Kind", StoppingCandidate, PlateauCandidate)


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
        positions = alike.setdefault(_key(each), [])
        shared = ((position, _in_common(commons[position], each)) for position in positions)
        position, common = next(((position, common) for position, common in shared if common is not None), (None, None))
        if position is None or common is None:
            positions.append(len(commons))
            commons.append(each)
            members.append([each])
        else:
            commons[position] = common
            members[position].append(each)
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
    ranges: dict[str, Bounds | None] = {}
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


def _shared(one: Bounds, other: Bounds) -> Bounds | None:
    """Return the range inside of both, None where there is none or their ends are not close."""
    if not _is_close(one.low, other.low) or (one.high is None) != (other.high is None):
        return None
    low = max(one.low, other.low)
    if one.high is None or other.high is None:
        return Bounds(low, None)
    high = min(one.high, other.high)
    return Bounds(low, high) if _is_close(one.high, other.high) and low <= high else None


def _is_close(one: float, other: float) -> bool:
    return abs(one - other) <= _CLOSE * max(abs(one), abs(other))


@dataclass(frozen=True, slots=True)
class Divergence:
    """From the 0-based epoch `index` on, settings differ if a condition holds; `why` says all of it."""

    callback: str
    monitor: str | None
    index: int
    why: Reason

    @property
    def condition(self) -> str:
        """What must hold for the settings to differ, in English."""
        return str(dict(self.why.values).get("condition", reason("infer.it_runs")))

    @property
    def text(self) -> str:
        """The whole sentence, in English."""
        return str(self.why)

    @property
    def epoch(self) -> int:
        """The epoch counted from 1."""
        return self.index + 1


def divergences_of(
    stopping: Sequence[StoppingCandidate], plateaus: Sequence[PlateauCandidate], last: int
) -> tuple[Divergence, ...]:
    """Return where candidates diverge, one for each callback and metric; `last` is the last recorded 0-based epoch."""
    divergences = []
    if any(each.stops for each in stopping):
        had_run = reason("infer.had_run", next=last + 2, last=last + 1)
        divergences.append(Divergence("EarlyStopping", None, last + 1, had_run))
    running = [each for each in stopping if each.next_index is not None]
    return (
        *divergences,
        *_first_acts(running, "EarlyStopping", "infer.stops_first", last),
        *_first_acts(plateaus, "ReduceLROnPlateau", "infer.reduces_first", last),
    )


def _first_acts(candidates: Sequence[Candidate], callback: str, code: str, last: int) -> list[Divergence]:
    monitors = dict.fromkeys((each.monitor, each.mode) for each in candidates)
    divergences = []
    for monitor, mode in monitors:
        of_it = [each for each in candidates if (each.monitor, each.mode) == (monitor, mode)]
        known = [each for each in of_it if each.next_index is not None]
        soonest = min((each.next_index for each in known if each.next_index is not None), default=None)
        if soonest is None:
            continue
        first = next(each for each in known if each.next_index == soonest)
        if not _leaves_others(of_it, first, soonest):
            continue
        condition = reason("infer.no_improvement", monitor=monitor, mode=mode, epoch=last + 1)
        if soonest <= last:
            condition = reason("infer.epoch_runs", epoch=last + 2)
        example = str(replace(first.example, patience=int(first.patience.low)))
        why = reason(code, condition=condition, example=example, epoch=soonest + 1)
        divergences.append(Divergence(callback, monitor, soonest, why))
    return divergences


def _leaves_others(candidates: Sequence[Candidate], first: Candidate, soonest: int) -> bool:
    """Tell whether some setting does not act at the epoch at which the first one does."""
    ranged = first.patience.high is None or first.patience.high > first.patience.low
    return ranged or any(each.next_index != soonest for each in candidates)
