"""torch.optim.lr_scheduler.ReduceLROnPlateau, stepped with one metric at the end of each epoch that has it.

Source: torch/optim/lr_scheduler.py of 2.13 and 2.15, for one group of parameters. Unlike Keras's it
reduces when the bad epochs are more than `patience`, takes the threshold as a share of the best by default, and counts
and compares in float64. An epoch without the metric is not stepped. Refuses a `min_lr` per group: a recording has one
learning rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks.arguments import require_numbers, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import Callback, Context, EpochEnd, State, Step, why_not
from kcb_replay.replay.comparison import Comparison, float32
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import (
    CoolingDown,
    Event,
    Improved,
    LearningRateReduced,
    MetricMissing,
    ReductionIgnored,
    Waited,
)


@dataclass(frozen=True, slots=True)
class TorchReduceLROnPlateau(Callback):
    """Multiply the learning rate by `factor` when `monitor` was bad for more than `patience` epochs.

    Arguments and defaults are PyTorch's, with `monitor` in the place of the optimizer. Raises `SettingError` for what
    the real class refuses.
    """

    name = "TorchReduceLROnPlateau"
    origin = "elsewhere"
    monitors = ("monitor",)
    has_patience = True
    purpose = "reduces"

    monitor: str = "val_loss"
    mode: str = "min"
    factor: float = 0.1
    patience: float = 10
    threshold: float = 1e-4
    threshold_mode: str = "rel"
    cooldown: int = 0
    min_lr: float = 0
    eps: float = 1e-8

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self, ("monitor", "mode", "threshold_mode"))
        require_numbers(self, ("factor", "patience", "threshold", "cooldown", "min_lr", "eps"))
        if self.factor >= 1:
            raise SettingError(f"{self.name}: factor should be below 1, but it is {self.factor}.")
        for argument, known in (("mode", ("min", "max")), ("threshold_mode", ("rel", "abs"))):
            if getattr(self, argument) not in known:
                raise SettingError(
                    f"{self.name}: {argument} must be {' or '.join(known)}, but it is {getattr(self, argument)!r}."
                )

    def start(self, context: Context) -> TorchReduceLROnPlateauState:  # noqa: ARG002  # no version of Keras has it
        """Return the state of a new scheduler."""
        return TorchReduceLROnPlateauState(self)


@dataclass(frozen=True, slots=True)
class TorchReduceLROnPlateauState(State):
    """What the real class holds; `best` is None where that holds infinity. `rate` is its learning rate in float64.

    A fit resets nothing, for the scheduler does not know of fits.
    """

    traced: ClassVar[tuple[str, ...]] = ("best", "wait", "cooldown_counter")

    settings: TorchReduceLROnPlateau
    best: float | None = None
    num_bad_epochs: int = 0
    cooldown_counter: int = 0
    rate: float | None = None

    @property
    def direction(self) -> Direction | None:
        """The mode."""
        return "min" if self.settings.mode == "min" else "max"

    @property
    def wait(self) -> int:
        """The bad epochs in a row."""
        return self.num_bad_epochs

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Step with the value of this epoch."""
        s = self.settings
        value = end.logs.get(s.monitor)
        if value is None:
            return Step(self, (MetricMissing(index=end.index, callback=s.name, monitor=s.monitor),))
        cooling = self.cooldown_counter > 0
        bad = 0 if self._is_better(value) else self.num_bad_epochs + 1
        seen: Event = self._improved(end.index, value) if bad == 0 else self._worse(end.index, value, bad, cooling)
        state = replace(
            self,
            best=value if bad == 0 else self.best,
            num_bad_epochs=0 if cooling else bad,
            cooldown_counter=self.cooldown_counter - cooling,
            rate=self._rate(end.learning_rate),
        )
        return state._reduced(end, seen) if state.num_bad_epochs > s.patience else Step(state, (seen,))

    @property
    def _comparison(self) -> Comparison:
        """Which way is better; the threshold is a bound of its own."""
        return Comparison("min" if self.settings.mode == "min" else "max", 0.0, "float64")

    @property
    def _reference(self) -> float:
        return self._comparison.worst if self.best is None else self.best

    @property
    def _bound(self) -> float:
        """What a value has to be strictly beyond, in the arithmetic of the real class."""
        s, best = self.settings, self._reference
        if s.threshold_mode == "rel":
            return best * (1.0 - s.threshold) if s.mode == "min" else best * (s.threshold + 1.0)
        return best - s.threshold if s.mode == "min" else best + s.threshold

    def _is_better(self, value: float) -> bool:
        return self._comparison.beats(value, self._bound)

    @property
    def _margin(self) -> float:
        return 0.0 if self.best is None or not math.isfinite(self.best) else abs(self._bound - self.best)

    def _improved(self, index: int, value: float) -> Improved:
        return Improved(
            index=index,
            callback=self.settings.name,
            value=value,
            best=self.best,
            min_delta=self._margin,
            wait=0,
            patience=self.settings.patience,
        )

    def _worse(self, index: int, value: float, bad: int, cooling: bool) -> Event:
        name, best = self.settings.name, self._reference
        if cooling:
            return CoolingDown(index=index, callback=name, value=value, best=best, remaining=self.cooldown_counter)
        return Waited(
            index=index,
            callback=name,
            value=value,
            best=best,
            min_delta=self._margin,
            wait=bad,
            patience=self.settings.patience,
            why=why_not(self._comparison, value, best),
        )

    def _rate(self, learning_rate: float) -> float:
        """Return the float64 rate, begun anew where something else has set the float32 one of the replay."""
        if self.rate is None or float32(self.rate) != learning_rate:
            return learning_rate
        return self.rate

    def _reduced(self, end: EpochEnd, seen: Event) -> Step:
        s, old = self.settings, self._rate(end.learning_rate)
        new = max(old * s.factor, s.min_lr)
        # The wait and the cooldown begin anew even where the reduction is ignored.
        state = replace(self, num_bad_epochs=0, cooldown_counter=s.cooldown)
        if not old - new > s.eps:
            return Step(
                state, (seen, ReductionIgnored(index=end.index, callback=s.name, lr=old, new_lr=new, eps=s.eps))
            )
        reduced = LearningRateReduced(index=end.index, callback=s.name, old_lr=old, new_lr=new)
        return Step(replace(state, rate=new), (seen, reduced), learning_rate=new)
