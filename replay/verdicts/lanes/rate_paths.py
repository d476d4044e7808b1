"""The learning rates that ReduceLROnPlateau goes through, whenever it is that it reduces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.optimizer_rates import ScheduledRate, rate_of

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import ReduceLROnPlateau
    from kcb_replay.replay.semantics import Semantics

__all__ = ["rate_path"]


def rate_path(setting: ReduceLROnPlateau, version: Semantics, initial_lr: float, most: int) -> tuple[float, ...]:
    """Return the initial rate and that after each reduction, until the floor is reached or `most` are made."""
    state = setting.start(Context(version, direction_of))
    held = rate_of(initial_lr)
    if isinstance(held, ScheduledRate):
        raise SettingError(f"{held} is a schedule of the optimizer, which only single replays follow, step by step.")
    rates = [float(held)]
    while len(rates) <= most and state.reduces(rates[-1]):
        rates.append(held.assigned(state.reduced(rates[-1]), version))
    return tuple(rates)
