"""ReduceLROnPlateau as Keras 3.15 does it (keras/src/callbacks/reduce_lr_on_plateau.py).

One learning rate, held in float32; optimizers with a schedule or with several learning rates are not replayed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks.arguments import require_numbers, require_texts, written_as_code
from kcb_replay.replay.callbacks.base import Context, EpochEnd, Step, compare, why_not
from kcb_replay.replay.comparison import Comparison, float32
from kcb_replay.replay.events import (
    CoolingDown,
    Event,
    Improved,
    LearningRateAtFloor,
    LearningRateReduced,
    MetricMissing,
    Waited,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ReduceLROnPlateau", "ReduceLROnPlateauState"]


@dataclass(frozen=True, slots=True)
class ReduceLROnPlateau:
    """Multiply the learning rate by `factor` when `monitor` has not improved for `patience` monitored epochs.

    Arguments, order and defaults are Keras's. A cooldown of c skips c - 1 epochs, because the counter ticks before it
    is looked at. Raises `SettingError` for a factor of 1 or more, as the real class does, or a value that is no number.
    """

    name: ClassVar[str] = "ReduceLROnPlateau"

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: float = 10
    verbose: int = 0
    mode: str = "auto"
    min_delta: float = 1e-4
    cooldown: int = 0
    min_lr: float = 0.0

    def __post_init__(self) -> None:
        require_texts(self)
        require_numbers(self, ("factor", "patience", "min_delta", "cooldown", "min_lr"))
        if self.factor >= 1:
            raise SettingError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={self.factor}.")

    def __str__(self) -> str:
        return written_as_code(self)

    def start(self, context: Context) -> ReduceLROnPlateauState:
        """Return the state after `on_train_begin`."""
        return ReduceLROnPlateauState(self, context)


@dataclass(frozen=True, slots=True)
class ReduceLROnPlateauState:
    """`best`, `wait` and `cooldown_counter`, as the real class holds them."""

    settings: ReduceLROnPlateau
    context: Context
    comparison: Comparison | None = None
    best: float | None = None
    wait: int = 0
    cooldown_counter: int = 0

    def step(self, end: EpochEnd) -> Step:
        """Return what `ReduceLROnPlateau.on_epoch_end` does."""
        ready = self._with_comparison()
        # Written before the reduction, and before the monitor is read: it can monitor the learning rate itself.
        logged = {self.context.semantics.learning_rate_key: end.learning_rate}
        monitor = self.settings.monitor
        value = {**end.logs, **logged}.get(monitor)
        if value is None:
            missing = MetricMissing(index=end.index, callback=ReduceLROnPlateau.name, monitor=monitor)
            return Step(ready, (missing,), logs=logged)
        return ready._cooled()._judge(end, value, logged)

    def finish(self, index: int) -> tuple[Event, ...]:  # noqa: ARG002  # nothing happens at the end of training
        """Return no events: the real class has no `on_train_end`."""
        return ()

    def _with_comparison(self) -> ReduceLROnPlateauState:
        if self.comparison is not None:
            return self
        s = self.settings
        return replace(self, comparison=compare(ReduceLROnPlateau.name, s.monitor, s.mode, s.min_delta, self.context))

    def _cooled(self) -> ReduceLROnPlateauState:
        if self.cooldown_counter <= 0:
            return self
        return replace(self, cooldown_counter=self.cooldown_counter - 1, wait=0)

    def _judge(self, end: EpochEnd, value: float, logged: Mapping[str, float]) -> Step:
        comparison = self._comparison
        if comparison.beats(value, self.best):
            improved = Improved(
                index=end.index,
                callback=ReduceLROnPlateau.name,
                value=value,
                best=self.best,
                min_delta=comparison.min_delta,
                wait=0,
                patience=self.settings.patience,
            )
            return Step(replace(self, best=value, wait=0), (improved,), logs=logged)
        if self.best is None:
            raise AssertionError("the first value always improves")
        if self.cooldown_counter > 0:
            cooling = CoolingDown(
                index=end.index,
                callback=ReduceLROnPlateau.name,
                value=value,
                best=self.best,
                remaining=self.cooldown_counter,
            )
            return Step(self, (cooling,), logs=logged)
        return self._wait_on(end, value, self.best, logged)

    def _wait_on(self, end: EpochEnd, value: float, best: float, logged: Mapping[str, float]) -> Step:
        wait = self.wait + 1
        waited = Waited(
            index=end.index,
            callback=ReduceLROnPlateau.name,
            value=value,
            best=best,
            min_delta=self._comparison.min_delta,
            wait=wait,
            patience=self.settings.patience,
            why=why_not(self._comparison, value, best),
        )
        if wait < self.settings.patience:
            return Step(replace(self, wait=wait), (waited,), logs=logged)
        old, floor = end.learning_rate, self.settings.min_lr
        # The floor is compared in float32 since tf.keras 2.5: a min_lr that float32 rounds up is still reached.
        if old <= float32(floor):
            at_floor = LearningRateAtFloor(index=end.index, callback=ReduceLROnPlateau.name, lr=old, min_lr=floor)
            return Step(replace(self, wait=wait), (waited, at_floor), logs=logged)
        new = float32(max(old * self.settings.factor, floor))
        reduced = LearningRateReduced(index=end.index, callback=ReduceLROnPlateau.name, old_lr=old, new_lr=new)
        state = replace(self, wait=0, cooldown_counter=self.settings.cooldown)
        return Step(state, (waited, reduced), logs=logged, learning_rate=new)

    @property
    def _comparison(self) -> Comparison:
        if self.comparison is None:
            raise AssertionError("step resolves the comparison first")
        return self.comparison
