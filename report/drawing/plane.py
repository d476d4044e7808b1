"""The plane of saving and regret in pixels: every choice a point, with the interval that other runs would move it in.

The axis of regret is square-root scaled, so that small regrets stand apart; logarithmic where one training that
diverged would still hide all others. What is drawn where is worked out here, once for Python's and the page's drawing.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.drawing.placing import Box, Label, Places, around
from kcb_replay.report.drawing.scales import linear_end
from kcb_replay.report.drawing.ticks import Tick, value_ticks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.recommend.result import Interval

__all__ = [
    "HEIGHT",
    "HIGHEST_LABEL",
    "LEFT",
    "LOWER",
    "RIGHT",
    "WIDTH",
    "Line",
    "Plane",
    "Point",
    "Whiskers",
    "plane_of",
]

WIDTH, HEIGHT, HIGHEST_LABEL = 600, 360, 28
LEFT, RIGHT, _UPPER, LOWER = 62, 572, 30, 306
_TICK_GAP = 24


@dataclass(frozen=True, slots=True)
class Whiskers:
    """The 95 % intervals of a point in pixels: from left to right, and from bottom to top."""

    left: float
    right: float
    bottom: float
    top: float


@dataclass(frozen=True, slots=True)
class Point:
    """One choice; `hollow` where some recordings end before its stop, so that its place is not the whole truth."""

    choice: int
    x: float
    y: float
    on_front: bool
    hollow: bool
    whiskers: Whiskers | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A curve to compare with, through points in pixels; `kind` is a class of the style sheet."""

    kind: str
    label: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plane:
    """Points, lines and ticks in pixels, and the labels of some points of the front, which a line may join."""

    points: tuple[Point, ...]
    lines: tuple[Line, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    labels: tuple[Label, ...]
    scale: str
    joined: bool


@dataclass(frozen=True, slots=True)
class Place:
    """A choice before it is drawn: the mean share of epochs saved, the mean regret, and their intervals."""

    choice: int
    saving: float
    regret: float
    on_front: bool
    hollow: bool
    label: str
    saving_interval: Interval | None = None
    regret_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class _Axes:
    """From shares and regrets to pixels; `linear_until` is None for a square-root axis."""

    most_saving: float
    most_regret: float
    linear_until: float | None

    def x(self, saving: float) -> float:
        share = min(max(saving / self.most_saving, 0.0), 1.0)
        return LEFT + share * (RIGHT - LEFT)

    def y(self, regret: float) -> float:
        share = min(max(self._scaled(regret) / self._scaled(self.most_regret), 0.0), 1.0)
        return LOWER - share * (LOWER - _UPPER)

    def _scaled(self, regret: float) -> float:
        if self.linear_until is None:
            return math.sqrt(max(regret, 0.0))
        share = max(regret, 0.0) / self.linear_until
        return share if share <= 1 else 1 + math.log10(share)


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve before it is drawn, through pairs of saving and regret."""

    kind: str
    label: str
    places: tuple[tuple[float, float], ...]


def plane_of(
    places: Sequence[Place], curves: Sequence[Curve] = (), *, reach: float = 0.0, joined: bool = True, labels: int = 6
) -> Plane:
    """Return the plane of places and curves; `reach` is a regret that is in sight, `labels` how many there may be."""
    known = [place for place in places if math.isfinite(place.saving) and math.isfinite(place.regret)]
    axes = _axes(known, reach)
    points = tuple(_point(place, axes) for place in known)
    lines = tuple(Line(each.kind, each.label, tuple(_drawn(each.places, axes))) for each in curves)
    x_ticks = value_ticks(0, 100 * axes.most_saving)
    return Plane(
        points=points,
        lines=lines,
        x_ticks=tuple(Tick(axes.x(tick.value / 100), f"{tick.text} %") for tick in x_ticks),
        y_ticks=tuple(_regret_ticks(axes)),
        labels=_labels(known, points, lines, labels),
        scale="square-root scaled" if axes.linear_until is None else f"logarithmic above {axes.linear_until:g}",
        joined=joined,
    )


def _axes(known: Sequence[Place], reach: float) -> _Axes:
    ends = [place.saving_interval[1] for place in known if place.saving_interval and place.on_front]
    most = max([place.saving for place in known] + ends, default=0.0)
    return _Axes(
        most_saving=min(1.0, math.ceil(most * 10 + 0.2) / 10) or 1.0,
        most_regret=1.05 * max([place.regret for place in known] + [reach], default=0.0) or 1.0,
        linear_until=linear_end(place.regret for place in known),
    )


def _point(place: Place, axes: _Axes) -> Point:
    whiskers = None
    if place.saving_interval and place.regret_interval:
        (left, right), (bottom, top) = place.saving_interval, place.regret_interval
        whiskers = Whiskers(axes.x(left), axes.x(right), axes.y(bottom), axes.y(top))
    x, y = axes.x(place.saving), axes.y(place.regret)
    return Point(place.choice, x, y, place.on_front, place.hollow, whiskers)


def _drawn(found: Sequence[tuple[float, float]], axes: _Axes) -> Iterable[tuple[float, float]]:
    """Yield the pixels of a line as far as it is within the plane."""
    for saving, regret in found:
        if math.isfinite(regret) and 0 <= saving <= axes.most_saving and regret <= axes.most_regret:
            yield axes.x(saving), axes.y(regret)


def _regret_ticks(axes: _Axes) -> Iterable[Tick]:
    """Yield round numbers from the top down, as many as have room."""
    yield Tick(axes.y(0.0), "0")
    before = axes.y(axes.most_regret) - _TICK_GAP
    highest = math.floor(math.log10(axes.most_regret)) if axes.most_regret > 0 else 0
    for power in range(highest, highest - 40, -1):
        for digit in (5, 2, 1):
            value = digit * 10.0**power
            y = axes.y(value)
            if value <= axes.most_regret and y - before >= _TICK_GAP and axes.y(0.0) - y >= _TICK_GAP / 2 + 6:
                yield Tick(y, f"{value:g}")
                before = y


def _labels(places: Sequence[Place], points: Sequence[Point], lines: Sequence[Line], most: int) -> tuple[Label, ...]:
    """Return labels of some points of the front, at equal distances, and of the lines, where they cover nothing."""
    front = [(point, place.label) for point, place in zip(points, places, strict=True) if point.on_front]
    every = -(-len(front) // most) if front else 1
    dots = [(point.x, point.y) for point in points for _ in range(3)]
    free = Places([*dots, *(place for line in lines for place in line.points)])
    frame = Box(LEFT + 4, _UPPER - 16, WIDTH - 2, LOWER - 2)
    for line in lines:
        spots = [Label(x, y - 9, "middle", "note", line.label) for x, y in line.points[:: len(line.points) // 12 + 1]]
        free.put_if_free(spots, frame)
    for point, label in sorted(front[::every], key=lambda pair: pair[0].x):
        free.put_if_free(_beside(point, label), frame)
    return free.placed


def _beside(point: Point, label: str) -> list[Label]:
    """Return the places for a label: right of the front and below it there are no points."""
    x, y = point.x, point.y
    return [
        Label(x + 9, y + 17, "start", "axis", label),
        Label(x + 10, y + 5, "start", "axis", label),
        *around(x, y, "axis", label),
    ]
