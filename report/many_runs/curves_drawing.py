"""All curves as inline SVG, for a reader whose browser runs no program: the page's own program draws them finer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.many_runs.curves import LEAST, MISSING, MOST, NOT_A_NUMBER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.report.many_runs.curves import CurvesInfo
    from kcb_replay.report.many_runs.run_table import RunTable

__all__ = ["curves_svg"]

_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BOTTOM = 1000, 320, 56, 986, 10, 290
# So many points are light enough to mail; of more, some are drawn.
_MOST_POINTS = 5_000
_FEW = 40


def curves_svg(table: RunTable) -> str:
    """Return the curves of the view that is shown first, blue up to the stop of each and grey behind it."""
    curves = table.curves
    if curves is None:
        return ""
    edges = f"M{_LEFT - 4} {_TOP - 4}H{_RIGHT + 4}V{_BOTTOM + 4}H{_LEFT - 4}z"
    few = " few" if len(curves.rows) <= _FEW else ""
    return (
        f'<svg class="chart all{few}" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="All curves">'
        f'<clipPath id="all-clip"><path d="{edges}"/></clipPath>'
        f"{''.join(_axes(curves))}"
        f'<g clip-path="url(#all-clip)">{"".join(_curves(curves, table))}</g></svg>'
    )


def _axes(curves: CurvesInfo) -> Iterable[str]:
    for tick in curves.y_ticks:
        y = _y(curves.row_of(tick.value))
        yield f'<path class="grid" d="M{_LEFT} {y}H{_RIGHT}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{tick.text}</text>'
    for tick in curves.x_ticks:
        yield f'<text x="{_x(curves, tick.value)}" y="{_HEIGHT - 8}" text-anchor="middle">{tick.text}</text>'


def _curves(curves: CurvesInfo, table: RunTable) -> Iterable[str]:
    skip = -(-sum(len(rows) for rows in curves.rows) // _MOST_POINTS)
    squares = []
    for rows, stop, first in zip(curves.rows, table.stops, table.firsts, strict=True):
        places = [(first + number * curves.every, row) for number, row in enumerate(rows.tolist())][::skip]
        ran = [place for place in places if stop is None or place[0] <= stop]
        rest = [] if stop is None else [*ran[-1:], *places[len(ran) :]]
        yield _path("curve after", rest, curves)
        yield _path("curve", ran, curves)
        if stop is not None and ran and ran[-1][1] < MISSING:
            squares.append(f"M{_x(curves, stop) - 3} {_y(ran[-1][1]) - 3}h6v6h-6z")
    yield f'<path class="stop-square" d="{"".join(squares)}"/>'


def _path(name: str, places: Sequence[tuple[int, int]], curves: CurvesInfo) -> str:
    """Return a line through places; steps instead of places take half the text."""
    words: list[str] = []
    before: tuple[int, int] | None = None
    for epoch, row in places:
        if row == NOT_A_NUMBER:
            before = None
        elif row != MISSING:
            here = _x(curves, epoch), _y(row)
            if before is None:
                words.append(f"M{here[0]} {here[1]}l")
            else:
                x, y = here[0] - before[0], here[1] - before[1]
                words.append(f"{x}{y}" if y < 0 else f"{x} {y}")
            before = here
    text = " ".join(words).replace("l ", "l")
    return f'<path class="{name}" d="{text}"/>' if words else ""


def _x(curves: CurvesInfo, epoch: float) -> int:
    return round(_LEFT + (epoch - curves.first) / (curves.last - curves.first) * (_RIGHT - _LEFT))


def _y(row: int) -> int:
    return round(_BOTTOM - (row - LEAST) / (MOST - LEAST) * (_BOTTOM - _TOP))
