"""The factor and the min_lr that make the recorded learning rates: ranges of doubles, exact at both ends.

A recorded rate is the float32 that the optimizer held, or the first digits of it, as NumPy wrote before 1.14. Then the
rates are followed from the first one, as a replay does, and compared by these digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from kcb_replay.replay.comparison import float32
from kcb_replay.replay.inference.doubles import Range, first_true

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.behaviours import Floor
    from kcb_replay.replay.inference.evidence import Drop, Rates
    from kcb_replay.replay.semantics import Semantics

__all__ = ["RateArguments", "rate_arguments"]

_LARGEST_FLOAT32 = 3.4028234663852886e38
_LARGEST_FACTOR = math.nextafter(1.0, 0.0)


@dataclass(frozen=True, slots=True)
class RateArguments:
    """A factor (None: nothing is known of it) and a min_lr that go together; see `PlateauCandidate.at_floor`."""

    factor: Range | None
    min_lr: Range
    at_floor: bool


def rate_arguments(rates: Rates, version: Semantics) -> list[RateArguments]:
    """Return what factor and min_lr may have been, none where no factor makes these rates."""
    last = rates.drops[-1].new if rates.drops else rates.first
    if last is None:
        return []
    floor = _first_floor(float32(last), version.plateau_floor)
    free = _factor(rates, rates.drops, version)
    found = []
    if free is not _NONE:
        found.append(RateArguments(free, Range(0.0, math.nextafter(floor, 0.0)), at_floor=False))
    return [*found, *_at_floor(rates, float32(last), floor, version)]


def _at_floor(rates: Rates, last: float, floor: float, version: Semantics) -> Iterator[RateArguments]:
    """Yield the arguments with which the last rate is the floor."""
    if not rates.drops:
        yield RateArguments(None, Range(floor, None), at_floor=True)
        return
    lowest = first_true(lambda min_lr: float32(min_lr) >= last, 0.0, 2 * last)
    beyond = first_true(lambda min_lr: float32(min_lr) > last, 0.0, 2 * last)
    if lowest is None or beyond is None:
        return
    free = _factor(rates, rates.drops, version)
    if free is not _NONE and floor < lowest:
        # Up to Keras 2.1.2 a rate just above min_lr is not reduced any more either.
        yield RateArguments(free, Range(floor, math.nextafter(lowest, 0.0)), at_floor=True)
    cut_short = _factor_cut_short(rates, version)
    if cut_short is not _NONE:
        yield RateArguments(cut_short, Range(lowest, math.nextafter(beyond, 0.0)), at_floor=True)


def _first_floor(rate: float, rule: Floor) -> float:
    """Return the least min_lr with which this rate is not visibly reduced any more."""

    def holds(min_lr: float) -> bool:
        exceeded = {"min_lr * 1.0001": min_lr + min_lr * 1e-4, "float64": min_lr, "float32": float32(min_lr)}[rule]
        return rate <= exceeded or float32(min_lr) >= rate

    found = first_true(holds, 0.0, max(2 * rate, 1e-300))
    return rate if found is None else found


# No factor at all, as against None: nothing is known of it.
_NONE = Range(math.inf, -math.inf)


def _factor(rates: Rates, drops: Sequence[Drop], version: Semantics) -> Range | None:
    """Return the factors that make every one of these drops."""
    low, high = 0.0, _LARGEST_FACTOR
    known = False
    for place, drop in enumerate(drops):
        if drop.old is None:
            # Some rate was multiplied; it was one that float32 holds.
            low = max(low, drop.new / _LARGEST_FLOAT32)
            continue
        known = True
        least, most = _bounds(rates, place, version)
        low, high = max(low, least), min(high, most)
    if not known:
        return None
    return Range(low, high) if low <= high else _NONE


def _factor_cut_short(rates: Rates, version: Semantics) -> Range | None:
    """Return the factors that make every drop but the last, which they would make deeper, or as deep."""
    before = _factor(rates, rates.drops[:-1], version)
    if before is _NONE or rates.drops[-1].old is None:
        return before
    low, high = (0.0, _LARGEST_FACTOR) if before is None or before.high is None else (before.low, before.high)
    high = min(high, _bounds(rates, len(rates.drops) - 1, version)[1])
    return Range(low, high) if low <= high else _NONE


def _bounds(rates: Rates, place: int, version: Semantics) -> tuple[float, float]:
    """Return the least and the greatest factor with which a drop comes to its recorded rate."""
    target = _kept(rates.drops[place].new, rates.digits)

    def reached(factor: float) -> float:
        return _kept(_rate_after(rates, place, factor, version), rates.digits)

    least = first_true(lambda factor: reached(factor) >= target, 0.0, _LARGEST_FACTOR)
    beyond = first_true(lambda factor: reached(factor) > target, 0.0, _LARGEST_FACTOR)
    if least is None:
        return math.inf, -math.inf
    return least, _LARGEST_FACTOR if beyond is None else math.nextafter(beyond, 0.0)


def _rate_after(rates: Rates, place: int, factor: float, version: Semantics) -> float:
    """Return the rate after a drop; where digits were lost, that of a replay from the first rate on."""
    old = rates.drops[place].old
    if rates.digits is None or rates.first is None:
        return _product(float32(old or 0.0), factor, version)
    steps = accumulate(range(place + 1), lambda rate, _: _product(rate, factor, version), initial=float32(rates.first))
    return list(steps)[-1]


def _product(rate: float, factor: float, version: Semantics) -> float:
    return float32(rate * (float32(factor) if version.float32_product else factor))


def _kept(rate: float, digits: int | None) -> float:
    return float32(rate) if digits is None else float(f"{rate:.{digits}g}")
