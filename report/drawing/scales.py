"""The axes: the range of a metric, few ticks at round numbers, and the scale of regret, in length and in colour.

A loss starts high and spends its life in a thin band, so the band is shown and what is cut off is said in words.
Regret is drawn along a square root, which parts the small ones, or logarithmic where one that diverged would hide all.
Where it is a colour, nine steps of the same root; where one diverged, steps of equal number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay.directions import Direction

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


# The share of values that is never cut, and how much longer the full range must be for a cut to be worth it.
_SHOWN_SHARE = 0.8
_WORTH_CUTTING = 3.0
# A mark up to this many plateau heights away is worth a taller plateau; beyond, an arrow at the edge serves better.
_REACH = 3.0
# Labels stand on the good side of their dots, so there is more air there.
_PADDING, _GOOD_PADDING = 0.05, 0.14
# Differences of numbers beyond this overflow.
_COUNTABLE = 1e300


@dataclass(frozen=True, slots=True)
class CutOff:
    """Values beyond the shown range: `text` says how far they go, `epoch` (1-based) is where."""

    epoch: int
    text: str
    above: bool


@dataclass(frozen=True, slots=True)
class Range:
    """The shown values from `low` to `high`, and what is cut off."""

    low: float
    high: float
    cut_off: tuple[CutOff, ...] = ()

    def holds(self, value: float) -> bool:
        """Tell whether a value lies within the range."""
        return self.low <= value <= self.high


def plateau(
    epochs: Sequence[int],
    values: Sequence[float | None],
    direction: Direction | None,
    *,
    marks: Iterable[float | None],
    show: Callable[[float], str],
    words: Catalogue = IN_ENGLISH,
) -> Range | None:
    """Return the range to show, None when no value can be shown.

    `marks` are values that should be in sight if they are not out of all proportion.
    """
    shown = plateau_range((value for value in values if value is not None), direction, marks)
    if shown is None:
        return None
    cut_off = _cut_off(zip(epochs, values, strict=True), *shown, show, words)
    return Range(*shown, tuple(cut_off))


def plateau_range(
    values: Iterable[float], direction: Direction | None, marks: Iterable[float | None] = ()
) -> tuple[float, float] | None:
    """Return the least and the largest value to show, None where there is none to show."""
    numbers = [value for value in values if _is_countable(value)]
    if not numbers:
        return None
    # Distances from the good end, so that falling and rising metrics are one case.
    sign = -1.0 if direction == "max" else 1.0
    good = min(sign * number for number in numbers)
    kept = _kept_distance(
        sorted(sign * number - good for number in numbers),
        [sign * mark - good for mark in marks if _is_countable(mark)],
    )
    height = kept or abs(good) or 1.0
    low, high = sorted((sign * (good - _GOOD_PADDING * height), sign * (good + kept + _PADDING * height)))
    return low, high


def _is_countable(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value) and abs(value) < _COUNTABLE


def _kept_distance(distances: Sequence[float], marks: Iterable[float]) -> float:
    core = distances[int(_SHOWN_SHARE * (len(distances) - 1))]
    for mark in sorted(marks):
        if mark <= _REACH * core:
            core = max(core, mark)
    return distances[-1] if distances[-1] <= _WORTH_CUTTING * core or core == 0 else core


def _cut_off(
    points: Iterable[tuple[int, float | None]], low: float, high: float, show: Callable[[float], str], words: Catalogue
) -> Iterable[CutOff]:
    """Yield where the curve comes from, and the farthest excursion on either side."""
    present = [(epoch, value) for epoch, value in points if value is not None and not math.isnan(value)]
    runs = [(side, list(group)) for side, group in groupby(present, lambda point: _side(point[1], low, high))]
    for number, (side, piece) in enumerate(runs):
        if number == 0 and side and len(runs) > 1:
            epoch, value = piece[0]
            text = words.say("chart.cut_from", arrow=_ARROW[side], value=show(value), epoch=epoch)
            yield CutOff(piece[-1][0], text, side > 0)
    for side in (1, -1):
        later = [point for away, piece in runs[1:] for point in piece if away == side]
        if later:
            epoch, value = max(later, key=lambda point: side * point[1])
            text = words.say("chart.cut", arrow=_ARROW[side], value=show(value), epoch=epoch)
            yield CutOff(epoch, text, side > 0)


_ARROW = {1: "↑", -1: "↓"}


def _side(value: float, low: float, high: float) -> int:
    return (value > high) - (value < low)
