"""All curves as inline SVG: the chart of a report, and of every page in a browser that runs no program."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import pairwise

from kcb_replay.report.drawing.curves import LEAST, MISSING, MOST, NOT_A_NUMBER, Curves

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1000, 320, 56, 986, 10, 290
_FEW = 40
# Without a program a page has a coarser chart, so that both are light enough to mail.
_MOST_POINTS = 5_000


def curves_svg(
    curves: Curves,
    ends: Sequence[int | None],
    stops: Sequence[Sequence[int]],
    label: str,
    most_points: int = _MOST_POINTS,
) -> str:
    """Return the curves, blue up to the end of each (None: the last epoch) and grey behind it, with squares at stops.

    Of more points than these some are drawn.
    """
    edges = f"M{_LEFT - 4} {_TOP - 4}H{_RIGHT + 4}V{_BOTTOM + 4}H{_LEFT - 4}z"
    few = " few" if len(curves.rows) <= _FEW else ""
    description = escape(label, quote=True)
    return (
        f'<svg class="chart all{few}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{description}">'
        f'<clipPath id="all-clip"><path d="{edges}"/></clipPath>{"".join(_axes(curves))}'
        f'<g clip-path="url(#all-clip)">{"".join(_curves(curves, ends, stops, most_points))}</g></svg>'
    )


def _axes(curves: Curves) -> Iterable[str]:
    for tick in curves.y_ticks:
        y = _y(curves.row_of(tick.value))
        yield f'<path class="grid" d="M{_LEFT} {y}H{_RIGHT}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{tick.text}</text>'
    for tick in curves.x_ticks:
        yield f'<text x="{_x(curves, tick.value)}" y="{_HEIGHT - 8}" text-anchor="middle">{tick.text}</text>'


def _curves(
    curves: Curves, ends: Sequence[int | None], stops: Sequence[Sequence[int]], most_points: int
) -> Iterable[str]:
    skip = -(-sum(len(rows) for rows in curves.rows) // most_points)
    squares = []
    for rows, end, first, own in zip(curves.rows, ends, curves.firsts, stops, strict=True):
        row_of = dict(enumerate(rows.tolist()))
        places = [(first + number * curves.every, row) for number, row in row_of.items()][::skip]
        ran = [point for point in places if end is None or point[0] <= end]
        rest = [] if end is None else [*ran[-1:], *places[len(ran) :]]
        yield f"<g>{_path('curve after', rest, curves)}{_path('curve', ran, curves)}</g>"
        for stop in own:
            row = row_of.get((stop - first) // curves.every, MISSING)
            if row < MISSING:
                squares.append(f"M{_x(curves, stop) - 3} {_y(row) - 3}h6v6h-6z")
    yield f'<path class="stop-square" d="{"".join(squares)}"/>'


def _path(name: str, places: Sequence[tuple[int, int]], curves: Curves) -> str:
    """Return a line through places, broken where the metric is NaN."""
    pieces: list[list[tuple[int, int]]] = [[]]
    for epoch, row in places:
        if row == NOT_A_NUMBER:
            pieces.append([])
        elif row != MISSING:
            pieces[-1].append((_x(curves, epoch), _y(row)))
    text = "".join(map(_piece, filter(None, pieces)))
    return f'<path class="{name}" d="{text}"/>' if text else ""


def _piece(places: Sequence[tuple[int, int]]) -> str:
    """Return where a line begins and its steps, which take half the text that places would."""
    steps = ((x - x0, y - y0) for (x0, y0), (x, y) in pairwise(places))
    line = " ".join(f"{x}{y}" if y < 0 else f"{x} {y}" for x, y in steps)
    return f"M{places[0][0]} {places[0][1]}" + (f"l{line}" if line else "h1")


def _x(curves: Curves, epoch: float) -> int:
    return round(_LEFT + (epoch - curves.first) / (curves.last - curves.first) * (_RIGHT - _LEFT))


def _y(row: int) -> int:
    return round(_BOTTOM - (row - LEAST) / (MOST - LEAST) * (_BOTTOM - _TOP))
