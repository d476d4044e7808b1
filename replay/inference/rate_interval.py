"""Which float32 learning rates a recorded one may stand for: sources write fewer digits than the optimizer holds.

A rate that is a float32 with all its digits stands for itself. NumPy before 1.14 wrote six digits, consoles show four
decimals; a text that is as short may be whole or cut, which cannot be told, so it stands for every rate written so.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.replay.comparison import float32
from kcb_replay.replay.inference.float_ranges import first_true

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["RateInterval", "held_rates"]

_NUMPY_DIGITS = 6
_FOUR_DECIMALS_ABOVE = 1e-3


@dataclass(frozen=True, slots=True)
class RateInterval:
    """The optimizer held a float32 from `low` to `high`, both included, where the source has `written`."""

    written: float
    low: float
    high: float

    @property
    def is_exact(self) -> bool:
        """Whether only one float32 comes into question."""
        return self.low == self.high

    def __contains__(self, rate: float) -> bool:
        return self.low <= rate <= self.high


def held_rates(rates: Sequence[float], *, on_console: bool) -> tuple[RateInterval, ...]:
    """Return what each rate stands for; `on_console` where a progress bar showed it. All must be finite and >= 0."""
    if not on_console and not _is_cut(rates):
        return tuple(_exactly(rate) for rate in rates)
    written_as = _on_console if on_console else _by_numpy
    # Values that a message named are among the others with all their digits.
    return tuple(_exactly(rate) if _digits(rate) > _NUMPY_DIGITS else _written(rate, written_as) for rate in rates)


def _is_cut(rates: Sequence[float]) -> bool:
    """Tell whether the digits may be too few: no rate is written with more, and not every one is a float32."""
    of_text = [rate for rate in rates if rate != float32(rate)]
    return bool(of_text) and all(_digits(rate) <= _NUMPY_DIGITS for rate in of_text)


def _digits(rate: float) -> int:
    return len(Decimal(repr(rate)).normalize().as_tuple().digits)


def _exactly(rate: float) -> RateInterval:
    # A rate of -0.0 is one of 0.0.
    return RateInterval(rate, abs(float32(rate)), abs(float32(rate)))


@cache
def _written(rate: float, written_as: Callable[[float], float]) -> RateInterval:
    least = first_true(lambda each: written_as(float32(each)) >= rate, 0.0, 2 * rate)
    above = first_true(lambda each: written_as(float32(each)) > rate, 0.0, 2 * rate)
    if least is None or above is None:
        return _exactly(rate)
    low, high = float32(least), _float32_below(float32(above))
    # Fewer digits than such a source writes, so it is not of one.
    return RateInterval(rate, low, high) if low <= high else _exactly(rate)


def _float32_below(rate: float) -> float:
    return float(np.nextafter(np.float32(rate), np.float32(0)))


def _by_numpy(rate: float) -> float:
    return float(f"{rate:.{_NUMPY_DIGITS}g}")


def _on_console(rate: float) -> float:
    return float(f"{rate:.4f}" if rate > _FOUR_DECIMALS_ABOVE else f"{rate:.4e}")
