"""Which callback has a behaviour, and what each of its values means: what `versions` says of a change.

The clauses stand in the catalogue, a table for each behaviour. A clause has the callback as its subject, "takes the
first value for an improvement", and stands alone on its side of a change.
"""

from __future__ import annotations

from kcb_replay.language.reason import ENGLISH, Reason, reason, templates
from kcb_replay.replay.behaviours import Semantics

# The subject of what no callback does, but the training that calls them.
FIT = "Model.fit"
_PLATEAU = ("ReduceLROnPlateau",)
_MONITORS = ("ReduceLROnPlateau", "ModelCheckpoint")
_BY_PREFIX = {
    "early_stopping": ("EarlyStopping",),
    "plateau": _PLATEAU,
    "scheduler": ("LearningRateScheduler",),
    "checkpoint": ("ModelCheckpoint",),
    "base_logger": ("BaseLogger",),
    "history": ("History",),
    "csv_logger": ("CSVLogger",),
    "remote_monitor": ("RemoteMonitor",),
    "progbar": ("ProgbarLogger",),
    "backup": ("BackupAndRestore",),
    "tensorboard": ("TensorBoard",),
}
_BY_NAME = {
    "learning_rate_key": ("ReduceLROnPlateau", "LearningRateScheduler"),
    "plateau_arithmetic": _MONITORS,
    "plateau_direction": _MONITORS,
    "plateau_any_first_value": _MONITORS,
    "integer_rates": _PLATEAU,
    "scheduled_rates": _PLATEAU,
    "float32_product": _PLATEAU,
}
# What EarlyStopping and ReduceLROnPlateau both have means the same of both.
_SHARED = ("arithmetic", "direction", "any_first_value", "keeps_best")
# What the timeline knows of a release, before a backend is chosen.
OF_EVERY_BACKEND = reason("behaviour.arithmetic.of_backend")


def callbacks_of(behaviour: str) -> tuple[str, ...]:
    """Return the callbacks that have a behaviour; the training itself where none is in the tables."""
    of_prefix = (callbacks for prefix, callbacks in _BY_PREFIX.items() if behaviour.startswith(prefix))
    return _BY_NAME.get(behaviour) or next(of_prefix, (FIT,))


def meaning_of(behaviour: str, value: object) -> Reason:
    """Return what one value of a behaviour means; in the words of its field where the catalogue has none."""
    shared = behaviour.removeprefix("early_stopping_").removeprefix("plateau_")
    code = f"behaviour.{shared if shared in _SHARED else behaviour}.{value}"
    if code in templates(ENGLISH):
        return reason(code)
    return reason("behaviour.other", about=Semantics.about(behaviour), value=str(value))
