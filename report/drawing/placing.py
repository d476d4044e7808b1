"""Where labels go: each is tried at several places and stands where it covers least.

Pixel coordinates, y downwards, sizes estimated for a wide sans serif of 13 px, so that narrower fonts fit as well.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

Anchor: TypeAlias = Literal["start", "middle", "end"]
Role: TypeAlias = Literal["axis", "title", "stop", "best", "missed", "kept", "rate", "note"]

_WIDTH, _BOLD_WIDTH, _ASCENT, _DESCENT = 7.5, 8.3, 11.0, 3.5
_BOLD: frozenset[Role] = frozenset({"title", "stop", "best", "kept", "rate"})
# Covering another label is out of the question, leaving the frame nearly so, a piece of the curve is tolerable.
_ON_LABEL, _OUTSIDE, _ON_POINT, _LATER = 1000.0, 500.0, 4.0, 0.8
# Hangul, kana and Han are as wide as they are high.
_SQUARE = re.compile("[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]")
_SQUARE_LENGTH = 1.75
# How close points on a line are, in pixels, and how many there may be.
_CURVE_STEP, _MOST_STEPS = 6.0, 2000


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Tell whether two rectangles have a common area."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Box) -> bool:
        """Tell whether the other lies inside."""
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def has(self, point: tuple[float, float]) -> bool:
        """Tell whether a point lies inside, or so near that a line through it touches the text."""
        return self.left - 1 <= point[0] <= self.right + 1 and self.top <= point[1] <= self.bottom


@dataclass(frozen=True, slots=True)
class Label:
    """A text at a baseline point."""

    x: float
    y: float
    anchor: Anchor
    role: Role
    text: str

    @property
    def bold(self) -> bool:
        """Whether it is set in bold."""
        return self.role in _BOLD

    @property
    def box(self) -> Box:
        """Return the place it takes."""
        width = _length(self.text) * (_BOLD_WIDTH if self.bold else _WIDTH)
        left = self.x - {"start": 0.0, "middle": width / 2, "end": width}[self.anchor]
        return Box(left, self.y - _ASCENT, left + width, self.y + _DESCENT)


def _length(text: str) -> float:
    """Return the number of letters, square ones counted as what they take of others."""
    return len(text) + (_SQUARE_LENGTH - 1) * len(_SQUARE.findall(text))


class Places:
    """The labels placed so far and the points that should stay in sight."""

    def __init__(self, points: Sequence[tuple[float, float]] = ()) -> None:
        self._points = sorted(points)
        self._placed: list[Label] = []

    @property
    def placed(self) -> tuple[Label, ...]:
        """Return every label placed."""
        return tuple(self._placed)

    def put(self, candidates: Iterable[Label], frame: Box) -> None:
        """Place one label at the candidate that covers least; earlier candidates are preferred."""
        costs = [(self._cost(label, frame) + rank * _LATER, rank, label) for rank, label in enumerate(candidates)]
        self._placed.append(min(costs)[2])

    def put_if_free(self, candidates: Iterable[Label], frame: Box) -> None:
        """Place one label where it covers no other, or not at all."""
        free = [label for label in candidates if self._cost(label, frame) < _OUTSIDE]
        if free:
            self.put(free, frame)

    def _cost(self, label: Label, frame: Box) -> float:
        box = label.box
        cost = _ON_LABEL * sum(box.overlaps(other.box) for other in self._placed)
        cost += 0.0 if frame.holds(box) else _OUTSIDE
        return cost + _ON_POINT * sum(box.has(point) for point in self._points)


def around(x: float, y: float, role: Role, text: str, *, prefer_above: bool = False) -> list[Label]:
    """Return the places around a mark, the best looking first."""
    below, above = y + 21, y - 12
    rows = (above, below) if prefer_above else (below, above)
    near = [Label(x + shift, row, anchor, role, text) for row in rows for shift, anchor in _SHIFTS]
    near += [Label(x + 12, y + 4.5, "start", role, text), Label(x - 12, y + 4.5, "end", role, text)]
    far = [Label(x + shift, y + drop, anchor, role, text) for drop in _FAR_ROWS for shift, anchor in _SHIFTS]
    return near + far


# Centred, beside, and partly to one side, for a line or an edge that is near.
_SHIFTS: tuple[tuple[float, Anchor], ...] = ((0, "middle"), (9, "start"), (-9, "end"), (42, "end"), (-42, "start"))
_FAR_ROWS = (38, -28, 56, -46, 74, -64)


def beside(x: float, y: float, role: Role, text: str, gap: float = 9) -> list[Label]:
    """Return the place right of a point, then left of it."""
    return [Label(x + gap, y, "start", role, text), Label(x - gap, y, "end", role, text)]


def between(one: tuple[float, float], two: tuple[float, float]) -> list[tuple[float, float]]:
    """Return points on the way from one to the other, so close that no label slips through."""
    steps = min(max(1, round(math.dist(one, two) / _CURVE_STEP)), _MOST_STEPS)
    shares = [step / steps for step in range(1, steps + 1)]
    return [(one[0] + (two[0] - one[0]) * share, one[1] + (two[1] - one[1]) * share) for share in shares]
