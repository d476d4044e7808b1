"""One monitored metric: its values as they are written, and its pixel rows on every scale."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.outcomes.stopping import best_of
from kcb_replay.report.explainer.scales import Scale, scales_of
from kcb_replay.text import Decimals, decimals_for, visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.directions import Direction
    from kcb_replay.report.drawing.curve import CurveInfo
    from kcb_replay.report.drawing.layout import Layout
    from kcb_replay.report.drawing.plateau import Range
    from kcb_replay.report.explainer.context import Context
    from kcb_replay.report.explainer.request import ExplainerRequest

__all__ = ["Metric", "metric_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What the curve shows under one monitor; `values` has None where there is none and NaN where it is NaN."""

    name: str
    mode: Direction | None
    values: tuple[float | None, ...]
    decimals: Decimals
    scales: tuple[Scale, ...]
    first_range: Range | None

    def title(self, words: Catalogue) -> str:
        """Return its name, and which way is better."""
        return f"{visible(self.name)} ({words.say(f'chart.better_{self.mode}')})" if self.mode else visible(self.name)

    def written(self) -> list[str]:
        """Return the values as text, an empty one where there is none."""
        return [self.decimals.show(value) for value in self.values]


def metric_of(
    asked: ExplainerRequest, monitor: int, contexts: Sequence[Context], layout: Layout, curve: CurveInfo
) -> Metric:
    """Return the metric of a monitor, with as many decimals as its comparisons need under every version."""
    name = asked.monitors[monitor] or curve.monitor
    stream = asked.start.stream
    found = stream.values_of(name)
    values = tuple(found.get(epoch.index) for epoch in stream.epochs)
    mode = _mode(contexts[0], name)
    best = best_of(found, mode)
    lowest = None if best is None else found[best]
    pairs = {pair for context in contexts for pair in context.compared()}
    pairs |= {(value, lowest) for value in found.values() if lowest is not None}
    decimals = decimals_for(pairs)
    marks = [mark.value for mark in (curve.best, curve.kept, curve.lowest) if mark] if monitor == 0 else []
    scales = scales_of(
        [epoch.index + 1 for epoch in stream.epochs],
        values,
        mode,
        marks=[*marks, lowest],
        decimals=decimals,
        words=curve.words,
        top=layout.metric.top,
        bottom=layout.metric.bottom,
    )
    return Metric(
        name=name,
        mode=mode,
        values=values,
        decimals=decimals,
        scales=scales.scales,
        first_range=scales.first,
    )


def _mode(context: Context, name: str) -> Direction | None:
    resolved = context.base.rows[-1].states[context.asked.lead].direction
    return resolved or direction_of(name)
