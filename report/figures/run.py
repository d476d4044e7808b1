"""Draw one replay: the metric with its marks, the wait counter and the learning rate below each other, or one alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.drawing.layout import layout_of
from kcb_replay.report.figures.canvas import ALIGN, LINE, Look, blank, wrapped
from kcb_replay.report.figures.panels import draw_panels, draw_trace
from kcb_replay.report.traces import trace_layout
from kcb_replay.text import fit_title, visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kcb_replay.report.drawing.curve import CurveInfo
    from kcb_replay.report.drawing.palette import Palette
    from kcb_replay.report.drawing.placing import Role
    from kcb_replay.report.traces import Part

__all__ = ["figure_of_run", "middle_cut"]

_EDGE, _BELOW = 20, 26


def figure_of_run(info: CurveInfo, look: Look, part: Part | None = None) -> Figure:
    """Return the chart as a Figure whose axes are the metric, the wait counter and, if known, the learning rate.

    With `part` it is that panel alone; raises `SettingError` where the replay has no such panel.
    """
    layout = layout_of(info, look.width) if part is None else trace_layout(info, part, look.width)
    (title, ink), *lines = _head(info, look)
    head = LINE * (len(lines) + 1) + _BELOW
    canvas = blank(look, layout.height + head)
    canvas.write(_EDGE, 28, title, ink, size=17, bold=True)
    canvas.write_lines(_EDGE, 28 + LINE, lines)
    if part is None:
        draw_panels(canvas, info, layout, head)
    else:
        draw_trace(canvas, info, layout, part, head)
    colours = _colours(look.palette)
    for label in layout.all_labels:
        place = (label.x, label.y + head)
        canvas.write(*place, label.text, colours[label.role], bold=label.bold, align=ALIGN[label.anchor], halo=True)
    return canvas.figure


def _head(info: CurveInfo, look: Look) -> list[tuple[str, str]]:
    """Return which run it is, the answer in words, and how far it holds."""
    room, palette = look.width - 2 * _EDGE, look.palette
    lines = [(middle_cut(visible(fit_title(info.run, info.fit)), int(room / 12)), palette.ink)]
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
