"""When ReduceLROnPlateau would reduce, for many runs and settings at once: lanes of NumPy, epoch by epoch.

A lane is one run under one patience, cooldown and min_delta. `factor` and `min_lr` need no lanes: they only say how
much each reduction is, and with which one the floor is reached. Equal to the engine, lane by lane, up to the floor;
versions whose rule is another one are left to the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.sweep.arithmetic import operand

if TYPE_CHECKING:
    from kcb_replay.replay.behaviours import Semantics

__all__ = ["PlateauLanes", "Reductions", "is_vectorised", "reductions_of"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PlateauLanes:
    """What a pass needs, epoch-major: `values` and `valid` of shape (rows, lanes).

    `values` are the monitored values, `valid` tells where there is one; metrics to maximise come negated. `patience`,
    `cooldown` and `min_delta` have shape (lanes,).
    """

    values: Floats
    valid: Mask
    patience: Integers
    cooldown: Integers
    min_delta: Floats


@dataclass(frozen=True, slots=True)
class Reductions:
    """Every reduction, as if there were no floor: `row[n]` of lane `lane[n]`, in the order of rows."""

    row: Integers
    lane: Integers


def is_vectorised(version: Semantics) -> bool:
    """Tell whether the lanes follow the rule of a version: that of Keras 2.1.6 and of all after it."""
    return version.plateau_counts_first


def reductions_of(lanes: PlateauLanes, version: Semantics) -> Reductions:
    """Return when every lane reduces the learning rate."""
    rows, count = lanes.values.shape
    single = version.plateau_arithmetic != "float64"
    absolute = version.plateau_absolute_min_delta
    margin = np.abs(lanes.min_delta) if absolute else lanes.min_delta
    best, has_best = np.full(count, np.inf), np.full(count, not version.plateau_any_first_value)
    wait, cooling = np.zeros(count, np.int64), np.zeros(count, np.int64)
    found_row, found_lane = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for row in range(rows):
        value, seen = lanes.values[row], lanes.valid[row]
        ticking = seen & (cooling > 0)
        cooling -= ticking
        wait[ticking] = 0
        left, right = (value + margin, best) if absolute else (value, best - margin)
        improved = seen & ((operand(left, single=single) < operand(right, single=single)) | ~has_best)
        best = np.where(improved, value, best)
        has_best |= improved
        wait[improved] = 0
        waiting = seen & ~improved & (cooling == 0)
        wait += waiting
        reduced = np.flatnonzero(waiting & (wait >= lanes.patience))
        wait[reduced], cooling[reduced] = 0, lanes.cooldown[reduced]
        found_row.append(np.full(len(reduced), row, np.int64))
        found_lane.append(reduced)
    return Reductions(np.concatenate(found_row), np.concatenate(found_lane))
