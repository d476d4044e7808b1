"""The axes: few ticks at round numbers, and the scale of regret, in length and in colour.

Regret is drawn along a square root, which parts the small ones, or logarithmic where one that diverged would hide all.
Where it is a colour, nine steps of the same root; where one diverged, steps of equal number.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Room for one tick of an epoch axis, in pixels; the widest axis has ten.
_EPOCH_TICK, _MOST = 64, 10


@dataclass(frozen=True, slots=True)
class Tick:
    """A value on an axis and how it is written."""

    value: float
    text: str


def value_ticks(low: float, high: float) -> tuple[Tick, ...]:
    """Return about five ticks from `low` to `high`."""
    from matplotlib.ticker import MaxNLocator

    values = [float(value) for value in MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)]
    step = values[1] - values[0]
    return tuple(Tick(value, _tick_text(value, step)) for value in values if low <= value <= high)


def epoch_ticks(epochs: Sequence[int], pixels: float = _EPOCH_TICK * _MOST) -> tuple[Tick, ...]:
    """Return the first epoch and round ones behind it, as many as are apart on so many pixels."""
    from matplotlib.ticker import MaxNLocator

    first, last = epochs[0], epochs[-1]
    if first == last:
        return (Tick(first, str(first)),)
    locator = MaxNLocator(nbins=max(2, min(_MOST, int(pixels / _EPOCH_TICK))), steps=[1, 2, 5, 10], integer=True)
    values = [round(float(value)) for value in locator.tick_values(first, last)]
    step = values[1] - values[0]
    inside = [value for value in values if first + step / 2 < value <= last]
    return tuple(Tick(value, f"{value:,}") for value in [first, *inside])


def _tick_text(value: float, step: float) -> str:
    if step < 1e-6 or abs(value) >= 1e6:
        return f"{value:.6g}"
    fitting = (count for count in range(8) if abs(round(step, count) - step) < step * 1e-6)
    return f"{value + 0.0:.{next(fitting, 8)}f}"


STEPS = 9


# A regret is not seen beside one so many times as large.
_HIDES = 1000


# Ticks are at least this share of the axis apart.
_APART = 0.09


_MANY_DECADES = 4


# From here on a round number is a power of ten.
_LARGE = 1e4


@dataclass(frozen=True, slots=True)
class RegretScale:
    """An axis from 0 to `top`: square-root scaled, or where `linear_until` is given logarithmic above that."""

    top: float
    linear_until: float | None = None

    def share(self, regret: float) -> float:
        """Return where on the axis a regret stands, from 0 to 1; beyond 1 where it is above the top."""
        if self.linear_until is not None:
            return self._decades(regret) / self._decades(self.top)
        return math.sqrt(max(regret, 0.0) / self.top)

    def ticks(self) -> tuple[Tick, ...]:
        """Return 0 and round values that are far enough apart."""
        values = [math.inf]
        for value in self._round_values():
            above = 1 + _APART if math.isinf(values[-1]) else self.share(values[-1])
            if above - self.share(value) >= _APART <= self.share(value):
                values.append(value)
        return tuple(Tick(value, _round_text(value)) for value in (0.0, *reversed(values[1:])))

    def _round_values(self) -> Iterator[float]:
        decades = self.linear_until is not None and self._decades(self.top) > _MANY_DECADES
        mantissas = (1,) if decades else (5, 2, 1)
        last = math.floor(math.log10(self.top))
        for exponent in range(last, last - (30 if decades else 6), -1):
            yield from (value for mantissa in mantissas if (value := float(f"{mantissa}e{exponent}")) <= self.top)

    def _decades(self, regret: float) -> float:
        """Return the number of decades above 0, of which what is linear counts as the first."""
        end = self.linear_until or 1.0
        return regret / end if regret <= end else 1 + math.log10(regret / end)


def linear_end(regrets: Iterable[float]) -> float | None:
    """Return the power of ten below the least regret above 0, up to which the axis is linear; None for all of it."""
    above = [regret for regret in regrets if regret > 0]
    if not above or max(above) < _HIDES * min(above):
        return None
    return float(10.0 ** math.floor(math.log10(min(above))))


def heat_steps(regrets: Sequence[float] | NDArray[np.float64], steps: int = STEPS) -> NDArray[np.int64]:
    """Return the step of each regret, from 0; the last one for infinity, -1 where there is none.

    Where one is so large that it would hide the others, the steps are by rank, see `is_by_rank`.
    """
    values = np.asarray(regrets, np.float64)
    known = np.unique(values[np.isfinite(values)])
    if is_by_rank(known.tolist()):
        share = np.searchsorted(known, values) / max(len(known) - 1, 1)
    else:
        top = known[-1] if len(known) and known[-1] > 0 else 1.0
        share = np.sqrt(np.clip(values, 0, None) / top)
    step = (np.minimum(np.nan_to_num(share), 1.0) * steps).astype(np.int64)
    return np.where(np.isnan(values), -1, np.minimum(step, steps - 1))


def is_by_rank(regrets: Iterable[float]) -> bool:
    """Tell whether regrets are too far apart for steps of their root."""
    return linear_end(regret for regret in regrets if math.isfinite(regret)) is not None


def _round_text(value: float) -> str:
    return f"{value:g}" if value < _LARGE else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
