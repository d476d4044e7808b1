"""From the info of a chart to pixels: panels, scales, ticks and placed labels, once for figures and pages.

The canvas is `WIDTH` pixels wide with y downwards; whoever draws only transfers the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.placing import Box, Label, Places, Role, around, beside
from kcb_replay.report.ticks import Tick, epoch_ticks, value_ticks

if TYPE_CHECKING:
    from kcb_replay.report.curve import CurveInfo, Mark
    from kcb_replay.report.panels import Rate

__all__ = ["LEFT", "RIGHT", "WIDTH", "Layout", "Panel", "layout_of"]

WIDTH, LEFT, RIGHT = 960, 66, 788
_TOP, _METRIC, _WAIT, _RATE, _GAP, _AXIS = 46, 300, 58, 56, 44, 34
_CURVE_STEP = 6.0
# Covering a dot is as bad as covering this many points of a curve.
_DOT_WEIGHT = 12


@dataclass(frozen=True, slots=True)
class Panel:
    """A strip of the canvas; `low` is drawn at `bottom`, `high` at `top`. A `log` one shows logarithms."""

    top: float
    bottom: float
    low: float
    high: float
    ticks: tuple[Tick, ...] = ()
    log: bool = False

    def y(self, value: float) -> float:
        """Return the pixel row of a value; what is beyond the panel stands at its edge."""
        if self.log:
            value = math.log(value)
        share = (value - self.low) / (self.high - self.low) if math.isfinite(value) else math.copysign(2, value)
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - self.top)

    def unclamped_y(self, value: float) -> float:
        """Return the pixel row of a value, at most one panel height beyond the edge."""
        share = (self.reached(value) - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)

    def reached(self, value: float) -> float:
        """Return the value, or one panel height beyond the edge where it is further away; NaN stays NaN."""
        height = self.high - self.low
        return min(max(value, self.low - height), self.high + height)


@dataclass(frozen=True, slots=True)
class Layout:
    """Everything a drawing needs besides the info itself. `first` and `last` are the epochs at the plot's edges."""

    height: float
    first: float
    last: float
    metric: Panel
    wait: Panel | None
    rate: Panel | None
    axis_y: float
    x_ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]

    @property
    def bottom(self) -> float:
        """Return the lower edge of the last panel."""
        return (self.rate or self.wait or self.metric).bottom

    @property
    def all_labels(self) -> tuple[Label, ...]:
        """Return the labels and those of the ticks."""
        rows = [
            Label(LEFT - 8, self.metric.y(tick.value) + 4.5, "end", "axis", tick.text) for tick in self.metric.ticks
        ]
        columns = [Label(self.x(tick.value), self.axis_y + 20, "middle", "axis", tick.text) for tick in self.x_ticks]
        return (*rows, *columns, *self.labels)

    def x(self, epoch: float) -> float:
        """Return the pixel column of an epoch."""
        return LEFT + (epoch - self.first) / (self.last - self.first) * (RIGHT - LEFT)


def layout_of(info: CurveInfo) -> Layout:
    """Return the geometry of a chart."""
    metric = _metric_panel(info)
    wait = Panel(metric.bottom + _GAP, metric.bottom + _GAP + _WAIT, 0.0, info.wait.top) if info.wait else None
    rate = _rate_panel(info.rate, (wait or metric).bottom + _GAP) if info.rate else None
    axis_y = (rate or wait or metric).bottom + 12
    # Half an epoch of air, so that the bars of the first and the last fit.
    bare = Layout(axis_y + _AXIS, info.epochs[0] - 0.5, info.epochs[-1] + 0.5, metric, wait, rate, axis_y, (), ())
    return Layout(
        bare.height, bare.first, bare.last, metric, wait, rate, axis_y, epoch_ticks(info.epochs), _labels(info, bare)
    )


