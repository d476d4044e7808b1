"""Draw a comparison of stopping rules: mean share of epochs run against mean regret, with the baseline."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kcb_replay.report.drawing.layout import between
from kcb_replay.report.drawing.placing import Box, Label, Places
from kcb_replay.report.drawing.scales import RegretScale
from kcb_replay.report.figures.canvas import LINE, blank, wrapped
from kcb_replay.report.figures.plane import EDGE, LEFT, Plane
from kcb_replay.report.figures.strokes import DASHED, stroke

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from kcb_replay.report.drawing.palette import Palette
    from kcb_replay.report.figures.canvas import Align, Look
    from kcb_replay.report.rules import BaselineLine, RulesInfo

__all__ = ["figure_of_rules"]

_HEAD, _PLANE, _BELOW = 86, 420, 84


def figure_of_rules(info: RulesInfo, look: Look) -> Figure:
    """Return the plane as a Figure, its rules listed below it."""
    said = _said(info, look)
    bottom = _HEAD + _PLANE
    canvas = blank(look, bottom + _BELOW + LINE * len(said))
    canvas.write(EDGE, 32, info.title, look.palette.ink, size=17, bold=True)
    plane = Plane(canvas, LEFT, _HEAD, bottom, 0.0, 1.0, RegretScale(info.top, info.linear_until))
    plane.name(info.x_label, info.y_label)
    axes = plane.axes()
    _draw_lines(plane, axes, info)
    for point in info.points:
        colour = _colour(look.palette, point.keeps)
        plane.number(axes, point.share, point.regret, point.number, colour, hollow=point.hollow)
    canvas.write_lines(EDGE, bottom + _BELOW, said)
    return canvas.figure


def _draw_lines(plane: Plane, axes: Axes, info: RulesInfo) -> None:
    canvas = plane.canvas
    taken = [(plane.x(point.share), plane.y(point.regret)) for point in info.points]
    drawn = [_pixels(plane, line) for line in info.lines]
    discs = [(x + shift, y + drop) for x, y in taken for shift in (-9, 0, 9) for drop in (-9, 0, 9)]
    places = Places([*_along(drawn), *discs * 8])
    frame = Box(plane.left, plane.top, plane.right, plane.bottom)
    for line, points in zip(info.lines, drawn, strict=True):
        colour, dash = _colour(canvas.look.palette, line.keeps), "-" if line.keeps == "last" else DASHED
        xs, ys = [x for x, _ in points], [y for _, y in points]
        stroke(canvas, axes, xs, ys, colour, 2, dash=dash, alpha=0.75, clip=True)
        seen = [(x, y) for x, y in points if plane.top <= y <= plane.bottom]
        # A regret falls from left to right: above it there is room on the right, and below it on the left.
        above = [Label(x + 8, y - 8, "start", "note", line.label) for x, y in seen[::3]]
        below = [Label(x - 8, y + 20, "end", "note", line.label) for x, y in seen[::-3]]
        spots = [*above, *below] if line.keeps == "last" else [*below, *above]
        if spots:
            places.put(spots, frame)
            label = places.placed[-1]
            align: Align = "left" if label.anchor == "start" else "right"
            canvas.write(label.x, label.y, label.text, colour, align=align, halo=True)


def _pixels(plane: Plane, line: BaselineLine) -> list[tuple[float, float]]:
    points = zip(line.shares, line.regrets, strict=True)
    return [(plane.x(share), plane.y(regret)) for share, regret in points]


def _along(lines: Sequence[Sequence[tuple[float, float]]]) -> list[tuple[float, float]]:
    """Return points close enough that no label slips through."""
    return [point for line in lines for one, two in pairwise(line) for point in between(one, two)]


def _colour(palette: Palette, keeps: str) -> str:
    return {"last": palette.stop, "best": palette.best}[keeps]


def _said(info: RulesInfo, look: Look) -> list[tuple[str, str]]:
    room, palette = look.width - 2 * EDGE, look.palette
    lines = [(line, palette.ink) for point in info.points for line in wrapped(point.legend, room)]
    notes = [note.removeprefix("Note: ") for note in info.notes]
    return lines + [(line, palette.muted) for note in notes for line in wrapped(note, room)]
