"""Draw a sweep: two arguments as a grid of mean regret, and all settings in the plane of saving and regret.

Every property is given here, because matplotlib takes what is left out from the user's rcParams.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kcb_replay.report.drawing import BEST, INK, MUTED
from kcb_replay.report.plane import FONT, GRID, LINE, PX, add_axes, blank_page, write, write_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kcb_replay.report.sweep_info import SweepGrid, SweepInfo

__all__ = ["figure_of_sweep"]

_HEAD, _PLANE, _CELL, _GAP, _WRAP = 66, 380, 26, 84, 84
_OTHERS, _UNKNOWN = "#858e98", "#f6f7f8"
# Nine steps whose luminance only falls, so that they can be told apart without colour.
_HEAT = ("#f4f6e6", "#e0ebc8", "#c3debb", "#9bcdb4", "#6bb8b0", "#429bab", "#277b9f", "#225a89", "#27386b")
_DARK = 5
# Beyond so many of them cells are too narrow for numbers, and names of columns for each other.
_MOST_NUMBERS, _MOST_NAMES = 12, 25


def figure_of_sweep(info: SweepInfo) -> Figure:
    """Return the grid, where two arguments vary, above the plane."""
    title = textwrap.wrap(info.title, _WRAP)
    tall = 0 if info.grid is None else _CELL * len(info.grid.row_names) + _GAP
    top = _HEAD + LINE * (len(title) - 1)
    said = [*((legend, INK) for legend in info.legend), *((note, MUTED) for note in info.notes)]
    height = top + tall + _PLANE + _GAP + LINE * len(said)
    figure = blank_page(height)
    for row, line in enumerate(title):
        write(figure, height, 28 + row * LINE, line, INK, bold=True)
    if info.grid is not None:
        _draw_grid(add_axes(figure, height, top, tall - _GAP, ticks=11), info.grid)
    _draw_plane(add_axes(figure, height, top + tall, _PLANE, ticks=11), info)
    for row, (text, colour) in enumerate(said):
        write(figure, height, top + tall + _PLANE + _GAP - 18 + row * LINE, text, colour)
    return figure


def _draw_grid(axes: Axes, grid: SweepGrid) -> None:
    from matplotlib.colors import ListedColormap

    steps = _steps(np.array(grid.regret))
    colours = ListedColormap(_HEAT).with_extremes(bad=_UNKNOWN)
    axes.pcolormesh(np.ma.masked_less(steps, 0), cmap=colours, vmin=-0.5, vmax=len(_HEAT) - 0.5, linewidth=0, zorder=1)
    rows, columns = steps.shape
    every = -(-columns // _MOST_NAMES)
    axes.set_xticks(np.arange(0, columns, every) + 0.5, grid.column_names[::every])
    axes.set_yticks(np.arange(rows) + 0.5, grid.row_names)
    axes.invert_yaxis()
    _name_axes(axes, f"{grid.columns}  (mean regret: the darker, the more)", grid.rows)
    if columns > _MOST_NUMBERS:
        return
    for (row, column), step in np.ndenumerate(steps):
        text = f"{grid.regret[row][column]:.3g}" if step >= 0 else "?"
        colour = "white" if step >= _DARK else INK
        axes.text(column + 0.5, row + 0.5, text, color=colour, ha="center", va="center", fontsize=11 * PX,
                  fontfamily=FONT, zorder=2)  # fmt: skip


def _steps(regret: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the step of each cell, by rank, so that one setting that diverged leaves the others apart; -1 for none."""
    known = np.unique(regret[np.isfinite(regret)])
    if not len(known):
        return np.full(regret.shape, -1)
    rank = np.searchsorted(known, regret)
    steps = rank * (len(_HEAT) - 1) // max(len(known) - 1, 1)
    return np.where(np.isfinite(regret), steps, -1)


def _draw_plane(axes: Axes, info: SweepInfo) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if info.linear_until is not None:
        axes.set_yscale("symlog", linthresh=info.linear_until)
    _name_axes(axes, info.x_label, info.y_label)
    axes.grid(visible=True, color=GRID, linewidth=0.8, linestyle="-")
    axes.set_axisbelow(True)
    front = [point for point in info.points if point.on_front]
    axes.plot([point.saving for point in front], [point.regret for point in front], color=BEST, linewidth=1.2,
              linestyle="-", marker="None", zorder=2)  # fmt: skip
    for point in info.points:
        colour = BEST if point.on_front else _OTHERS
        size = 15 if point.number else 6 if point.on_front else 5
        axes.plot([point.saving], [point.regret], linestyle="None", marker="o", markersize=size,
                  markerfacecolor="white" if point.hollow else colour, markeredgecolor=colour, markeredgewidth=1.4,
                  clip_on=False, zorder=3 + point.on_front)  # fmt: skip
        if point.number:
            inside = colour if point.hollow else "white"
            write_number(axes, point.saving, point.regret, point.number, inside, zorder=5)


def _name_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=12 * PX, fontfamily=FONT, color=INK, parse_math=False)
    axes.set_ylabel(y, fontsize=12 * PX, fontfamily=FONT, color=INK, parse_math=False)
