"""Draw the plane of saving and regret: choices as points, those of the legend as discs, the baseline as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.drawing.plane import PlaneFrame
from kcb_replay.report.figures.canvas import ALIGN, DASHED, dots, stroke

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kcb_replay.report.drawing.plane import Plane, PlanePoint
    from kcb_replay.report.figures.canvas import Canvas

__all__ = ["EDGE", "PLANE_HEIGHT", "draw_plane"]

# Left and right of the plane is room for its ticks and for a dot on its edge.
EDGE, _LEFT, _RIGHT = 20, 80, 34
_ABOVE, _PLANE, _BELOW = 34, 380, 66
PLANE_HEIGHT = _ABOVE + _PLANE + _BELOW
_DISC, _FRONT, _DOT = 20.0, 8.0, 7.0


def draw_plane(canvas: Canvas, plane: Plane, top: float, left: float = 0.0) -> None:
    """Draw the plane, `top` pixels below the upper edge of the page and `left` ones off the left."""
    upper = top + _ABOVE
    frame = PlaneFrame(plane, left + _LEFT, upper, canvas.look.width - _RIGHT, upper + _PLANE, _DISC / 2)
    axes = canvas.axes(frame.left, frame.top, frame.right, frame.bottom)
    axes.set_xlim(frame.left, frame.right)
    axes.set_ylim(frame.bottom, frame.top)
    _draw_ground(canvas, axes, frame, left)
    palette = canvas.look.palette
    for line in plane.lines:
        xs, ys = zip(*frame.through(line), strict=True)
        dash = DASHED if line.dashed else "-"
        stroke(canvas, axes, xs, ys, getattr(palette, line.tone), 2, dash=dash, alpha=0.75, clip=True)
    for label, tone in frame.labels(0):
        align = ALIGN[label.anchor]
        canvas.write(label.x, label.y, label.text, getattr(palette, tone), align=align, halo=True)
    if plane.joined:
        front = plane.front
        places = [frame.x(point.saving) for point in front], [frame.y(point.regret) for point in front]
        stroke(canvas, axes, *places, palette.curve, 1.6)
    for point in plane.in_order:
        _draw_point(canvas, axes, frame, point)


def _draw_ground(canvas: Canvas, axes: Axes, frame: PlaneFrame, left: float) -> None:
    """Draw grid and ticks, and say what the axes are: upwards above the plane, to the right below its right end."""
    palette, edges = canvas.look.palette, (frame.left, frame.right)
    for tick in frame.y_ticks:
        stroke(canvas, axes, edges, [tick.value, tick.value], palette.grid, 1.1, order=1)
        canvas.write(frame.left - 10, tick.value + 4.5, tick.text, palette.muted, align="right")
    for tick in frame.x_ticks:
        canvas.write(tick.value, frame.bottom + 24, tick.text, palette.muted, align="center")
    stroke(canvas, axes, edges, [frame.bottom, frame.bottom], palette.line, 1.1, order=1)
    canvas.write(left + EDGE, frame.top - 14, frame.plane.y_name, palette.ink, bold=True)
    canvas.write(frame.right, frame.bottom + 46, f"{frame.plane.x_name} →", palette.ink, align="right")


def _draw_point(canvas: Canvas, axes: Axes, frame: PlaneFrame, point: PlanePoint) -> None:
    """Draw a dot, or a disc that holds the number by which the legend names the choice."""
    colour, ground = getattr(canvas.look.palette, point.tone), canvas.look.palette.ground
    x, y = frame.x(point.saving), frame.y(point.regret)
    size, order = _DOT if point.tone == "gone" else _FRONT, 3 + (point.tone != "gone") / 2
    if point.number:
        size, order = _DISC, 4 + point.number / 1000
    dots(canvas, axes, [x], [y], "o", size, ground if point.hollow else colour, colour, order=order)
    if point.number:
        ink = colour if point.hollow else ground
        canvas.write(x, y + 4.5, str(point.number), ink, bold=True, align="center")
