"""Charts as inline SVG text: classes instead of style attributes, so that a page's policy needs no exception."""

from __future__ import annotations

import math
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING

from kcb_replay.report.drawing.layout import LEFT, RIGHT, WIDTH, Layout, layout_of
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.report.drawing.curve import CurveInfo, Mark
    from kcb_replay.report.drawing.placing import Label
    from kcb_replay.report.wait_and_rate import BarKind, Rate, Wait

__all__ = ["chart_svg", "strip_svg"]

_STRIP_WIDTH, _STRIP_HEIGHT, _STRIP_PAD = 180, 18, 6
_BAR_CLASS: dict[BarKind, str] = {"waited": "bar", "stopped": "bar-stop", "reduced": "bar-rate", "improved": "bar"}


def chart_svg(info: CurveInfo, ident: str, layout: Layout | None = None, more: Iterable[str] = ()) -> str:
    """Return the chart of a replay; `ident` makes its ids unique on the page, `more` is markup drawn on top."""
    layout = layout or layout_of(info)
    parts = [
        _tag("title", info.heading, id=f"{ident}-title"),
        _tag("desc", " ".join(info.texts), id=f"{ident}-desc"),
        f'<clipPath id="{ident}-clip">{_rect("", LEFT, layout.metric.top, RIGHT - LEFT, _height(layout))}</clipPath>',
        *_ground(info, layout),
        *_curve(info, layout, f"{ident}-clip"),
        *(_waits(info.wait, layout) if info.wait else ()),
        *(_rate(info.rate, layout) if info.rate else ()),
        *_stop_line(info, layout),
        *_marks(info, layout),
        *(_text(label) for label in layout.all_labels),
        *more,
    ]
    head = (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {_n(layout.height)}" width="{WIDTH}" height="{_n(layout.height)}"'
        f' role="img" aria-labelledby="{ident}-title" aria-describedby="{ident}-desc">'
    )
    return head + "".join(parts) + "</svg>"


def strip_svg(info: CurveInfo, last_epoch: int) -> str:
    """Return the small picture of a run for a table; `last_epoch` is the end of the scale all strips share."""
    middle = _STRIP_HEIGHT / 2

    def x(epoch: float) -> float:
        return _STRIP_PAD + epoch / max(last_epoch, 1) * (_STRIP_WIDTH - 2 * _STRIP_PAD)

    ran = info.epochs[info.split - 1]
    parts = [
        _line("track", x(info.epochs[0] - 1), middle, x(info.epochs[-1]), middle),
        _line("ran", x(info.epochs[0] - 1), middle, x(ran), middle),
        _line("tick", x(ran), 2, x(ran), _STRIP_HEIGHT - 2) if info.stop else "",
        _circle("missed", x(info.lowest.epoch), middle, 4) if info.lowest else "",
        _circle("best", x(info.best.epoch), middle, 4) if info.best else "",
    ]
    parts += [_triangle("rate", x(drop.epoch), middle + 5, 5) for drop in (info.rate.drops if info.rate else ())]
    said = escape(visible(info.answer), quote=True)
    size = f'viewBox="0 0 {_STRIP_WIDTH} {_STRIP_HEIGHT}" width="{_STRIP_WIDTH}" height="{_STRIP_HEIGHT}"'
    return f'<svg class="strip" {size} role="img" aria-label="{said}">{"".join(parts)}</svg>'


def _height(layout: Layout) -> float:
    return layout.metric.bottom - layout.metric.top


def _ground(info: CurveInfo, layout: Layout) -> Iterable[str]:
    metric, bottom = layout.metric, layout.bottom
    if info.what_if_from is not None:
        x = layout.x(info.what_if_from - 0.5)
        yield _rect("what-if", x, metric.top, RIGHT - x, bottom - metric.top)
        yield _line("what-if-edge", x, metric.top, x, bottom)
    for tick in metric.ticks:
        yield _line("grid", LEFT, metric.y(tick.value), RIGHT, metric.y(tick.value))
    yield _line("axis", LEFT, layout.axis_y, RIGHT, layout.axis_y)


def _curve(info: CurveInfo, layout: Layout, clip: str) -> Iterable[str]:
    yield f'<g clip-path="url(#{clip})">'
    present = [(n, value) for n, value in enumerate(info.values) if value is not None]
    for name, points in (("curve after", present), ("curve", [point for point in present if point[0] < info.split])):
        path = "".join(_pieces(info.epochs, points, layout, after=info.split if "after" in name else 0))
        yield f'<path class="{name}" d="{path}"/>' if path else ""
    if len(present) < len(info.values) or len(present) == 1:
        for n, value in present:
            if not math.isnan(value):
                name = "dot" if n < info.split else "dot after"
                yield _circle(name, layout.x(info.epochs[n]), layout.metric.unclamped_y(value), 2.5)
    for level in info.levels:
        for kind, height in (("level", level.best), ("threshold", level.threshold)):
            if height is not None:
                y = layout.metric.unclamped_y(height)
                yield _line(kind, layout.x(level.first), y, layout.x(level.last), y)
    yield "</g>"


