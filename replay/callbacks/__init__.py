"""The callbacks that can be replayed, one a file; a further one is one file and one line here."""

from kcb_replay.replay.callbacks.base import Callback, State
from kcb_replay.replay.callbacks.early_stopping import EarlyStopping, EarlyStoppingState
from kcb_replay.replay.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau, ReduceLROnPlateauState

__all__ = [
    "CALLBACKS",
    "Callback",
    "EarlyStopping",
    "EarlyStoppingState",
    "ReduceLROnPlateau",
    "ReduceLROnPlateauState",
    "State",
]

CALLBACKS: dict[str, type[EarlyStopping] | type[ReduceLROnPlateau]] = {
    kind.name: kind for kind in (EarlyStopping, ReduceLROnPlateau)
}