def _metric_panel(info: CurveInfo) -> Panel:
    if info.scale is None:
        return Panel(_TOP, _TOP + _METRIC, 0.0, 1.0)
    ticks = value_ticks(info.scale.low, info.scale.high)
    return Panel(_TOP, _TOP + _METRIC, info.scale.low, info.scale.high, ticks)


def _rate_panel(rate: Rate, top: float) -> Panel:
    bottom = top + _RATE
    rates = [value for value in (*rate.rates, rate.after) if math.isfinite(value)]
    low, high = (min(rates), max(rates)) if rates else (0.0, 1.0)
    if low > 0 and high > low:
        return Panel(top, bottom, math.log(low), math.log(high), log=True)
    # A constant rate stands in the middle; one that reaches 0 has no logarithm.
    return Panel(top, bottom, low, high) if high > low else Panel(top, bottom, low - 1, low + 1)


def _labels(info: CurveInfo, layout: Layout) -> tuple[Label, ...]:
    places = Places(_points(info, layout))
    canvas = Box(2, 2, WIDTH - 2, layout.height)
    _put_titles(info, layout, places, canvas)
    _put_marks(info, layout, places)
    _put_margin(info, layout, places, canvas)
    _put_notes(info, layout, places)
    if info.rate and layout.rate:
        _put_rate(info.rate, layout, layout.rate, places, canvas)
    return places.placed


def _points(info: CurveInfo, layout: Layout) -> list[tuple[float, float]]:
    """Return points along the curve and the stop line, close enough that no label slips through."""
    points: list[tuple[float, float]] = []
    before: tuple[float, float] | None = None
    for epoch, value in zip(info.epochs, info.values, strict=True):
        if value is None:
            continue
        here = None if math.isnan(value) else (layout.x(epoch), layout.metric.unclamped_y(value))
        if here:
            points += _between(before or here, here)
        before = here
    for level in info.levels:
        y = layout.metric.unclamped_y(level.best)
        points += _between((layout.x(level.first), y), (layout.x(level.last), y))
    for mark, _ in _roles(info):
        if mark.value is not None and not math.isnan(mark.value):
            points += [(layout.x(mark.epoch), layout.metric.y(mark.value))] * _DOT_WEIGHT
    if info.stop:
        x = layout.x(info.stop.epoch)
        # A vertical line crosses few rows of a label, so each of its points is there three times.
        points += _between((x, layout.metric.top), (x, layout.axis_y)) * 3
    return points


def _between(one: tuple[float, float], two: tuple[float, float]) -> list[tuple[float, float]]:
    steps = max(1, round(math.dist(one, two) / _CURVE_STEP))
    shares = [step / steps for step in range(1, steps + 1)]
    return [(one[0] + (two[0] - one[0]) * share, one[1] + (two[1] - one[1]) * share) for share in shares]


def _put_titles(info: CurveInfo, layout: Layout, places: Places, canvas: Box) -> None:
    title = f"{info.monitor} ({info.direction_words})" if info.direction else info.monitor
    places.put([Label(LEFT, 14, "start", "title", title)], canvas)
    if info.wait and layout.wait:
        counter = "wait counter" if info.wait.callback == "EarlyStopping" else f"wait counter of {info.wait.callback}"
        places.put([Label(LEFT, layout.wait.top - 16, "start", "title", counter)], canvas)
    if info.rate and layout.rate:
        places.put([Label(LEFT, layout.rate.top - 20, "start", "title", info.rate.title)], canvas)
    if info.stop:
        places.put(beside(layout.x(info.stop.epoch), 36, "stop", info.stop.label), canvas)
    elif info.open_end:
        places.put([Label(RIGHT, 36, "end", "stop", info.open_end)], canvas)
    places.put([Label(RIGHT + 14, layout.axis_y + 20, "start", "axis", "epoch")], canvas)


