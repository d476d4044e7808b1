"""Draw a sweep: two arguments as a grid of mean regret, and all settings in the plane of saving and regret.

Every property is given here, because matplotlib takes what is left out from the user's rcParams.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kcb_replay.report.drawing import BEST, INK, MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kcb_replay.report.sweep_info import SweepGrid, SweepInfo

__all__ = ["figure_of_sweep"]

_DPI, _WIDTH, _LEFT, _RIGHT = 100, 900, 90, 870
_HEAD, _PLANE, _CELL, _GAP, _LINE = 66, 380, 26, 84, 19
_FONT, _PX, _WRAP = "DejaVu Sans", 72 / _DPI, 84
_GRID_LINE, _EDGE, _OTHERS, _UNKNOWN = "#e6e9ec", "#d5d9de", "#858e98", "#f6f7f8"
# Nine steps whose luminance only falls, so that they can be told apart without colour.
_HEAT = ("#f4f6e6", "#e0ebc8", "#c3debb", "#9bcdb4", "#6bb8b0", "#429bab", "#277b9f", "#225a89", "#27386b")
_DARK = 5
# Beyond so many of them cells are too narrow for numbers, and names of columns for each other.
_MOST_NUMBERS, _MOST_NAMES = 12, 25


def figure_of_sweep(info: SweepInfo) -> Figure:
    """Return the grid, where two arguments vary, above the plane."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    title = textwrap.wrap(info.title, _WRAP)
    tall = 0 if info.grid is None else _CELL * len(info.grid.row_names) + _GAP
    top = _HEAD + _LINE * (len(title) - 1)
    said = [*((legend, INK) for legend in info.legend), *((note, MUTED) for note in info.notes)]
    height = top + tall + _PLANE + _GAP + _LINE * len(said)
    figure = Figure(figsize=(_WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor="white", edgecolor="white", linewidth=0)
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    for row, line in enumerate(title):
        _write(figure, height, 28 + row * _LINE, line, INK, bold=True)
    if info.grid is not None:
        _draw_grid(_axes(figure, height, top, tall - _GAP), info.grid)
    _draw_plane(_axes(figure, height, top + tall, _PLANE), info)
    for row, (text, colour) in enumerate(said):
        _write(figure, height, top + tall + _PLANE + _GAP - 18 + row * _LINE, text, colour)
    return figure


def _axes(figure: Figure, height: float, top: float, tall: float) -> Axes:
    place = (_LEFT / _WIDTH, 1 - (top + tall) / height, (_RIGHT - _LEFT) / _WIDTH, tall / height)
    axes = figure.add_axes(place, facecolor="white")
    axes.tick_params(labelsize=11 * _PX, labelfontfamily=_FONT, colors=MUTED, color=_EDGE, direction="out")
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=_EDGE, linewidth=0.8)
    return axes


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
        axes.text(column + 0.5, row + 0.5, text, color=colour, ha="center", va="center", fontsize=11 * _PX,
                  fontfamily=_FONT, zorder=2)  # fmt: skip


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
    axes.grid(visible=True, color=_GRID_LINE, linewidth=0.8, linestyle="-")
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
            axes.annotate(str(point.number), (point.saving, point.regret), ha="center", va="center_baseline",
                          fontsize=11 * _PX, fontfamily=_FONT, fontweight="bold", annotation_clip=False,
                          color=colour if point.hollow else "white", zorder=5)  # fmt: skip


def _name_axes(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x, fontsize=12 * _PX, fontfamily=_FONT, color=INK, parse_math=False)
    axes.set_ylabel(y, fontsize=12 * _PX, fontfamily=_FONT, color=INK, parse_math=False)


def _write(figure: Figure, height: float, y: float, text: str, colour: str, *, bold: bool = False) -> None:
    figure.text(_LEFT / _WIDTH, 1 - y / height, text, color=colour, fontsize=13 * _PX, fontfamily=_FONT,
                fontweight="bold" if bold else "normal", ha="left", va="baseline", parse_math=False)  # fmt: skip
