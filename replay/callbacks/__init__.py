"""The callbacks that can be replayed, one a file; a further one is one file and one line in `CALLBACKS`.

What a callback is, its class says (`KnownCallback`): nobody keeps a list of kinds of callbacks beside this one.
"""

from kcb_replay.replay.callbacks.backup_and_restore import BackupAndRestore, BackupAndRestoreState
from kcb_replay.replay.callbacks.base import Callback, KnownCallback, State
from kcb_replay.replay.callbacks.base_logger import BaseLogger, BaseLoggerState
from kcb_replay.replay.callbacks.csv_logger import CSVLogger, CSVLoggerState
from kcb_replay.replay.callbacks.early_stopping import EarlyStopping, EarlyStoppingState
from kcb_replay.replay.callbacks.history import History, HistoryState
from kcb_replay.replay.callbacks.lambda_callback import LambdaCallback, LambdaCallbackState
from kcb_replay.replay.callbacks.learning_rate_scheduler import LearningRateScheduler, LearningRateSchedulerState
from kcb_replay.replay.callbacks.lightning_early_stopping import LightningEarlyStopping, LightningEarlyStoppingState
from kcb_replay.replay.callbacks.median_stopping import MedianStopping
from kcb_replay.replay.callbacks.model_checkpoint import ModelCheckpoint, ModelCheckpointState
from kcb_replay.replay.callbacks.prechelt import GL, PQ, UP, GLState, PQState, UPState
from kcb_replay.replay.callbacks.progbar_logger import ProgbarLogger, ProgbarLoggerState
from kcb_replay.replay.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau, ReduceLROnPlateauState
from kcb_replay.replay.callbacks.refused import REFUSED
from kcb_replay.replay.callbacks.remote_monitor import RemoteMonitor, RemoteMonitorState
from kcb_replay.replay.callbacks.stop_at import StopAt, StopAtState
from kcb_replay.replay.callbacks.stopping import RuleState
from kcb_replay.replay.callbacks.tensorboard import TensorBoard, TensorBoardState
from kcb_replay.replay.callbacks.terminate_on_nan import TerminateOnNaN, TerminateOnNaNState
from kcb_replay.replay.callbacks.torch_reduce_lr_on_plateau import TorchReduceLROnPlateau, TorchReduceLROnPlateauState

__all__ = [
    "CALLBACKS",
    "GL",
    "NATIVE",
    "NOT_KERAS",
    "PQ",
    "REFUSED",
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
    "TensorBoard",
    "TensorBoardState",
    "TerminateOnNaN",
    "TerminateOnNaNState",
    "TorchReduceLROnPlateau",
    "TorchReduceLROnPlateauState",
    "UPState",
    "changes_learning_rate",
    "patience_of",
    "reads",
]

CALLBACKS: dict[str, type[KnownCallback]] = {
    kind.name: kind
    for kind in (
        EarlyStopping,
        ReduceLROnPlateau,
        ModelCheckpoint,
        TerminateOnNaN,
        LearningRateScheduler,
        BackupAndRestore,
        BaseLogger,
        CSVLogger,
        History,
        LambdaCallback,
        ProgbarLogger,
        RemoteMonitor,
        TensorBoard,
        GL,
        PQ,
        UP,
        StopAt,
        MedianStopping,
        LightningEarlyStopping,
        TorchReduceLROnPlateau,
    )
}
# What one of ours is, when lists may also hold real callbacks of Keras.
NATIVE = tuple(CALLBACKS.values())
# Those that no Keras has.
NOT_KERAS = tuple(kind for kind in NATIVE if not kind.is_of_keras)
# Those whose answer is when to stop, and what that saves and costs.
STOPPING = tuple(kind for kind in NATIVE if kind.is_stopping_rule)


def changes_learning_rate(callback: Callback) -> bool:
    """Tell whether a callback is there to give the training another learning rate than the recorded one.

    What a user's own callback did is known only once it was replayed: see `replay.rate_changes`.
    """
    return isinstance(callback, KnownCallback) and callback.changes_learning_rate


def reads(callback: Callback) -> tuple[str, ...]:
    """Return the metrics without which a callback never acts."""
    if not isinstance(callback, KnownCallback):
        return ()
    return tuple(str(getattr(callback, argument)) for argument in callback.monitors)


def patience_of(callback: Callback) -> float | None:
    """Return the patience that a callback counts epochs against, None for one that counts none."""
    if not isinstance(callback, KnownCallback) or not callback.has_patience:
        return None
    return float(getattr(callback, "patience"))  # noqa: B009  # only those that have it get here
