"""Which ReduceLROnPlateau explains a recorded learning rate: every reduction where it was recorded, and no other.

Looked at are monitor, mode, patience and cooldown (whole), min_delta (from 0 up), and the factor and the min_lr that
make the recorded rates: ranges of doubles, exact at both ends. Where a source cut digits off, every rate that is
written so is followed from the first one on, as a replay does. The ranges then hold all settings that make these rates,
and at their ends perhaps some that just do not.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from kcb_replay.replay.behaviours import Floor, Semantics
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.inference.candidates import PlateauCandidate
from kcb_replay.replay.inference.case import Monitored, merged
from kcb_replay.replay.inference.evidence import RateInterval, Rates
from kcb_replay.replay.inference.ranges import (
    LARGEST_MIN_DELTA,
    Bounds,
    ObservedRows,
    Pieces,
    Rule,
    first_true,
    pieces_of,
)
from kcb_replay.replay.verdicts.lanes.improvements import comparable

_Columns = tuple[tuple[Bounds, Bounds, int | None], ...]
_LARGEST_FLOAT32 = 3.4028234663852886e38
_LARGEST_FACTOR = math.nextafter(1.0, 0.0)
_ABOVE_EVERY_FLOOR = 1.0002
# Twice a float32 is above it, but for 0, above which the least double is that float32 does not round to 0.
_ABOVE_ZERO = 2.0**-148
# Factors above it are written by nobody.
_LARGEST_WRITTEN = 1 - 2.0**-20
_ANY = RateInterval(math.nan, 0.0, _LARGEST_FLOAT32)


class _PlateauTraits(NamedTuple):
    """What of a version matters for when one metric has a plateau."""

    rule: Rule
    counts_first: bool


class _Timing(NamedTuple):
    """A range of min_delta, a range of cooldown, and the patiences that go with both."""

    min_delta: Bounds
    cooldown: Bounds
    patience: Bounds
    next_index: int | None


def plateau_candidates(monitored: Monitored, versions: Sequence[Semantics], rates: Rates) -> list[PlateauCandidate]:
    """Return every range of settings that reduces as recorded, with its versions."""
    acts = [*(drop.index for drop in rates.drops), *rates.repeats]
    rows = [row for index in acts if (row := monitored.row_of(index)) is not None]
    # Without a value the callback does nothing at all, and it never raises a rate.
    if len(rows) < len(acts) or rates.rose:
        return []
    timings: dict[tuple[_PlateauTraits, bool], list[_Timing]] = {}
    answers: list[tuple[tuple[_Timing, RateArguments], list[str]]] = []
    for (traits, arguments), names in _alike(monitored, versions, rates).items():
        ends = arguments.at_floor
        if (traits, ends) not in timings:
            until = max(rows, default=-1) if ends else monitored.last_row_until(rates.seen_until)
            timings[traits, ends] = list(_timings(monitored, rows, until, traits, ends=ends))
        answers += [((timing, arguments), names) for timing in timings[traits, ends]]
    together = merged(answers, versions)
    return [_candidate(monitored, timing, arguments, rates.reading, names) for (timing, arguments), names in together]


def _alike(
    monitored: Monitored, versions: Sequence[Semantics], rates: Rates
) -> dict[tuple[_PlateauTraits, RateArguments], list[str]]:
    """Return the versions that act alike with each factor and min_lr that make the recorded rates."""
    alike: dict[tuple[_PlateauTraits, RateArguments], list[str]] = defaultdict(list)
    known: dict[tuple[str, bool], list[RateArguments]] = {}
    for version in versions:
        if monitored.cannot_be_held(version.plateau_arithmetic):
            continue
        key = (version.plateau_floor, version.float32_product)
        if key not in known:
            known[key] = _rate_arguments(rates, version)
        for arguments in known[key]:
            alike[_traits(monitored, version), arguments].append(version.name)
    return alike


def _candidate(
    monitored: Monitored, timing: _Timing, arguments: RateArguments, reading: str, versions: tuple[str, ...]
) -> PlateauCandidate:
    return PlateauCandidate(
        monitor=monitored.monitor,
        mode=monitored.mode,
        factor=arguments.factor,
        patience=timing.patience,
        cooldown=timing.cooldown,
        min_delta=timing.min_delta,
        min_lr=arguments.min_lr,
        at_floor=arguments.at_floor,
        reading=reading,
        next_index=timing.next_index,
        versions=versions,
    )


def _traits(monitored: Monitored, version: Semantics) -> _PlateauTraits:
    rule = Rule(
        arithmetic=comparable(version.plateau_arithmetic),
        on_reference=not version.plateau_absolute_min_delta,
        first_always=monitored.first_is_plain or version.plateau_any_first_value,
    )
    return _PlateauTraits(rule, version.plateau_counts_first)


def _timings(
    monitored: Monitored, events: Sequence[int], until: int, traits: _PlateauTraits, *, ends: bool
) -> Iterator[_Timing]:
    """Yield what min_delta, cooldown and patience put the plateaus where they were; `ends` with the last of them."""
    offsets = _offsets(events, until, traits, ends=ends)
    pieces = pieces_of(monitored.values, traits.rule, ObservedRows(tuple(events), until, offsets))
    if not len(pieces.low):
        return
    # Before the first event, and without any, there is one column for all cooldowns.
    unbounded = len(events) < 2
    rows: list[tuple[float, float, _Columns]] = []
    for piece in range(len(pieces.low)):
        columns = tuple(_columns(monitored, pieces, piece, offsets, traits, unbounded=unbounded, ends=ends))
        low, high = float(pieces.low[piece]), float(pieces.high[piece])
        if rows and rows[-1][2] == columns and pieces.low[piece] == np.nextafter(rows[-1][1], np.inf):
            low = rows.pop()[0]
        rows.append((low, high, columns))
    for low, high, columns in rows:
        min_delta = Bounds(low, None if high >= LARGEST_MIN_DELTA else high)
        for cooldown, patience, next_index in columns:
            yield _Timing(min_delta, cooldown, patience, next_index)


def _offsets(
    events: Sequence[int], until: int, traits: _PlateauTraits, *, ends: bool
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the numbers of rows from a reduction to the first one that counts that make a difference."""
    gaps = [later - earlier for earlier, later in pairwise(events)]
    first = 1 if traits.counts_first else 0
    if gaps:
        return np.arange(first, min(gaps) + 1)
    # Beyond the end of what is known all cooldowns are alike.
    most = until - events[0] + 1 if events and not ends else first
    return np.arange(first, max(most, first) + 1)


