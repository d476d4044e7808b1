"""Every patience of EarlyStopping at once, for many runs and settings: lanes of NumPy, epoch by epoch.

Patience enters EarlyStopping only in the final test, so one pass of a wait counter that never stops answers all of
them: a patience stops where the counter first reaches it. A lane is one run under one min_delta, baseline and
start_from_epoch. Equal to the engine, lane by lane; versions whose rule is another one are left to the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.sweep.arithmetic import operand

if TYPE_CHECKING:
    from kcb_replay.replay.behaviours import Semantics

__all__ = ["Lanes", "Stops", "is_vectorised", "stops_of"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Lanes:
    """What a pass needs, epoch-major: `values`, `valid` and `epochs` of shape (rows, lanes).

    `values` are the monitored values, `valid` tells where there is one, `epochs` are 0-based. Metrics to maximise come
    negated, and so do their baselines. `min_delta`, `baseline` (NaN: none) and `start_from_epoch` have shape (lanes,).
    """

    values: Floats
    valid: Mask
    epochs: Integers
    min_delta: Floats
    baseline: Floats
    start_from_epoch: Integers

    @property
    def rows(self) -> int:
        """Number of recorded epochs of the longest run."""
        return int(self.values.shape[0])

    @property
    def count(self) -> int:
        """Number of lanes."""
        return int(self.values.shape[1])


@dataclass(frozen=True, slots=True)
class Stops:
    """The answer for every patience, of shape (patiences, lanes); -1 where there is no such row.

    `row` is the row of `values` after which the training stops, `best_row` the best one that the callback knows then,
    or at the end where it does not stop. Per lane (lanes,): `first_row` is the first one that counts, whose weights are
    kept until there is a better one, and `wait` the counter at the end of the recording.
    """

    row: Integers
    best_row: Integers
    first_row: Integers
    wait: Integers


def is_vectorised(version: Semantics) -> bool:
    """Tell whether the lanes follow the rule of a version: that of TensorFlow 2.12 and of all after it."""
    return (
        version.early_stopping_counts_first
        and version.early_stopping_baseline_by_wait
        and version.early_stopping_improving_never_stops
        and version.early_stopping_spares_first_epoch
        and not version.early_stopping_signed_min_delta
        and not version.early_stopping_needs_metric
    )


def stops_of(lanes: Lanes, patiences: Integers, version: Semantics) -> Stops:
    """Return where every lane stops with every patience (whole numbers from 1 on; 0 acts like 1)."""
    single = version.early_stopping_arithmetic != "float64"
    most = int(patiences.max(initial=1))
    none = np.int64(lanes.rows)
    # Row and best row at which the counter first came to n, for n from 0 to the largest patience.
    reached = np.full((most + 1, lanes.count), none)
    best_then = np.full((most + 1, lanes.count), np.int64(-1))
    wait, highest = np.zeros(lanes.count, np.int64), np.zeros(lanes.count, np.int64)
    best = np.full(lanes.count, np.inf)
    best_row, first_row = np.full(lanes.count, np.int64(-1)), np.full(lanes.count, np.int64(-1))
    target = operand(lanes.baseline, single=single)
    without_baseline = np.isnan(lanes.baseline)
    for row in range(lanes.rows):
        value, epoch = lanes.values[row], lanes.epochs[row]
        seen = lanes.valid[row] & (epoch >= lanes.start_from_epoch)
        candidate = operand(value + lanes.min_delta, single=single)
        improved = candidate < operand(best, single=single)
        if version.early_stopping_any_first_value:
            improved |= best_row < 0
        improved &= seen
        wait += seen
        first_row = np.where(seen & (first_row < 0), row, first_row)
        best = np.where(improved, value, best)
        best_row = np.where(improved, row, best_row)
        wait[improved & (without_baseline | (candidate < target))] = 0
        higher = np.flatnonzero(seen & ~improved & (epoch > 0) & (wait > highest))
        highest[higher] = wait[higher]
        count = np.minimum(wait[higher], most)
        earlier = reached[count, higher] == none
        reached[count[earlier], higher[earlier]] = row
        best_then[count[earlier], higher[earlier]] = best_row[higher[earlier]]
    return _answers(reached, best_then, patiences, best_row, first_row, wait, none)


def _answers(
    reached: Integers,
    best_then: Integers,
    patiences: Integers,
    best_row: Integers,
    first_row: Integers,
    wait: Integers,
    none: np.int64,
) -> Stops:
    """Read the patiences off the table; a counter that jumped over a number reached it, too."""
    for count in range(len(reached) - 2, -1, -1):
        later = reached[count + 1] < reached[count]
        reached[count] = np.where(later, reached[count + 1], reached[count])
        best_then[count] = np.where(later, best_then[count + 1], best_then[count])
    asked = np.maximum(patiences, 1)
    row, best = reached[asked], best_then[asked]
    never = row == none
    return Stops(np.where(never, -1, row), np.where(never, best_row, best), first_row, wait)
