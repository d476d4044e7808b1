"""ReduceLROnPlateau as every version of Keras does it (keras/src/callbacks/reduce_lr_on_plateau.py and its ancestors).

One learning rate, held in float32; optimizers with a schedule or with several learning rates are not replayed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import ClassVar

from kcb_replay.errors import SettingError
from kcb_replay.replay.behaviours import DirectionRule, Semantics
from kcb_replay.replay.callbacks.arguments import require_numbers, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import (
    Callback,
    Context,
    EpochEnd,
    State,
    Step,
    TrainBegin,
    direction,
    metric_to_ask,
    why_not,
)
from kcb_replay.replay.comparison import Comparison, float32
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import (
    CoolingDown,
    Event,
    Improved,
    LearningRateAtFloor,
    LearningRateReduced,
    MetricMissing,
    Waited,
)

_MIN_DELTA = 1e-4


@dataclass(frozen=True, slots=True)
class ReduceLROnPlateau(Callback):
    """Multiply the learning rate by `factor` when `monitor` has not improved for `patience` monitored epochs.

    Arguments, order and defaults are Keras's. `epsilon` is what `min_delta` was called before Keras 2.1.6; later it is
    the same with a warning, and Keras 3 ignores it. A cooldown of c skips c - 1 epochs, because the counter ticks
    before it is looked at. Raises `SettingError` for a factor of 1 or more, as the real class does, or a value that is
    no number.
    """

    name = "ReduceLROnPlateau"
    monitors = ("monitor",)
    has_patience = True
    purpose = "reduces"
    former_names = MappingProxyType({"min_delta": "epsilon"})
    drops_unknown_arguments_since = "2.1.6"

    monitor: str = "val_loss"
    factor: float = 0.1
    patience: float = 10
    verbose: int = 0
    mode: str = "auto"
    min_delta: float = _MIN_DELTA
    cooldown: int = 0
    min_lr: float = 0.0
    epsilon: float | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self)
        require_numbers(self, ("factor", "patience", "min_delta", "cooldown", "min_lr"))
        if self.epsilon is not None:
            require_numbers(self, ("epsilon",))
        if self.factor >= 1:
            raise SettingError(f"ReduceLROnPlateau does not support a factor >= 1.0. Received factor={self.factor}.")

    def margin(self, version: Semantics) -> float:
        """Return the min_delta that a version takes from these arguments."""
        return self.min_delta if self.epsilon is None or version.plateau_epsilon == "ignored" else self.epsilon

    def in_words_of(self, version: Semantics) -> ReduceLROnPlateau:
        """Return the same settings with min_delta under the name that a version has for it."""
        if "ReduceLROnPlateau.min_delta" not in version.missing_arguments or self.min_delta == _MIN_DELTA:
            return self
        return replace(self, epsilon=self.min_delta, min_delta=_MIN_DELTA)

    def direction_rule(self, version: Semantics) -> DirectionRule:
        """Return how a version resolves `mode="auto"`."""
        return version.plateau_direction

    def start(self, context: Context) -> ReduceLROnPlateauState:
        """Return the state of a new callback."""
        return ReduceLROnPlateauState(self, context)

    def printed(self, event: Event, epoch: int, *, ended: bool) -> tuple[object, ...] | None:  # noqa: ARG002
        """Return the facts of its line on a reduction."""
        return ("reduced", epoch, event.new_lr) if self.verbose > 0 and isinstance(event, LearningRateReduced) else None


@dataclass(frozen=True, slots=True)
class ReduceLROnPlateauState(State):
    """`best`, `wait` and `cooldown_counter`, as the real class holds them; `best` is None before the first value."""

    traced: ClassVar[tuple[str, ...]] = ("best", "wait", "cooldown_counter")

    settings: ReduceLROnPlateau
    context: Context
    comparison: Comparison | None = None
    best: float | None = None
    wait: int = 0
    cooldown_counter: int = 0

    @property
    def direction(self) -> Direction | None:
        """The resolved mode, None before the first epoch ends."""
        return self.comparison.direction if self.comparison else None

    @property
    def asked_metric(self) -> str | None:
        """The metric of which Keras asked the model for its direction."""
        return metric_to_ask(self.settings, self.context.semantics)

    def observed(self, fit: int) -> list[object]:  # noqa: ARG002
        """Return best, wait and cooldown counter."""
        return [self.reference, self.wait, self.cooldown_counter]

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Reset everything, but in some versions the best."""
        kept = self.best if self.context.semantics.plateau_keeps_best else None
        return Step(replace(self, best=kept, wait=0, cooldown_counter=0))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Log the learning rate, then judge the value of this epoch."""
        ready = self._with_comparison()
        # Written before the reduction, and before the monitor is read: it can monitor the learning rate itself.
        logged = {self.context.semantics.learning_rate_key: end.learning_rate}
        monitor = self.settings.monitor
        value = {**end.logs, **logged}.get(monitor)
        if value is None:
            missing = MetricMissing(index=end.index, callback=ReduceLROnPlateau.name, monitor=monitor)
            return Step(ready, (missing,), logs=logged)
        return ready._cooled()._judge(end, value, logged)

    def _with_comparison(self) -> ReduceLROnPlateauState:
        if self.comparison is not None:
            return self
        s, semantics = self.settings, self.context.semantics
        mode = direction(ReduceLROnPlateau.name, s.monitor, s.mode, semantics.plateau_direction, self.context)
        absolute = semantics.plateau_absolute_min_delta
        min_delta = abs(s.margin(semantics)) if absolute else s.margin(semantics)
        comparison = Comparison(mode, min_delta, semantics.plateau_arithmetic, margin_on_reference=not absolute)
        return replace(self, comparison=comparison)

    def _cooled(self) -> ReduceLROnPlateauState:
        if self.cooldown_counter <= 0:
            return self
        return replace(self, cooldown_counter=self.cooldown_counter - 1, wait=0)

    def _judge(self, end: EpochEnd, value: float, logged: Mapping[str, float]) -> Step:
        comparison, reference = self._comparison, self.reference
        if comparison.beats(value, reference):
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
        if reference is None:
            raise AssertionError("the first value improves on no reference")
        if self.cooldown_counter > 0:
            cooling = CoolingDown(
                index=end.index,
                callback=ReduceLROnPlateau.name,
                value=value,
                best=reference,
                remaining=self.cooldown_counter,
            )
            return Step(self, (cooling,), logs=logged)
        return self._wait_on(end, value, reference, logged)

    @property
    def reference(self) -> float | None:
        """What the next value has to beat."""
        if self.best is not None or self.context.semantics.plateau_any_first_value:
            return self.best
        return self._comparison.worst

    def _wait_on(self, end: EpochEnd, value: float, best: float, logged: Mapping[str, float]) -> Step:
        counted = self.wait + 1
        waited = Waited(
            index=end.index,
            callback=ReduceLROnPlateau.name,
            value=value,
            best=best,
            min_delta=self._comparison.min_delta,
            wait=counted,
            patience=self.settings.patience,
            why=why_not(self._comparison, value, best),
        )
        # Written out, for this is nearly every epoch and replace() takes twice as long.
        waiting = ReduceLROnPlateauState(
            self.settings, self.context, self.comparison, self.best, counted, self.cooldown_counter
        )
        first = self.context.semantics.plateau_counts_first
        if (counted if first else self.wait) < self.settings.patience:
            return Step(waiting, (waited,), logs=logged)
        old, name = end.learning_rate, ReduceLROnPlateau.name
        if not self.reduces(old):
            at_floor = LearningRateAtFloor(index=end.index, callback=name, lr=old, min_lr=self.settings.min_lr)
            return Step(waiting, (waited, at_floor), logs=logged)
        new = self.reduced(old)
        reduced = LearningRateReduced(index=end.index, callback=name, old_lr=old, new_lr=new)
        # Where the wait is counted last, it is counted after the reset, too.
        state = replace(self, wait=0 if first else 1, cooldown_counter=self.settings.cooldown)
        return Step(state, (waited, reduced), logs=logged, learning_rate=new)

    @property
    def floor(self) -> float:
        """The learning rate from which on nothing is reduced."""
        min_lr = self.settings.min_lr
        # Compared in float32, a min_lr that float32 rounds up is still reached; in float64 it never is.
        floors = {"min_lr * 1.0001": min_lr + min_lr * 1e-4, "float64": min_lr, "float32": float32(min_lr)}
        return floors[self.context.semantics.plateau_floor]

    def reduces(self, rate: float) -> bool:
        """Tell whether a reduction is made, as Keras asks for it: NaN is above no floor."""
        return rate > self.floor

    def reduced(self, old: float) -> float:
        """Return the learning rate after a reduction of `old`."""
        factor, min_lr = self.settings.factor, self.settings.min_lr
        if self.context.semantics.float32_product:
            return max(float32(old * float32(factor)), float32(min_lr))
        return float32(max(old * factor, min_lr))

    @property
    def _comparison(self) -> Comparison:
        if self.comparison is None:
            raise AssertionError("on_epoch_end resolves the comparison first")
        return self.comparison
