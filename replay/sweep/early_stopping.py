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
from kcb_replay.replay.sweep.counted import counted_of
from kcb_replay.replay.sweep.improvements import along_stream, in_lanes
from kcb_replay.replay.sweep.waits import stretches_of

if TYPE_CHECKING:
    from kcb_replay.replay.behaviours import Semantics
    from kcb_replay.replay.sweep.counted import Counted

__all__ = ["Lanes", "Stops", "is_vectorised", "stops_of"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
# Numbers that fit into the cache of a core; and where a stream is better followed from minimum to minimum.
_CHUNK, _LEAST_WIDTH = 2**17, 64
_LONG, _FEW = 2_000, 16


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

    def part(self, chosen: slice) -> Lanes:
        """Return some of the lanes."""
        return Lanes(
            self.values[:, chosen],
            self.valid[:, chosen],
            self.epochs[:, chosen],
            self.min_delta[chosen],
            self.baseline[chosen],
            self.start_from_epoch[chosen],
        )


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
    """Return where every lane stops with every patience (whole numbers from 0 on; 0 acts like 1)."""
    asked, place = np.unique(np.maximum(patiences, 1), return_inverse=True)
    width = max(_LEAST_WIDTH, _CHUNK // max(lanes.rows, len(asked)))
    parts = [_stops(lanes.part(slice(first, first + width)), asked, version) for first in range(0, lanes.count, width)]
    return Stops(
        row=np.concatenate([part.row for part in parts], axis=1)[place],
        best_row=np.concatenate([part.best_row for part in parts], axis=1)[place],
        first_row=np.concatenate([part.first_row for part in parts]),
        wait=np.concatenate([part.wait for part in parts]),
    )


def _stops(lanes: Lanes, patiences: Integers, version: Semantics) -> Stops:
    counted = counted_of(lanes.values, lanes.valid & (lanes.epochs >= lanes.start_from_epoch))
    first_row = counted.in_block(np.where(counted.lengths > 0, 0, -1)[np.newaxis])[0]
    improved, resets = _improvements(lanes, counted, version)
    first_epoch = lanes.epochs[first_row, np.arange(lanes.count)]
    stretches = stretches_of(improved, resets, counted.lengths, spares_first_row=first_epoch == 0)
    row, best_row = stretches.stops(patiences)
    return Stops(
        row=counted.in_block(row),
        best_row=counted.in_block(best_row),
        first_row=first_row,
        wait=stretches.wait(counted.lengths),
    )


def _improvements(lanes: Lanes, counted: Counted, version: Semantics) -> tuple[Mask, Mask | None]:
    """Return where lanes improve, and which of the improvements start the counter anew (None: all)."""
    single, first_always = version.early_stopping_arithmetic != "float64", version.early_stopping_any_first_value
    compared = operand(counted.values, single=single)
    candidate = operand(counted.values + lanes.min_delta, single=single)
    if lanes.count <= _FEW and lanes.rows >= _LONG:
        improved = np.column_stack(
            [
                along_stream(counted.values[:, lane], compared[:, lane], candidate[:, lane], first_always=first_always)
                for lane in range(lanes.count)
            ]
        )
    else:
        improved = in_lanes(compared, candidate, first_always=first_always)
    improved[0] &= counted.lengths > 0
    without_baseline = np.isnan(lanes.baseline)
    if without_baseline.all():
        return improved, None
    return improved, without_baseline | (candidate < operand(lanes.baseline, single=single))
