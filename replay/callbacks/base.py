"""What every replayed callback is: settings that start a state, and a state that steps to the next one.

Settings and states are immutable; `step` is pure. A callback asks for an effect (stop, a new learning rate, a key in
the shared logs) by returning it, and the engine carries it out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Protocol

from kcb_replay.replay.comparison import Comparison, KerasRaises

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.events import Event, WhyNot
    from kcb_replay.replay.semantics import Semantics

__all__ = ["Callback", "Context", "EpochEnd", "State", "Step", "compare", "why_not"]


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for a whole fit: the Keras version, and the direction of each compiled metric."""

    semantics: Semantics
    direction_of: Callable[[str], Direction | None]


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """What `on_epoch_end` sees: the 0-based epoch, the shared logs and the learning rate of the optimizer."""

    index: int
    logs: Mapping[str, float]
    learning_rate: float


@dataclass(frozen=True, slots=True)
class Step:
    """The next state, the events of this epoch, and the effects asked for."""

    state: State
    events: tuple[Event, ...] = ()
    logs: Mapping[str, float] = field(default_factory=dict)
    learning_rate: float | None = None
    stop: bool = False


class State(Protocol):
    """A callback in the middle of a fit."""

    @property
    def comparison(self) -> Comparison | None:
        """How values are compared; None until the first epoch ends, as in Keras."""
        ...

    def step(self, end: EpochEnd) -> Step:
        """Return what `on_epoch_end` does; raises `KerasRaises` where the real class raises."""
        ...

    def finish(self, index: int) -> tuple[Event, ...]:
        """Return what `on_train_end` does after the last epoch, `index`."""
        ...


class Callback(Protocol):
    """The settings of one callback, named as Keras names its arguments."""

    name: ClassVar[str]

    @property
    def monitor(self) -> str:
        """The metric that is watched."""
        ...

    def start(self, context: Context) -> State:
        """Return the state after `on_train_begin`."""
        ...


def compare(callback: str, monitor: str, mode: str, min_delta: float, context: Context) -> Comparison:
    """Resolve `mode` as `MonitorCallback._set_monitor_op` does; raises `KerasRaises` where Keras cannot tell."""
    direction = _direction(monitor, mode, context)
    if direction is None:
        raise KerasRaises(
            "ValueError",
            f'{callback} cannot tell whether {monitor} should rise or fall; set mode="min" or mode="max"',
        )
    return Comparison(direction, abs(min_delta), context.semantics.arithmetic)


def _direction(monitor: str, mode: str, context: Context) -> Direction | None:
    if mode == "min":
        return "min"
    if mode == "max":
        return "max"
    # Keras warns of any other mode and falls back to auto.
    return "min" if monitor.removeprefix("val_") == "loss" else context.direction_of(monitor)


def why_not(comparison: Comparison, value: float, best: float) -> WhyNot:
    """Say why `value` is no improvement on `best`."""
    if math.isnan(value):
        return "nan"
    if math.isnan(best):
        return "nan best"
    if value == best:
        return "equal"
    return "within min_delta" if comparison.leans(value, best) else "worse"
