"""The ticks of axes: few, at round numbers, written with as many decimals as their distance needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Tick", "epoch_ticks", "value_ticks"]

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
