"""Draw a sweep or a comparison of rules: the grid of settings, and all choices in the plane of saving and regret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.report.figures.canvas import LINE, Look, blank, wrapped
from kcb_replay.report.figures.grid import draw_grid, grid_cells
from kcb_replay.report.figures.plane import EDGE, PLANE_HEIGHT, draw_plane

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kcb_replay.report.drawing.choices import ChoicesDrawing

__all__ = ["figure_of_choices"]

_BELOW, _DOWN, _LEAVES_ROOM = 14, 40, 0.46


def figure_of_choices(drawing: ChoicesDrawing, look: Look, *, grid: bool = True, plane: bool = True) -> Figure:
    """Return the grid above or beside the plane, or one of them, with the legend of the plane below.

    A grid of one argument is left out; raises `SettingError` where it was to be the figure.
    """
    settings = drawing.grid if grid and drawing.grid and drawing.grid.varying > 1 else None
    if not plane and settings is None:
        raise SettingError(
            "A heat map shows two arguments, but fewer have several values here."
            " Give lists of two, as --patience 1..20 --min-delta 0,0.001,0.01, or draw kind pareto."
        )
    title = wrapped(drawing.title, (look.width - 2 * EDGE) / 1.12)
    head = 28 + LINE * len(title)
    cells = grid_cells(settings, drawing.monitor, look, drawing.words) if settings else None
    # Side by side where the grid leaves room for a plane.
    beside = plane and cells is not None and cells.width <= _LEAVES_ROOM * look.width
    tall, height = cells.height if cells else 0.0, PLANE_HEIGHT if plane else 0.0
    drawn = max(tall, height + _DOWN) if beside else tall + height
    notes = _below(drawing, look)
    canvas = blank(look, head + drawn + LINE * (len(notes) + 1) + _BELOW)
    for row, line in enumerate(title):
        canvas.write(EDGE, 28 + row * LINE, line, look.palette.ink, size=14, bold=True)
    if cells:
        draw_grid(canvas, cells, head)
    if plane:
        draw_plane(
            canvas, drawing.plane, head + _DOWN if beside else head + tall, cells.width if beside and cells else 0.0
        )
    canvas.write_lines(EDGE, head + drawn + LINE, notes)
    return canvas.figure


def _below(drawing: ChoicesDrawing, look: Look) -> list[tuple[str, str]]:
    """Return the legend and the notes."""
    room, palette = look.width - 2 * EDGE, look.palette
    lines = [(line, palette.ink) for text in drawing.legend for line in wrapped(text, room)]
    return lines + [(line, palette.muted) for text in drawing.notes for line in wrapped(text, room)]
