"""The callbacks that can be replayed, one a file; a further one is one file and one line here."""

from typing import TypeAlias

from kcb_replay.replay.callbacks.backup_and_restore import BackupAndRestore, BackupAndRestoreState
from kcb_replay.replay.callbacks.base import Callback, State
from kcb_replay.replay.callbacks.base_logger import BaseLogger, BaseLoggerState
from kcb_replay.replay.callbacks.csv_logger import CSVLogger, CSVLoggerState
from kcb_replay.replay.callbacks.early_stopping import EarlyStopping, EarlyStoppingState
from kcb_replay.replay.callbacks.history import History, HistoryState
from kcb_replay.replay.callbacks.lambda_callback import LambdaCallback, LambdaCallbackState
from kcb_replay.replay.callbacks.learning_rate_scheduler import LearningRateScheduler, LearningRateSchedulerState
from kcb_replay.replay.callbacks.model_checkpoint import ModelCheckpoint, ModelCheckpointState
from kcb_replay.replay.callbacks.progbar_logger import ProgbarLogger, ProgbarLoggerState
from kcb_replay.replay.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau, ReduceLROnPlateauState
from kcb_replay.replay.callbacks.remote_monitor import RemoteMonitor, RemoteMonitorState
from kcb_replay.replay.callbacks.terminate_on_nan import TerminateOnNaN, TerminateOnNaNState

__all__ = [
    "CALLBACKS",
    "NATIVE",
    "BackupAndRestore",
    "BackupAndRestoreState",
    "BaseLogger",
    "BaseLoggerState",
    "CSVLogger",
    "CSVLoggerState",
    "Callback",
    "EarlyStopping",
    "EarlyStoppingState",
    "History",
    "HistoryState",
    "KnownCallback",
    "LambdaCallback",
    "LambdaCallbackState",
    "LearningRateScheduler",
    "LearningRateSchedulerState",
    "ModelCheckpoint",
    "ModelCheckpointState",
    "ProgbarLogger",
    "ProgbarLoggerState",
    "ReduceLROnPlateau",
    "ReduceLROnPlateauState",
    "RemoteMonitor",
    "RemoteMonitorState",
    "State",
    "TerminateOnNaN",
    "TerminateOnNaNState",
    "changes_learning_rate",
]

KnownCallback: TypeAlias = (
    EarlyStopping
    | ReduceLROnPlateau
    | ModelCheckpoint
    | TerminateOnNaN
    | LearningRateScheduler
    | BackupAndRestore
    | BaseLogger
    | CSVLogger
    | History
    | LambdaCallback
    | ProgbarLogger
    | RemoteMonitor
)
CALLBACKS: dict[str, type[KnownCallback]] = {
    "EarlyStopping": EarlyStopping,
    "ReduceLROnPlateau": ReduceLROnPlateau,
    "ModelCheckpoint": ModelCheckpoint,
    "TerminateOnNaN": TerminateOnNaN,
    "LearningRateScheduler": LearningRateScheduler,
    "BackupAndRestore": BackupAndRestore,
    "BaseLogger": BaseLogger,
    "CSVLogger": CSVLogger,
    "History": History,
    "LambdaCallback": LambdaCallback,
    "ProgbarLogger": ProgbarLogger,
    "RemoteMonitor": RemoteMonitor,
}
# What one of ours is, when lists may also hold real callbacks of Keras.
NATIVE = tuple(CALLBACKS.values())


def changes_learning_rate(callback: Callback) -> bool:
    """Tell whether a callback can give the training another learning rate than the recorded one."""
    return isinstance(callback, (ReduceLROnPlateau, LearningRateScheduler))
