"""The vertical range of a metric: where the plateau is, and what lies outside.

A loss starts high and spends its life in a thin band, so the band is shown and what is cut off is said in words.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TypeGuard

from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.replay.directions import Direction

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
    words: Catalogue | None = None,
) -> Range | None:
    """Return the range to show, None when no value can be shown.

    `marks` are values that should be in sight if they are not out of all proportion.
    """
    shown = plateau_range((value for value in values if value is not None), direction, marks)
    if shown is None:
        return None
    cut_off = _cut_off(zip(epochs, values, strict=True), *shown, show, words or catalogue())
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
