"""Draw a sweep or a comparison of rules: the grid of settings, and all choices in the plane of saving and regret.

Every cell of the grid is its mean regret, the stronger the colour, the more. In the plane choices are points, those of
the legend discs, and the baseline lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.report.drawing.choices import ChoicesDrawing
from kcb_replay.report.drawing.grid import CellRows, SettingsGrid
from kcb_replay.report.drawing.plane import Plane, PlaneFrame, PlanePoint
from kcb_replay.report.figures.canvas import ALIGN, DASHED, LINE, Canvas, Look, blank, dots, stroke, wrapped
from kcb_replay.text import UNKNOWN, compact

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_MARGIN, _DOWN, _LEAVES_ROOM = 14, 40, 0.46
# The widest and the tallest cell that is good to look at, and the gap between two.
_WIDEST, _TALL, _GAP, _MOST_TALL = 96, 25, 2, 1300
_GRID_ABOVE, _GRID_BELOW = 14, 30
# How numbers are written, the best first: decimals, and the size of the text in pixels.
_WRITTEN = ((4, 13.0), (3, 13.0), (3, 11.5))
# The width of a digit as a share of the size of its text, and that of the hatching beside it.
_DIGIT, _HATCHED = 0.64, 9
# Left and right of the plane is room for its ticks and for a dot on its edge.
_EDGE, _LEFT, _RIGHT = 20, 80, 34
_ABOVE, _PLANE, _BELOW = 34, 380, 66
_PLANE_HEIGHT = _ABOVE + _PLANE + _BELOW
_DISC, _FRONT, _DOT = 20.0, 8.0, 7.0


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
    title = wrapped(drawing.title, (look.width - 2 * _EDGE) / 1.12)
    head = 28 + LINE * len(title)
    cells = _grid_cells(settings, drawing.monitor, look) if settings else None
    # Side by side where the grid leaves room for a plane.
    beside = plane and cells is not None and cells.width <= _LEAVES_ROOM * look.width
    tall, height = cells.height if cells else 0.0, _PLANE_HEIGHT if plane else 0.0
    down = max(_DOWN, LINE * len(cells.lines)) if beside and cells else 0.0
    drawn = max(tall, height + down) if beside else tall + height
    notes = _below(drawing, look)
    canvas = blank(look, head + drawn + LINE * (len(notes) + 1) + _MARGIN)
    for row, line in enumerate(title):
        canvas.write(_EDGE, 28 + row * LINE, line, look.palette.ink, size=14, bold=True)
    if cells:
        _draw_grid(canvas, cells, head)
    if plane:
        _draw_plane(
            canvas, drawing.plane, head + down if beside else head + tall, cells.width if beside and cells else 0.0
        )
    canvas.write_lines(_EDGE, head + drawn + LINE, notes)
    return canvas.figure


def _below(drawing: ChoicesDrawing, look: Look) -> list[tuple[str, str]]:
    """Return the legend and the notes."""
    room, palette = look.width - 2 * _EDGE, look.palette
    lines = [(line, palette.ink) for text in drawing.legend for line in wrapped(text, room)]
    return lines + [(line, palette.muted) for text in drawing.notes for line in wrapped(text, room)]


@dataclass(frozen=True, slots=True)
class _GridInFigure:
    """How large the cells are, in pixels, and what is written into them, in what size; None where nothing fits."""

    grid: SettingsGrid
    shown: CellRows
    left: float
    wide: float
    tall: float
    lines: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...] | None
    size: float

    @property
    def head(self) -> float:
        """What is said above the cells, in pixels."""
        return _GRID_ABOVE + LINE * (len(self.lines) + 2) + 8

    @property
    def width(self) -> float:
        """How wide the grid is with the names of its rows, in pixels."""
        return self.left + self.wide * len(self.grid.column_names)

    @property
    def height(self) -> float:
        """How tall the grid is with what is said above it, in pixels."""
        return self.head + self.tall * len(self.grid.row_names) + _GRID_BELOW


def _grid_cells(grid: SettingsGrid, monitor: str, look: Look) -> _GridInFigure:
    """Return the grid as it fits on a page; where further arguments vary, a cell is its best setting."""
    left = _EDGE + max(70.0, 8.0 * max(map(len, (*grid.row_names, f"{grid.rows} ↓  "))))
    wide = min((look.width - left - _EDGE) / len(grid.column_names), _WIDEST)
    tall, shown = min(_TALL, _MOST_TALL / len(grid.row_names)), grid.best
    texts, size = _fitting(grid, shown, wide, tall)
    notes = [grid.words.say("grid.regret", monitor=monitor), *grid.notes(shown, numbered=texts is not None)]
    if texts is None:
        notes.append(grid.words.say("grid.too_many", rows=len(grid.row_names), columns=len(grid.column_names)))
    lines = tuple(wrapped(" ".join(notes), look.width - 2 * _EDGE))
    return _GridInFigure(grid, shown, left, wide, tall, lines, texts, size)


def _draw_grid(canvas: Canvas, cells: _GridInFigure, top: float) -> None:
    """Draw the grid, `top` pixels below the upper edge of the page."""
    canvas.write_lines(_EDGE, top + _GRID_ABOVE, [(line, canvas.look.palette.muted) for line in cells.lines])
    axes, steps = canvas.layer("heat", 0), cells.grid.regret_steps
    for row, numbers in enumerate(cells.shown):
        for column, number in enumerate(numbers):
            _draw_cell(canvas, axes, cells, top + cells.head, (row, column), number, steps[number])
    _name_cells(canvas, cells, top + cells.head)


def _fitting(
    grid: SettingsGrid, shown: CellRows, wide: float, tall: float
) -> tuple[tuple[tuple[str, ...], ...] | None, float]:
    """Return the numbers as they fit into cells, and their size."""
    for decimals, size in _WRITTEN:
        texts = tuple(tuple(_number(grid.regret[number], decimals) for number in row) for row in shown)
        longest = max(len(text) for row in texts for text in row)
        if longest * _DIGIT * size + 2 * _GAP + _HATCHED <= wide and size + 3 <= tall:
            return texts, size
    return None, 0.0


def _number(regret: float, decimals: int) -> str:
    if not math.isfinite(regret):
        return UNKNOWN if math.isnan(regret) else "∞"
    return compact(regret, decimals)


def _draw_cell(
    canvas: Canvas, axes: Axes, cells: _GridInFigure, top: float, position: tuple[int, int], number: int, step: int
) -> None:
    palette, (row, column) = canvas.look.palette, position
    gap = _GAP if cells.texts else 0
    x, y = cells.left + column * cells.wide, top + row * cells.tall
    right, bottom = x + cells.wide - gap, y + cells.tall - gap
    colour = palette.heat[step] if step >= 0 else palette.panel
    ink = palette.heat_ink(step) if step >= 0 else palette.muted
    axes.fill([x, right, right, x], [y, y, bottom, bottom], facecolor=colour, edgecolor="none", linewidth=0)
    hatched = bool(cells.texts) and cells.grid.undecided[number] > 0
    if hatched:
        for down in range(int(bottom - y) // 4 + 1):
            low = min(y + 4 * down + _HATCHED - 1, bottom)
            stroke(canvas, axes, [x + 1 + low - y - 4 * down, x + 1], [y + 4 * down, low], ink, 0.8, order=2)
    if number in cells.grid.front:
        edge = (x + 1, y + 1, right - 1, bottom - 1)
        outline = ([edge[0], edge[2], edge[2], edge[0]], [edge[1], edge[1], edge[3], edge[3]])
        axes.fill(*outline, facecolor="none", edgecolor=palette.ink, linewidth=canvas.points(gap or 1), zorder=3)
    if cells.texts:
        middle = (x + (cells.wide - gap + hatched * _HATCHED) / 2, y + (cells.tall - gap) / 2 + 0.35 * cells.size)
        canvas.write(*middle, cells.texts[row][column], ink, align="center", size=cells.size)


def _name_cells(canvas: Canvas, cells: _GridInFigure, top: float) -> None:
    palette, grid = canvas.look.palette, cells.grid
    canvas.write(_EDGE, top - 10, f"{grid.rows} ↓", palette.ink, bold=True)
    canvas.write(cells.left, top - 10 - LINE, f"{grid.columns} →", palette.ink, bold=True)
    widest = 8.0 * max(map(len, grid.column_names)) + 8
    for name, number in _some(grid.column_names, cells.wide, widest):
        canvas.write(cells.left + (number + 0.5) * cells.wide, top - 10, name, palette.muted, align="center")
    for name, number in _some(grid.row_names, cells.tall, LINE):
        canvas.write(cells.left - 10, top + (number + 0.5) * cells.tall + 3.5, name, palette.muted, align="right")


def _some(names: tuple[str, ...], distance: float, needed: float) -> list[tuple[str, int]]:
    every = math.ceil(needed / distance)
    return [(name, number) for number, name in enumerate(names) if number % every == 0]


def _draw_plane(canvas: Canvas, plane: Plane, top: float, left: float = 0.0) -> None:
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
    canvas.write(left + _EDGE, frame.top - 14, frame.plane.y_name, palette.ink, bold=True)
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
