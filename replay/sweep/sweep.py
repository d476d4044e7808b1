"""`kcb.sweep`: every combination of settings on every fit, as one table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.semantics import DEFAULT, Semantics, semantics as resolve
from kcb_replay.replay.sweep.asked import asked_of
from kcb_replay.replay.sweep.blocks import swept_blocks
from kcb_replay.replay.sweep.grid import settings_grid
from kcb_replay.replay.sweep.table import joined

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store import Store
    from kcb_replay.replay.sweep.table import Sweep

__all__ = ["sweep"]


def sweep(
    recordings: Iterable[Recording] | Store,
    callback: type[EarlyStopping] = EarlyStopping,
    *,
    semantics: str | Semantics = DEFAULT,
    also: str | None = None,
    **arguments: object,
) -> Sweep:
    """Return what every combination of `arguments` (values or lists of them) would have done with every fit.

    `recordings` are a list of them or a store; a table of many runs and settings is large, a hundred bytes an answer.

    `also` names a second metric, one that is not monitored: what it gives away at the epoch kept is an honest price,
    for the best value of a monitored metric is partly luck. A fit without the monitor is left out with the reason.
    Raises `SettingError` for an argument that does not exist, an empty list, or a version that is unknown.
    """
    if callback is not EarlyStopping:
        raise SettingError(f"{callback.__name__} cannot be swept yet; EarlyStopping can.")
    settings = settings_grid(callback, arguments)
    version = resolve(semantics)
    metrics = {setting.monitor for setting in settings} | ({also} if also else set())
    return joined(list(swept_blocks(asked_of(recordings, metrics), settings, version, also=also)), settings, version)
