"""EarlyStopping as every version of Keras does it (keras/src/callbacks/early_stopping.py and its ancestors).

Refuses nothing that the real class accepts, save arguments that are not numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import DirectionRule, Semantics
from kcb_replay.replay.callbacks.arguments import require_numbers, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import (
    Callback,
    Context,
    EpochEnd,
    State,
    Step,
    TrainBegin,
    TrainEnd,
    direction,
    metric_to_ask,
    why_not,
)
from kcb_replay.replay.comparison import Comparison, KerasRaises
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import Event, Improved, MetricMissing, NotCounted, Stopped, Waited, WeightsRestored


@dataclass(frozen=True, slots=True)
class EarlyStopping(Callback):
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` monitored epochs.

    Arguments, order and defaults are Keras's. `patience` counts epochs that have the metric; 0 acts like 1;
    `start_from_epoch` is 0-based. Raises `SettingError` for a value that is not a number.
    """

    name = "EarlyStopping"
    monitors = ("monitor",)
    purpose = "stops"
    has_patience = True

    monitor: str = "val_loss"
    min_delta: float = 0
    patience: float = 0
    verbose: int = 0
    mode: str = "auto"
    baseline: float | None = None
    restore_best_weights: bool = False
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self)
        require_numbers(self, ("min_delta", "patience", "start_from_epoch"))
        if self.baseline is not None:
            require_numbers(self, ("baseline",))

    def margin(self, version: Semantics) -> float:  # noqa: ARG002  # as ReduceLROnPlateau, whose versions differ
        """Return the min_delta that a version takes from these arguments."""
        return self.min_delta

    def direction_rule(self, version: Semantics) -> DirectionRule:
        """Return how a version resolves `mode="auto"`."""
        return version.early_stopping_direction

    def start(self, context: Context) -> EarlyStoppingState:
        """Return the state of a new callback."""
        return EarlyStoppingState(self, context)

    def printed(self, event: Event, epoch: int, *, ended: bool) -> tuple[object, ...] | None:
        """Return the facts of its lines on a stop and on restored weights."""
        if self.verbose < 1:
            return None
        # Printed when the training ends, and not for an epoch that stands for "none" in the real class.
        if isinstance(event, Stopped) and ended and event.index > 0:
            return "stopped", epoch
        return ("restored",) if isinstance(event, WeightsRestored) else None


