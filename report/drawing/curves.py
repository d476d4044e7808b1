"""All curves in one chart, as pixel rows: what the page draws, and where the axes have their ticks.

The shown range is that of the plateau, in which trainings spend their lives; what lies beyond is said. A row is a whole
number from 0 (below) to `TOP`, the shown range being the middle third, so that a line may leave the chart and return.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.verdicts.blocks import RecordedCurve
from kcb_replay.report.drawing.scales import Tick, epoch_ticks, plateau_range, value_ticks

Rows: TypeAlias = NDArray[np.uint16]
Floats: TypeAlias = NDArray[np.float64]
# The rows of the shown range; an epoch without a value is passed over, NaN breaks the line.
LEAST, MOST, TOP = 20_000, 40_000, 60_000
MISSING, NOT_A_NUMBER = 65_534, 65_535
# More points than a screen has columns are not seen.
_MOST_POINTS = 400


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """One row per drawn epoch and fit; `first` and `last` are the epochs (from 1) at the edges of the chart.

    The n-th row of a fit stands at its epoch in `firsts` + n * `every`. The rows of `y_ticks` and `x_ticks` are those
    of the scale, in the units of the chart. `remark` says what cannot be seen.
    """

    first: int
    last: int
    firsts: tuple[int, ...]
    every: int
    rows: tuple[Rows, ...]
    low: float
    high: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    remark: str

    def rows_of(self, values: Floats) -> Rows:
        """Return the rows of values."""
        return _rows_of(values, self.low, self.high)

    def row_of(self, value: float) -> int:
        """Return the row of a value."""
        return int(self.rows_of(np.array([value]))[0])


def curves_of(fits: Sequence[RecordedCurve], direction: Direction | None, words: Catalogue) -> Curves | None:
    """Return the chart of all curves, None where there is nothing to draw: no number, or one epoch only."""
    first = min((fit.first_epoch for fit in fits), default=1)
    last = max((fit.last_epoch for fit in fits), default=1)
    shown = plateau_range((value for fit in fits for value in fit.values[fit.valid].tolist()), direction)
    if shown is None or first == last:
        return None
    every, (low, high) = -(-(last - first + 1) // _MOST_POINTS), shown
    return Curves(
        first=first,
        last=last,
        firsts=tuple(fit.first_epoch for fit in fits),
        every=every,
        rows=tuple(_rows_of(_on_grid(fit, every), low, high) for fit in fits),
        low=low,
        high=high,
        x_ticks=epoch_ticks((first, last)),
        y_ticks=value_ticks(low, high),
        remark=_remark(fits, every, (low, high), words),
    )


def _on_grid(fit: RecordedCurve, every: int) -> Floats:
    """Return the value at every so many epochs; infinite where there is none, which no other value can be here."""
    grid = np.full((fit.last_epoch - fit.first_epoch) // every + 1, np.inf)
    rows_of_epochs = (fit.epochs - fit.epochs[0]) // every
    known = fit.valid & ~np.isposinf(fit.values)
    # The first value of each piece stays: assigned last.
    grid[rows_of_epochs[known][::-1]] = fit.values[known][::-1]
    return grid


def _rows_of(values: Floats, low: float, high: float) -> Rows:
    share = np.divide(np.clip(values, low - (high - low), high + (high - low)) - low, high - low)
    rows = np.clip(LEAST + share * (MOST - LEAST), 0, TOP)
    rows = np.where(np.isposinf(values), MISSING, np.where(np.isnan(values), NOT_A_NUMBER, np.nan_to_num(rows)))
    return np.round(rows).astype(np.uint16)


def _remark(fits: Sequence[RecordedCurve], every: int, shown: tuple[float, float], words: Catalogue) -> str:
    numbers = [fit.values[fit.valid] for fit in fits]
    seen = sum(bool(np.any((shown[0] <= each) & (each <= shown[1]))) for each in numbers)
    outside = sum(bool(np.any(~np.isnan(each))) for each in numbers) - seen
    notes = [words.say("curves.outside", outside=outside, fits=len(fits))] if outside else []
    notes += [words.say("curves.thinned", every=every)] if every > 1 else []
    notes += [words.say("curves.nan")] if any(np.isnan(each).any() for each in numbers) else []
    return " ".join(notes)
