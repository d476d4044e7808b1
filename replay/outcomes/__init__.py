"""What each callback of a replay comes to, one kind a file; a further one is one file and one case here."""

from __future__ import annotations

from kcb_replay.replay.callbacks import (
    EarlyStoppingState,
    LearningRateSchedulerState,
    ModelCheckpointState,
    ReduceLROnPlateauState,
    RuleState,
    TerminateOnNaNState,
    TorchReduceLROnPlateauState,
)
from kcb_replay.replay.outcomes.base import CallbackTrace, Outcome
from kcb_replay.replay.outcomes.early_stopping import EarlyStoppingOutcome, early_stopping_outcome
from kcb_replay.replay.outcomes.learning_rate_scheduler import (
    LearningRateSchedulerOutcome,
    RateSet,
    learning_rate_scheduler_outcome,
)
from kcb_replay.replay.outcomes.model_checkpoint import (
    ModelCheckpointOutcome,
    Save,
    StoredFile,
    model_checkpoint_outcome,
)
from kcb_replay.replay.outcomes.observer import ObserverOutcome, observer_outcome
from kcb_replay.replay.outcomes.reduce_lr_on_plateau import (
    Drop,
    ReduceLROnPlateauOutcome,
    reduce_lr_on_plateau_outcome,
)
from kcb_replay.replay.outcomes.stopping import StoppingOutcome, stopping_outcome
from kcb_replay.replay.outcomes.terminate_on_nan import TerminateOnNaNOutcome, terminate_on_nan_outcome

__all__ = [
    "CallbackTrace",
    "Drop",
    "EarlyStoppingOutcome",
    "LearningRateSchedulerOutcome",
    "ModelCheckpointOutcome",
    "ObserverOutcome",
    "Outcome",
    "RateSet",
    "ReduceLROnPlateauOutcome",
    "Save",
    "StoppingOutcome",
    "StoredFile",
    "TerminateOnNaNOutcome",
    "outcome_of",
]


def outcome_of(view: CallbackTrace) -> Outcome:
    """Return what the callback comes to."""
    match view.state:
        case EarlyStoppingState() as state:
            return early_stopping_outcome(view, state)
        case RuleState() as state:
            return stopping_outcome(view, state, StoppingOutcome)
        case ReduceLROnPlateauState() | TorchReduceLROnPlateauState() as state:
            return reduce_lr_on_plateau_outcome(view, state)
        case ModelCheckpointState() as state:
            return model_checkpoint_outcome(view, state)
        case TerminateOnNaNState() as state:
            return terminate_on_nan_outcome(view, state)
        case LearningRateSchedulerState() as state:
            return learning_rate_scheduler_outcome(view, state)
        case _:
            return observer_outcome(view)
