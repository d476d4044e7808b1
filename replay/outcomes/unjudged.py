"""What a callback comes to that never got to judge an epoch: nothing, in the shape of its own outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kcb_replay.replay.callbacks import (
    STOPPING,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    TerminateOnNaN,
    TorchReduceLROnPlateau,
)
from kcb_replay.replay.outcomes.early_stopping import EarlyStoppingOutcome
from kcb_replay.replay.outcomes.learning_rate_scheduler import LearningRateSchedulerOutcome
from kcb_replay.replay.outcomes.model_checkpoint import ModelCheckpointOutcome
from kcb_replay.replay.outcomes.observer import ObserverOutcome
from kcb_replay.replay.outcomes.reduce_lr_on_plateau import ReduceLROnPlateauOutcome
from kcb_replay.replay.outcomes.stopping import StoppingOutcome
from kcb_replay.replay.outcomes.terminate_on_nan import TerminateOnNaNOutcome

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.outcomes.base import Outcome
    from kcb_replay.replay.validity import Validity

__all__ = ["unjudged_outcome"]


def unjudged_outcome(callback: Callback, validity: Validity) -> Outcome:
    """Return the outcome of a callback whose fit ended before its first epoch did."""
    match callback:
        case ReduceLROnPlateau() | TorchReduceLROnPlateau():
            return ReduceLROnPlateauOutcome(settings=callback, mode=None, validity=validity, drops=())
        case ModelCheckpoint():
            return ModelCheckpointOutcome(settings=callback, mode=None, validity=validity, saves=())
        case TerminateOnNaN():
            return TerminateOnNaNOutcome(settings=callback, mode=None, validity=validity, stop_index=None, batch=None)
        case LearningRateScheduler():
            return LearningRateSchedulerOutcome(settings=callback, mode=None, validity=validity, rates=())
        case EarlyStopping():
            return EarlyStoppingOutcome(settings=callback, **_nothing(validity))
    if isinstance(callback, STOPPING):
        return StoppingOutcome(settings=callback, **_nothing(validity))
    return ObserverOutcome(
        settings=callback, mode=None, validity=validity, output={}, stop_index=None, rates=(), drops=(), saves=()
    )


def _nothing(validity: Validity) -> dict[str, Any]:
    epochs = ("stop_index", "best_index", "best_value", "kept_index", "kept_value", "lowest_index", "lowest_value")
    return {"mode": None, "validity": validity, "saved_epochs": 0, "regret": None, **dict.fromkeys(epochs)}