def _columns(
    monitored: Monitored,
    pieces: Pieces,
    piece: int,
    offsets: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]],
    traits: _PlateauTraits,
    *,
    unbounded: bool,
    ends: bool,
) -> Iterator[tuple[Bounds, Bounds, int | None]]:
    """Yield neighbouring cooldowns with the same patiences as one."""
    least, most, wait = (array[piece].tolist() for array in (pieces.least, pieces.most, pieces.wait))
    endless = pieces.endless[piece].tolist()
    columns = [column for column in range(len(least)) if most[column] >= least[column]]
    key = lambda item: (least[item[1]], most[item[1]], item[1] - item[0])  # noqa: E731
    for (lowest, highest, _), group in groupby(enumerate(columns), key):
        chosen = [column for _, column in group]
        first, last = int(offsets[chosen[0]]), int(offsets[chosen[-1]])
        without_end = unbounded and chosen[-1] == len(least) - 1
        cooldown = Bounds(0 if chosen[0] == 0 else first, None if without_end else last)
        low, high = _as_given(lowest, traits), highest if traits.counts_first else highest - 1
        # A shorter cooldown acts again sooner.
        next_index = None if ends else monitored.last + lowest - wait[chosen[0]]
        yield cooldown, Bounds(low, None if endless[chosen[0]] else high), next_index


