"""The callbacks that can be replayed, one a file; a further one is one file and one line here."""

from typing import TypeAlias

from kcb_replay.replay.callbacks.backup_and_restore import BackupAndRestore, BackupAndRestoreState
from kcb_replay.replay.callbacks.base import Callback, State
from kcb_replay.replay.callbacks.base_logger import BaseLogger, BaseLoggerState
from kcb_replay.replay.callbacks.csv_logger import CSVLogger, CSVLoggerState
from kcb_replay.replay.callbacks.early_stopping import EarlyStopping, EarlyStoppingState
from kcb_replay.replay.callbacks.gl import GL, GLState
from kcb_replay.replay.callbacks.history import History, HistoryState
from kcb_replay.replay.callbacks.lambda_callback import LambdaCallback, LambdaCallbackState
from kcb_replay.replay.callbacks.learning_rate_scheduler import LearningRateScheduler, LearningRateSchedulerState
from kcb_replay.replay.callbacks.lightning_early_stopping import LightningEarlyStopping, LightningEarlyStoppingState
from kcb_replay.replay.callbacks.median_stopping import MedianStopping
from kcb_replay.replay.callbacks.model_checkpoint import ModelCheckpoint, ModelCheckpointState
from kcb_replay.replay.callbacks.pq import PQ, PQState
from kcb_replay.replay.callbacks.progbar_logger import ProgbarLogger, ProgbarLoggerState
from kcb_replay.replay.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau, ReduceLROnPlateauState
from kcb_replay.replay.callbacks.remote_monitor import RemoteMonitor, RemoteMonitorState
from kcb_replay.replay.callbacks.stop_at import StopAt, StopAtState
from kcb_replay.replay.callbacks.stopping import RuleState
from kcb_replay.replay.callbacks.terminate_on_nan import TerminateOnNaN, TerminateOnNaNState
from kcb_replay.replay.callbacks.torch_reduce_lr_on_plateau import TorchReduceLROnPlateau, TorchReduceLROnPlateauState
from kcb_replay.replay.callbacks.up import UP, UPState

__all__ = [
    "CALLBACKS",
    "GL",
    "NATIVE",
    "PQ",
    "RULES",
    "STOPPING",
    "UP",
    "BackupAndRestore",
    "BackupAndRestoreState",
    "BaseLogger",
    "BaseLoggerState",
    "CSVLogger",
    "CSVLoggerState",
    "Callback",
    "EarlyStopping",
    "EarlyStoppingState",
    "GLState",
    "History",
    "HistoryState",
    "KnownCallback",
    "LambdaCallback",
    "LambdaCallbackState",
    "LearningRateScheduler",
    "LearningRateSchedulerState",
    "LightningEarlyStopping",
    "LightningEarlyStoppingState",
    "MedianStopping",
    "ModelCheckpoint",
    "ModelCheckpointState",
    "PQState",
    "ProgbarLogger",
    "ProgbarLoggerState",
    "ReduceLROnPlateau",
    "ReduceLROnPlateauState",
    "RemoteMonitor",
    "RemoteMonitorState",
    "RuleState",
    "State",
    "StopAt",
    "StopAtState",
    "TerminateOnNaN",
    "TerminateOnNaNState",
    "TorchReduceLROnPlateau",
    "TorchReduceLROnPlateauState",
    "UPState",
    "changes_learning_rate",
    "reads",
    "reduces_on_plateau",
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
    | GL
    | PQ
    | UP
    | StopAt
    | MedianStopping
    | LightningEarlyStopping
    | TorchReduceLROnPlateau
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
    "GL": GL,
    "PQ": PQ,
    "UP": UP,
    "StopAt": StopAt,
    "MedianStopping": MedianStopping,
    "LightningEarlyStopping": LightningEarlyStopping,
    "TorchReduceLROnPlateau": TorchReduceLROnPlateau,
}
# What one of ours is, when lists may also hold real callbacks of Keras.
NATIVE = tuple(CALLBACKS.values())
# Those that no Keras has.
RULES = (GL, PQ, UP, StopAt, MedianStopping, LightningEarlyStopping, TorchReduceLROnPlateau)
# Those whose answer is when to stop, and what that saves and costs.
STOPPING = (EarlyStopping, GL, PQ, UP, StopAt, MedianStopping, LightningEarlyStopping)


def changes_learning_rate(callback: Callback) -> bool:
    """Tell whether a callback can give the training another learning rate than the recorded one."""
    return reduces_on_plateau(callback) or isinstance(callback, LearningRateScheduler)


def reduces_on_plateau(callback: Callback) -> bool:
    """Tell whether a callback reduces the learning rate when a metric no longer improves."""
    return isinstance(callback, (ReduceLROnPlateau, TorchReduceLROnPlateau))


def reads(callback: Callback) -> tuple[str, ...]:
    """Return the metrics without which a callback never acts."""
    match callback:
        case PQ():
            return callback.monitor, callback.train_monitor
        case EarlyStopping() | ReduceLROnPlateau() | GL() | UP() | LightningEarlyStopping() | TorchReduceLROnPlateau():
            return (callback.monitor,)
    return ()
