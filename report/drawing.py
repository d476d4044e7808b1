"""The panels of a figure on matplotlib axes: lines, bars and marks, without any text.

Every property is given here, because matplotlib takes what is left out from the user's rcParams.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.report.layout import LEFT, RIGHT, WIDTH, Layout, Panel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kcb_replay.report.curve import CurveInfo
    from kcb_replay.report.panels import BarKind, Rate, Wait

__all__ = ["BEST", "INK", "MISSED", "MUTED", "RATE", "STOP", "draw_panels"]

INK, MUTED = "#16191d", "#565d66"
STOP, BEST, MISSED, RATE = "#b93a06", "#00705a", "#2f353c", "#7d2f86"
_CURVE, _AFTER, _LINE, _GRID, _WHAT_IF = "#0b62a8", "#858e98", "#d5d9de", "#e6e9ec", "#f6f7f8"
_BARS: dict[BarKind, str] = {"waited": _AFTER, "improved": _AFTER, "stopped": STOP, "reduced": RATE}
_BAR_WIDTH = 0.72
_Dash: TypeAlias = str | tuple[float, tuple[float, float]]
_DASHED: _Dash = (0, (4, 3))
_DOTTED: _Dash = (0, (1, 3))


def draw_panels(figure: Figure, info: CurveInfo, layout: Layout, head: float) -> None:
    """Draw the metric, the wait counter and the learning rate, `head` pixels below the top of the figure.

    They become the first axes of the figure, in this order.
    """
    metric = _panel(figure, layout, layout.metric, head)
    _draw_metric(metric, info, layout)
    if info.wait and layout.wait:
        _draw_wait(_panel(figure, layout, layout.wait, head, share=metric), info.wait, layout)
    if info.rate and layout.rate:
        _draw_rate(_panel(figure, layout, layout.rate, head, share=metric), info.rate)
    bottom = layout.bottom + head
    _draw_ground(_canvas(figure, layout.height + head, "ground", -1), info, layout, head, bottom)
    _draw_marks(_canvas(figure, layout.height + head, "marks", 1), info, layout, head, bottom)


def _panel(figure: Figure, layout: Layout, panel: Panel, head: float, share: Axes | None = None) -> Axes:
    height, width = layout.height + head, RIGHT - LEFT
    tall = (panel.bottom - panel.top) / height
    place = (LEFT / WIDTH, 1 - (panel.bottom + head) / height, width / WIDTH, tall)
    axes = figure.add_axes(place, sharex=share, facecolor="none")
    axes.set_axis_off()
    axes.set_xlim(layout.first, layout.last)
    if panel.log:
        axes.set_yscale("log")
        axes.set_ylim(math.exp(panel.low), math.exp(panel.high))
    else:
        axes.set_ylim(panel.low, panel.high)
    return axes


def _canvas(figure: Figure, height: float, label: str, order: int) -> Axes:
    """Return invisible axes over the whole figure, whose unit is the pixel."""
    axes = figure.add_axes((0, 0, 1, 1), facecolor="none", label=label, zorder=order)
    axes.set_axis_off()
    axes.set_xlim(0, WIDTH)
    axes.set_ylim(height, 0)
    return axes


def _stroke(
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    colour: str,
    width: float,
    *,
    dash: _Dash = "-",
    order: float = 2,
) -> None:
    axes.plot(
        x,
        y,
        color=colour,
        linewidth=width,
        linestyle=dash,
        marker="None",
        antialiased=True,
        solid_capstyle="butt",
        dash_capstyle="butt",
        solid_joinstyle="round",
        # The metric alone leaves its panel, and must not be seen there.
        clip_on=order == _CURVE_ORDER,
        zorder=order,
    )


_CURVE_ORDER = 3


def _dots(
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    shape: str,
    size: float,
    fill: str,
    edge: str,
    *,
    clip: bool = False,
) -> None:
    axes.plot(
        x,
        y,
        linestyle="None",
        marker=shape,
        markersize=size,
        markerfacecolor=fill,
        markeredgecolor=edge,
        markeredgewidth=1.2,
        antialiased=True,
        clip_on=clip,
        zorder=5,
    )


def _bars(axes: Axes, epochs: Sequence[int], heights: Sequence[float], colour: str) -> None:
    axes.bar(
        epochs, heights, width=_BAR_WIDTH, color=colour, edgecolor="none", linewidth=0, antialiased=True, clip_on=False
    )


def _draw_metric(axes: Axes, info: CurveInfo, layout: Layout) -> None:
    for tick in layout.metric.ticks:
        _stroke(axes, [layout.first, layout.last], [tick.value] * 2, _GRID, 0.8, order=1)
    for level in info.levels:
        for value, width, dash in ((level.best, 1.1, "-"), (level.threshold, 0.9, _DOTTED)):
            if value is not None and info.scale and info.scale.holds(value):
                _stroke(axes, [level.first, level.last], [value] * 2, BEST, width, dash=dash)
    # Agg cannot draw to infinity; a point well beyond the panel looks the same.
    reached = [None if value is None else layout.metric.reached(value) for value in info.values]
    present = [(epoch, value) for epoch, value in zip(info.epochs, reached, strict=True) if value is not None]
    ran = [point for point in present if point[0] <= info.epochs[info.split - 1]]
    for points, colour, width in ((present[max(len(ran) - 1, 0) :], _AFTER, 1.1), (ran, _CURVE, 1.5)):
        epochs, values = [epoch for epoch, _ in points], [value for _, value in points]
        _stroke(axes, epochs, values, colour, width, order=_CURVE_ORDER)
        if len(present) < len(info.values) or len(present) == 1:
            _dots(axes, epochs, values, "o", 3.5, colour, colour, clip=True)


def _draw_wait(axes: Axes, wait: Wait, layout: Layout) -> None:
    for kind, colour in _BARS.items():
        bars = [bar for bar in wait.bars if bar.kind == kind]
        _bars(axes, [bar.epoch for bar in bars], [bar.wait for bar in bars], colour)
    improved = [bar.epoch for bar in wait.bars if bar.kind == "improved"]
    _bars(axes, improved, [-0.06 * wait.top] * len(improved), BEST)
    edges = [layout.first, layout.last]
    _stroke(axes, edges, [0, 0], _LINE, 0.8, order=1)
    if math.isfinite(wait.patience):
        _stroke(axes, edges, [wait.patience] * 2, STOP, 1.1, dash=_DASHED, order=1)
    axes.set_ylim(0, wait.top)


def _draw_rate(axes: Axes, rate: Rate) -> None:
    for first, last in rate.cooldowns:
        axes.axvspan(first - 0.5, last + 0.5, facecolor=RATE, edgecolor="none", alpha=0.14, linewidth=0)
    epochs: list[float] = [rate.epochs[0] - 0.5]
    rates = [rate.rates[0]]
    for epoch, value in zip(rate.epochs, rate.rates, strict=True):
        epochs += [epochs[-1], epoch + 0.5]
        rates += [value, value]
    if rate.after != rate.rates[-1]:
        left, right = axes.get_xlim()
        epochs += [epochs[-1], epochs[-1] + (right - left) * 8 / (RIGHT - LEFT)]
        rates += [rate.after, rate.after]
    _stroke(axes, epochs, rates, RATE, 1.5)
    for drop in rate.drops:
        _dots(axes, [drop.epoch + 0.5], [drop.old], "v", 7.5, "white" if drop.hypothetical else RATE, RATE)


def _draw_ground(axes: Axes, info: CurveInfo, layout: Layout, head: float, bottom: float) -> None:
    if info.what_if_from is not None:
        x, top = layout.x(info.what_if_from - 0.5), layout.metric.top + head
        axes.fill([x, RIGHT, RIGHT, x], [top, top, bottom, bottom], facecolor=_WHAT_IF, edgecolor="none", linewidth=0)
        _stroke(axes, [x, x], [top, bottom], _AFTER, 0.8, dash=_DOTTED)
    _stroke(axes, [LEFT, RIGHT], [layout.axis_y + head] * 2, _LINE, 0.8)


def _draw_marks(axes: Axes, info: CurveInfo, layout: Layout, head: float, bottom: float) -> None:
    if info.stop:
        x = layout.x(info.stop.epoch)
        _stroke(axes, [x, x], [32 + head, bottom], STOP, 1.5)
        _dots(axes, [x], [32 + head], "s", 5, STOP, STOP)
    if info.regret and math.isfinite(info.regret.kept) and math.isfinite(info.regret.best):
        kept, best = (layout.metric.y(value) + head for value in (info.regret.kept, info.regret.best))
        _stroke(axes, [RIGHT + 8, RIGHT + 14, RIGHT + 14, RIGHT + 8], [kept, kept, best, best], MISSED, 1.1)
    looks = ((info.best, "o", BEST, BEST), (info.lowest, "o", "white", MISSED), (info.kept, "s", MISSED, "white"))
    for mark, shape, fill, edge in looks:
        if mark and mark.value is not None and not math.isnan(mark.value):
            _dots(axes, [layout.x(mark.epoch)], [layout.metric.y(mark.value) + head], shape, 6.5, fill, edge)
