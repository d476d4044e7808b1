"""Draw one replay: the metric with its marks, the wait counter and the learning rate below each other, or one alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from kcb_replay.report.drawing.curve import CurveInfo
from kcb_replay.report.drawing.layout import LEFT, Layout, Panel, Part, layout_of, trace_layout
from kcb_replay.report.drawing.palette import Palette
from kcb_replay.report.drawing.placing import Role
from kcb_replay.report.figures.canvas import ALIGN, DASHED, DOTTED, LINE, Canvas, Look, blank, dots, stroke, wrapped
from kcb_replay.report.wait_and_rate import BarKind, Rate, Wait
from kcb_replay.text import fit_title, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_EDGE, _BELOW = 20, 26
# Of a bar in epochs; of the tick below the base line in pixels.
_BAR_WIDTH, _TICK = 0.72, 4.0


def figure_of_run(info: CurveInfo, look: Look, part: Part | None = None) -> Figure:
    """Return the chart as a Figure whose axes are the metric, the wait counter and, if known, the learning rate.

    With `part` it is that panel alone; raises `SettingError` where the replay has no such panel.
    """
    layout = layout_of(info, look.width) if part is None else trace_layout(info, part, look.width)
    (title, ink), *lines = _head(info, look)
    head = LINE * (len(lines) + 1) + _BELOW
    canvas = blank(look, layout.height + head)
    canvas.write(_EDGE, 28, title, ink, size=17, bold=True)
    canvas.write_lines(_EDGE, 28 + LINE, lines)
    if part is None:
        _draw_panels(canvas, info, layout, head)
    else:
        _draw_trace(canvas, info, layout, part, head)
    colours = _colours(look.palette)
    for label in layout.all_labels:
        place = (label.x, label.y + head)
        canvas.write(*place, label.text, colours[label.role], bold=label.bold, align=ALIGN[label.anchor], halo=True)
    return canvas.figure


def _head(info: CurveInfo, look: Look) -> list[tuple[str, str]]:
    """Return which run it is, the answer in words, and how far it holds."""
    room, palette = look.width - 2 * _EDGE, look.palette
    lines = [(middle_cut(visible(fit_title(info.run, info.fit)), int(room / 12)), palette.ink)]
    lines += [(line, palette.ink) for line in wrapped(" ".join(info.sentences), room)]
    return lines + [(line, palette.muted) for line in wrapped(f"{info.validity}: {info.reason}", room)]


def middle_cut(name: str, most: int) -> str:
    """Return the ends of a name: they tell runs apart, a common folder in front, a seed behind."""
    return name if len(name) <= most else f"{name[: (most - 1) // 2]}…{name[-(most // 2) :]}"


def _colours(palette: Palette) -> dict[Role, str]:
    return {
        "axis": palette.muted,
        "title": palette.ink,
        "stop": palette.stop,
        "best": palette.best,
        "missed": palette.missed,
        "kept": palette.ink,
        "rate": palette.rate,
        "note": palette.muted,
    }


def _draw_panels(canvas: Canvas, info: CurveInfo, layout: Layout, head: float) -> None:
    """Draw the metric, the wait counter and the learning rate, `head` pixels below the top of the figure.

    They become the first axes of the figure, in this order.
    """
    metric = _panel_axes(canvas, layout, layout.metric, head)
    _draw_metric(canvas, metric, info, layout)
    if info.wait and layout.wait:
        _draw_wait(canvas, _panel_axes(canvas, layout, layout.wait, head, share=metric), info.wait)
    if info.rate and layout.rate:
        _draw_rate(canvas, _panel_axes(canvas, layout, layout.rate, head, share=metric), info.rate)
    bottom = layout.bottom + head
    _draw_ground(canvas, canvas.layer("ground", -1), info, layout, head, bottom)
    _draw_marks(canvas, canvas.layer("marks", 1), info, layout, head, bottom)


def _draw_trace(canvas: Canvas, info: CurveInfo, layout: Layout, part: Part, head: float) -> None:
    """Draw the wait counter or the learning rate alone, `head` pixels below the top of the figure."""
    axes, bottom = _panel_axes(canvas, layout, layout.metric, head), layout.axis_y + head
    if part == "wait" and info.wait:
        for tick in layout.metric.ticks:
            edges = [layout.first, layout.last]
            stroke(canvas, axes, edges, [tick.value] * 2, canvas.look.palette.grid, 1.1, order=0)
        _draw_wait(canvas, axes, info.wait)
    elif info.rate:
        _draw_rate(canvas, axes, info.rate)
    _draw_ground(canvas, canvas.layer("ground", -1), info, layout, head, bottom)
    if info.stop:
        _draw_stop(canvas, canvas.layer("marks", 1), layout.x(info.stop.epoch), 32 + head, bottom)


def _panel_axes(canvas: Canvas, layout: Layout, panel: Panel, head: float, share: Axes | None = None) -> Axes:
    """Return axes over a panel, in epochs and in the unit of what it shows."""
    axes = canvas.axes(LEFT, panel.top + head, layout.right, panel.bottom + head, share=share)
    axes.set_xlim(layout.first, layout.last)
    if panel.log:
        axes.set_yscale("log")
        axes.set_ylim(math.exp(panel.low), math.exp(panel.high))
    else:
        axes.set_ylim(panel.low, panel.high)
    return axes


def _draw_metric(canvas: Canvas, axes: Axes, info: CurveInfo, layout: Layout) -> None:
    palette = canvas.look.palette
    for tick in layout.metric.ticks:
        stroke(canvas, axes, [layout.first, layout.last], [tick.value] * 2, palette.grid, 1.1, order=1)
    for level in info.levels:
        for value, width, dash in ((level.best, 1.5, "-"), (level.threshold, 1.25, DOTTED)):
            if value is not None and info.scale and info.scale.holds(value):
                stroke(canvas, axes, [level.first, level.last], [value] * 2, palette.best, width, dash=dash)
    # Agg cannot draw to infinity; a point well beyond the panel looks the same.
    reached = [None if value is None else layout.metric.reached(value) for value in info.values]
    present = [(epoch, value) for epoch, value in zip(info.epochs, reached, strict=True) if value is not None]
    ran = [point for point in present if point[0] <= info.epochs[info.split - 1]]
    pieces = ((present[max(len(ran) - 1, 0) :], palette.gone, 1.5), (ran, palette.curve, 2.0))
    for points, colour, width in pieces:
        epochs, values = [epoch for epoch, _ in points], [value for _, value in points]
        # The metric alone leaves its panel, and must not be seen there.
        stroke(canvas, axes, epochs, values, colour, width, order=3, clip=True)
        if len(present) < len(info.values) or len(present) == 1:
            dots(canvas, axes, epochs, values, "o", 5, colour, colour, clip=True)


def _draw_wait(canvas: Canvas, axes: Axes, wait: Wait) -> None:
    """Draw the wait counter: a bar per epoch, a tick below where the metric improved, patience as a dashed level."""
    palette = canvas.look.palette
    for kind, colour in _bar_colours(palette).items():
        bars = [bar for bar in wait.bars if bar.kind == kind]
        _bars(axes, [bar.epoch for bar in bars], [bar.wait for bar in bars], colour)
    improved = [bar.epoch for bar in wait.bars if bar.kind == "improved"]
    tick = _TICK / (axes.get_position().height * canvas.height) * wait.top
    _bars(axes, improved, [-tick] * len(improved), palette.best)
    edges = axes.get_xlim()
    stroke(canvas, axes, edges, [0, 0], palette.line, 1.1, order=1)
    if math.isfinite(wait.patience):
        stroke(canvas, axes, edges, [wait.patience] * 2, palette.stop, 1.5, dash=DASHED, order=1)
    axes.set_ylim(0, wait.top)


def _bar_colours(palette: Palette) -> dict[BarKind, str]:
    return {"waited": palette.gone, "improved": palette.gone, "stopped": palette.stop, "reduced": palette.rate}


def _bars(axes: Axes, epochs: Sequence[int], heights: Sequence[float], colour: str) -> None:
    axes.bar(
        epochs, heights, width=_BAR_WIDTH, color=colour, edgecolor="none", linewidth=0, antialiased=True, clip_on=False
    )


def _draw_rate(canvas: Canvas, axes: Axes, rate: Rate) -> None:
    """Draw the learning rate as steps, a triangle at each reduction (hollow: a what-if), cooldowns as pale bands."""
    colour = canvas.look.palette.rate
    for first, last in rate.cooldowns:
        axes.axvspan(first - 0.5, last + 0.5, facecolor=colour, edgecolor="none", alpha=0.14, linewidth=0)
    epochs: list[float] = [rate.epochs[0] - 0.5]
    rates = [rate.rates[0]]
    for epoch, value in zip(rate.epochs, rate.rates, strict=True):
        epochs += [epochs[-1], epoch + 0.5]
        rates += [value, value]
    if rate.after != rate.rates[-1]:
        left, right = axes.get_xlim()
        epochs += [epochs[-1], epochs[-1] + (right - left) * 8 / (canvas.look.width - LEFT)]
        rates += [rate.after, rate.after]
    stroke(canvas, axes, epochs, rates, colour, 2)
    for drop in rate.drops:
        fill = canvas.look.palette.ground if drop.hypothetical else colour
        dots(canvas, axes, [drop.epoch + 0.5], [drop.old], "v", 10, fill, colour)


def _draw_ground(canvas: Canvas, axes: Axes, info: CurveInfo, layout: Layout, head: float, bottom: float) -> None:
    """Draw the axis of epochs, and a paler ground where the replay is a what-if."""
    palette, right = canvas.look.palette, layout.right
    if info.what_if_from is not None:
        x, top = layout.x(info.what_if_from - 0.5), layout.metric.top + head
        axes.fill([x, right, right, x], [top, top, bottom, bottom], facecolor=palette.panel, edgecolor="none",
                  linewidth=0)  # fmt: skip
        stroke(canvas, axes, [x, x], [top, bottom], palette.gone, 1.1, dash=DOTTED)
    stroke(canvas, axes, [LEFT, right], [layout.axis_y + head] * 2, palette.line, 1.1)


def _draw_marks(canvas: Canvas, axes: Axes, info: CurveInfo, layout: Layout, head: float, bottom: float) -> None:
    palette, edge = canvas.look.palette, layout.right
    if info.stop:
        _draw_stop(canvas, axes, layout.x(info.stop.epoch), 32 + head, bottom)
    if info.regret and math.isfinite(info.regret.kept) and math.isfinite(info.regret.best):
        kept, best = (layout.metric.y(value) + head for value in (info.regret.kept, info.regret.best))
        stroke(canvas, axes, [edge + 8, edge + 14, edge + 14, edge + 8], [kept, kept, best, best], palette.missed, 1.5)
    ground, missed = palette.ground, palette.missed
    looks = (
        (info.best, "o", palette.best, palette.best),
        (info.lowest, "o", ground, missed),
        (info.kept, "s", missed, ground),
    )
    for mark, shape, fill, line in looks:
        if mark and mark.value is not None and not math.isnan(mark.value):
            dots(canvas, axes, [layout.x(mark.epoch)], [layout.metric.y(mark.value) + head], shape, 9, fill, line)


def _draw_stop(canvas: Canvas, axes: Axes, x: float, top: float, bottom: float) -> None:
    colour = canvas.look.palette.stop
    stroke(canvas, axes, [x, x], [top, bottom], colour, 2)
    dots(canvas, axes, [x], [top], "s", 7, colour, colour)
