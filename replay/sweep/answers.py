"""From the rows at which lanes stop to what a user asks: stop, best, kept, saved, regret, and how far that holds.

Definitions are those of a single replay (`replay.outcomes.early_stopping`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kcb_replay.replay.sweep.early_stopping import Stops
    from kcb_replay.replay.sweep.series import Block

__all__ = ["Answers", "answers_of", "no_answers"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer per lane and patience, all of shape (patiences, lanes).

    Epochs are 0-based, -1 where there is none; values, and `regret`, are NaN where there is none. `saved` counts
    recorded epochs that would not have run; `undecided` where the recording ends before the stop.
    """

    stop_index: Integers
    best_index: Integers
    best_value: Floats
    kept_index: Integers
    kept_value: Floats
    saved: Integers
    regret: Floats
    undecided: NDArray[np.bool_]


def answers_of(block: Block, lane_fit: Integers, stops: Stops, *, restores: str, sign: float) -> Answers:
    """Return the answers of lanes; `lane_fit` says which fit of the block each lane is of.

    `restores` is "never", "when stopped" or "always"; `sign` is 1 for a metric that should fall and -1 for one that
    should rise.
    """
    lengths = block.lengths[lane_fit]
    ran = np.where(stops.row >= 0, stops.row, lengths - 1)
    best = np.where(stops.best_row >= 0, stops.best_row, np.broadcast_to(stops.first_row, stops.row.shape))
    comes_back = best >= 0
    if restores != "always":
        comes_back &= (stops.row >= 0) & (restores == "when stopped")
    kept = np.where(comes_back, best, ran)
    lanes = np.broadcast_to(lane_fit, kept.shape)
    has_value = block.valid[kept, lanes]
    kept_value = np.where(has_value, block.values[kept, lanes], np.nan)
    return Answers(
        stop_index=_epochs(block, stops.row, lanes),
        # Where the best weights always come back, the first epoch is noted as the best whatever its value.
        best_index=_epochs(block, best if restores == "always" else stops.best_row, lanes),
        best_value=np.where(stops.best_row >= 0, block.values[stops.best_row, lanes], np.nan),
        kept_index=_epochs(block, kept, lanes),
        kept_value=kept_value,
        saved=lengths - 1 - ran,
        regret=_regret(block, kept_value, lane_fit, sign),
        undecided=stops.row < 0,
    )


def no_answers(shape: tuple[int, int]) -> Answers:
    """Return answers to be filled: nothing anywhere."""
    none, nothing = np.full(shape, -1, np.int64), np.full(shape, np.nan)
    return Answers(
        stop_index=none,
        best_index=none.copy(),
        best_value=nothing,
        kept_index=none.copy(),
        kept_value=nothing.copy(),
        saved=np.zeros(shape, np.int64),
        regret=nothing.copy(),
        undecided=np.zeros(shape, np.bool_),
    )


def _epochs(block: Block, rows: Integers, lanes: Integers) -> Integers:
    return np.where(rows >= 0, block.epochs[rows, lanes], -1)


def _regret(block: Block, kept_value: Floats, lane_fit: Integers, sign: float) -> Floats:
    signed = np.where(block.valid & ~np.isnan(block.values), sign * block.values, np.inf)
    lowest = signed.min(axis=0, initial=np.inf)[lane_fit]
    with np.errstate(invalid="ignore"):
        given_up: Floats = sign * kept_value - lowest
    # Both infinite: nothing was given up, and the difference would be NaN.
    given_up[(sign * kept_value == lowest) & ~np.isnan(kept_value)] = 0.0
    return given_up
