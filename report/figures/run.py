"""Draw one replay: the metric with its marks, the wait counter and the learning rate on one epoch axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.drawing.layout import layout_of
from kcb_replay.report.figures.canvas import ALIGN, LINE, Look, blank, wrapped
from kcb_replay.report.figures.panels import draw_panels
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.figure import Figure

    from kcb_replay.report.drawing.curve import CurveInfo
    from kcb_replay.report.drawing.palette import Palette
    from kcb_replay.report.drawing.placing import Label, Role
    from kcb_replay.report.figures.canvas import Canvas

__all__ = ["figure_of_run", "head_height", "middle_cut", "write_head", "write_labels"]

_EDGE, _BELOW = 20, 26


def figure_of_run(info: CurveInfo, look: Look) -> Figure:
    """Return the chart as a Figure whose axes are the metric, the wait counter and, if known, the learning rate."""
    layout = layout_of(info, look.width)
    head = head_height(info, look)
    canvas = blank(look, layout.height + head)
    write_head(canvas, info)
    draw_panels(canvas, info, layout, head)
    write_labels(canvas, layout.all_labels, head)
    return canvas.figure


def head_height(info: CurveInfo, look: Look) -> float:
    """Return what the head takes, in pixels."""
    return LINE * len(_head(info, look)) + _BELOW


def write_head(canvas: Canvas, info: CurveInfo) -> None:
    """Write which run it is, the answer in words, and how far it holds."""
    (title, ink), *lines = _head(info, canvas.look)
    canvas.write(_EDGE, 28, title, ink, size=17, bold=True)
    canvas.write_lines(_EDGE, 28 + LINE, lines)


def write_labels(canvas: Canvas, labels: Iterable[Label], head: float) -> None:
    """Write labels where they were placed, `head` pixels further down."""
    colours = _colours(canvas.look.palette)
    for label in labels:
        place = (label.x, label.y + head)
        canvas.write(*place, label.text, colours[label.role], bold=label.bold, align=ALIGN[label.anchor], halo=True)


def _head(info: CurveInfo, look: Look) -> list[tuple[str, str]]:
    name = info.run if info.fit == 0 else f"{info.run}, fit {info.fit}"
    room, palette = look.width - 2 * _EDGE, look.palette
    lines = [(middle_cut(visible(name), int(room / 12)), palette.ink)]
    lines += [(line, palette.ink) for line in wrapped(" ".join(info.sentences), room)]
    return lines + [(line, palette.muted) for line in wrapped(f"{info.validity}: {info.reason}", room)]


def middle_cut(name: str, most: int) -> str:
    """Return the ends of a name: they tell runs apart, a common folder in front, a seed behind."""
    return name if len(name) <= most else f"{name[: (most - 1) // 2]}…{name[-(most // 2) :]}"


def _colours(palette: Palette) -> dict[Role, str]:
    return {
        "axis": palette.muted,
        "title": palette.ink,
        "stop": palette.stop,
        "best": palette.best,
        "missed": palette.missed,
        "kept": palette.ink,
        "rate": palette.rate,
        "note": palette.muted,
    }
