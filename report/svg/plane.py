"""The plane and the strips as inline SVG text: classes instead of style attributes, every text escaped."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from kcb_replay.report.drawing.placing import Label
from kcb_replay.report.drawing.plane import HEIGHT, HIGHEST_LABEL, LEFT, LOWER, RIGHT, WIDTH
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.report.choices.run_table import Strip
    from kcb_replay.report.drawing.plane import Plane, Point

__all__ = ["plane_svg", "strip_svg"]

_STRIP_PAD, _STRIP_WIDTH = 6, 180
_X_NAME = "epochs saved"


def strip_svg(strip: Strip, last_epoch: int) -> str:
    """Return the small picture of a run; `last_epoch` is the end of the scale that all strips share."""

    def x(epoch: float) -> str:
        return f"{_STRIP_PAD + epoch / max(last_epoch, 1) * (_STRIP_WIDTH - 2 * _STRIP_PAD):.1f}"

    tick = f"M{x(strip.ran)} 2v14" if strip.stops else ""
    return (
        f'<svg class="strip" viewBox="0 0 {_STRIP_WIDTH} 18" aria-hidden="true">'
        f'<path class="track" d="M{x(strip.first - 1)} 9H{x(strip.last)}"/>'
        f'<path class="ran" d="M{x(strip.first - 1)} 9H{x(strip.ran)}"/><path class="tick" d="{tick}"/>'
        f"{_dot('missed', x(strip.lowest or 0), shows=strip.lowest is not None)}"
        f"{_dot('best', x(strip.mark or 0), shows=strip.mark is not None)}</svg>"
    )


def _dot(name: str, x: str, *, shows: bool) -> str:
    return f'<circle class="{name}" cx="{x}" cy="9" r="{4 if shows else 0}"/>'


def plane_svg(plane: Plane, chosen: int, names: Sequence[str], ident: str, y_name: str) -> str:
    """Return the plane with one choice marked; `ident` makes its ids unique on the page."""
    points = {point.choice: point for point in plane.points}
    front = sorted((point for point in plane.points if point.on_front), key=lambda point: point.x)
    parts = [
        f'<title id="{ident}-title">{_text(f"{_X_NAME} against {y_name}")}</title>',
        f'<desc id="{ident}-desc">{_text(f"{len(names)} choices. Chosen: {names[chosen]}.")}</desc>',
        *_plane_axes(plane, y_name),
        *(_whiskers(point) for point in front if point.whiskers),
        *(f'<path class="{line.kind}" d="{_joined(line.points)}"/>' for line in plane.lines if line.points),
        f'<path class="front-line" d="{_joined([(point.x, point.y) for point in front])}"/>'
        if front and plane.joined
        else "",
        *(_point(point) for point in sorted(plane.points, key=lambda point: point.on_front)),
        *_labels(plane.labels, points.get(chosen), names[chosen]),
        _chosen(points.get(chosen), names[chosen]),
    ]
    head = (
        f'<svg class="chart plane" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{ident}-title"'
        f' aria-describedby="{ident}-desc">'
    )
    return f"{head}{''.join(parts)}</svg>"


def _plane_axes(plane: Plane, y_name: str) -> Iterable[str]:
    for tick in plane.y_ticks:
        yield f'<path class="grid" d="M{LEFT} {_n(tick.value)}H{RIGHT}"/>'
        yield f'<text x="{LEFT - 8}" y="{_n(tick.value + 4.5)}" text-anchor="end">{_text(tick.text)}</text>'
    for tick in plane.x_ticks:
        yield f'<text x="{_n(tick.value)}" y="{LOWER + 20}" text-anchor="middle">{_text(tick.text)}</text>'
    yield f'<text x="{RIGHT}" y="{LOWER + 42}" text-anchor="end">{_X_NAME} →</text>'
    yield f'<text class="t-title" x="8" y="14">{_text(y_name)}</text>'


def _point(point: Point) -> str:
    kind = "point" + (" front" if point.on_front else "") + (" hollow" if point.hollow else "")
    return f'<circle class="{kind}" cx="{_n(point.x)}" cy="{_n(point.y)}" r="4"/>'


def _whiskers(point: Point) -> str:
    ends = point.whiskers
    if ends is None:
        return ""
    across = f"M{_n(ends.left)} {_n(point.y)}H{_n(ends.right)}"
    return f'<path class="whisker" d="{across}M{_n(point.x)} {_n(ends.bottom)}V{_n(ends.top)}"/>'


def _labels(labels: Iterable[Label], chosen: Point | None, name: str) -> Iterable[str]:
    """Yield the labels of the front; what the label of the chosen point would cover is there, but not seen."""
    own = None if chosen is None else _own_label(chosen, name).box
    for label in labels:
        covered = own is not None and (own.overlaps(label.box) or label.text == name)
        yield (
            f'<text class="halo front-label{" covered" if covered else ""}" x="{_n(label.x)}" y="{_n(label.y)}"'
            f' text-anchor="{label.anchor}">{_text(label.text)}</text>'
        )


def _own_label(point: Point, name: str) -> Label:
    """Return the label of the chosen point, above it on the side that has room; as wide as a wide font makes it."""
    width = 8.3 * len(name)
    start = max(4.0, min(point.x - 10 - width if point.x > WIDTH / 2 else point.x + 6, WIDTH - 4 - width))
    return Label(start, max(point.y - 14, HIGHEST_LABEL), "start", "stop", name)


def _chosen(point: Point | None, name: str) -> str:
    if point is None:
        return '<g class="chosen gone"><path/><path/><circle r="6.5"/><text class="halo t-stop"></text></g>'
    across = up = ""
    if point.whiskers:
        across = f"M{_n(point.whiskers.left)} {_n(point.y)}H{_n(point.whiskers.right)}"
        up = f"M{_n(point.x)} {_n(point.whiskers.bottom)}V{_n(point.whiskers.top)}"
    label = _own_label(point, name)
    return (
        f'<g class="chosen"><path d="{across}"/><path d="{up}"/>'
        f'<circle cx="{_n(point.x)}" cy="{_n(point.y)}" r="6.5"/>'
        f'<text class="halo t-stop" x="{_n(label.x)}" y="{_n(label.y)}">{_text(name)}</text></g>'
    )


def _joined(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)


def _text(text: str) -> str:
    return escape(visible(text), quote=False)


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
