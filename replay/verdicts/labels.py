"""What the source of a fit, and the name of its metric, allow of any answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.monitors import assumed_metrics
from kcb_replay.replay.rounding import is_rounded
from kcb_replay.replay.source_limits import codes_of_rounding

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.lanes.series import MonitoredFit

__all__ = ["label_of"]


def label_of(
    each: MonitoredFit, settings: Sequence[EarlyStopping] | Sequence[ReduceLROnPlateau], version: Semantics
) -> Label:
    """Return the label of all answers of a fit; nobody looks at single comparisons here, as a replay does."""
    monitors = {setting.monitor for setting in settings}
    if "sampled" in each.codes:
        return "sampled"
    recorded = [monitor for monitor in monitors if monitor in each.fit.metrics]
    if any(each.codes.intersection(codes_of_rounding(monitor)) for monitor in recorded):
        return "rounded"
    series = (each.fit.metrics[monitor] for monitor in recorded)
    rounded = any(is_rounded(one.tag, one.values[one.valid]) for one in series)
    if rounded:
        return "rounded"
    logged = [*each.fit.metrics, *each.fit.unloaded]
    return "hypothetical" if assumed_metrics(settings, version, logged) else "exact"
