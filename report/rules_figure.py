"""Draw a comparison of stopping rules: mean share of epochs run against mean regret, with the baseline.

Every property is given here, because matplotlib takes what is left out from the user's rcParams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.drawing import BEST, INK, MUTED, STOP
from kcb_replay.report.plane import EDGE, FONT, GRID, LINE, PX, add_axes, blank_page, write, write_number

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kcb_replay.report.rules import RulesInfo

__all__ = ["figure_of_rules"]

_PLANE, _HEAD, _FOOT = 430, 46, 62
_COLOURS = {"last": STOP, "best": BEST}
_DASHES = {"last": "-", "best": "--"}


def figure_of_rules(info: RulesInfo) -> Figure:
    """Return the plane as a Figure, its legend below it."""
    legend = [*(point.legend for point in info.points), *(note.removeprefix("Note: ") for note in info.notes)]
    height = _HEAD + _PLANE + _FOOT + LINE * len(legend) + 14
    figure = blank_page(height)
    axes = add_axes(figure, height, _HEAD, _PLANE, ticks=12)
    _dress(axes, info)
    _draw_lines(axes, info)
    _draw_points(axes, info)
    write(figure, height, 28, info.title, INK, size=16, bold=True)
    for row, text in enumerate(legend):
        colour = INK if row < len(info.points) else MUTED
        write(figure, height, _HEAD + _PLANE + _FOOT + row * LINE, text, colour)
    return figure


def _dress(axes: Axes, info: RulesInfo) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.set_xlim(0, 1.02)
    if info.linear_until is None:
        axes.set_ylim(-0.03 * info.top, info.top)
    else:
        axes.set_yscale("symlog", linthresh=info.linear_until)
        axes.set_ylim(-0.3 * info.linear_until, info.top)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel(info.x_label, fontsize=13 * PX, fontfamily=FONT, color=INK, parse_math=False)
    axes.set_ylabel(info.y_label, fontsize=13 * PX, fontfamily=FONT, color=INK, parse_math=False)
    axes.grid(visible=True, color=GRID, linewidth=0.8, linestyle="-")
    axes.set_axisbelow(True)


def _draw_lines(axes: Axes, info: RulesInfo) -> None:
    for line in info.lines:
        colour = _COLOURS[line.keeps]
        axes.plot(
            line.shares,
            line.regrets,
            color=colour,
            linewidth=1.5,
            linestyle=_DASHES[line.keeps],
            marker="None",
            alpha=0.75,
            label=line.label,
            zorder=2,
        )
    if info.lines:
        legend = axes.legend(
            loc="upper right",
            frameon=True,
            facecolor="white",
            edgecolor=EDGE,
            framealpha=1.0,
            prop={"family": FONT, "size": 12 * PX},
        )
        legend.set_zorder(3)


def _draw_points(axes: Axes, info: RulesInfo) -> None:
    for point in info.points:
        colour = _COLOURS[point.keeps]
        axes.plot(
            [point.share],
            [point.regret],
            linestyle="None",
            marker="o",
            markersize=15,
            markerfacecolor="white" if point.hollow else colour,
            markeredgecolor=colour,
            markeredgewidth=1.6,
            clip_on=False,
            zorder=4 + point.number / 1000,
        )
        inside = colour if point.hollow else "white"
        write_number(axes, point.share, point.regret, point.number, inside, zorder=4.0005 + point.number / 1000)
