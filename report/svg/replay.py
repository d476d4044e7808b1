"""Charts as inline SVG text: classes instead of style attributes, so that a page's policy needs no exception."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from kcb_replay.report.drawing.curve import CurveInfo, Mark
from kcb_replay.report.drawing.layout import LEFT, RIGHT, WIDTH, Layout, layout_of
from kcb_replay.report.svg.elements import circle, label_text, line, px, rect, tag, triangle
from kcb_replay.report.wait_and_rate import BarKind, Rate, Wait

_BAR_CLASS: dict[BarKind, str] = {"waited": "bar", "stopped": "bar-stop", "reduced": "bar-rate", "improved": "bar"}


def chart_svg(info: CurveInfo, ident: str, layout: Layout | None = None, more: Iterable[str] = ()) -> str:
    """Return the chart of a replay; `ident` makes its ids unique on the page, `more` is markup drawn on top."""
    layout = layout or layout_of(info)
    height = layout.metric.bottom - layout.metric.top
    parts = [
        tag("title", info.heading, id=f"{ident}-title"),
        tag("desc", " ".join(info.texts), id=f"{ident}-desc"),
        f'<clipPath id="{ident}-clip">{rect("", LEFT, layout.metric.top, RIGHT - LEFT, height)}</clipPath>',
        *_ground(info, layout),
        *_curve(info, layout, f"{ident}-clip"),
        *(_waits(info.wait, layout) if info.wait else ()),
        *(_rate(info.rate, layout) if info.rate else ()),
        *_stop_line(info, layout),
        *_marks(info, layout),
        *(label_text(label) for label in layout.all_labels),
        *more,
    ]
    head = (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {px(layout.height)}" width="{WIDTH}" height="{px(layout.height)}"'
        f' role="img" aria-labelledby="{ident}-title" aria-describedby="{ident}-desc">'
    )
    return head + "".join(parts) + "</svg>"


def _ground(info: CurveInfo, layout: Layout) -> Iterable[str]:
    metric, bottom = layout.metric, layout.bottom
    if info.what_if_from is not None:
        x = layout.x(info.what_if_from - 0.5)
        yield rect("what-if", x, metric.top, RIGHT - x, bottom - metric.top)
        yield line("what-if-edge", x, metric.top, x, bottom)
    for tick in metric.ticks:
        yield line("grid", LEFT, metric.y(tick.value), RIGHT, metric.y(tick.value))
    yield line("axis", LEFT, layout.axis_y, RIGHT, layout.axis_y)


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
                yield circle(name, layout.x(info.epochs[n]), layout.metric.unclamped_y(value), 2.5)
    for level in info.levels:
        for kind, height in (("level", level.best), ("threshold", level.threshold)):
            if height is not None:
                y = layout.metric.unclamped_y(height)
                yield line(kind, layout.x(level.first), y, layout.x(level.last), y)
    yield "</g>"


def _pieces(epochs: Sequence[int], points: Sequence[tuple[int, float]], layout: Layout, *, after: int) -> Iterable[str]:
    """Yield path commands, starting anew after each NaN; a missing value is bridged, a NaN is a gap."""
    pen_down = False
    for number, (n, value) in enumerate(points):
        # The grey curve starts at the last epoch that ran, so that the two meet.
        following = points[number + 1][0] if number + 1 < len(points) else n
        if following < after or (after and n < after and following == n):
            continue
        if math.isnan(value):
            pen_down = False
            continue
        yield f"{'L' if pen_down else 'M'}{px(layout.x(epochs[n]))} {px(layout.metric.unclamped_y(value))}"
        pen_down = True


def _waits(wait: Wait, layout: Layout) -> Iterable[str]:
    panel = layout.wait
    if panel is None:
        return
    width = max(1.0, min(10.0, (layout.x(2) - layout.x(1)) * 0.72))
    for kind, name in _BAR_CLASS.items():
        bars = [bar for bar in wait.bars if bar.kind == kind and bar.wait]
        boxes = ((layout.x(bar.epoch) - width / 2, panel.y(bar.wait)) for bar in bars)
        path = "".join(f"M{px(x)} {px(panel.bottom)}V{px(y)}h{px(width)}V{px(panel.bottom)}z" for x, y in boxes)
        yield f'<path class="{name}" d="{path}"/>' if path else ""
    improved = [layout.x(bar.epoch) - width / 2 for bar in wait.bars if bar.kind == "improved"]
    ticks = "".join(f"M{px(x)} {px(panel.bottom + 1)}h{px(width)}v3h{px(-width)}z" for x in improved)
    yield f'<path class="bar-best" d="{ticks}"/>' if ticks else ""
    yield line("axis", LEFT, panel.bottom, RIGHT, panel.bottom)
    if math.isfinite(wait.patience):
        yield line("patience", LEFT, panel.y(wait.patience), RIGHT, panel.y(wait.patience))


def _rate(rate: Rate, layout: Layout) -> Iterable[str]:
    panel = layout.rate
    if panel is None:
        return
    for first, last in rate.cooldowns:
        x = layout.x(first - 0.5)
        yield rect("cooldown", x, panel.top, layout.x(last + 0.5) - x, panel.bottom - panel.top)
    steps = list(zip(rate.epochs, rate.rates, strict=True))
    start = f"M{px(layout.x(steps[0][0] - 0.5))} {px(panel.y(steps[0][1]))}"
    path = start + "".join(f"V{px(panel.y(value))}H{px(layout.x(epoch + 0.5))}" for epoch, value in _ends(steps))
    tail = f"V{px(panel.y(rate.after))}h8" if rate.after != rate.rates[-1] else ""
    yield f'<path class="rate-line" d="{path}{tail}"/>'
    for drop in rate.drops:
        name = "rate-hollow" if drop.hypothetical else "rate"
        yield triangle(name, layout.x(drop.epoch + 0.5), panel.y(drop.old) + 1, 6)


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
    yield line("stop-line", x, 32, x, layout.bottom)
    yield rect("stop-square", x - 4, 28, 8, 8)


def _marks(info: CurveInfo, layout: Layout) -> Iterable[str]:
    if info.regret and all(map(math.isfinite, (info.regret.kept, info.regret.best))):
        top, bottom = sorted((layout.metric.y(info.regret.kept), layout.metric.y(info.regret.best)))
        yield f'<path class="bracket" d="M{RIGHT + 8} {px(top)}h6V{px(bottom)}h-6"/>'
    for mark, name in ((info.best, "best"), (info.lowest, "missed")):
        if mark and _has_place(mark):
            yield circle(name, layout.x(mark.epoch), layout.metric.y(mark.value or 0.0), 5)
    if info.kept and _has_place(info.kept):
        x, y = layout.x(info.kept.epoch), layout.metric.y(info.kept.value or 0.0)
        yield rect("kept", x - 4.5, y - 4.5, 9, 9)


def _has_place(mark: Mark) -> bool:
    return mark.value is not None and not math.isnan(mark.value)
