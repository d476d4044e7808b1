"""The ground of the figures that are a plane of points: a white page measured in pixels, its axes, text and numbers.

Every property is given here, because matplotlib takes what is left out from the user's rcParams.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.drawing import MUTED

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["EDGE", "FONT", "GRID", "LEFT", "LINE", "PX", "add_axes", "blank_page", "write", "write_number"]

_DPI, _WIDTH, LEFT, _RIGHT = 100, 900, 90, 870
# Height of a line of text below the plane, and points of type in a pixel.
LINE, PX = 19, 72 / _DPI
FONT = "DejaVu Sans"
GRID, EDGE = "#e6e9ec", "#d5d9de"


def blank_page(height: float) -> Figure:
    """Return an empty figure of so many pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH / _DPI, height / _DPI), dpi=_DPI, facecolor="white", edgecolor="white", linewidth=0)
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    return figure


def add_axes(figure: Figure, height: float, top: float, tall: float, *, ticks: float) -> Axes:
    """Return axes of `tall` pixels, `top` below the upper edge, whose ticks are labelled in so many pixels."""
    place = (LEFT / _WIDTH, 1 - (top + tall) / height, (_RIGHT - LEFT) / _WIDTH, tall / height)
    axes = figure.add_axes(place, facecolor="white")
    axes.tick_params(labelsize=ticks * PX, labelfontfamily=FONT, colors=MUTED, color=EDGE, direction="out")
    for side, spine in axes.spines.items():
        spine.set(visible=side in ("left", "bottom"), color=EDGE, linewidth=0.8)
    return axes


def write(
    figure: Figure, height: float, y: float, text: str, colour: str, *, size: float = 13, bold: bool = False
) -> None:
    """Write a line at the left edge of the axes, `y` pixels below the upper edge of the page."""
    figure.text(
        LEFT / _WIDTH,
        1 - y / height,
        text,
        color=colour,
        fontsize=size * PX,
        fontfamily=FONT,
        fontweight="bold" if bold else "normal",
        ha="left",
        va="baseline",
        parse_math=False,
    )


def write_number(axes: Axes, x: float, y: float, number: int, colour: str, *, zorder: float) -> None:
    """Write the number by which the legend names a point into it."""
    axes.annotate(
        str(number),
        (x, y),
        ha="center",
        va="center_baseline",
        fontsize=11 * PX,
        fontfamily=FONT,
        fontweight="bold",
        color=colour,
        annotation_clip=False,
        zorder=zorder,
    )