def _as_given(counter: int, traits: _PlateauTraits) -> int:
    """Return the least patience that acts when the counter reaches a number; 0 acts as 1."""
    if not traits.counts_first:
        return counter - 1
    return 0 if counter == 1 else counter


@dataclass(frozen=True, slots=True)
class RateArguments:
    """A factor (None: nothing is known of it) and a min_lr that go together; see `PlateauCandidate.at_floor`.

    `at_floor` is true, too, where the last rate is the least that float32 holds and the factor rounds back to it: what
    is reduced then is not seen.
    """

    factor: Bounds | None
    min_lr: Bounds
    at_floor: bool


def _rate_arguments(rates: Rates, version: Semantics) -> list[RateArguments]:
    """Return what factor and min_lr may have been, none where no factor makes these rates."""
    if rates.first is None and not rates.drops:
        return []
    levels = _levels(rates)
    free = (
        []
        if rates.drops and _factors(levels, len(levels), version) is None
        else [_factors_that_make(rates, levels, version)]
    )
    floor = _first_floor(levels[-1].high, version.plateau_floor)
    arguments = []
    # A rate of 0 is at every floor.
    if floor > 0:
        above = Bounds(0.0, math.nextafter(floor, 0.0))
        # What is reduced to the same rate is not seen, but printed.
        same = _rounding_back(levels[-1], free, version)
        arguments += [RateArguments(factor, above, at_floor=False) for factor in ([] if rates.repeats else free)]
        arguments += [RateArguments(factor, above, at_floor=not rates.was_printed) for factor in same]
    return [*arguments, *_at_floor(rates, levels, free, version)]


def first_rate(rates: Rates, factor: float, min_lr: float, version: Semantics) -> float | None:
    """Return the first learning rate with which a replay comes to the recorded ones, None where there is none."""
    levels = _levels(rates)
    # A first rate that is not known to the last digit was one that could be reduced, by every rule of the floor.
    is_reduced = bool(rates.drops) and not rates.is_first_exact
    floor = max(levels[1].high, min_lr * _ABOVE_EVERY_FLOOR) if is_reduced else -1.0

    def is_enough(first: float) -> bool:
        rate = float32(first)
        if rate <= floor:
            return False
        for level in levels[1:]:
            rate = max(_product(rate, factor, version), float32(min_lr))
            if rate < level.low:
                return False
        return True

    rate = first_true(is_enough, levels[0].low, levels[0].high)
    return None if rate is None else float32(rate)


def _levels(rates: Rates) -> list[RateInterval]:
    """Return the rates one after the other; the first of them may be any."""
    return [rates.first or _ANY, *(drop.new for drop in rates.drops)]


def _factors_that_make(rates: Rates, levels: Sequence[RateInterval], version: Semantics) -> Bounds | None:
    """Return the factors that make all of the levels; None where there is nothing to tell them by."""
    if not rates.drops or _one_drop_from_anywhere(rates):
        return None
    return _factors(levels, len(levels), version)


def _one_drop_from_anywhere(rates: Rates) -> bool:
    return rates.first is None and len(rates.drops) == 1


def _rounding_back(last: RateInterval, free: Sequence[Bounds | None], version: Semantics) -> Iterator[Bounds]:
    """Yield the factors that reduce the last rate to itself: 0.6 of the least denormal rounds back to it."""
    least = first_true(lambda factor: _product(last.low, factor, version) >= last.low, 0.0, _LARGEST_FACTOR)
    # A rate that float32 holds in full is only reduced to itself by factors that nobody writes.
    if least is None or least > _LARGEST_WRITTEN or last.low <= 0:
        return
    for factor in free:
        low, high = (0.0, _LARGEST_FACTOR) if factor is None or factor.high is None else (factor.low, factor.high)
        if max(low, least) <= high:
            yield Bounds(max(low, least), high)


