"""The elements of inline SVG: numbers with one decimal, shapes with a class, texts that are escaped."""

from __future__ import annotations

from html import escape

from kcb_replay.report.drawing.placing import Label
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
