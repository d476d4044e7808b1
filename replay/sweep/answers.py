"""From the rows at which lanes stop to what a user asks: stop, best, kept, saved, regret, and how far that holds.

Definitions are those of a single replay (`replay.outcomes.early_stopping`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.sweep.early_stopping import Stops
    from kcb_replay.replay.sweep.series import Block

__all__ = ["Answers", "answers_of", "no_answers", "side_by_side"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer per setting and fit, all of shape (settings, fits).

    Epochs are 0-based, -1 where there is none; values are NaN where there is none. `saved` counts recorded epochs that
    would not have run, `saved_seconds` the time they took (NaN without wall times). `regret` is what the kept epoch
    gives away against the best of the recording, `also_regret` what it gives away in a second metric against the epoch
    at which the monitored one is best (negative: it gains). `undecided` where the recording ends before the stop.
    """

    stop_index: Integers
    best_index: Integers
    best_value: Floats
    kept_index: Integers
    kept_value: Floats
    saved: Integers
    saved_seconds: Floats
    regret: Floats
    also_regret: Floats
    undecided: NDArray[np.bool_]


def answers_of(block: Block, stops: Stops, *, restores: str, sign: float) -> Answers:
    """Return the answers of one lane per fit of the block; without `also_regret` and `saved_seconds`.

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
        saved_seconds=np.full(kept.shape, np.nan),
        regret=_regret(block, kept_value, sign),
        also_regret=np.full(kept.shape, np.nan),
        undecided=undecided,
    )


def no_answers(shape: tuple[int, int]) -> Answers:
    """Return answers to be filled: nothing anywhere."""
    return Answers(
        stop_index=np.full(shape, -1),
        best_index=np.full(shape, -1),
        best_value=np.full(shape, np.nan),
        kept_index=np.full(shape, -1),
        kept_value=np.full(shape, np.nan),
        saved=np.zeros(shape, np.int64),
        saved_seconds=np.full(shape, np.nan),
        regret=np.full(shape, np.nan),
        also_regret=np.full(shape, np.nan),
        undecided=np.zeros(shape, np.bool_),
    )


def side_by_side(parts: Sequence[Answers]) -> Answers:
    """Return the answers of the fits of one part after the other."""
    return Answers(
        **{item.name: np.concatenate([getattr(part, item.name) for part in parts], axis=1) for item in fields(Answers)}
    )


def _regret(block: Block, kept_value: Floats, sign: float) -> Floats:
    lowest = block.least(sign)
    with np.errstate(invalid="ignore"):
        given_up: Floats = sign * kept_value - lowest
    # Both infinite: nothing was given up, and the difference would be NaN.
    given_up[np.isinf(kept_value) & (sign * kept_value == lowest)] = 0.0
    return given_up