def _put_marks(info: CurveInfo, layout: Layout, places: Places) -> None:
    top, bottom = layout.metric.top, layout.metric.bottom
    frame = Box(LEFT - 4, top + 1, WIDTH - 4, bottom + 22)
    above_first = info.direction == "max"
    for mark, role in _roles(info):
        if mark.value is None or math.isnan(mark.value):
            places.put(around(layout.x(mark.epoch), bottom - 14, role, mark.label, prefer_above=True), frame)
            continue
        y = layout.metric.y(mark.value)
        arrow = _arrow(layout.metric, mark.value)
        # A label stands on the good side of its dot, where the curve is not; the last epoch is no good place for it.
        better = above_first if role != "kept" else not above_first
        places.put(around(layout.x(mark.epoch), y, role, arrow + mark.label, prefer_above=better), frame)


def _roles(info: CurveInfo) -> list[tuple[Mark, Role]]:
    roles: list[tuple[Mark | None, Role]] = [(info.best, "best"), (info.lowest, "missed"), (info.kept, "kept")]
    return [(mark, role) for mark, role in roles if mark]


def _arrow(panel: Panel, value: float) -> str:
    return "↑ " if value > panel.high else "↓ " if value < panel.low else ""


def _put_margin(info: CurveInfo, layout: Layout, places: Places, canvas: Box) -> None:
    if info.regret:
        rows = (layout.metric.y(info.regret.kept), layout.metric.y(info.regret.best))
        y = sum(rows) / 2 + 4.5
        spots = [Label(RIGHT + 20, y + shift, "start", "missed", info.regret.label) for shift in (0, 16, -16, 32, -32)]
        places.put(spots, canvas)
    if info.wait and layout.wait and math.isfinite(info.wait.patience):
        y = layout.wait.y(info.wait.patience) + 4.5
        places.put([Label(RIGHT + 10, y, "start", "stop", info.wait.label)], canvas)


def _put_notes(info: CurveInfo, layout: Layout, places: Places) -> None:
    frame = Box(LEFT - 4, layout.metric.top + 1, WIDTH - 4, layout.metric.bottom + 18)
    for cut in info.scale.cut_off if info.scale else ():
        y = layout.metric.top + 14 if cut.above else layout.metric.bottom - 6
        spots = [
            spot
            for row in (0, 18, 36)
            for spot in beside(layout.x(cut.epoch), y + (row if cut.above else -row), "note", cut.text, 12)
        ]
        places.put(spots, frame)
    bottom = layout.metric.bottom + 14
    if info.what_if_from is not None:
        x = layout.x(info.what_if_from - 0.5) + 6
        spots = [Label(x, row, "start", "note", info.what_if_label) for row in (bottom, layout.metric.top + 14)]
        spots += [Label(right, bottom, "end", "note", info.what_if_label) for right in (RIGHT, x - 12)]
        places.put(spots, frame)
    if info.nan_note:
        x = layout.x(info.nan_note.epoch)
        places.put(
            [spot for up in (20, 38, 56) for spot in beside(x, bottom - up, "note", info.nan_note.label, 0)], frame
        )


def _put_rate(rate: Rate, layout: Layout, panel: Panel, places: Places, canvas: Box) -> None:
    places.put([Label(LEFT - 8, panel.y(rate.rates[0]) + 4.5, "end", "axis", rate.first_label)], canvas)
    end = layout.x(rate.epochs[-1] + 0.5)
    y = panel.y(rate.after) + 4.5
    if rate.drops or rate.after != rate.rates[0]:
        spots = [Label(end + 12, y + shift, "start", "rate", rate.last_label) for shift in (0, 8, -8)]
        places.put([*spots, Label(end - 6, y - 14, "end", "rate", rate.last_label)], canvas)
    for drop in rate.drops:
        x, y = layout.x(drop.epoch + 0.5), panel.y(drop.old) - 9
        short_text = drop.label.removeprefix("epoch ")
        texts = [drop.label, short_text]
        spots = [Label(x, y - row, "middle", "axis", text) for text in texts for row in (0, 14)] + [
            Label(x + 6, y + 12, "start", "axis", text) for text in texts
        ]
        places.put_if_free(spots, canvas)
