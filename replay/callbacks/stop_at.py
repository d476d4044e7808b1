"""StopAt: stop everything after the same epoch, the baseline that every other rule has to beat.

R. Egele et al., "The Unreasonable Effectiveness of Early Discarding After One Epoch in Neural Network Hyperparameter
Optimization" (2024), call it i-Epoch. It looks at no metric; `monitor` says by which one its choice is judged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks.arguments import require_counts, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import Callback, Context, EpochEnd, Step, TrainBegin
from kcb_replay.replay.callbacks.stopping import RuleState, known_direction
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import CriterionMet, Event, MetricMissing, NewBest


@dataclass(frozen=True, slots=True)
class StopAt(Callback):
    """Stop after the epoch `epoch`, counted from 1 as `fit(epochs=...)` counts; the last weights are kept.

    With `restore_best_weights` the best ones by `monitor` are. Raises `SettingError` where `mode="auto"` cannot tell.
    """

    name = "StopAt"
    origin = "elsewhere"
    purpose = "stops"

    epoch: int
    monitor: str = "val_loss"
    mode: str = "auto"
    restore_best_weights: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self)
        require_counts(self, ("epoch",))
        known_direction(self.name, self.monitor, self.mode)

    def start(self, context: Context) -> StopAtState:  # noqa: ARG002  # no version of Keras has it
        """Return the state of a new rule."""
        return StopAtState(self, known_direction(self.name, self.monitor, self.mode))


@dataclass(frozen=True, slots=True)
class StopAtState(RuleState):
    """The best so far by the metric that it is judged by."""

    settings: StopAt
    mode: Direction
    seen: int = 0

    @property
    def direction(self) -> Direction | None:
        """The resolved mode."""
        return self.mode

    @property
    def standing(self) -> Reason:
        """The epoch against the limit."""
        return reason("standing.epoch", epoch=self.seen, last=self.settings.epoch)

    def earliest_stop(self, last: int, cadence: int) -> int | None:  # noqa: ARG002  # it looks at no metric
        """Return the epoch at which it stops."""
        return max(last + 1, self.settings.epoch - 1)

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Begin anew."""
        return Step(StopAtState(self.settings, self.mode))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Count this epoch."""
        s = self.settings
        value = end.logs.get(s.monitor)
        state, events = replace(self, seen=end.index + 1), self._noted(end.index, value)
        if any(isinstance(event, NewBest) for event in events):
            state = replace(state, best=value, best_index=end.index)
        if end.index + 1 < s.epoch:
            return Step(state, events)
        met = CriterionMet(index=end.index, callback=StopAt.name, quantity="epoch", amount=end.index + 1, limit=s.epoch)
        return Step(replace(state, stopped_index=end.index), (*events, met), stop=True)

    def _noted(self, index: int, value: float | None) -> tuple[Event, ...]:
        if value is None:
            return (MetricMissing(index=index, callback=StopAt.name, monitor=self.settings.monitor),)
        better = self.best is None or (value < self.best if self.mode == "min" else value > self.best)
        if math.isnan(value) or not better:
            return ()
        return (NewBest(index=index, callback=StopAt.name, value=value, best=self.best),)
