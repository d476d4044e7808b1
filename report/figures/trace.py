"""Draw the wait counter or the learning rate of one replay alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.figures.canvas import blank
from kcb_replay.report.figures.panels import draw_ground, draw_rate, draw_wait, panel_axes
from kcb_replay.report.figures.run import head_height, write_head, write_labels
from kcb_replay.report.figures.strokes import dots, stroke
from kcb_replay.report.traces import trace_layout

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kcb_replay.report.drawing.curve import CurveInfo
    from kcb_replay.report.figures.canvas import Look
    from kcb_replay.report.traces import Part

__all__ = ["figure_of_trace"]


def figure_of_trace(info: CurveInfo, look: Look, part: Part) -> Figure:
    """Return one panel as a Figure; raises `SettingError` where the replay has no such panel."""
    layout, palette = trace_layout(info, part, look.width), look.palette
    head = head_height(info, look)
    canvas = blank(look, layout.height + head)
    write_head(canvas, info)
    axes = panel_axes(canvas, layout, layout.metric, head)
    if part == "wait" and info.wait:
        for tick in layout.metric.ticks:
            stroke(canvas, axes, [layout.first, layout.last], [tick.value] * 2, palette.grid, 1.1, order=0)
        draw_wait(canvas, axes, info.wait)
    elif info.rate:
        draw_rate(canvas, axes, info.rate)
    bottom = layout.axis_y + head
    draw_ground(canvas, canvas.layer("ground", -1), info, layout, head, bottom)
    if info.stop:
        x, marks = layout.x(info.stop.epoch), canvas.layer("marks", 1)
        stroke(canvas, marks, [x, x], [32 + head, bottom], palette.stop, 2)
        dots(canvas, marks, [x], [32 + head], "s", 7, palette.stop, palette.stop)
    write_labels(canvas, layout.all_labels, head)
    return canvas.figure
