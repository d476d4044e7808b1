"""Lines and marks on matplotlib axes, in pixels of the page, with every property that rcParams would else fill in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from kcb_replay.report.figures.canvas import Canvas

__all__ = ["DASHED", "DOTTED", "dots", "stroke"]

_Dash: TypeAlias = str | tuple[float, tuple[float, float]]
DASHED: _Dash = (0, (4, 3))
DOTTED: _Dash = (0, (1, 3))


def stroke(
    canvas: Canvas,
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    colour: str,
    width: float,
    *,
    dash: _Dash = "-",
    order: float = 2,
    alpha: float = 1.0,
    clip: bool = False,
) -> None:
    """Draw a line through points, `width` pixels wide; `clip` keeps it inside its axes."""
    axes.plot(
        x,
        y,
        color=colour,
        linewidth=canvas.points(width),
        linestyle=dash,
        marker="None",
        alpha=alpha,
        antialiased=True,
        solid_capstyle="butt",
        dash_capstyle="butt",
        solid_joinstyle="round",
        clip_on=clip,
        zorder=order,
    )


def dots(
    canvas: Canvas,
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    shape: str,
    size: float,
    fill: str,
    edge: str,
    *,
    alpha: float = 1.0,
    clip: bool = False,
    order: float = 5,
) -> None:
    """Draw the same mark, `size` pixels wide, at every point; another `fill` than the edge makes it hollow."""
    axes.plot(
        x,
        y,
        linestyle="None",
        marker=shape,
        markersize=canvas.points(size),
        markerfacecolor=fill,
        markeredgecolor=edge,
        markeredgewidth=canvas.points(1.6),
        alpha=alpha,
        antialiased=True,
        clip_on=clip,
        zorder=order,
    )
