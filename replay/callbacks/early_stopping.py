"""EarlyStopping as Keras 3.15 does it (keras/src/callbacks/early_stopping.py).

Refuses nothing that the real class accepts, save arguments that are not numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from kcb_replay.replay.callbacks.arguments import require_numbers, require_texts, written_as_code
from kcb_replay.replay.callbacks.base import Context, EpochEnd, Step, compare, why_not
from kcb_replay.replay.comparison import Comparison
from kcb_replay.replay.events import Event, Improved, MetricMissing, NotCounted, Stopped, Waited, WeightsRestored

__all__ = ["EarlyStopping", "EarlyStoppingState"]


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` monitored epochs.

    Arguments, order and defaults are Keras's. `patience` counts epochs that have the metric; 0 acts like 1;
    `start_from_epoch` is 0-based. Raises `SettingError` for a value that is not a number.
    """

    name: ClassVar[str] = "EarlyStopping"

    monitor: str = "val_loss"
    min_delta: float = 0
    patience: float = 0
    verbose: int = 0
    mode: str = "auto"
    baseline: float | None = None
    restore_best_weights: bool = False
    start_from_epoch: int = 0

    def __post_init__(self) -> None:
        require_texts(self)
        require_numbers(self, ("min_delta", "patience", "start_from_epoch"))
        if self.baseline is not None:
            require_numbers(self, ("baseline",))

    def __str__(self) -> str:
        return written_as_code(self)

    def start(self, context: Context) -> EarlyStoppingState:
        """Return the state after `on_train_begin`: everything is reset (keras#20256, fixed in 3.15)."""
        return EarlyStoppingState(self, context)


@dataclass(frozen=True, slots=True)
class EarlyStoppingState:
    """`best`, `wait` and the epochs they come from; `weights_index` is the epoch whose weights would be restored."""

    settings: EarlyStopping
    context: Context
    comparison: Comparison | None = None
    best: float | None = None
    best_index: int | None = None
    wait: int = 0
    stopped_index: int | None = None
    weights_index: int | None = None

    def step(self, end: EpochEnd) -> Step:
        """Return what `EarlyStopping.on_epoch_end` does."""
        ready = self._with_comparison()
        monitor = self.settings.monitor
        value = end.logs.get(monitor)
        if value is None:
            return Step(ready, (MetricMissing(index=end.index, callback=EarlyStopping.name, monitor=monitor),))
        if end.index < self.settings.start_from_epoch:
            return Step(ready, (ready._not_counted(end.index, value),))
        return ready._judge(end.index, value)

    def finish(self, index: int) -> tuple[Event, ...]:
        """Return what `EarlyStopping.on_train_end` does: restore, even if it never stopped."""
        if not self.settings.restore_best_weights or self.weights_index is None:
            return ()
        return (WeightsRestored(index=index, callback=EarlyStopping.name, from_index=self.weights_index),)

    def earliest_stop(self, last: int, cadence: int) -> int | None:
        """Return the 0-based epoch at which it could stop at the earliest if only worse values follow the epoch `last`.

        `cadence` is the number of epochs from one monitored epoch to the next. None for an infinite patience.
        """
        if math.isinf(self.settings.patience):
            return None
        patience = math.ceil(self.settings.patience)
        skipped = max(0, self.settings.start_from_epoch - last - 1)
        first = last + cadence * (1 + skipped // cadence)
        if self.best is not None:
            return max(1, first + cadence * (max(1, patience - self.wait) - 1))
        # A first value always improves, and resets the wait unless a baseline stays unbeaten.
        wait = self.wait + 1 if self.settings.baseline is not None else 0
        return first + cadence * max(1, patience - wait)

    def _with_comparison(self) -> EarlyStoppingState:
        if self.comparison is not None:
            return self
        s = self.settings
        return replace(self, comparison=compare(EarlyStopping.name, s.monitor, s.mode, s.min_delta, self.context))

    def _not_counted(self, index: int, value: float) -> NotCounted:
        start = self.settings.start_from_epoch
        return NotCounted(index=index, callback=EarlyStopping.name, value=value, start_from_epoch=start)

    def _judge(self, index: int, value: float) -> Step:
        if self._comparison.beats(value, self.best):
            return self._improve(index, value)
        return self._wait_on(index, value)

    def _improve(self, index: int, value: float) -> Step:
        settings = self.settings
        met_baseline = settings.baseline is None or self._comparison.beats(value, settings.baseline)
        # The wait goes on growing through improvements that stay behind the baseline.
        state = replace(
            self,
            best=value,
            best_index=index,
            wait=0 if met_baseline else self.wait + 1,
            weights_index=index if settings.restore_best_weights else None,
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
        return Step(state, (event,))

    def _wait_on(self, index: int, value: float) -> Step:
        if self.best is None:
            raise AssertionError("the first value always improves")
        wait = self.wait + 1
        waited = Waited(
            index=index,
            callback=EarlyStopping.name,
            value=value,
            best=self.best,
            min_delta=self._comparison.min_delta,
            wait=wait,
            patience=self.settings.patience,
            why=why_not(self._comparison, value, self.best),
        )
        if wait < self.settings.patience or index == 0:
            return Step(replace(self, wait=wait), (waited,))
        stopped = Stopped(index=index, callback=EarlyStopping.name, wait=wait, patience=self.settings.patience)
        return Step(replace(self, wait=wait, stopped_index=index), (waited, stopped), stop=True)

    @property
    def _comparison(self) -> Comparison:
        if self.comparison is None:
            raise AssertionError("step resolves the comparison first")
        return self.comparison
