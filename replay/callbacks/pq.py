"""PQ: stop when the error has risen far, compared with what the training still gains (Prechelt 1998).

The training error in the denominator lets a training go on that still learns much. Decided here: a strip is `strip`
epochs that have both errors; without any progress at all (P_k = 0) the quotient is infinite when GL > 0, and there is
none when GL = 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from kcb_replay.replay.callbacks.arguments import require_counts, with_python_values
from kcb_replay.replay.callbacks.base import Context, EpochEnd, KnownCallback, Step, TrainBegin
from kcb_replay.replay.callbacks.prechelt import PrecheltState, positive, require_criterion
from kcb_replay.replay.events import CriterionMet, Event, InStrip, MetricMissing, QuotientMeasured

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PQ", "PQState", "training_progress"]


@dataclass(frozen=True, slots=True)
class PQ(KnownCallback):
    """Stop at the first end of a strip of `strip` epochs with GL(t) / P_k(t) > alpha.

    Raises `SettingError` for a metric that should rise, or an alpha or strip that cannot be.
    """

    name: ClassVar[str] = "PQ"
    is_of_keras: ClassVar[bool] = False
    monitors: ClassVar[tuple[str, ...]] = ("monitor", "train_monitor")
    is_stopping_rule: ClassVar[bool] = True

    alpha: float
    strip: int = 5
    monitor: str = "val_loss"
    train_monitor: str = "loss"
    restore_best_weights: bool = True

    def __post_init__(self) -> None:
        with_python_values(self)
        require_criterion(self, "alpha", "monitor", "train_monitor")
        require_counts(self, ("strip",))

    def start(self, context: Context) -> PQState:  # noqa: ARG002  # no version of Keras has it
        """Return the state of a new rule."""
        return PQState(self)


def training_progress(errors: Sequence[float]) -> float:
    """Return P_k of a strip: 1000 * (mean of the training errors / their lowest - 1), NaN where one is NaN."""
    if any(map(math.isnan, errors)):
        return math.nan
    lowest = min(errors)
    # Divided first: equal errors then give exactly 0, and large ones do not overflow.
    return 1000 * (math.fsum(error / lowest for error in errors) / len(errors) - 1)


@dataclass(frozen=True, slots=True)
class PQState(PrecheltState):
    """The lowest error so far, the training errors of the strip, and the last `quotient`."""

    settings: PQ
    training: tuple[float, ...] = ()
    quotient: float = math.nan

    @property
    def rule(self) -> str:
        """The name of the rule."""
        return PQ.name

    @property
    def restores(self) -> bool:
        """Whether the best weights are kept."""
        return self.settings.restore_best_weights

    @property
    def standing(self) -> str:
        """The last quotient against the limit."""
        return f"PQ {self.quotient:.4g} of {self.settings.alpha:g}"

    def earliest_stop(self, last: int, cadence: int) -> int | None:
        """Return the end of the strip that is under way."""
        return last + cadence * (self.settings.strip - len(self.training))

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Begin anew: another fit is another series."""
        return Step(PQState(self.settings))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Take the errors of this epoch, and judge when it ends a strip."""
        s = self.settings
        value, training = end.logs.get(s.monitor), end.logs.get(s.train_monitor)
        if value is None or training is None:
            absent = s.monitor if value is None else s.train_monitor
            return Step(self, (MetricMissing(index=end.index, callback=PQ.name, monitor=absent),))
        new = self.new_best(end.index, positive(PQ.name, s.monitor, end.index, value))
        taken = (*self.training, positive(PQ.name, s.train_monitor, end.index, training))
        state = replace(self, training=taken, count=self.count + 1)
        events: tuple[Event, ...] = (new,) if new else ()
        state = replace(state, best=value, best_index=end.index) if new else state
        if len(taken) < s.strip:
            place = InStrip(index=end.index, callback=PQ.name, value=value, place=len(taken), strip=s.strip)
            return Step(state, (*events, place))
        return state._judged(end.index, value, events)

    def _judged(self, index: int, value: float, events: tuple[Event, ...]) -> Step:
        loss, progress, alpha = self.loss_of(value), training_progress(self.training), self.settings.alpha
        quotient = _quotient(loss, progress)
        measured = QuotientMeasured(
            index=index,
            callback=PQ.name,
            value=value,
            best=self.best,
            loss=loss,
            progress=progress,
            quotient=quotient,
            alpha=alpha,
        )
        state = replace(self, training=(), quotient=quotient)
        if not quotient > alpha:
            return Step(state, (*events, measured))
        met = CriterionMet(index=index, callback=PQ.name, quantity="PQ", amount=quotient, limit=alpha)
        return Step(replace(state, stopped_index=index), (*events, measured, met), stop=True)


def _quotient(loss: float, progress: float) -> float:
    if progress == 0:
        return math.inf if loss > 0 else math.nan
    return loss / progress
