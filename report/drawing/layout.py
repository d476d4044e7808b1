"""From the info of a chart to pixels: panels, scales, ticks and placed labels, once for figures and pages.

The canvas is `WIDTH` pixels wide, if not asked otherwise, with y downwards; whoever draws only transfers the numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.report.drawing.curve import CurveInfo, Mark
from kcb_replay.report.drawing.placing import Box, Label, Places, Role, around, beside, between
from kcb_replay.report.drawing.scales import Tick, epoch_ticks, value_ticks
from kcb_replay.report.wait_and_rate import Rate, Wait

# A panel that can be drawn alone.
Part: TypeAlias = Literal["wait", "lr"]
WIDTH, LEFT, RIGHT = 960, 66, 788
_TOP, _METRIC, _WAIT, _RATE, _GAP, _AXIS = 46, 300, 58, 56, 44, 34
# Of a panel alone.
_ALONE_TOP, _ALONE = 62, 200
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
    width: float = WIDTH

    @property
    def right(self) -> float:
        """Return the right edge of the panels; beside it is room for what is said in the margin."""
        return self.width - (WIDTH - RIGHT)

    @property
    def note_y(self) -> float:
        """Return the row of notes: below the curve is another panel, or right away the axis."""
        return self.metric.bottom + (14 if self.wait or self.rate else -6)

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
        return LEFT + (epoch - self.first) / (self.last - self.first) * (self.right - LEFT)


def layout_of(info: CurveInfo, width: float = WIDTH, *, below: float = 0.0) -> Layout:
    """Return the geometry of a chart that is so many pixels wide, with room for something `below` the metric."""
    metric = _metric_panel(info)
    under = metric.bottom + below
    wait = Panel(under + _GAP, under + _GAP + _WAIT, 0.0, info.wait.top) if info.wait else None
    rate = _rate_panel(info.rate, (wait.bottom if wait else under) + _GAP) if info.rate else None
    axis_y = (rate.bottom if rate else wait.bottom if wait else under) + 12
    # Half an epoch of air, so that the bars of the first and the last fit.
    bare = Layout(
        axis_y + _AXIS, info.epochs[0] - 0.5, info.epochs[-1] + 0.5, metric, wait, rate, axis_y, (), (), width
    )
    return replace(bare, x_ticks=epoch_ticks(info.epochs, bare.right - LEFT), labels=_labels(info, bare))


def _metric_panel(info: CurveInfo) -> Panel:
    if info.scale is None:
        return Panel(_TOP, _TOP + _METRIC, 0.0, 1.0)
    ticks = value_ticks(info.scale.low, info.scale.high)
    return Panel(_TOP, _TOP + _METRIC, info.scale.low, info.scale.high, ticks)


def _rate_panel(rate: Rate, top: float, height: float = _RATE) -> Panel:
    """Return the panel of a learning rate, logarithmic where that can be."""
    bottom = top + height
    rates = [value for value in (*rate.rates, rate.after) if math.isfinite(value)]
    low, high = (min(rates), max(rates)) if rates else (0.0, 1.0)
    if low > 0 and high > low:
        return Panel(top, bottom, math.log(low), math.log(high), log=True)
    # A constant rate stands in the middle; one that reaches 0 has no logarithm.
    return Panel(top, bottom, low, high) if high > low else Panel(top, bottom, low - 1, low + 1)


def _labels(info: CurveInfo, layout: Layout) -> tuple[Label, ...]:
    places = Places(_points(info, layout))
    canvas = Box(2, 2, layout.width - 2, layout.height)
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
            points += between(before or here, here)
        before = here
    for level in info.levels:
        y = layout.metric.unclamped_y(level.best)
        points += between((layout.x(level.first), y), (layout.x(level.last), y))
    for mark, _ in _roles(info):
        if mark.value is not None and not math.isnan(mark.value):
            points += [(layout.x(mark.epoch), layout.metric.y(mark.value))] * _DOT_WEIGHT
    if info.stop:
        x = layout.x(info.stop.epoch)
        # A vertical line crosses few rows of a label, so each of its points is there three times.
        points += between((x, layout.metric.top), (x, layout.axis_y)) * 3
    if info.regret:
        x = layout.right + 14
        points += between((x, layout.metric.y(info.regret.kept)), (x, layout.metric.y(info.regret.best))) * 3
    return points


def _put_titles(info: CurveInfo, layout: Layout, places: Places, canvas: Box) -> None:
    places.put([Label(LEFT, 14, "start", "title", info.title)], canvas)
    if info.wait and layout.wait:
        places.put([Label(LEFT, layout.wait.top - 16, "start", "title", info.wait.title)], canvas)
    if info.rate and layout.rate:
        places.put([Label(LEFT, layout.rate.top - 20, "start", "title", info.rate.title)], canvas)
    _put_ends(info, layout, places, canvas)


def _put_ends(info: CurveInfo, layout: Layout, places: Places, canvas: Box) -> None:
    """Place what is said of the stop, or of a recording that ends before it, and the name of the axis."""
    if info.stop:
        # On a narrow page the line itself has to say that it is a stop.
        texts = (info.stop.label, info.stop.label.removeprefix("stops after "), info.stop.label.split(":")[0])
        x = layout.x(info.stop.epoch)
        places.put([spot for text in texts for spot in beside(x, 36, "stop", text)], canvas)
    elif info.open_end:
        places.put([Label(layout.right, 36, "end", "stop", info.open_end)], canvas)
    places.put([Label(layout.right + 24, layout.axis_y + 20, "start", "axis", info.epoch_word)], canvas)


def _put_marks(info: CurveInfo, layout: Layout, places: Places) -> None:
    top, bottom = layout.metric.top, layout.metric.bottom
    frame = Box(LEFT - 4, top + 1, layout.width - 4, bottom + 22)
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
        spots = [
            Label(layout.right + 20, y + shift, "start", "missed", info.regret.label) for shift in (0, 16, -16, 32, -32)
        ]
        places.put(spots, canvas)
    if info.wait and layout.wait:
        _put_patience(info.wait, layout, layout.wait, places, canvas)


def _put_patience(wait: Wait, layout: Layout, panel: Panel, places: Places, canvas: Box) -> None:
    """Place the name of the dashed level."""
    if math.isfinite(wait.patience):
        places.put([Label(layout.right + 10, panel.y(wait.patience) + 4.5, "start", "stop", wait.label)], canvas)


def _put_notes(info: CurveInfo, layout: Layout, places: Places) -> None:
    frame = Box(LEFT - 4, layout.metric.top + 1, layout.width - 4, layout.metric.bottom + 18)
    for cut in info.scale.cut_off if info.scale else ():
        y = layout.metric.top + 14 if cut.above else layout.metric.bottom - 6
        spots = [
            spot
            for row in (0, 18, 36)
            for spot in beside(layout.x(cut.epoch), y + (row if cut.above else -row), "note", cut.text, 12)
        ]
        places.put(spots, frame)
    bottom = layout.note_y
    if info.what_if_from is not None:
        x = layout.x(info.what_if_from - 0.5) + 6
        spots = [Label(x, row, "start", "note", info.what_if_label) for row in (bottom, layout.metric.top + 14)]
        spots += [Label(right, bottom, "end", "note", info.what_if_label) for right in (layout.right, x - 12)]
        places.put(spots, frame)
    if info.nan_note:
        x = layout.x(info.nan_note.epoch)
        places.put(
            [spot for up in (20, 38, 56) for spot in beside(x, bottom - up, "note", info.nan_note.label, 0)], frame
        )


def _put_rate(rate: Rate, layout: Layout, panel: Panel, places: Places, canvas: Box) -> None:
    """Place the rate at the start, at the end, and the epochs of its drops."""
    places.put([Label(LEFT - 8, panel.y(rate.rates[0]) + 4.5, "end", "axis", rate.first_label)], canvas)
    end = layout.x(rate.epochs[-1] + 0.5)
    y = panel.y(rate.after) + 4.5
    if rate.drops or rate.after != rate.rates[0]:
        spots = [Label(end + 12, y + shift, "start", "rate", rate.last_label) for shift in (0, 8, -8)]
        places.put([*spots, Label(end - 6, y - 14, "end", "rate", rate.last_label)], canvas)
    for drop in rate.named_drops:
        x, y = layout.x(drop.epoch + 0.5), panel.y(drop.old) - 9
        texts = [drop.label, drop.short_label]
        spots = [Label(x, y - row, "middle", "axis", text) for text in texts for row in (0, 14)] + [
            Label(x + 6, y + 12, "start", "axis", text) for text in texts
        ]
        spots += [Label(x - 8, y + 25, "end", "axis", text) for text in texts]
        places.put_if_free(spots, canvas)


def trace_layout(info: CurveInfo, part: Part, width: float) -> Layout:
    """Return where the wait counter or the learning rate stands alone, large, and what is written to it.

    Raises `SettingError` where the replay has no such panel.
    """
    if part == "wait" and info.wait:
        return _with_labels(info, info.wait, _wait_panel(info.wait), width)
    if part == "lr" and info.rate:
        return _with_labels(info, info.rate, _rate_panel(info.rate, _ALONE_TOP, _ALONE), width)
    raise SettingError(_WHY[part])


_WHY: dict[Part, str] = {
    "wait": "No callback of this replay has a wait counter, so there is none to draw. Draw kind run instead.",
    "lr": "The learning rate is neither recorded nor set by a callback of this replay. Draw kind run, or add"
    " ReduceLROnPlateau, with the initial learning rate where that is not recorded.",
}


def _wait_panel(wait: Wait) -> Panel:
    whole = (tick for tick in value_ticks(0.0, wait.top) if tick.value == int(tick.value))
    ticks = tuple(Tick(tick.value, f"{tick.value:g}") for tick in whole)
    return Panel(_ALONE_TOP, _ALONE_TOP + _ALONE, 0.0, wait.top, ticks)


def _with_labels(info: CurveInfo, part: Wait | Rate, panel: Panel, width: float) -> Layout:
    axis_y = panel.bottom + 12
    # The one panel stands where the metric would; what draws it takes it from there.
    bare = Layout(axis_y + _AXIS, info.epochs[0] - 0.5, info.epochs[-1] + 0.5, panel, None, None, axis_y, (), (), width)
    x = bare.x(info.stop.epoch) if info.stop else -1.0
    places = Places(between((x, panel.top), (x, axis_y)) * 3)
    canvas = Box(2, 2, width - 2, bare.height)
    places.put([Label(LEFT, 14, "start", "title", part.title)], canvas)
    _put_ends(info, bare, places, canvas)
    if part is info.wait:
        _put_patience(info.wait, bare, panel, places, canvas)
    elif info.rate:
        _put_rate(info.rate, bare, panel, places, canvas)
    if info.what_if_from is not None:
        x = bare.x(info.what_if_from - 0.5)
        spots = [Label(bare.right - 6, panel.top + 16, "end", "note", info.what_if_label)]
        places.put([*spots, *beside(x, panel.top + 16, "note", info.what_if_label)], canvas)
    return replace(bare, x_ticks=epoch_ticks(info.epochs, bare.right - LEFT), labels=places.placed)
