"""Why nothing is ever an improvement: a min_delta that the metric cannot exceed, or a NaN as its first value.

Versions that take any first value for the best never find a better one than NaN: EarlyStopping since Keras 3.7,
ReduceLROnPlateau and ModelCheckpoint since 3.11.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.lints.base import Case, Lint, Monitoring, does, effects, first_difference, of_each, parting
from kcb_replay.replay.semantics import semantics

if TYPE_CHECKING:
    from kcb_replay.replay.directions import Direction

__all__ = ["first_nan", "large_min_delta"]

# The last release line that compares the first value with the worst of all.
_BEFORE = {EarlyStopping: "keras-3.6", ReduceLROnPlateau: "keras-3.10", ModelCheckpoint: "keras-3.10"}


@of_each(EarlyStopping, ReduceLROnPlateau)
def large_min_delta(case: Case, position: int, callback: EarlyStopping | ReduceLROnPlateau) -> Lint | None:
    """Speak of each min_delta that no change of the metric can exceed, where a smaller one makes a difference."""
    values = [value for value in case.stream.values_of(callback.monitor).values() if math.isfinite(value)]
    name, margin = _margin(case, callback)
    if margin <= 0 or len(values) < 2 or margin < max(values) - min(values):
        return None
    none = case.alone(position, epsilon=0) if name == "epsilon" else case.alone(position, min_delta=0)
    parted = parting(case.alone(position), none, f"{name}=0")
    if parted is None:
        return None
    index, consequences = parted
    low, high = min(values), max(values)
    why = reason(
        f"lint.min-delta-too-large.{'value' if margin > max(abs(low), abs(high)) else 'moves'}",
        name=name,
        margin=margin,
        callback=callback.name,
        monitor=callback.monitor,
        low=low,
        high=high,
        span=high - low,
        consequences=consequences,
        epoch=index + 1,
    )
    return Lint("min-delta-too-large", (position,), index, why)


def _margin(case: Case, callback: EarlyStopping | ReduceLROnPlateau) -> tuple[str, float]:
    """Return the argument that the version goes by, and its value."""
    ignored = getattr(callback, "epsilon", None) is None or case.version.plateau_epsilon == "ignored"
    return "min_delta" if ignored else "epsilon", callback.margin(case.version)


@of_each(EarlyStopping, ReduceLROnPlateau, ModelCheckpoint)
def first_nan(case: Case, position: int, callback: Monitoring) -> Lint | None:
    """Speak of a best value that is NaN, where an earlier Keras would have gone on to compare."""
    best = case.best(position)
    values = case.stream.values_of(callback.monitor)
    if best is None or not math.isnan(best):
        return None
    from_index = getattr(callback, "start_from_epoch", 0)
    index = next(index for index, value in values.items() if math.isnan(value) and index >= from_index)
    start = next((later for later, value in values.items() if later > index and not math.isnan(value)), None)
    before, mode = _BEFORE[type(callback)], case.direction(position)
    earlier = case.alone(position, version=semantics(before), mode=mode or callback.mode)
    here = case.alone(position)
    if start is None or first_difference(here, earlier) is None:
        return None
    why = reason(
        "lint.first-nan-unbeaten.because",
        monitor=callback.monitor,
        epoch=index + 1,
        version=case.version.name,
        callback=callback.name,
        here=does(effects(here)),
        before=before,
        there=does(effects(earlier)),
        remedy=_without_nan(callback, mode, start),
    )
    return Lint("first-nan-unbeaten", (position,), index, why)


def _without_nan(callback: Monitoring, mode: Direction | None, start: int) -> Reason | str:
    """Name the setting that leaves the NaN out; ReduceLROnPlateau has none."""
    if callback.purpose == "stops":
        return reason("lint.first-nan-unbeaten.start", start=start)
    if callback.purpose == "saves":
        return reason("lint.first-nan-unbeaten.threshold", threshold="inf" if mode == "min" else "-inf")
    return ""