def _at_floor(
    rates: Rates, levels: Sequence[RateInterval], free: Sequence[Bounds | None], version: Semantics
) -> Iterator[RateArguments]:
    """Yield the arguments with which the last rate is the floor."""
    last = levels[-1]
    floor = _first_floor(last.low, version.plateau_floor)
    if not rates.drops and not rates.repeats:
        yield RateArguments(None, Bounds(floor, None), at_floor=True)
        return
    most = max(2 * last.high, _ABOVE_ZERO)
    lowest = first_true(lambda min_lr: float32(min_lr) >= last.low, 0.0, most)
    highest = first_true(lambda min_lr: float32(min_lr) >= last.high, 0.0, most)
    beyond = first_true(lambda min_lr: float32(min_lr) > last.high, 0.0, most)
    if lowest is None or highest is None or beyond is None:
        return
    if _first_floor(last.high, version.plateau_floor) < highest and not rates.repeats:
        # Up to Keras 2.1.2 a rate just above min_lr is not reduced any more either.
        below = math.nextafter(highest, 0.0)
        yield from (RateArguments(factor, Bounds(floor, below), at_floor=True) for factor in free)
    cut_short = _factors(levels, len(levels) - 1, version) if rates.drops else None
    if rates.drops and cut_short is None:
        return
    factor = None if _one_drop_from_anywhere(rates) else cut_short
    at_rest = Bounds(lowest, math.nextafter(beyond, 0.0))
    at_most = first_true(lambda min_lr: last.high <= _exceeded(min_lr, version.plateau_floor), 0.0, most)
    if rates.was_printed and at_most is not None and lowest < at_most:
        # Above a floor that float32 rounds up, it goes on reducing to the same rate, and says so.
        yield RateArguments(factor, Bounds(lowest, math.nextafter(at_most, 0.0)), at_floor=False)
        at_rest = Bounds(at_most, at_rest.high)
    if not rates.repeats:
        yield RateArguments(factor, at_rest, at_floor=True)


def _exceeded(min_lr: float, rule: Floor) -> float:
    """Return what a rate has to exceed to be reduced."""
    return {"min_lr * 1.0001": min_lr + min_lr * 1e-4, "float64": min_lr, "float32": float32(min_lr)}[rule]


def _first_floor(rate: float, rule: Floor) -> float:
    """Return the least min_lr with which this rate is not visibly reduced any more."""

    def holds(min_lr: float) -> bool:
        return rate <= _exceeded(min_lr, rule) or float32(min_lr) >= rate

    floor = first_true(holds, 0.0, max(2 * rate, 1e-300))
    return rate if floor is None else floor


def _factors(levels: Sequence[RateInterval], reached: int, version: Semantics) -> Bounds | None:
    """Return the factors that fall deep enough for all levels, but not below the first `reached`; None for none."""
    least = first_true(lambda factor: _stays_above(levels[:reached], factor, version), 0.0, _LARGEST_FACTOR)
    beyond = first_true(lambda factor: not _falls_to(levels, factor, version), 0.0, _LARGEST_FACTOR)
    highest = _LARGEST_FACTOR if beyond is None else math.nextafter(beyond, 0.0)
    return None if least is None or least > highest else Bounds(least, highest)


def _stays_above(levels: Sequence[RateInterval], factor: float, version: Semantics) -> bool:
    """Tell whether the highest rates that are possible do not fall below a level."""
    rate = levels[0].high
    for level in levels[1:]:
        rate = min(_product(rate, factor, version), level.high)
        if rate < level.low:
            return False
    return True


def _falls_to(levels: Sequence[RateInterval], factor: float, version: Semantics) -> bool:
    """Tell whether the lowest rates that are possible do not stay above a level."""
    rate = levels[0].low
    for level in levels[1:]:
        rate = max(_product(rate, factor, version), level.low)
        if rate > level.high:
            return False
    return True


def _product(rate: float, factor: float, version: Semantics) -> float:
    return float32(rate * (float32(factor) if version.float32_product else factor))
