"""The callbacks that can be replayed, one a file; a further one is one file and one line in `CALLBACKS`.

What a callback is, its class says (`Callback`): nobody keeps a list of kinds of callbacks beside this one.
"""

from kcb_replay.replay.callbacks.backup_and_restore import BackupAndRestore
from kcb_replay.replay.callbacks.base import Callback, State
from kcb_replay.replay.callbacks.base_logger import BaseLogger
from kcb_replay.replay.callbacks.csv_logger import CSVLogger
from kcb_replay.replay.callbacks.early_stopping import EarlyStopping
from kcb_replay.replay.callbacks.history import History
from kcb_replay.replay.callbacks.lambda_callback import LambdaCallback
from kcb_replay.replay.callbacks.learning_rate_scheduler import LearningRateScheduler
from kcb_replay.replay.callbacks.lightning_early_stopping import LightningEarlyStopping
from kcb_replay.replay.callbacks.median_stopping import MedianStopping
from kcb_replay.replay.callbacks.model_checkpoint import ModelCheckpoint
from kcb_replay.replay.callbacks.prechelt import GL, PQ, UP
from kcb_replay.replay.callbacks.progbar_logger import ProgbarLogger
from kcb_replay.replay.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from kcb_replay.replay.callbacks.refused import REFUSED
from kcb_replay.replay.callbacks.remote_monitor import RemoteMonitor
from kcb_replay.replay.callbacks.stop_at import StopAt
from kcb_replay.replay.callbacks.tensorboard import TensorBoard
from kcb_replay.replay.callbacks.terminate_on_nan import TerminateOnNaN
from kcb_replay.replay.callbacks.torch_reduce_lr_on_plateau import TorchReduceLROnPlateau

__all__ = [
    "CALLBACKS",
    "GL",
    "PQ",
    "REFUSED",
    "UP",
    "BackupAndRestore",
    "BaseLogger",
    "CSVLogger",
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "LightningEarlyStopping",
    "MedianStopping",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "RemoteMonitor",
    "State",
    "StopAt",
    "TensorBoard",
    "TerminateOnNaN",
    "TorchReduceLROnPlateau",
]

CALLBACKS: dict[str, type[Callback]] = {
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
