"""One monitored metric: its values as they are written, and its pixel rows on every scale."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.outcomes.stopping import best_of
from kcb_replay.report.drawing.curve import CurveInfo
from kcb_replay.report.drawing.layout import Layout, Panel
from kcb_replay.report.drawing.scales import Range, Tick, plateau, value_ticks
from kcb_replay.report.explainer.lanes import MonitorReplays
from kcb_replay.report.explainer.request import ExplainerRequest
from kcb_replay.text import Decimals, decimals_for, visible


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownMetric:
    """What the curve shows under one monitor; `values` has None where there is none and NaN where it is NaN."""

    name: str
    mode: Direction | None
    values: tuple[float | None, ...]
    decimals: Decimals
    scales: tuple[Scale, ...]
    first_range: Range | None

    def title(self, words: Catalogue) -> str:
        """Return its name, and which way is better."""
        return f"{visible(self.name)} ({words.say(f'chart.better_{self.mode}')})" if self.mode else visible(self.name)

    def written(self) -> list[str]:
        """Return the values as text, an empty one where there is none."""
        return [self.decimals.show(value) for value in self.values]


def metric_of(
    request: ExplainerRequest, monitor: int, contexts: Sequence[MonitorReplays], layout: Layout, curve: CurveInfo
) -> ShownMetric:
    """Return the metric of a monitor, with as many decimals as its comparisons need under every version."""
    name = request.monitors[monitor] or curve.monitor
    stream = request.start.stream
    recorded = stream.values_of(name)
    values = tuple(recorded.get(epoch.index) for epoch in stream.epochs)
    mode = _mode(contexts[0], name)
    best = best_of(recorded, mode)
    lowest = None if best is None else recorded[best]
    pairs = {pair for context in contexts for pair in context.compared()}
    pairs |= {(value, lowest) for value in recorded.values() if lowest is not None}
    decimals = decimals_for(pairs)
    marks = [mark.value for mark in (curve.best, curve.kept, curve.lowest) if mark] if monitor == 0 else []
    rows = {epoch.index + 1: row for row, epoch in enumerate(stream.epochs)}
    near = plateau(list(rows), values, mode, marks=[*marks, lowest], show=decimals.show, words=curve.words)
    scales = _scales(values, near, rows, layout.metric) if near else ()
    first_range = Range(scales[0].panel.low, scales[0].panel.high, near.cut_off) if near and scales else None
    return ShownMetric(name=name, mode=mode, values=values, decimals=decimals, scales=scales, first_range=first_range)


def _mode(context: MonitorReplays, name: str) -> Direction | None:
    resolved = context.base.rows[-1].states[context.request.lead].direction
    return resolved or direction_of(name)


# Beyond this the differences of values overflow.
_COUNTABLE = 1e300
_PADDING = 0.04
_FEW_TICKS, _MANY_TICKS = 3, 6


@dataclass(frozen=True, slots=True)
class Scale:
    """One vertical scale: its name, its panel, and what it cuts off as (row, text, above)."""

    name: str
    panel: Panel
    cuts: tuple[tuple[int, str, bool], ...] = ()

    def row_of(self, value: float | None) -> float | None:
        """Return the pixel row of a value, at most one panel height beyond the edge; None for no number."""
        if value is None or math.isnan(value):
            return None
        if not self.panel.log:
            return round(self.panel.unclamped_y(value), 1)
        return round(self.panel.y(value), 1) if value > 0 else round(2 * self.panel.bottom - self.panel.top, 1)


def _scales(values: Sequence[float | None], near: Range, rows: dict[int, int], panel: Panel) -> tuple[Scale, ...]:
    """Return the scales of a metric in the place of a panel, the one to begin with first; none without numbers."""
    numbers = [value for value in values if value is not None and math.isfinite(value) and abs(value) < _COUNTABLE]
    if not numbers:
        return ()
    top, bottom, low, high = panel.top, panel.bottom, min(numbers), max(numbers)
    pad = (high - low) * _PADDING or abs(high) * _PADDING or 1.0
    scales = [Scale("full", _linear(top, bottom, low - pad, high + pad))]
    if near.cut_off:
        cuts = tuple((rows[cut.epoch], cut.text, cut.above) for cut in near.cut_off)
        scales.insert(0, Scale("plateau", _linear(top, bottom, near.low, near.high), cuts))
    if low > 0 and high > low:
        scales.append(Scale("log", _logarithmic(top, bottom, low, high)))
    return tuple(scales)


def _linear(top: float, bottom: float, low: float, high: float) -> Panel:
    return Panel(top, bottom, low, high, value_ticks(low, high))


def _logarithmic(top: float, bottom: float, low: float, high: float) -> Panel:
    pad = (math.log(high) - math.log(low)) * _PADDING
    lowest, highest = math.log(low) - pad, math.log(high) + pad
    return Panel(top, bottom, lowest, highest, _log_ticks(math.exp(lowest), math.exp(highest)), log=True)


def _log_ticks(low: float, high: float) -> tuple[Tick, ...]:
    """Return about five round values, equally far apart by eye where there is room for whole steps of 1, 2 and 5."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        values = [digit * 10.0**power for power in range(first, last + 1) for digit in digits]
        inside = [value for value in values if low <= value <= high]
        if len(inside) >= _FEW_TICKS:
            step = math.ceil(len(inside) / _MANY_TICKS)
            return tuple(Tick(value, f"{value:.4g}") for value in inside[::step])
    return value_ticks(low, high)
