"""What the source of a fit allows of any answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.limits import codes_of_rounding
from kcb_replay.replay.rounding import is_rounded

if TYPE_CHECKING:
    from collections.abc import Collection

    from kcb_replay.replay.sweep.series import MonitoredFit
    from kcb_replay.replay.validity import Label

__all__ = ["label_of"]


def label_of(each: MonitoredFit, monitors: Collection[str]) -> Label:
    """Return the label of all answers of a fit; nobody looks at single comparisons here, as a replay does."""
    if "sampled" in each.codes:
        return "sampled"
    recorded = [monitor for monitor in monitors if monitor in each.fit.metrics]
    if any(each.codes.intersection(codes_of_rounding(monitor)) for monitor in recorded):
        return "rounded"
    series = (each.fit.metrics[monitor] for monitor in recorded)
    rounded = any(is_rounded(one.tag, one.values[one.valid]) for one in series)
    return "rounded" if rounded else "exact"
