"""The ground of the figures that are a plane of points: shares of epochs from left to right, regret upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.drawing.ticks import value_ticks
from kcb_replay.report.figures.strokes import dots, stroke

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from kcb_replay.report.drawing.scales import RegretScale
    from kcb_replay.report.figures.canvas import Canvas

__all__ = ["EDGE", "LEFT", "Plane", "power"]

# Left and right of the plane is room for its ticks and for a dot on its edge.
EDGE, LEFT, _RIGHT, _NUMBERED = 20, 80, 34, 20
_LARGE = 1e4


@dataclass(frozen=True, slots=True)
class Plane:
    """A plane on a canvas from a pixel column on, between two rows; `low` and `high` are the shares at its edges."""

    canvas: Canvas
    left: float
    top: float
    bottom: float
    low: float
    high: float
    scale: RegretScale

    @property
    def right(self) -> float:
        """Return the right edge in pixels."""
        return self.canvas.look.width - _RIGHT

    def x(self, share: float) -> float:
        """Return the pixel column of a share."""
        return self.left + (share - self.low) / (self.high - self.low) * (self.right - self.left)

    def y(self, regret: float) -> float:
        """Return the pixel row of a regret; one beyond the top stands above the plane."""
        return self.bottom - min(self.scale.share(regret), 2.0) * (self.bottom - self.top)

    def axes(self) -> Axes:
        """Return axes over the plane whose unit is the pixel, with grid, ticks and their labels."""
        axes = self.canvas.axes(self.left, self.top, self.right, self.bottom)
        axes.set_xlim(self.left, self.right)
        axes.set_ylim(self.bottom, self.top)
        palette = self.canvas.look.palette
        for value in self.scale.ticks():
            row = self.y(value)
            stroke(self.canvas, axes, [self.left, self.right], [row, row], palette.grid, 1.1, order=1)
            self.canvas.write(self.left - 10, row + 4.5, power(value), palette.muted, align="right")
        for tick in value_ticks(self.low, self.high):
            place = self.x(tick.value)
            self.canvas.write(place, self.bottom + 24, f"{tick.value:.0%}", palette.muted, align="center")
        stroke(self.canvas, axes, [self.left, self.right], [self.bottom, self.bottom], palette.line, 1.1, order=1)
        return axes

    def name(self, x: str, y: str) -> None:
        """Say what the axes are: upwards above the plane, from left to right below its right end."""
        palette = self.canvas.look.palette
        self.canvas.write(self.left - LEFT + EDGE, self.top - 14, y, palette.ink, bold=True)
        self.canvas.write(self.right, self.bottom + 46, f"{x} →", palette.ink, align="right")

    def number(self, axes: Axes, x: float, y: float, number: int, colour: str, *, hollow: bool) -> None:
        """Draw a point as a disc that holds the number by which the list below names it."""
        ground = self.canvas.look.palette.ground
        place, order = (self.x(x), self.y(y)), 4 + number / 1000
        dots(
            self.canvas, axes, [place[0]], [place[1]], "o", _NUMBERED, ground if hollow else colour, colour, order=order
        )
        self.canvas.write(
            place[0], place[1] + 4.5, str(number), colour if hollow else ground, bold=True, align="center"
        )


def power(value: float) -> str:
    """Return a round number, a large one as a power of ten."""
    return f"{value:g}" if value < _LARGE else f"{value:.0e}".replace("e+0", "e").replace("e+", "e")
