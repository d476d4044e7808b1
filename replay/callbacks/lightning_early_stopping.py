"""EarlyStopping of Lightning (pytorch_lightning/callbacks/early_stopping.py of 2.6).

Unlike Keras's it stops at a value that is not finite, at a threshold reached, and at one exceeded; compares in float32,
as its metrics are; and never restores weights, which is its ModelCheckpoint's business. Decided here: it checks in the
epochs that have the metric; `strict`, `verbose`, `check_on_train_epoch_end` and `log_rank_zero_only` change no answer,
and are there so that code can be pasted. `min_epochs` of the Trainer is not known here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from kcb_replay.errors import SettingError
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks.arguments import require_numbers, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import Callback, Context, EpochEnd, Step, TrainBegin, why_not
from kcb_replay.replay.callbacks.stopping import RuleState
from kcb_replay.replay.comparison import Comparison, float32
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import CriterionMet, Improved, MetricMissing, Stopped, Waited


@dataclass(frozen=True, slots=True)
class LightningEarlyStopping(Callback):
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` checks, or at a threshold.

    Arguments, order and defaults are Lightning's. Raises `SettingError` for what the real class refuses.
    """

    name = "LightningEarlyStopping"
    origin = "elsewhere"
    monitors = ("monitor",)
    purpose = "stops"
    # RuntimeError by default (strict=True).
    needs_monitor = True
    has_patience = True

    monitor: str
    min_delta: float = 0.0
    patience: float = 3
    verbose: bool = False
    mode: str = "min"
    strict: bool = True
    check_finite: bool = True
    stopping_threshold: float | None = None
    divergence_threshold: float | None = None
    check_on_train_epoch_end: bool | None = None
    log_rank_zero_only: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self)
        thresholds = ("stopping_threshold", "divergence_threshold")
        named = (name for name in thresholds if getattr(self, name) is not None)
        require_numbers(self, ("min_delta", "patience", *named))
        if self.mode not in ("min", "max"):
            raise SettingError(f"{self.name}: mode must be min or max, but it is {self.mode!r}.")

    def start(self, context: Context) -> LightningEarlyStoppingState:  # noqa: ARG002  # no version of Keras has it
        """Return the state of a new callback."""
        return LightningEarlyStoppingState(self)


@dataclass(frozen=True, slots=True)
class LightningEarlyStoppingState(RuleState):
    """`best` as the real class holds it, None where that holds infinity, and its `wait_count`."""

    traced: ClassVar[tuple[str, ...]] = ("best", "best_index", "wait")

    settings: LightningEarlyStopping
    wait: int = 0

    @property
    def direction(self) -> Direction | None:
        """The mode."""
        return "min" if self.settings.mode == "min" else "max"

    @property
    def standing(self) -> Reason:
        """How much of the patience is used up."""
        return reason("standing.wait", wait=self.wait, patience=self.settings.patience)

    def earliest_stop(self, last: int, cadence: int) -> int | None:
        """Return the next check, where a single value may stop; else the one at which patience is used up."""
        s = self.settings
        if s.check_finite or s.stopping_threshold is not None or s.divergence_threshold is not None:
            return last + cadence
        if math.isinf(s.patience):
            return None
        return last + cadence * max(1, math.ceil(s.patience) - self.wait)

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Go on with the best and the wait of a fit before, as the real object does."""
        return Step(replace(self, best_index=None, stopped_index=None))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Check the value of this epoch."""
        s = self.settings
        logged = end.logs.get(s.monitor)
        if logged is None:
            return Step(self, (MetricMissing(index=end.index, callback=s.name, monitor=s.monitor),))
        value = float32(logged)
        met = self._threshold_met(end.index, value)
        if met is not None:
            return Step(replace(self, stopped_index=end.index), (met,), stop=True)
        margin = float32(s.min_delta)
        if self._comparison.beats(float32(value + margin if s.mode == "min" else value - margin), self._reference):
            return self._improve(end.index, value)
        return self._wait_on(end.index, value)

    @property
    def _comparison(self) -> Comparison:
        """Which way is better; the margin is taken in float32, apart."""
        return Comparison("min" if self.settings.mode == "min" else "max", 0.0, "float64")

    @property
    def _reference(self) -> float:
        return self._comparison.worst if self.best is None else self.best

    def _threshold_met(self, index: int, value: float) -> CriterionMet | None:
        """Return why a single value stops, in the order in which the real class asks."""
        s, criterion = self.settings, None
        if s.check_finite and not math.isfinite(value):
            criterion = ("not finite", math.nan)
        elif s.stopping_threshold is not None and self._comparison.beats(value, float32(s.stopping_threshold)):
            criterion = ("stopping_threshold", s.stopping_threshold)
        elif s.divergence_threshold is not None and self._comparison.beats(-value, float32(-s.divergence_threshold)):
            criterion = ("divergence_threshold", s.divergence_threshold)
        if criterion is None:
            return None
        return CriterionMet(index=index, callback=s.name, quantity=criterion[0], amount=value, limit=criterion[1])

    def _improve(self, index: int, value: float) -> Step:
        s = self.settings
        improved = Improved(
            index=index,
            callback=s.name,
            value=value,
            best=self.best,
            min_delta=abs(s.min_delta),
            wait=0,
            patience=s.patience,
        )
        return Step(replace(self, best=value, best_index=index, wait=0), (improved,))

    def _wait_on(self, index: int, value: float) -> Step:
        s, wait = self.settings, self.wait + 1
        waited = Waited(
            index=index,
            callback=s.name,
            value=value,
            best=self._reference,
            min_delta=abs(s.min_delta),
            wait=wait,
            patience=s.patience,
            why=why_not(self._comparison, value, self._reference),
        )
        state = replace(self, wait=wait)
        if wait < s.patience:
            return Step(state, (waited,))
        stopped = Stopped(index=index, callback=s.name, wait=wait, patience=s.patience)
        return Step(replace(state, stopped_index=index), (waited, stopped), stop=True)
