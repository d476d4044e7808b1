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


def answers_of(block: Block, stops: Stops, *, restores: str, sign: float) -> Answers:
    """Return the answers of one lane per fit of the block.

    `restores` is "never", "when stopped" or "always"; `sign` is 1 for a metric that should fall and -1 for one that
    should rise.
    """
    undecided = stops.row < 0
    ran = np.where(undecided, block.lengths - 1, stops.row)
    # Where there is no best, the first weights count as such, and versions that always restore say so.
    held = np.where(stops.best_row < 0, stops.first_row, stops.best_row)
    kept = ran if restores == "never" else np.where((held < 0) | (undecided & (restores != "always")), ran, held)
    kept_value = block.value_at(kept)
    return Answers(
        stop_index=block.epoch_at(stops.row),
        best_index=block.epoch_at(held if restores == "always" else stops.best_row),
        best_value=block.value_at(stops.best_row),
        kept_index=block.epoch_at(kept),
        kept_value=kept_value,
        saved=block.lengths - 1 - ran,
        regret=_regret(block, kept_value, sign),
        undecided=undecided,
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


def _regret(block: Block, kept_value: Floats, sign: float) -> Floats:
    with np.errstate(invalid="ignore"):
        given_up: Floats = kept_value - block.least if sign > 0 else block.greatest - kept_value
    # Both infinite: nothing was given up, and the difference would be NaN.
    same = np.isinf(kept_value) & (kept_value == (block.least if sign > 0 else block.greatest))
    given_up[same] = 0.0
    return given_up
