"""The callbacks that can be replayed, one a file; a further one is one file and one line here."""

from typing import TypeAlias

from kcb_replay.replay.callbacks.base import Callback, State
from kcb_replay.replay.callbacks.early_stopping import EarlyStopping, EarlyStoppingState
from kcb_replay.replay.callbacks.learning_rate_scheduler import LearningRateScheduler, LearningRateSchedulerState
from kcb_replay.replay.callbacks.model_checkpoint import ModelCheckpoint, ModelCheckpointState
from kcb_replay.replay.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau, ReduceLROnPlateauState
from kcb_replay.replay.callbacks.terminate_on_nan import TerminateOnNaN, TerminateOnNaNState

__all__ = [
    "CALLBACKS",
    "Callback",
    "EarlyStopping",
    "EarlyStoppingState",
    "KnownCallback",
    "LearningRateScheduler",
    "LearningRateSchedulerState",
    "ModelCheckpoint",
    "ModelCheckpointState",
    "ReduceLROnPlateau",
    "ReduceLROnPlateauState",
    "State",
    "TerminateOnNaN",
    "TerminateOnNaNState",
    "changes_learning_rate",
]

KnownCallback: TypeAlias = EarlyStopping | ReduceLROnPlateau | ModelCheckpoint | TerminateOnNaN | LearningRateScheduler
CALLBACKS: dict[str, type[KnownCallback]] = {
    "EarlyStopping": EarlyStopping,
    "ReduceLROnPlateau": ReduceLROnPlateau,
    "ModelCheckpoint": ModelCheckpoint,
    "TerminateOnNaN": TerminateOnNaN,
    "LearningRateScheduler": LearningRateScheduler,
}


def changes_learning_rate(callback: Callback) -> bool:
    """Tell whether a callback can give the training another learning rate than the recorded one."""
    return isinstance(callback, (ReduceLROnPlateau, LearningRateScheduler))
