"""LearningRateScheduler: a function of the epoch sets the learning rate.

Source: keras/src/callbacks/learning_rate_scheduler.py and its ancestors. The function is the user's own and is called
as Keras calls it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks.arguments import with_python_values
from kcb_replay.replay.callbacks.base import Callback, Context, EpochBegin, EpochEnd, State, Step
from kcb_replay.replay.comparison import KerasRaises, float32
from kcb_replay.replay.events import LearningRateSet

# schedule(epoch, lr), or schedule(epoch): the signature is found out by calling, as Keras does.
Schedule: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class LearningRateScheduler(Callback):
    """Set the learning rate to `schedule(epoch, lr)`, or `schedule(epoch)`, at the beginning of each 0-based epoch.

    Raises `SettingError` when `schedule` cannot be called.
    """

    name = "LearningRateScheduler"
    purpose = "schedules"

    schedule: Schedule
    verbose: int = 0

    def __post_init__(self) -> None:
        with_python_values(self)
        if not callable(self.schedule):
            raise SettingError(
                f"LearningRateScheduler: schedule must be a function, but it is {self.schedule!r}. As text a function"
                ' is given by its place: schedule="file.py:name".'
            )

    def start(self, context: Context) -> LearningRateSchedulerState:
        """Return the state of a new callback."""
        return LearningRateSchedulerState(self, context)


@dataclass(frozen=True, slots=True)
class LearningRateSchedulerState(State):
    """Nothing is remembered from epoch to epoch."""

    settings: LearningRateScheduler
    context: Context

    def on_epoch_begin(self, begin: EpochBegin) -> Step:
        """Ask the schedule for the learning rate of this epoch."""
        rate = self._scheduled(begin)
        if not isinstance(rate, float) and type(rate).__name__ not in ("float32", "float64"):
            raise KerasRaises("ValueError", f"the schedule returned {rate!r}: it must be a float")
        new = float32(float(rate))
        if new == begin.learning_rate or (math.isnan(new) and math.isnan(begin.learning_rate)):
            return Step(self, learning_rate=new)
        event = LearningRateSet(
            index=begin.index, callback=LearningRateScheduler.name, old_lr=begin.learning_rate, new_lr=new
        )
        return Step(self, (event,), learning_rate=new)

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Log the learning rate, where the version does."""
        semantics = self.context.semantics
        return Step(
            self, logs={semantics.learning_rate_key: end.learning_rate} if semantics.scheduler_logs_rate else {}
        )

    def _scheduled(self, begin: EpochBegin) -> Any:
        schedule = self.settings.schedule
        call = self.context.semantics.scheduler_call
        if call == "schedule(epoch)":
            return self._called_with_epoch(begin.index)
        try:
            if call == "schedule(epoch, lr=lr)":
                return schedule(begin.index, lr=begin.learning_rate)
            return schedule(begin.index, begin.learning_rate)
        except TypeError:
            # Keras takes any TypeError, one inside the function included, for a function of the epoch alone.
            return self._called_with_epoch(begin.index)
        except Exception as error:
            raise KerasRaises(type(error).__name__, f"the schedule raises it: {error}") from error

    def _called_with_epoch(self, index: int) -> Any:
        try:
            return self.settings.schedule(index)
        except Exception as error:
            raise KerasRaises(type(error).__name__, f"the schedule raises it: {error}") from error
