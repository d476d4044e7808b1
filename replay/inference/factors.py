"""The factor and the min_lr that make the recorded learning rates: ranges of doubles, exact at both ends.

Where a source cut digits off, every rate that is written so is followed from the first one on, as a replay does. The
ranges then hold all settings that make these rates, and at their ends perhaps some that just do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.comparison import float32
from kcb_replay.replay.inference.float_ranges import Range, first_true
from kcb_replay.replay.inference.rate_interval import RateInterval

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.behaviours import Floor
    from kcb_replay.replay.inference.evidence import Rates
    from kcb_replay.replay.semantics import Semantics

__all__ = ["RateArguments", "first_rate", "rate_arguments"]

_LARGEST_FLOAT32 = 3.4028234663852886e38
_LARGEST_FACTOR = math.nextafter(1.0, 0.0)
_ABOVE_EVERY_FLOOR = 1.0002
# Twice a float32 is above it, but for 0, above which the least double is that float32 does not round to 0.
_ABOVE_ZERO = 2.0**-148
# Factors above it are written by nobody.
_LARGEST_WRITTEN = 1 - 2.0**-20
_ANY = RateInterval(math.nan, 0.0, _LARGEST_FLOAT32)


@dataclass(frozen=True, slots=True)
class RateArguments:
    """A factor (None: nothing is known of it) and a min_lr that go together; see `PlateauCandidate.at_floor`.

    `at_floor` is true, too, where the last rate is the least that float32 holds and the factor rounds back to it: what
    is reduced then is not seen.
    """

    factor: Range | None
    min_lr: Range
    at_floor: bool


def rate_arguments(rates: Rates, version: Semantics) -> list[RateArguments]:
    """Return what factor and min_lr may have been, none where no factor makes these rates."""
    if rates.first is None and not rates.drops:
        return []
    levels = _levels(rates)
    free = [] if rates.drops and _factors(levels, len(levels), version) is None else [_shown(rates, levels, version)]
    floor = _first_floor(levels[-1].high, version.plateau_floor)
    found = []
    # A rate of 0 is at every floor.
    if floor > 0:
        above = Range(0.0, math.nextafter(floor, 0.0))
        # What is reduced to the same rate is not seen, but said.
        same = _rounding_back(levels[-1], free, version)
        found += [RateArguments(factor, above, at_floor=False) for factor in ([] if rates.repeats else free)]
        found += [RateArguments(factor, above, at_floor=not rates.was_said) for factor in same]
    return [*found, *_at_floor(rates, levels, free, version)]


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

    found = first_true(is_enough, levels[0].low, levels[0].high)
    return None if found is None else float32(found)


def _levels(rates: Rates) -> list[RateInterval]:
    """Return the rates one after the other; the first of them may be any."""
    return [rates.first or _ANY, *(drop.new for drop in rates.drops)]


def _shown(rates: Rates, levels: Sequence[RateInterval], version: Semantics) -> Range | None:
    """Return the factors that make all of the levels; None where there is nothing to tell them by."""
    if not rates.drops or _one_drop_from_anywhere(rates):
        return None
    return _factors(levels, len(levels), version)


def _one_drop_from_anywhere(rates: Rates) -> bool:
    return rates.first is None and len(rates.drops) == 1


def _rounding_back(last: RateInterval, free: Sequence[Range | None], version: Semantics) -> Iterator[Range]:
    """Yield the factors that reduce the last rate to itself: 0.6 of the least denormal rounds back to it."""
    least = first_true(lambda factor: _product(last.low, factor, version) >= last.low, 0.0, _LARGEST_FACTOR)
    # A rate that float32 holds in full is only reduced to itself by factors that nobody writes.
    if least is None or least > _LARGEST_WRITTEN or last.low <= 0:
        return
    for factor in free:
        low, high = (0.0, _LARGEST_FACTOR) if factor is None or factor.high is None else (factor.low, factor.high)
        if max(low, least) <= high:
            yield Range(max(low, least), high)


def _at_floor(
    rates: Rates, levels: Sequence[RateInterval], free: Sequence[Range | None], version: Semantics
) -> Iterator[RateArguments]:
    """Yield the arguments with which the last rate is the floor."""
    last = levels[-1]
    floor = _first_floor(last.low, version.plateau_floor)
    if not rates.drops and not rates.repeats:
        yield RateArguments(None, Range(floor, None), at_floor=True)
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
        yield from (RateArguments(factor, Range(floor, below), at_floor=True) for factor in free)
    cut_short = _factors(levels, len(levels) - 1, version) if rates.drops else None
    if rates.drops and cut_short is None:
        return
    factor = None if _one_drop_from_anywhere(rates) else cut_short
    at_rest = Range(lowest, math.nextafter(beyond, 0.0))
    at_most = first_true(lambda min_lr: last.high <= _exceeded(min_lr, version.plateau_floor), 0.0, most)
    if rates.was_said and at_most is not None and lowest < at_most:
        # Above a floor that float32 rounds up, it goes on reducing to the same rate, and says so.
        yield RateArguments(factor, Range(lowest, math.nextafter(at_most, 0.0)), at_floor=False)
        at_rest = Range(at_most, at_rest.high)
    if not rates.repeats:
        yield RateArguments(factor, at_rest, at_floor=True)


def _exceeded(min_lr: float, rule: Floor) -> float:
    """Return what a rate has to exceed to be reduced."""
    return {"min_lr * 1.0001": min_lr + min_lr * 1e-4, "float64": min_lr, "float32": float32(min_lr)}[rule]


def _first_floor(rate: float, rule: Floor) -> float:
    """Return the least min_lr with which this rate is not visibly reduced any more."""

    def holds(min_lr: float) -> bool:
        return rate <= _exceeded(min_lr, rule) or float32(min_lr) >= rate

    found = first_true(holds, 0.0, max(2 * rate, 1e-300))
    return rate if found is None else found


def _factors(levels: Sequence[RateInterval], reached: int, version: Semantics) -> Range | None:
    """Return the factors that fall deep enough for all levels, but not below the first `reached`; None for none."""
    least = first_true(lambda factor: _stays_above(levels[:reached], factor, version), 0.0, _LARGEST_FACTOR)
    beyond = first_true(lambda factor: not _falls_to(levels, factor, version), 0.0, _LARGEST_FACTOR)
    highest = _LARGEST_FACTOR if beyond is None else math.nextafter(beyond, 0.0)
    return None if least is None or least > highest else Range(least, highest)


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