def _pieces(epochs: Sequence[int], points: Sequence[tuple[int, float]], layout: Layout, *, after: int) -> Iterable[str]:
    """Yield path commands, starting anew after each NaN; a missing value is bridged, a NaN is a gap."""
    pen_down = False
    for place, (n, value) in enumerate(points):
        # The grey curve starts at the last epoch that ran, so that the two meet.
        following = points[place + 1][0] if place + 1 < len(points) else n
        if following < after or (after and n < after and following == n):
            continue
        if math.isnan(value):
            pen_down = False
            continue
        yield f"{'L' if pen_down else 'M'}{_n(layout.x(epochs[n]))} {_n(layout.metric.unclamped_y(value))}"
        pen_down = True


def _waits(wait: Wait, layout: Layout) -> Iterable[str]:
    panel = layout.wait
    if panel is None:
        return
    width = max(1.0, min(10.0, (layout.x(2) - layout.x(1)) * 0.72))
    for kind, name in _BAR_CLASS.items():
        bars = [bar for bar in wait.bars if bar.kind == kind and bar.wait]
        boxes = ((layout.x(bar.epoch) - width / 2, panel.y(bar.wait)) for bar in bars)
        path = "".join(f"M{_n(x)} {_n(panel.bottom)}V{_n(y)}h{_n(width)}V{_n(panel.bottom)}z" for x, y in boxes)
        yield f'<path class="{name}" d="{path}"/>' if path else ""
    improved = [layout.x(bar.epoch) - width / 2 for bar in wait.bars if bar.kind == "improved"]
    ticks = "".join(f"M{_n(x)} {_n(panel.bottom + 1)}h{_n(width)}v3h{_n(-width)}z" for x in improved)
    yield f'<path class="bar-best" d="{ticks}"/>' if ticks else ""
    yield _line("axis", LEFT, panel.bottom, RIGHT, panel.bottom)
    if math.isfinite(wait.patience):
        yield _line("patience", LEFT, panel.y(wait.patience), RIGHT, panel.y(wait.patience))


def _rate(rate: Rate, layout: Layout) -> Iterable[str]:
    panel = layout.rate
    if panel is None:
        return
    for first, last in rate.cooldowns:
        x = layout.x(first - 0.5)
        yield _rect("cooldown", x, panel.top, layout.x(last + 0.5) - x, panel.bottom - panel.top)
    steps = list(zip(rate.epochs, rate.rates, strict=True))
    start = f"M{_n(layout.x(steps[0][0] - 0.5))} {_n(panel.y(steps[0][1]))}"
    path = start + "".join(f"V{_n(panel.y(value))}H{_n(layout.x(epoch + 0.5))}" for epoch, value in _ends(steps))
    tail = f"V{_n(panel.y(rate.after))}h8" if rate.after != rate.rates[-1] else ""
    yield f'<path class="rate-line" d="{path}{tail}"/>'
    for drop in rate.drops:
        name = "rate-hollow" if drop.hypothetical else "rate"
        yield _triangle(name, layout.x(drop.epoch + 0.5), panel.y(drop.old) + 1, 6)


def _ends(steps: Sequence[tuple[int, float]]) -> Iterable[tuple[int, float]]:
    """Yield the last epoch of each stretch of one rate."""
    for (epoch, value), (_, following) in pairwise(steps):
        if value != following:
            yield epoch, value
    yield steps[-1]


def _stop_line(info: CurveInfo, layout: Layout) -> Iterable[str]:
    if info.stop is None:
        return
    x = layout.x(info.stop.epoch)
    yield _line("stop-line", x, 32, x, layout.bottom)
    yield _rect("stop-square", x - 4, 28, 8, 8)


def _marks(info: CurveInfo, layout: Layout) -> Iterable[str]:
    if info.regret and all(map(math.isfinite, (info.regret.kept, info.regret.best))):
        top, bottom = sorted((layout.metric.y(info.regret.kept), layout.metric.y(info.regret.best)))
        yield f'<path class="bracket" d="M{RIGHT + 8} {_n(top)}h6V{_n(bottom)}h-6"/>'
    for mark, name in ((info.best, "best"), (info.lowest, "missed")):
        if mark and _has_place(mark):
            yield _circle(name, layout.x(mark.epoch), layout.metric.y(mark.value or 0.0), 5)
    if info.kept and _has_place(info.kept):
        x, y = layout.x(info.kept.epoch), layout.metric.y(info.kept.value or 0.0)
        yield _rect("kept", x - 4.5, y - 4.5, 9, 9)


def _has_place(mark: Mark) -> bool:
    return mark.value is not None and not math.isnan(mark.value)


def _text(label: Label) -> str:
    place = f'x="{_n(label.x)}" y="{_n(label.y)}" text-anchor="{label.anchor}"'
    return f'<text class="halo t-{label.role}" {place}>{escape(visible(label.text), quote=False)}</text>'


def _tag(name: str, text: str, **attributes: str) -> str:
    given = "".join(f' {key}="{escape(value, quote=True)}"' for key, value in attributes.items())
    return f"<{name}{given}>{escape(visible(text), quote=False)}</{name}>"


def _line(name: str, x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<path class="{name}" d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}"/>'


def _rect(name: str, x: float, y: float, width: float, height: float) -> str:
    return f'<rect class="{name}" x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0))}" height="{_n(height)}"/>'


def _circle(name: str, x: float, y: float, radius: float) -> str:
    return f'<circle class="{name}" cx="{_n(x)}" cy="{_n(y)}" r="{radius:g}"/>'


def _triangle(name: str, x: float, y: float, half: float) -> str:
    return f'<path class="{name}" d="M{_n(x - half)} {_n(y - half)}h{2 * half:g}L{_n(x)} {_n(y + half)}z"/>'


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
