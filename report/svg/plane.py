"""The plane of saving and regret as inline SVG, with one choice marked, which the program of a page may change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kcb_replay.report.drawing.placing import Label
from kcb_replay.report.drawing.plane import Plane, PlaneFrame, PlaneLine, PlanePoint
from kcb_replay.report.svg.elements import circle, label_text, px, tag, text

_WIDTH, _HEIGHT, _HIGHEST_LABEL = 600, 360, 28
_LEFT, _TOP, _RIGHT, _BOTTOM, _RADIUS = 62, 30, 572, 306, 4.0
# The names of so many points of a front, or of so many rules, which are fewer and no front.
_NAMED, _RULES_NAMED = 6, 12


def frame_of(plane: Plane) -> PlaneFrame:
    """Return where a page draws a plane."""
    return PlaneFrame(plane, _LEFT, _TOP, _RIGHT, _BOTTOM, _RADIUS)


def label_room() -> dict[str, float]:
    """Return the geometry by which the label of the chosen point finds its place."""
    return {"middle": _WIDTH / 2, "width": _WIDTH, "top": _HIGHEST_LABEL}


def points_of(plane: Plane, choices: int) -> list[list[float] | None]:
    """Return for every choice its place in pixels, and the ends of its intervals; None for one that is not there."""
    points: list[list[float] | None] = [None] * choices
    frame = frame_of(plane)
    for point in plane.points:
        places = [frame.x(point.saving), frame.y(point.regret), *_ends(frame, point)]
        for choice in point.choices:
            points[choice] = [round(end, 1) for end in places]
    return points


def plane_svg(plane: Plane, chosen: int, names: Sequence[str], ident: str, described: str) -> str:
    """Return the plane with one choice marked; `ident` makes its ids unique on the page."""
    frame = frame_of(plane)
    marked = next((point for point in plane.points if chosen in point.choices), None)
    front = [(frame.x(point.saving), frame.y(point.regret)) for point in plane.front]
    edges = f"M{_LEFT} {_TOP - 4}H{_RIGHT}V{_BOTTOM}H{_LEFT}z"
    parts = [
        tag("title", f"{plane.x_name}: {plane.y_name}", id=f"{ident}-title"),
        tag("desc", described, id=f"{ident}-desc"),
        f'<clipPath id="{ident}-clip"><path d="{edges}"/></clipPath>',
        *_ground(frame),
        *(f'<path class="whisker" d="{_across(frame, point)}{_up(frame, point)}"/>' for point in plane.front),
        f'<g clip-path="url(#{ident}-clip)">{"".join(_line(frame, line) for line in plane.lines)}</g>',
        f'<path class="front-line" d="{_joined(front)}"/>' if front and plane.joined else "",
        *(_point(frame, point) for point in plane.in_order),
        *_labels(frame, marked, names[chosen]),
        _chosen(frame, marked, names[chosen]),
    ]
    head = (
        f'<svg class="chart plane" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-labelledby="{ident}-title"'
        f' aria-describedby="{ident}-desc">'
    )
    return f"{head}{''.join(parts)}</svg>"


def _ground(frame: PlaneFrame) -> Iterable[str]:
    for tick in frame.y_ticks:
        yield f'<path class="grid" d="M{_LEFT} {px(tick.value)}H{_RIGHT}"/>'
        yield f'<text x="{_LEFT - 8}" y="{px(tick.value + 4.5)}" text-anchor="end">{text(tick.text)}</text>'
    for tick in frame.x_ticks:
        yield f'<text x="{px(tick.value)}" y="{_BOTTOM + 20}" text-anchor="middle">{text(tick.text)}</text>'
    yield f'<text x="{_RIGHT}" y="{_BOTTOM + 42}" text-anchor="end">{text(frame.plane.x_name)} →</text>'
    yield f'<text class="t-title" x="8" y="14">{text(frame.plane.y_name)}</text>'


def _line(frame: PlaneFrame, line: PlaneLine) -> str:
    points = frame.through(line)
    return f'<path class="baseline tone-{line.tone}" d="{_joined(points)}"/>' if points else ""


def _point(frame: PlaneFrame, point: PlanePoint) -> str:
    kind = f"point tone-{point.tone}{' hollow' if point.hollow else ''}"
    return circle(kind, frame.x(point.saving), frame.y(point.regret), _RADIUS)


def _ends(frame: PlaneFrame, point: PlanePoint) -> list[float]:
    """Return left, right, bottom and top of the intervals, nothing without them."""
    if point.saving_interval is None or point.regret_interval is None:
        return []
    return [*map(frame.x, point.saving_interval), *map(frame.y, point.regret_interval)]


def _across(frame: PlaneFrame, point: PlanePoint) -> str:
    ends, y = _ends(frame, point), px(frame.y(point.regret))
    return f"M{px(ends[0])} {y}H{px(ends[1])}" if ends else ""


def _up(frame: PlaneFrame, point: PlanePoint) -> str:
    ends, x = _ends(frame, point), px(frame.x(point.saving))
    return f"M{x} {px(ends[2])}V{px(ends[3])}" if ends else ""


def _labels(frame: PlaneFrame, chosen: PlanePoint | None, name: str) -> Iterable[str]:
    """Yield the labels; what the label of the chosen point would cover is there, but not seen."""
    own = None if chosen is None else _own_label(frame, chosen, name).box
    for label, tone in frame.labels(_NAMED if frame.plane.joined else _RULES_NAMED):
        covered = own is not None and (own.overlaps(label.box) or label.text == name)
        yield label_text(label, f"plane-label tone-{tone}{' covered' if covered else ''}")


def _own_label(frame: PlaneFrame, point: PlanePoint, name: str) -> Label:
    """Return the label of the chosen point, above it on the side that has room; as wide as a wide font makes it."""
    x, width = frame.x(point.saving), 8.3 * len(name)
    start = max(4.0, min(x - 10 - width if x > _WIDTH / 2 else x + 6, _WIDTH - 4 - width))
    return Label(start, max(frame.y(point.regret) - 14, _HIGHEST_LABEL), "start", "stop", name)


def _chosen(frame: PlaneFrame, point: PlanePoint | None, name: str) -> str:
    if point is None:
        return '<g class="chosen gone"><path/><path/><circle r="6.5"/><text class="halo t-stop"></text></g>'
    label = _own_label(frame, point, name)
    return (
        f'<g class="chosen"><path d="{_across(frame, point)}"/><path d="{_up(frame, point)}"/>'
        f'<circle cx="{px(frame.x(point.saving))}" cy="{px(frame.y(point.regret))}" r="6.5"/>'
        f'<text class="halo t-stop" x="{px(label.x)}" y="{px(label.y)}">{text(name)}</text></g>'
    )


def _joined(points: Iterable[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{px(x)} {px(y)}" for x, y in points)
