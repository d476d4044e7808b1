"""The learning rates that ReduceLROnPlateau goes through, whenever it is that it reduces them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.directions import direction_of

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import ReduceLROnPlateau
    from kcb_replay.replay.semantics import Semantics

__all__ = ["rate_path"]


def rate_path(setting: ReduceLROnPlateau, version: Semantics, initial_lr: float, most: int) -> tuple[float, ...]:
    """Return the initial rate and that after each reduction, until the floor is reached or `most` are made."""
    state = setting.start(Context(version, direction_of))
    rates = [float32(initial_lr)]
    while len(rates) <= most and state.reduces(rates[-1]):
        rates.append(float32(state.reduced(rates[-1])))
    return tuple(rates)
