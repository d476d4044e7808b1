"""The elements of inline SVG: numbers with one decimal, shapes with a class, escaped texts, and the strip of a run."""

from __future__ import annotations

from html import escape

from kcb_replay.report.drawing.placing import Label
from kcb_replay.report.drawing.strips import Strip
from kcb_replay.text import visible


def px(value: float) -> str:
    """Return a coordinate."""
    return f"{value:.1f}".removesuffix(".0")


def text(words: str) -> str:
    """Return words as the content of an element."""
    return escape(visible(words), quote=False)


def tag(name: str, words: str, **attributes: str) -> str:
    """Return an element that holds words."""
    pairs = "".join(f' {key}="{escape(value, quote=True)}"' for key, value in attributes.items())
    return f"<{name}{pairs}>{text(words)}</{name}>"


def label_text(label: Label, kind: str = "") -> str:
    """Return a placed label; `kind` is its class where that does not follow from what it is the label of."""
    position = f'x="{px(label.x)}" y="{px(label.y)}" text-anchor="{label.anchor}"'
    return f'<text class="halo {kind or f"t-{label.role}"}" {position}>{text(label.text)}</text>'


def line(kind: str, x1: float, y1: float, x2: float, y2: float) -> str:
    """Return a line from one point to the other."""
    return f'<path class="{kind}" d="M{px(x1)} {px(y1)}L{px(x2)} {px(y2)}"/>'


def rect(kind: str, x: float, y: float, width: float, height: float) -> str:
    """Return a rectangle by its upper left corner."""
    size = f'width="{px(max(width, 0))}" height="{px(height)}"'
    return f'<rect class="{kind}" x="{px(x)}" y="{px(y)}" {size}/>'


def circle(kind: str, x: float, y: float, radius: float) -> str:
    """Return a circle."""
    return f'<circle class="{kind}" cx="{px(x)}" cy="{px(y)}" r="{radius:g}"/>'


def triangle(kind: str, x: float, y: float, half: float) -> str:
    """Return a triangle that points down."""
    return f'<path class="{kind}" d="M{px(x - half)} {px(y - half)}h{2 * half:g}L{px(x)} {px(y + half)}z"/>'


# The program of a page draws strips by the same numbers.
_WIDTH, _HEIGHT, _PAD, _MIDDLE, _RADIUS = 180, 18, 6, 9, 4


def strip_svg(strip: Strip, last_epoch: int, description: str = "") -> str:
    """Return the strip; `last_epoch` is the end of the scale that all of them share.

    With a `description` it stands for that sentence. Without it is a picture that a program changes, so that a mark
    which does not show is there, too.
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
