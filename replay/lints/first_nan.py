"""A NaN as first value: versions that take any first value for the best never find a better one.

EarlyStopping does so since Keras 3.7, ReduceLROnPlateau and ModelCheckpoint since 3.11.
"""

from __future__ import annotations

import math

from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.lints.base import Case, Lint, Monitoring, does, effects, parting
from kcb_replay.replay.semantics import semantics

__all__ = ["first_nan"]

# The last release line that compares the first value with the worst of all.
_BEFORE = {EarlyStopping: "keras-3.6", ReduceLROnPlateau: "keras-3.10", ModelCheckpoint: "keras-3.10"}


def first_nan(case: Case) -> list[Lint]:
    """Speak of a best value that is NaN, where an earlier Keras would have gone on to compare."""
    return [lint for position, given in case.watching() for lint in _of_one(case, position, given)]


def _of_one(case: Case, position: int, given: Monitoring) -> list[Lint]:
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
