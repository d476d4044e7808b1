"""The plane of saving and regret: every choice a point, a baseline as lines, and the one pair of axes for all pens.

A figure and a page place the same `Plane` in a frame of their own, and take pixels, ticks and labels from `PlaneFrame`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.recommend.evidence import Interval
from kcb_replay.report.drawing.placing import Box, Label, Places, around, between
from kcb_replay.report.drawing.scales import RegretScale, Tick, linear_end, value_ticks

# A colour of the palette: what counts, what keeps the best weights, and everything else.
Tone: TypeAlias = Literal["curve", "best", "gone"]
_AIR = 1.06
# A line that leaves the plane is followed this far.
_BEYOND = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanePoint:
    """A choice: the mean share of epochs that it saves, its mean regret, and the 95 % intervals of both.

    `choices` are its number and those of the choices that act like it; `hollow` where some recordings end before its
    stop, so that its place is not the whole truth. `number` is that under which a legend names it, 0 where none does.
    """

    choices: tuple[int, ...]
    name: str
    saving: float
    regret: float
    tone: Tone = "curve"
    hollow: bool = False
    number: int = 0
    saving_interval: Interval | None = None
    regret_interval: Interval | None = None


@dataclass(frozen=True, slots=True)
class PlaneLine:
    """A baseline to compare with, through pairs of saving and regret; one that is dashed keeps the best weights."""

    label: str
    tone: Tone
    places: tuple[tuple[float, float], ...]

    @property
    def dashed(self) -> bool:
        """Whether it is told apart by dashes as well."""
        return self.tone == "best"


@dataclass(frozen=True, slots=True)
class Plane:
    """Points and lines in shares and in the unit of the metric; the axes go from `low` to `high`, and along `scale`.

    Where it is `joined`, the points that are not grey are the front, and a line goes through them.
    """

    points: tuple[PlanePoint, ...]
    lines: tuple[PlaneLine, ...]
    low: float
    high: float
    scale: RegretScale
    x_name: str
    y_name: str
    joined: bool

    @property
    def front(self) -> tuple[PlanePoint, ...]:
        """The points that count, from left to right."""
        return tuple(sorted((each for each in self.points if each.tone != "gone"), key=lambda each: each.saving))

    @property
    def in_order(self) -> tuple[PlanePoint, ...]:
        """The points as they are drawn, those that count on top."""
        return (*(each for each in self.points if each.tone == "gone"), *self.front)


def plane_of(
    points: Iterable[PlanePoint],
    lines: Sequence[PlaneLine] = (),
    *,
    monitor: str,
    words: Catalogue,
    joined: bool = True,
    reach: float = 0.0,
) -> Plane:
    """Return the plane of points and lines; `reach` is a regret that has to be in sight."""
    known = tuple(each for each in points if math.isfinite(each.saving) and math.isfinite(each.regret))
    edges = [each.saving for each in known]
    edges += [end for each in known if each.saving_interval and each.tone != "gone" for end in each.saving_interval]
    regrets = [each.regret for each in known]
    until = linear_end(regrets)
    scale = words.say("plane.root") if until is None else words.say("plane.logarithmic", until=until)
    return Plane(
        points=known,
        lines=tuple(lines),
        # Whole tenths, with the outermost dot off the edge; a baseline goes from no saving to all of it.
        low=0.0 if lines else max(0.0, math.floor(min(edges, default=0.0) * 10 - 0.2) / 10),
        high=1.0 if lines else min(1.0, math.ceil(max(edges, default=1.0) * 10 + 0.2) / 10),
        scale=RegretScale(_AIR * max([*regrets, reach], default=0.0) or 1.0, until),
        x_name=words.say("plane.saving"),
        y_name=words.say("plane.regret", monitor=monitor, scale=scale),
        joined=joined,
    )


@dataclass(frozen=True, slots=True)
class PlaneFrame:
    """A plane between pixels: its axes stand at `left` and `bottom`; `radius` is that of the largest mark."""

    plane: Plane
    left: float
    top: float
    right: float
    bottom: float
    radius: float

    def x(self, saving: float) -> float:
        """Return the column of a share of epochs saved, at most at an edge."""
        share = (saving - self.plane.low) / (self.plane.high - self.plane.low)
        return self.left + min(max(share, 0.0), 1.0) * (self.right - self.left)

    def y(self, regret: float, most: float = 1.0) -> float:
        """Return the row of a regret; one beyond the top stands `most` heights above the axis."""
        return self.bottom - min(self.plane.scale.share(regret), most) * (self.bottom - self.top)

    @property
    def x_ticks(self) -> tuple[Tick, ...]:
        """The ticks of saving, at pixel columns."""
        ticks = value_ticks(100 * self.plane.low, 100 * self.plane.high)
        return tuple(Tick(self.x(tick.value / 100), f"{tick.text}%") for tick in ticks)

    @property
    def y_ticks(self) -> tuple[Tick, ...]:
        """The ticks of regret, at pixel rows."""
        return tuple(Tick(self.y(tick.value), tick.text) for tick in self.plane.scale.ticks())

    def through(self, line: PlaneLine) -> list[tuple[float, float]]:
        """Return the pixels of a line, which may leave the plane above; whoever draws it clips it there."""
        low, high = self.plane.low, self.plane.high
        inside = (place for place in line.places if low <= place[0] <= high and math.isfinite(place[1]))
        return [(self.x(saving), self.y(regret, _BEYOND)) for saving, regret in inside]

    def labels(self, names: int) -> tuple[tuple[Label, Tone], ...]:
        """Return the labels of all lines, and of so many points that count, at equal distances, that cover nothing."""
        drawn = [(line, self.through(line)) for line in self.plane.lines]
        shifts = (-self.radius, 0.0, self.radius)
        marks = [
            (self.x(each.saving) + across, self.y(each.regret) + down)
            for each in self.plane.points
            for across in shifts
            for down in shifts
        ]
        along = [point for _, points in drawn for one, two in pairwise(points) for point in between(one, two)]
        places, tones = Places([*marks * 3, *along]), list[Tone]()
        frame = Box(self.left + 4, self.top - 16, self.right + 28, self.bottom - 2)
        for line, points in drawn:
            places.put_if_free(self._beside_line(line, points), frame)
            tones += [line.tone] * (len(places.placed) - len(tones))
        front = self.plane.front
        for point in front[:: -(-len(front) // names)] if front and names else ():
            places.put_if_free(_beside_point(self.x(point.saving), self.y(point.regret), point.name), frame)
            tones += ["gone"] * (len(places.placed) - len(tones))
        return tuple(zip(places.placed, tones, strict=True))

    def _beside_line(self, line: PlaneLine, points: Sequence[tuple[float, float]]) -> list[Label]:
        """Return the places for the name of a line: regret rises to the right, so there is room above and left of it.

        The lower one of two lines, which keeps the best weights, has its name below if it can.
        """
        seen = [(x, y) for x, y in points if self.top <= y <= self.bottom]
        above = [Label(x - 8, y - 8, "end", "note", line.label) for x, y in seen[::-3]]
        below = [Label(x + 8, y + 20, "start", "note", line.label) for x, y in seen[::3]]
        return [*below, *above] if line.dashed else [*above, *below]


def _beside_point(x: float, y: float, name: str) -> list[Label]:
    """Return the places for the name of a point: right of the front and below it there are no points."""
    return [
        Label(x + 9, y + 17, "start", "axis", name),
        Label(x + 10, y + 5, "start", "axis", name),
        *around(x, y, "axis", name),
    ]
