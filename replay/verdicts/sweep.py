"""`kcb.sweep`: every combination of settings on every fit, as one table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

from kcb_replay.errors import SettingError
from kcb_replay.ingest.coercion import Trainings, recordings_from
from kcb_replay.ingest.recording import LEARNING_RATE_KEYS
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.grid import settings_grid
from kcb_replay.replay.learning_rates import FirstRate
from kcb_replay.replay.semantics import DEFAULT, semantics as resolve
from kcb_replay.replay.verdicts.plateau import PlateauSweep
from kcb_replay.replay.verdicts.reducing import plateau_blocks
from kcb_replay.replay.verdicts.stopping import swept_blocks
from kcb_replay.replay.verdicts.table import Sweep


@overload
def sweep(
    recordings: Trainings,
    callback: type[EarlyStopping] = ...,
    *,
    semantics: str | Semantics = ...,
    also: str | None = ...,
    **arguments: Any,
) -> Sweep: ...
@overload
def sweep(
    recordings: Trainings,
    callback: type[ReduceLROnPlateau],
    *,
    semantics: str | Semantics = ...,
    initial_lr: FirstRate | None = ...,
    **arguments: Any,
) -> PlateauSweep: ...
def sweep(
    recordings: Trainings,
    callback: type[EarlyStopping | ReduceLROnPlateau] = EarlyStopping,
    *,
    semantics: str | Semantics = DEFAULT,
    also: str | None = None,
    initial_lr: FirstRate | None = None,
    **arguments: object,
) -> Sweep | PlateauSweep:
    """Return what every combination of `arguments` (values, or lists or arrays of them) would have done with every fit.

    `recordings` are whatever `kcb.replay` takes, several of these in a list or by name, or a store; a table of many
    runs and settings is large, a hundred bytes an answer. A number of NumPy is taken as the Python number equal to it.

    For EarlyStopping, `also` names a second metric, one that is not monitored: what it gives away at the epoch kept is
    an honest price, for the best value of a monitored metric is partly luck. For ReduceLROnPlateau, `initial_lr` is the
    learning rate that all fits start from, instead of the recorded one, or of Keras's 0.001 where none is.

    A fit without the monitor, or without any epoch, is left out with the reason. Raises `SettingError` for an argument
    that does not exist, an empty list, or a version that is unknown.
    """
    if callback is ReduceLROnPlateau:
        return _plateaus(recordings, settings_grid(callback, arguments), resolve(semantics), also, initial_lr)
    if callback is not EarlyStopping:
        raise SettingError(f"{callback.__name__} cannot be swept; EarlyStopping and ReduceLROnPlateau can.")
    if initial_lr is not None:
        raise SettingError("EarlyStopping looks at no learning rate; initial_lr is for ReduceLROnPlateau.")
    settings, version = settings_grid(callback, arguments), resolve(semantics)
    metrics = {setting.monitor for setting in settings} | ({also} if also else set())
    stream = swept_blocks(recordings_from(recordings, metrics=metrics), settings, version, also=also)
    return Sweep(tuple(settings), tuple(block for verdicts in stream for block in verdicts.blocks), version)


def _plateaus(
    recordings: Trainings,
    settings: Sequence[ReduceLROnPlateau],
    version: Semantics,
    also: str | None,
    initial_lr: FirstRate | None,
) -> PlateauSweep:
    if also is not None:
        raise SettingError("ReduceLROnPlateau keeps no epoch that a second metric could be read off at.")
    metrics = {*(setting.monitor for setting in settings), *LEARNING_RATE_KEYS}
    stream = plateau_blocks(recordings_from(recordings, metrics=metrics), settings, version, initial_lr=initial_lr)
    return PlateauSweep(tuple(settings), tuple(block for verdicts in stream for block in verdicts.blocks), version)
