"""Draw a comparison of stopping rules: mean share of epochs run against mean regret, with the baseline.

Every property is given here, because matplotlib takes what is left out from the user's rcParams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.drawing import BEST, INK, MUTED, STOP

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kcb_replay.report.rules import RulesInfo

__all__ = ["figure_of_rules"]

_DPI, _WIDTH, _PLANE, _LINE = 100, 900, 430, 19
_LEFT, _RIGHT, _HEAD, _FOOT = 90, 870, 46, 62
_FONT, _PX = "DejaVu Sans", 72 / _DPI
_GRID, _EDGE = "#e6e9ec", "#d5d9de"
_COLOURS = {"last": STOP, "best": BEST}
_DASHES = {"last": "-", "best": "--"}


def figure_of_rules(info: RulesInfo) -> Figure:
    """Return the plane as a Figure, its legend below it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    legend = [*(point.legend for point in info.points), *(note.removeprefix("Note: ") for note in info.notes)]
    height = _HEAD + _PLANE + _FOOT + _LINE * len(legend) + 14
    figure = Figure(figsize=(_WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor="white", edgecolor="white", linewidth=0)
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    place = (_LEFT / _WIDTH, 1 - (_HEAD + _PLANE) / height, (_RIGHT - _LEFT) / _WIDTH, _PLANE / height)
    axes = figure.add_axes(place, facecolor="white")
    _dress(axes, info)
    _draw_lines(axes, info)
    _draw_points(axes, info)
    _write(figure, height, _LEFT, 28, info.title, INK, size=16, bold=True)
    for row, text in enumerate(legend):
        colour = INK if row < len(info.points) else MUTED
        _write(figure, height, _LEFT, _HEAD + _PLANE + _FOOT + row * _LINE, text, colour)
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
    axes.set_xlabel(info.x_label, fontsize=13 * _PX, fontfamily=_FONT, color=INK, parse_math=False)
    axes.set_ylabel(info.y_label, fontsize=13 * _PX, fontfamily=_FONT, color=INK, parse_math=False)
    axes.tick_params(labelsize=12 * _PX, labelfontfamily=_FONT, colors=MUTED, color=_EDGE, direction="out")
    axes.grid(visible=True, color=_GRID, linewidth=0.8, linestyle="-")
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=_EDGE, linewidth=0.8)


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
            edgecolor=_EDGE,
            framealpha=1.0,
            prop={"family": _FONT, "size": 12 * _PX},
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
        axes.annotate(
            str(point.number),
            (point.share, point.regret),
            ha="center",
            va="center_baseline",
            fontsize=11 * _PX,
            fontfamily=_FONT,
            fontweight="bold",
            color=colour if point.hollow else "white",
            annotation_clip=False,
            zorder=4.0005 + point.number / 1000,
        )


def _write(
    figure: Figure, height: float, x: float, y: float, text: str, colour: str, *, size: float = 13, bold: bool = False
) -> None:
    figure.text(
        x / _WIDTH,
        1 - y / height,
        text,
        color=colour,
        fontsize=size * _PX,
        fontfamily=_FONT,
        fontweight="bold" if bold else "normal",
        ha="left",
        va="baseline",
        parse_math=False,
    )
