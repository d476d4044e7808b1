"""A `min_delta` that is not below what the metric moves in the whole recording: after the first value nothing improves.

Silent where no smaller min_delta would have done anything else with this recording.
"""

from __future__ import annotations

import math

from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.lints.base import Case, Lint, divergence

__all__ = ["large_min_delta"]


def large_min_delta(case: Case) -> list[Lint]:
    """Speak of each min_delta that no change of the metric can exceed, if it makes a difference."""
    return [
        lint
        for position, given in case.watching()
        if not isinstance(given, ModelCheckpoint)
        for lint in _of_one(case, position, given)
    ]


def _of_one(case: Case, position: int, given: EarlyStopping | ReduceLROnPlateau) -> list[Lint]:
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
