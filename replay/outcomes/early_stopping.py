"""What EarlyStopping comes to: that of a stopping rule, with settings that say whether the best is restored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.outcomes.stopping import StoppingOutcome, stopping_outcome

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import EarlyStopping, EarlyStoppingState
    from kcb_replay.replay.outcomes.base import CallbackTrace

__all__ = ["EarlyStoppingOutcome", "early_stopping_outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStoppingOutcome(StoppingOutcome):
    """What EarlyStopping would have done with one fit."""

    settings: EarlyStopping


def early_stopping_outcome(view: CallbackTrace, state: EarlyStoppingState) -> EarlyStoppingOutcome:
    """Return the outcome of an EarlyStopping."""
    return stopping_outcome(view, state, EarlyStoppingOutcome)
