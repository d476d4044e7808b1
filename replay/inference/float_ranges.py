"""Ranges of settings as doubles, exact at both ends: found by bisection over every double that there is.

A decision of a callback changes at most once as a setting grows, so the doubles that decide alike are a range. The
bits of non-negative doubles are in the order of the doubles: between two of them there is a middle, and an end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Bounds", "bits_of", "doubles_of", "first_false", "first_true", "simplest"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
# Seventeen digits tell any two doubles apart.
_MOST_DIGITS = 17


@dataclass(frozen=True, slots=True, order=True)
class Bounds:
    """All numbers from `low` to `high`, both included; `high` is None where there is no end."""

    low: float
    high: float | None

    def __contains__(self, value: float) -> bool:
        return self.low <= value and (self.high is None or value <= self.high)

    @property
    def example(self) -> float:
        """The number of the range that people write with the fewest digits."""
        return simplest(self.low, self.high)

    def to_dict(self) -> dict[str, float | None]:
        """Return both ends; null where there is none."""
        return {"low": self.low, "high": self.high}


def bits_of(values: Floats) -> Integers:
    """Return the bits of non-negative doubles, which are in the order of the doubles."""
    return np.ascontiguousarray(values, np.float64).view(np.int64)


def doubles_of(bits: Integers) -> Floats:
    """Return the doubles of `bits_of`."""
    return np.ascontiguousarray(bits, np.int64).view(np.float64)


def first_false(holds: Callable[[Floats], NDArray[np.bool_]], low: Integers, high: Integers) -> Integers:
    """Return the bits of the first double of each range at which `holds` is false.

    It must be true at `low` and false at `high`, and change once.
    """
    low, high = low.copy(), high.copy()
    while (high - low > 1).any():
        middle = low + (high - low) // 2
        still = holds(doubles_of(middle))
        low, high = np.where(still, middle, low), np.where(still, high, middle)
    return high


def first_true(holds: Callable[[float], bool], low: float, high: float) -> float | None:
    """Return the first double from `low` to `high` at which `holds`, which changes once; None where it never does."""
    if holds(low):
        return low
    if not holds(high):
        return None
    ends = bits_of(np.array([low, high]))
    bits_at_change = first_false(lambda value: np.array([not holds(float(value[0]))]), ends[:1], ends[1:])
    return float(doubles_of(bits_at_change)[0])


def simplest(low: float, high: float | None) -> float:
    """Return the number from `low` to `high` that is written with the fewest digits."""
    if low <= 0:
        return 0.0
    for digits in range(1, _MOST_DIGITS):
        # The first number of so many digits that is not below; a power of ten may be above it and simpler.
        unit = Decimal(1).scaleb(Decimal(low).adjusted() - digits + 1)
        candidate = float(math.ceil(Decimal(low) / unit) * unit)
        if low <= candidate and (high is None or candidate <= high):
            return candidate
    return low
