"""Draw many replays as strips: epochs run and recorded, stop, best and lowest, the largest regret on top."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.drawing.scales import epoch_ticks
from kcb_replay.report.drawing.strips import Strip, StripRow, StripsInfo
from kcb_replay.report.figures.canvas import LINE, Canvas, Look, blank, dots, stroke, wrapped
from kcb_replay.report.figures.run import middle_cut
from kcb_replay.text import screen_width

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_EDGE, _CHARACTER, _AXIS = 20, 7.6, 32
_ROW, _LEAST_ROW, _ALL_ROWS = 24, 2.0, 1200
# The share of the page that names may take, and the page that is too narrow for them beside the strips.
_NAMES, _NARROW = 0.36, 700


@dataclass(frozen=True, slots=True)
class _Rows:
    """Where the strips stand, in pixels; `named` where there is room for names and numbers.

    On a narrow page they are `stacked`: a name and the limits of the answer above each strip.
    """

    left: float
    right: float
    top: float
    tall: float
    named: bool
    stacked: bool
    columns: tuple[float, ...]
    last_epoch: int

    def x(self, epoch: float) -> float:
        """Return the column at which an epoch ends."""
        return self.left + epoch / self.last_epoch * (self.right - self.left)

    def y(self, number: int) -> float:
        """Return the middle of a strip."""
        return self.top + (number + (0.78 if self.stacked else 0.5)) * self.tall


def figure_of_strips(info: StripsInfo, look: Look) -> Figure:
    """Return the strips as a Figure; beyond fifty of them without names and numbers."""
    head = _head(info, look)
    top = 28 + LINE * len(head) + 30
    rows = _rows(info, look, top)
    notes = _notes(info, look, named=rows.named)
    bottom = top + rows.tall * len(info.rows)
    canvas = blank(look, bottom + _AXIS + LINE * len(notes) + 22)
    for number, (text, colour) in enumerate(head):
        canvas.write(_EDGE, 28 + number * LINE, text, colour, bold=colour == look.palette.ink)
    axes = canvas.layer("strips", 0)
    for number, row in enumerate(info.rows):
        _draw_strip(canvas, axes, rows, rows.y(number), row.strip)
        if rows.named:
            _name_strip(canvas, rows, rows.y(number), row)
    _name_columns(canvas, rows, info, bottom)
    canvas.write_lines(_EDGE, bottom + _AXIS + 18, notes)
    return canvas.figure


def _head(info: StripsInfo, look: Look) -> list[tuple[str, str]]:
    room, palette = look.width - 2 * _EDGE, look.palette
    lines = [(line, palette.ink) for line in wrapped(info.answer, room / 1.12)]
    return lines + [(line, palette.muted) for line in wrapped(info.title, room)]


def _notes(info: StripsInfo, look: Look, *, named: bool) -> list[tuple[str, str]]:
    texts = (info.key, *(() if named else (info.unnamed,)), *info.notes)
    return [(line, look.palette.muted) for text in texts for line in wrapped(text, look.width - 2 * _EDGE)]


def _rows(info: StripsInfo, look: Look, top: float) -> _Rows:
    named = _ROW * len(info.rows) <= _ALL_ROWS
    stacked = named and look.width < _NARROW
    tall = _ROW * (1 + stacked) if named else max(_LEAST_ROW, _ALL_ROWS / len(info.rows))
    left, right, columns = _EDGE + 52.0, float(look.width - _EDGE), tuple[float, ...]()
    if named:
        longest = max(screen_width(row.name) for row in info.rows) * _CHARACTER
        left += 0 if stacked else min(longest, _NAMES * look.width) - 38
        columns, right = _columns(info, right, len(info.columns) - (stacked and info.limited))
    return _Rows(left, right, top, tall, named, stacked, columns, info.last_epoch)


def _columns(info: StripsInfo, right: float, count: int) -> tuple[tuple[float, ...], float]:
    """Return where the texts of the first so many columns end, and where the strips do."""
    ends: list[float] = []
    for number, column in reversed(list(enumerate(info.columns[:count]))):
        texts = [column, *(row.texts[number] for row in info.rows if len(row.texts) > number)]
        ends.insert(0, right)
        right -= max(screen_width(text) for text in texts) * _CHARACTER + 18
    return tuple(ends), right


def _draw_strip(canvas: Canvas, axes: Axes, rows: _Rows, y: float, strip: Strip) -> None:
    palette = canvas.look.palette
    thick = min(4.0, rows.tall)
    start = rows.x(strip.first - 1)
    stroke(canvas, axes, [start, rows.x(strip.last)], [y, y], palette.line, thick, order=1)
    stroke(canvas, axes, [start, rows.x(strip.ran)], [y, y], palette.curve, thick, order=2)
    half, size = min(8.0, rows.tall / 2), min(8.0, max(rows.tall * 1.2, 3.0))
    if strip.stopped:
        stroke(
            canvas,
            axes,
            [rows.x(strip.ran)] * 2,
            [y - half, y + half],
            palette.stop,
            2.5 if rows.named else 5,
            order=4 if rows.named else 7,
        )
    if strip.lowest is not None:
        dots(canvas, axes, [rows.x(strip.lowest)], [y], "o", size, palette.ground, palette.missed, order=5)
    if strip.best is not None:
        dots(canvas, axes, [rows.x(strip.best)], [y], "o", size, palette.best, palette.best, order=6)
    for epoch, what_if in strip.drops:
        fill = palette.ground if what_if else palette.rate
        dots(canvas, axes, [rows.x(epoch)], [y + half / 2], "v", size, fill, palette.rate, order=5)


def _name_strip(canvas: Canvas, rows: _Rows, y: float, row: StripRow) -> None:
    palette, edge = canvas.look.palette, canvas.look.width - _EDGE
    if rows.stacked:
        limits = "".join(row.texts[len(rows.columns) :])
        room = edge - _EDGE - screen_width(limits) * _CHARACTER - 14
        canvas.write(_EDGE, y - 16, middle_cut(row.name, round(room / _CHARACTER)), palette.ink)
        canvas.write(edge, y - 16, limits, palette.muted, align="right")
    else:
        name = middle_cut(row.name, round((rows.left - _EDGE - 14) / _CHARACTER))
        canvas.write(_EDGE, y + 4.5, name, palette.ink)
    for text, end in zip(row.texts, rows.columns, strict=False):
        canvas.write(end, y + 4.5, text, palette.ink, align="right")


def _name_columns(canvas: Canvas, rows: _Rows, info: StripsInfo, bottom: float) -> None:
    palette = canvas.look.palette
    for name, end in zip(info.columns, rows.columns, strict=False):
        canvas.write(end, rows.top - 8, name, palette.muted, align="right")
    axes = canvas.layer("axis", 0)
    stroke(canvas, axes, [rows.left, rows.right], [bottom + 6] * 2, palette.line, 1.1)
    for tick in epoch_ticks([1, max(info.last_epoch, 1)], rows.right - rows.left):
        canvas.write(rows.x(tick.value), bottom + 24, tick.text, palette.muted, align="center")
    canvas.write(rows.left - 10, bottom + 24, info.axis, palette.muted, align="right")
