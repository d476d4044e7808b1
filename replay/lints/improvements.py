"""Why nothing is ever an improvement: a min_delta that the metric cannot exceed, or a NaN as its first value.

Versions that take any first value for the best never find a better one than NaN: EarlyStopping since Keras 3.7,
ReduceLROnPlateau and ModelCheckpoint since 3.11.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.lints.base import Case, Lint, Monitoring, divergence, does, effects, parting
from kcb_replay.replay.semantics import semantics

if TYPE_CHECKING:
    from kcb_replay.replay.directions import Direction

__all__ = ["first_nan", "large_min_delta"]


def large_min_delta(case: Case) -> list[Lint]:
    """Speak of each min_delta that no change of the metric can exceed, if it makes a difference."""
    return [
        lint
        for position, given in case.watching()
        if not isinstance(given, ModelCheckpoint)
        for lint in _large_min_delta_of(case, position, given)
    ]


def _large_min_delta_of(case: Case, position: int, given: EarlyStopping | ReduceLROnPlateau) -> list[Lint]:
    values = [value for value in case.stream.values_of(given.monitor).values() if math.isfinite(value)]
    name, margin = _margin(case, given)
    if margin <= 0 or len(values) < 2 or margin < max(values) - min(values):
        return []
    none = case.alone(position, epsilon=0) if name == "epsilon" else case.alone(position, min_delta=0)
    parted = divergence(case.alone(position), none, f"{name}=0")
    if parted is None:
        return []
    index, consequences = parted
    low, high = min(values), max(values)
    than = "itself" if margin > max(abs(low), abs(high)) else "moves in the whole recording"
    text = (
        f"{name}={margin:g} of {given.name} is more than {given.monitor} {than} ({low:.4g} to {high:.4g}),"
        f" so that after the first value nothing is an improvement: {consequences}. They part in epoch {index + 1}."
        f" Choose {name} well below {high - low:.2g}."
    )
    return [Lint("min-delta-too-large", (position,), index, text)]


def _margin(case: Case, given: EarlyStopping | ReduceLROnPlateau) -> tuple[str, float]:
    """Return the argument that the version goes by, and its value."""
    if not isinstance(given, ReduceLROnPlateau):
        return "min_delta", given.min_delta
    margin = given.margin(case.version)
    return "min_delta" if given.epsilon is None or case.version.plateau_epsilon == "ignored" else "epsilon", margin


# The last release line that compares the first value with the worst of all.
_BEFORE = {EarlyStopping: "keras-3.6", ReduceLROnPlateau: "keras-3.10", ModelCheckpoint: "keras-3.10"}


def first_nan(case: Case) -> list[Lint]:
    """Speak of a best value that is NaN, where an earlier Keras would have gone on to compare."""
    return [lint for position, given in case.watching() for lint in _first_nan_of(case, position, given)]


def _first_nan_of(case: Case, position: int, given: Monitoring) -> list[Lint]:
    best = case.best(position)
    values = case.stream.values_of(given.monitor)
    if best is None or not math.isnan(best):
        return []
    index = next(index for index, value in values.items() if _taken(given, index, value))
    start = next((later for later, value in values.items() if later > index and not math.isnan(value)), None)
    earlier = case.alone(position, version=semantics(_BEFORE[type(given)]), mode=case.direction(position) or given.mode)
    here = case.alone(position)
    if start is None or parting(here, earlier) is None:
        return []
    text = (
        f"{given.monitor} is NaN in epoch {index + 1}, and {case.version.name} takes that first value for the best, so"
        f" nothing is ever an improvement: {given.name} {does(effects(here))}. Up to {_BEFORE[type(given)]} it"
        f" {does(effects(earlier))}.{_remedy(given, case.direction(position), start)}"
    )
    return [Lint("first-nan-unbeaten", (position,), index, text)]


def _taken(given: Monitoring, index: int, value: float) -> bool:
    return math.isnan(value) and index >= getattr(given, "start_from_epoch", 0)


def _remedy(given: Monitoring, mode: Direction | None, start: int) -> str:
    """Name the setting that leaves the NaN out; ReduceLROnPlateau has none."""
    if isinstance(given, EarlyStopping):
        return f" Use start_from_epoch={start}."
    if isinstance(given, ModelCheckpoint):
        return f' Use initial_value_threshold=float("{"inf" if mode == "min" else "-inf"}").'
    return ""
