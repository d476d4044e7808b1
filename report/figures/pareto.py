"""Draw all settings of a sweep in the plane of saving and regret, the front as a line, its settings listed below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.drawing.scales import RegretScale
from kcb_replay.report.figures.canvas import LINE, wrapped
from kcb_replay.report.figures.plane import EDGE, LEFT, Plane
from kcb_replay.report.figures.strokes import dots, stroke

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kcb_replay.report.figures.canvas import Canvas, Look
    from kcb_replay.report.sweep_info import SweepInfo

__all__ = ["draw_pareto", "list_height", "plane_height", "write_list"]

_ABOVE, _PLANE, _BELOW, _AIR = 34, 360, 66, 1.06


def plane_height() -> float:
    """Return what the plane takes with the names of its axes, in pixels."""
    return _ABOVE + _PLANE + _BELOW


def list_height(info: SweepInfo, look: Look) -> float:
    """Return what the list of settings and the notes take, in pixels."""
    return LINE * len(_said(info, look)) + LINE


def write_list(canvas: Canvas, info: SweepInfo, top: float) -> None:
    """Write the settings that are named by number, and the notes."""
    canvas.write_lines(EDGE, top + LINE, _said(info, canvas.look))


def draw_pareto(canvas: Canvas, info: SweepInfo, top: float, left: float = 0.0) -> None:
    """Draw the plane, `top` pixels below the upper edge of the page and `left` ones off the left."""
    savings = [point.saving for point in info.points]
    low, high = min(savings, default=0.0), max(savings, default=1.0)
    air = 0.04 * (high - low) or 0.05
    highest = max((point.regret for point in info.points), default=0.0)
    scale = RegretScale(_AIR * highest or 1.0, info.linear_until, root=True)
    upper, lower = top + _ABOVE, top + _ABOVE + _PLANE
    plane = Plane(canvas, left + LEFT, upper, lower, max(low - air, 0.0), min(high + air, 1.0), scale)
    plane.name(info.x_label, info.y_label)
    _draw_points(plane, plane.axes(), info)


def _draw_points(plane: Plane, axes: Axes, info: SweepInfo) -> None:
    canvas, palette = plane.canvas, plane.canvas.look.palette
    front = [(plane.x(point.saving), plane.y(point.regret)) for point in info.points if point.on_front]
    stroke(canvas, axes, [x for x, _ in front], [y for _, y in front], palette.best, 1.6)
    for point in info.points:
        colour = palette.best if point.on_front else palette.gone
        if point.number:
            plane.number(axes, point.saving, point.regret, point.number, colour, hollow=point.hollow)
            continue
        fill, size = palette.ground if point.hollow else colour, 8 if point.on_front else 7
        place = ([plane.x(point.saving)], [plane.y(point.regret)])
        dots(canvas, axes, *place, "o", size, fill, colour, order=3 + point.on_front / 2)


def _said(info: SweepInfo, look: Look) -> list[tuple[str, str]]:
    room, palette = look.width - 2 * EDGE, look.palette
    lines = [(line, palette.ink) for text in info.legend for line in wrapped(text, room)]
    return lines + [(line, palette.muted) for text in info.notes for line in wrapped(text, room)]
