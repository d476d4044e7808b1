"""Draw the grid of settings: every cell its mean regret, the stronger the colour, the more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.figures.canvas import LINE, stroke, wrapped
from kcb_replay.report.figures.plane import EDGE
from kcb_replay.text import compact

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.report.drawing.grid import GridSlice, SettingsGrid
    from kcb_replay.report.figures.canvas import Canvas, Look

__all__ = ["GridCells", "draw_grid", "grid_cells"]

# The widest and the tallest cell that is good to look at, and the gap between two.
_WIDEST, _TALL, _GAP, _MOST_TALL = 96, 25, 2, 1300
_ABOVE, _BELOW = 14, 30
# How numbers are written, the best first: decimals, and the size of the text in pixels.
_WRITTEN = ((4, 13.0), (3, 13.0), (3, 11.5))
# The width of a digit as a share of the size of its text, and that of the hatching beside it.
_DIGIT, _HATCHED = 0.64, 9


@dataclass(frozen=True, slots=True)
class GridCells:
    """How large the cells are, in pixels, and what is written into them, in what size; None where nothing fits."""

    grid: SettingsGrid
    shown: GridSlice
    left: float
    wide: float
    tall: float
    lines: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...] | None
    size: float

    @property
    def head(self) -> float:
        """What is said above the cells, in pixels."""
        return _ABOVE + LINE * (len(self.lines) + 2) + 8

    @property
    def width(self) -> float:
        """How wide the grid is with the names of its rows, in pixels."""
        return self.left + self.wide * len(self.grid.column_names)

    @property
    def height(self) -> float:
        """How tall the grid is with what is said above it, in pixels."""
        return self.head + self.tall * len(self.grid.row_names) + _BELOW


def grid_cells(grid: SettingsGrid, monitor: str, look: Look, words: Catalogue) -> GridCells:
    """Return the grid as it fits on a page; where further arguments vary, a cell is its best setting."""
    left = EDGE + max(70.0, 8.0 * max(map(len, (*grid.row_names, f"{grid.rows} ↓  "))))
    wide = min((look.width - left - EDGE) / len(grid.column_names), _WIDEST)
    tall, shown = min(_TALL, _MOST_TALL / len(grid.row_names)), grid.best
    texts, size = _fitting(grid, shown, wide, tall)
    notes = [words.say("grid.regret", monitor=monitor), *grid.notes(shown, words, numbered=texts is not None)]
    if texts is None:
        notes.append(words.say("grid.too_many", rows=len(grid.row_names), columns=len(grid.column_names)))
    lines = tuple(wrapped(" ".join(notes), look.width - 2 * EDGE))
    return GridCells(grid, shown, left, wide, tall, lines, texts, size)


def draw_grid(canvas: Canvas, cells: GridCells, top: float) -> None:
    """Draw the grid, `top` pixels below the upper edge of the page."""
    canvas.write_lines(EDGE, top + _ABOVE, [(line, canvas.look.palette.muted) for line in cells.lines])
    axes, steps = canvas.layer("heat", 0), cells.grid.regret_steps
    for row, numbers in enumerate(cells.shown.numbers):
        for column, number in enumerate(numbers):
            _draw_cell(canvas, axes, cells, top + cells.head, (row, column), number, steps[number])
    _name_cells(canvas, cells, top + cells.head)


def _fitting(
    grid: SettingsGrid, shown: GridSlice, wide: float, tall: float
) -> tuple[tuple[tuple[str, ...], ...] | None, float]:
    """Return the numbers as they fit into cells, and their size."""
    for decimals, size in _WRITTEN:
        texts = tuple(tuple(_number(grid.regret[number], decimals) for number in row) for row in shown.numbers)
        longest = max(len(text) for row in texts for text in row)
        if longest * _DIGIT * size + 2 * _GAP + _HATCHED <= wide and size + 3 <= tall:
            return texts, size
    return None, 0.0


def _number(regret: float, decimals: int) -> str:
    if not math.isfinite(regret):
        return "?" if math.isnan(regret) else "∞"
    return compact(regret, decimals)


def _draw_cell(
    canvas: Canvas, axes: Axes, cells: GridCells, top: float, position: tuple[int, int], number: int, step: int
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


def _name_cells(canvas: Canvas, cells: GridCells, top: float) -> None:
    palette, grid = canvas.look.palette, cells.grid
    canvas.write(EDGE, top - 10, f"{grid.rows} ↓", palette.ink, bold=True)
    canvas.write(cells.left, top - 10 - LINE, f"{grid.columns} →", palette.ink, bold=True)
    widest = 8.0 * max(map(len, grid.column_names)) + 8
    for name, number in _some(grid.column_names, cells.wide, widest):
        canvas.write(cells.left + (number + 0.5) * cells.wide, top - 10, name, palette.muted, align="center")
    for name, number in _some(grid.row_names, cells.tall, LINE):
        canvas.write(cells.left - 10, top + (number + 0.5) * cells.tall + 3.5, name, palette.muted, align="right")


def _some(names: tuple[str, ...], distance: float, needed: float) -> list[tuple[str, int]]:
    every = math.ceil(needed / distance)
    return [(name, number) for number, name in enumerate(names) if number % every == 0]
