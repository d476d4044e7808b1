"""Draw two arguments of a sweep as a grid of mean regret: every cell its number, the stronger the colour, the more."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.report.drawing.scales import heat_steps, is_by_rank
from kcb_replay.report.figures.canvas import LINE, wrapped
from kcb_replay.report.figures.plane import EDGE
from kcb_replay.text import compact

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kcb_replay.report.figures.canvas import Canvas, Look
    from kcb_replay.report.sweep_info import SweepGrid, SweepInfo

__all__ = ["draw_heat", "heat_size"]

# The widest and the tallest cell that is good to look at, and the gap between two.
_WIDEST, _TALL, _GAP, _MOST_TALL = 96, 25, 2, 1300
_ABOVE, _BELOW = 14, 30
# How numbers are written, the best first: decimals, and the size of the text in pixels.
_WRITTEN = ((4, 13.0), (3, 13.0), (3, 11.5))
# The width of a digit as a share of the size of its text.
_DIGIT = 0.64


@dataclass(frozen=True, slots=True)
class _Cells:
    """How large the cells are, in pixels, and what is written into them, in what size; None where nothing fits."""

    grid: SweepGrid
    left: float
    wide: float
    tall: float
    lines: tuple[str, ...]
    texts: tuple[tuple[str, ...], ...] | None
    size: float

    @property
    def head(self) -> float:
        """Return what is said above the cells, in pixels."""
        return _ABOVE + LINE * (len(self.lines) + 2) + 8

    @property
    def height(self) -> float:
        return self.head + self.tall * len(self.grid.row_names) + _BELOW


def heat_size(info: SweepInfo, look: Look) -> tuple[float, float]:
    """Return how wide and how tall the grid is, in pixels; nothing where there is none."""
    if info.grid is None:
        return 0.0, 0.0
    cells = _cells(info, info.grid, look)
    return cells.left + cells.wide * len(cells.grid.column_names), cells.height


def draw_heat(canvas: Canvas, info: SweepInfo, top: float) -> None:
    """Draw the grid, `top` pixels below the upper edge of the page."""
    if info.grid is None:
        return
    cells, palette = _cells(info, info.grid, canvas.look), canvas.look.palette
    canvas.write_lines(EDGE, top + _ABOVE, [(line, palette.muted) for line in cells.lines])
    axes = canvas.layer("heat", 0)
    steps = heat_steps(np.array(cells.grid.regret), len(palette.heat))
    for (row, column), step in np.ndenumerate(steps):
        _draw_cell(canvas, axes, cells, top + cells.head, (row, column), int(step))
    _name_cells(canvas, cells, top + cells.head)


def _cells(info: SweepInfo, grid: SweepGrid, look: Look) -> _Cells:
    # The argument with more values goes down: a page is longer than it is wide.
    grid = grid.turned() if len(grid.column_names) > len(grid.row_names) else grid
    left = EDGE + max(70.0, 8.0 * max(map(len, (*grid.row_names, f"{grid.rows} ↓  "))))
    wide = min((look.width - left - EDGE) / len(grid.column_names), _WIDEST)
    tall = min(_TALL, _MOST_TALL / len(grid.row_names))
    texts, size = _fitting(grid, wide, tall)
    said = [f"{info.regret_label}: the stronger the colour, the more."]
    said += grid.notes(numbered=texts is not None)
    said += ["The colours go by rank, for the regrets are too far apart."] if _is_by_rank(grid) else []
    said += [] if texts else [f"{len(grid.row_names)} × {len(grid.column_names)} cells are too many for their numbers."]
    return _Cells(grid, left, wide, tall, tuple(wrapped(" ".join(said), look.width - 2 * EDGE)), texts, size)


def _is_by_rank(grid: SweepGrid) -> bool:
    return is_by_rank(regret for row in grid.regret for regret in row)


def _fitting(grid: SweepGrid, wide: float, tall: float) -> tuple[tuple[tuple[str, ...], ...] | None, float]:
    """Return the numbers as they fit into cells, and their size."""
    places = [range(len(grid.column_names))] * len(grid.row_names)
    for decimals, size in _WRITTEN:
        texts = tuple(
            tuple(_number(grid, row, column, decimals) for column in columns) for row, columns in enumerate(places)
        )
        longest = max(len(text) for row in texts for text in row)
        if longest * _DIGIT * size + 2 * _GAP <= wide and size + 3 <= tall:
            return texts, size
    return None, 0.0


def _draw_cell(canvas: Canvas, axes: Axes, cells: _Cells, top: float, place: tuple[int, int], step: int) -> None:
    palette, (row, column) = canvas.look.palette, place
    gap = _GAP if cells.texts else 0
    x, y = cells.left + column * cells.wide, top + row * cells.tall
    right, bottom = x + cells.wide - gap, y + cells.tall - gap
    colour = palette.heat[step] if step >= 0 else palette.panel
    axes.fill([x, right, right, x], [y, y, bottom, bottom], facecolor=colour, edgecolor="none", linewidth=0)
    if cells.grid.front[row][column]:
        edge = (x + 1, y + 1, right - 1, bottom - 1)
        outline = ([edge[0], edge[2], edge[2], edge[0]], [edge[1], edge[1], edge[3], edge[3]])
        axes.fill(*outline, facecolor="none", edgecolor=palette.ink, linewidth=canvas.points(gap or 1), zorder=3)
    if cells.texts:
        ink = palette.heat_ink(step) if step >= 0 else palette.muted
        middle = (x + (cells.wide - gap) / 2, y + (cells.tall - gap) / 2 + 0.35 * cells.size)
        canvas.write(*middle, cells.texts[row][column], ink, align="center", size=cells.size)


def _number(grid: SweepGrid, row: int, column: int, decimals: int) -> str:
    regret = grid.regret[row][column]
    if not math.isfinite(regret):
        return "?" if math.isnan(regret) else "∞"
    return f"{'~' if grid.undecided[row][column] else ''}{compact(regret, decimals)}"


def _name_cells(canvas: Canvas, cells: _Cells, top: float) -> None:
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
