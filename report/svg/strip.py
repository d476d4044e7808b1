"""The strip of a run as inline SVG: epochs run of all recorded, the stop, the best epoch and the best of all."""

from __future__ import annotations

from html import escape

from kcb_replay.report.drawing.strips import Strip
from kcb_replay.report.svg.elements import px, triangle
from kcb_replay.text import visible

# The program of a page draws strips by the same numbers.
_WIDTH, _HEIGHT, _PAD, _MIDDLE, _RADIUS = 180, 18, 6, 9, 4


def strip_svg(strip: Strip, last_epoch: int, description: str = "") -> str:
    """Return the strip; `last_epoch` is the end of the scale that all of them share.

    With `said` it stands for that sentence. Without it is a picture that a program changes, so that a mark which does
    not show is there, too.
    """

    def x(epoch: float) -> str:
        return px(_PAD + epoch / max(last_epoch, 1) * (_WIDTH - 2 * _PAD))

    def dot(kind: str, epoch: int | None) -> str:
        if epoch is None and description:
            return ""
        return f'<circle class="{kind}" cx="{x(epoch or 0)}" cy="{_MIDDLE}" r="{_RADIUS if epoch else 0}"/>'

    start, tick = x(strip.first - 1), f"M{x(strip.ran)} 2V{_HEIGHT - 2}" if strip.stopped else ""
    parts = [
        f'<path class="track" d="M{start} {_MIDDLE}H{x(strip.last)}"/>',
        f'<path class="ran" d="M{start} {_MIDDLE}H{x(strip.ran)}"/>',
        f'<path class="tick" d="{tick}"/>' if tick or not description else "",
        dot("missed", strip.lowest),
        dot("best", strip.best),
        *(triangle("rate", float(x(epoch)), _MIDDLE + 5, 5) for epoch, _ in strip.drops),
    ]
    role = (
        f'role="img" aria-label="{escape(visible(description), quote=True)}"' if description else 'aria-hidden="true"'
    )
    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}"'
    return f'<svg class="strip" {size} {role}>{"".join(parts)}</svg>'