@dataclass(frozen=True, slots=True)
class EarlyStoppingState(State):
    """`best`, `wait` and the epochs they come from; `weights_index` is the epoch whose weights would be restored.

    In versions that keep them over a re-use those may be of a fit before: `weights_fits_ago` says how many before.

    `best` is None before the first value and where the real class holds the worst value of all or no best at all.
    """

    traced: ClassVar[tuple[str, ...]] = ("best", "best_index", "wait")

    settings: EarlyStopping
    context: Context
    comparison: Comparison | None = None
    best: float | None = None
    best_index: int | None = None
    wait: int = 0
    stopped_index: int | None = None
    weights_index: int | None = None
    weights_fits_ago: int = 0

    @property
    def direction(self) -> Direction | None:
        """The resolved mode, None before the first epoch ends."""
        return self.comparison.direction if self.comparison else None

    @property
    def asked_metric(self) -> str | None:
        """The metric of which Keras asked the model for its direction."""
        return metric_to_ask(self.settings, self.context.semantics)

    def observed(self, fit: int) -> list[object]:
        """Return best, wait, best epoch, epoch of the stop, and which weights would be restored."""
        tag = None if self.weights_index is None else f"{fit - self.weights_fits_ago}:{self.weights_index}"
        # The real class holds 0 for "no epoch yet", and knows its best epoch since 2.7.
        best_epoch = (self.best_index or 0) if self.context.semantics.early_stopping_spares_first_epoch else None
        return [self.reference, self.wait, best_epoch, self.stopped_index or 0, tag]

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Reset everything, but in some versions the best (keras-team/keras#20256)."""
        if self.context.semantics.early_stopping_keeps_best:
            return Step(replace(self, best_index=None, wait=0, stopped_index=None, weights_index=None))
        fresh = EarlyStoppingState(self.settings, self.context, self.comparison)
        if not self.context.semantics.early_stopping_keeps_weights or self.weights_index is None:
            return Step(fresh)
        return Step(replace(fresh, weights_index=self.weights_index, weights_fits_ago=self.weights_fits_ago + 1))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Judge the value of this epoch."""
        ready = self._with_comparison()
        monitor = self.settings.monitor
        value = end.logs.get(monitor)
        if value is None:
            if self.context.semantics.early_stopping_needs_metric:
                raise KerasRaises("TypeError", f"{monitor} is not in the logs, and None cannot be compared")
            return Step(ready, (MetricMissing(index=end.index, callback=EarlyStopping.name, monitor=monitor),))
        if end.index < self.settings.start_from_epoch:
            return Step(ready, (ready._not_counted(end.index, value),))
        return ready._judge(end.index, value)

    def on_train_end(self, end: TrainEnd) -> Step:
        """Restore the best weights, where the version does so even if it never stopped."""
        restores = self.context.semantics.early_stopping_restores_at_end
        return Step(self, self._restored(end.index) if restores else ())

    @property
    def reference(self) -> float | None:
        """What the next value has to beat."""
        if self.best is not None:
            return self.best
        semantics = self.context.semantics
        if not semantics.early_stopping_baseline_by_wait and self.settings.baseline is not None:
            return self.settings.baseline
        return None if semantics.early_stopping_any_first_value else self._comparison.worst

    def earliest_stop(self, last: int, cadence: int) -> int | None:
        """Return the 0-based epoch at which it could stop at the earliest if only worse values follow the epoch `last`.

        `cadence` is the number of epochs from one monitored epoch to the next. None for an infinite patience.
        """
        if math.isinf(self.settings.patience):
            return None
        skipped = max(0, self.settings.start_from_epoch - last - 1)
        first = last + cadence * (1 + skipped // cadence)
        stop = first + cadence * (self._values_to_stop() - 1)
        return max(1, stop) if self.context.semantics.early_stopping_spares_first_epoch else stop

    @property
    def standing(self) -> Reason:
        """How much of the patience is used up."""
        return reason("standing.wait", wait=self.wait, patience=self.settings.patience)

    def _values_to_stop(self) -> int:
        """Return how many more values, none of them better, lead to the stop."""
        semantics = self.context.semantics
        patience = math.ceil(self.settings.patience)
        needed = patience if semantics.early_stopping_counts_first else patience + 1
        if self.best is None and semantics.early_stopping_any_first_value:
            # A first value always improves, and resets the wait unless a baseline stays unbeaten.
            wait = self.wait + 1 if self.settings.baseline is not None else 0
            return 1 + max(1, needed - wait)
        return max(1, needed - self.wait)

    def _with_comparison(self) -> EarlyStoppingState:
        if self.comparison is not None:
            return self
        s, semantics = self.settings, self.context.semantics
        mode = direction(EarlyStopping.name, s.monitor, s.mode, semantics.early_stopping_direction, self.context)
        min_delta = s.min_delta if semantics.early_stopping_signed_min_delta else abs(s.min_delta)
        return replace(self, comparison=Comparison(mode, min_delta, semantics.early_stopping_arithmetic))

    def _not_counted(self, index: int, value: float) -> NotCounted:
        start = self.settings.start_from_epoch
        return NotCounted(index=index, callback=EarlyStopping.name, value=value, start_from_epoch=start)

    def _judge(self, index: int, value: float) -> Step:
        by_wait = self.context.semantics.early_stopping_baseline_by_wait
        ready = self
        if by_wait and self.settings.restore_best_weights and self.weights_index is None:
            # The first weights are the best so far, whatever their value; Keras 2.16 and 3 note their epoch, too.
            noted = index if self.context.semantics.early_stopping_restores_at_end else self.best_index
            ready = replace(self, weights_index=index, weights_fits_ago=0, best_index=noted)
        if ready._comparison.beats(value, ready.reference):
            return ready._improve(index, value)
        return ready._wait_on(index, value)

    def _improve(self, index: int, value: float) -> Step:
        settings, semantics = self.settings, self.context.semantics
        met_baseline = (
            not semantics.early_stopping_baseline_by_wait
            or settings.baseline is None
            or self._comparison.beats(value, settings.baseline)
        )
        # The wait goes on growing through improvements that stay behind the baseline.
        state = replace(
            self,
            best=value,
            best_index=index,
            wait=0 if met_baseline else self.wait + 1,
            weights_index=index if settings.restore_best_weights else None,
            weights_fits_ago=0,
        )
        event = Improved(
            index=index,
            callback=EarlyStopping.name,
            value=value,
            best=self.best,
            min_delta=self._comparison.min_delta,
            wait=state.wait,
            patience=settings.patience,
            baseline=settings.baseline,
            met_baseline=met_baseline,
        )
        if semantics.early_stopping_improving_never_stops or not semantics.early_stopping_baseline_by_wait:
            return Step(state, (event,))
        return state._tested(index, (event,))

    def _wait_on(self, index: int, value: float) -> Step:
        reference = self.reference
        if reference is None:
            raise AssertionError("the first value improves on no reference")
        waited = Waited(
            index=index,
            callback=EarlyStopping.name,
            value=value,
            best=reference,
            min_delta=self._comparison.min_delta,
            wait=self.wait + 1,
            patience=self.settings.patience,
            why=why_not(self._comparison, value, reference),
        )
        # Written out, for this is nearly every epoch and replace() takes twice as long.
        counted = EarlyStoppingState(
            self.settings,
            self.context,
            self.comparison,
            self.best,
            self.best_index,
            self.wait + 1,
            self.stopped_index,
            self.weights_index,
            self.weights_fits_ago,
        )
        if self.context.semantics.early_stopping_counts_first:
            return counted._tested(index, (waited,))
        return replace(self._tested(index, (waited,)), state=replace(counted, stopped_index=self._stop_at(index)))

    def _stop_at(self, index: int) -> int | None:
        spared = index == 0 and self.context.semantics.early_stopping_spares_first_epoch
        return index if self.wait >= self.settings.patience and not spared else self.stopped_index

    def _tested(self, index: int, events: tuple[Event, ...]) -> Step:
        """Test the wait against patience."""
        if self._stop_at(index) != index:
            return Step(self, events)
        stopped = Stopped(index=index, callback=EarlyStopping.name, wait=self.wait, patience=self.settings.patience)
        state = replace(self, stopped_index=index)
        if self.context.semantics.early_stopping_restores_at_end:
            return Step(state, (*events, stopped), stop=True)
        return Step(state, (*events, stopped, *state._restored_at_stop(index)), stop=True)

    def _restored_at_stop(self, index: int) -> tuple[Event, ...]:
        forgotten = self.settings.restore_best_weights and self.weights_index is None
        if forgotten and not self.context.semantics.early_stopping_baseline_by_wait:
            # set_weights(None): no value was ever better than the baseline, or than NaN.
            raise KerasRaises("TypeError", "there are no best weights to restore, for no value was ever an improvement")
        return self._restored(index)

    def _restored(self, index: int) -> tuple[Event, ...]:
        if not self.settings.restore_best_weights or self.weights_index is None:
            return ()
        name, ago = EarlyStopping.name, self.weights_fits_ago
        return (WeightsRestored(index=index, callback=name, from_index=self.weights_index, fits_ago=ago),)

    @property
    def _comparison(self) -> Comparison:
        if self.comparison is None:
            raise AssertionError("on_epoch_end resolves the comparison first")
        return self.comparison
