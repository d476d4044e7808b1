"""Prechelt's criteria GL, PQ and UP: of errors above 0 that should fall, counted by the epochs that have them.

Source: L. Prechelt, "Early Stopping - But When?" (1998). Decided here, for the paper leaves it open: an epoch without
the metric is no point of the series; NaN is a point that is never the lowest and that no criterion holds at; 0 and
negative values, at which a relative loss means nothing, are refused, and so are metrics that should rise. As in the
paper, the weights kept are those of the lowest error, unless `restore_best_weights` is False. A strip is `strip` epochs
that have the errors. PQ without any progress at all (P_k = 0) is infinite when GL > 0, and there is none when GL = 0.
For UP a comparison with NaN is no rise, so it breaks the row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kcb_replay.errors import NotReplayableError, SettingError
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks.arguments import require_counts, require_numbers, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import Callback, Context, EpochEnd, Step, TrainBegin
from kcb_replay.replay.callbacks.stopping import RuleState
from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.events import (
    CriterionMet,
    Event,
    InStrip,
    LossMeasured,
    MetricMissing,
    NewBest,
    QuotientMeasured,
    StripCompared,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecheltState(RuleState):
    """The lowest error so far, and in `count` how many there were."""

    count: int = 0

    @property
    def direction(self) -> Direction | None:
        """Errors should fall."""
        return "min"

    def loss_of(self, value: float) -> float:
        """Return the generalization loss of an error in percent: GL(t) = 100 * (E(t) / E_opt(t) - 1)."""
        if self.best is None or math.isnan(value):
            return math.nan
        return 0.0 if value <= self.best else 100 * (value / self.best - 1)

    def new_best(self, index: int, value: float) -> NewBest | None:
        """Return the event of a lowest error, None where the error is not lower."""
        if math.isnan(value) or (self.best is not None and value >= self.best):
            return None
        return NewBest(index=index, callback=self.settings.name, value=value, best=self.best)


def _require_criterion(settings: object, limit: str, *errors: str) -> None:
    """Raise `SettingError` unless the limit is a number from 0 on and the metrics are errors that should fall."""
    name = type(settings).__name__
    require_texts(settings, errors)
    require_numbers(settings, (limit,))
    if getattr(settings, limit) < 0:
        raise SettingError(f"{name}: {limit} must be 0 or more, but it is {getattr(settings, limit)!r}.")
    for argument in errors:
        metric = getattr(settings, argument)
        if direction_of(metric) == "max":
            raise SettingError(
                f"{name} is defined for an error that should fall, but {metric} should rise. Record 1 - {metric} as a"
                f" metric of its own and use that as {argument}, or a loss."
            )


def _positive(rule: str, metric: str, index: int, value: float) -> float:
    """Return the error; raises `NotReplayableError` that names the epoch where it is 0 or less."""
    if value <= 0:
        why = reason("left_out.not_positive", rule=rule, metric=metric, value=value, epoch=index + 1)
        raise NotReplayableError(f"{why}.", reason=why)
    return value


@dataclass(frozen=True, slots=True)
class GL(Callback):
    """Stop at the first epoch t with GL(t) = 100 * (E(t) / E_opt(t) - 1) > alpha; see `prechelt` for what is decided.

    Raises `SettingError` for a metric that should rise, or an alpha that is no number from 0 on.
    """

    name = "GL"
    origin = "elsewhere"
    monitors = ("monitor",)
    purpose = "stops"

    alpha: float
    monitor: str = "val_loss"
    restore_best_weights: bool = True

    def __post_init__(self) -> None:
        with_python_values(self)
        _require_criterion(self, "alpha", "monitor")

    def start(self, context: Context) -> GLState:  # noqa: ARG002  # no version of Keras has it
        """Return the state of a new rule."""
        return GLState(self)


@dataclass(frozen=True, slots=True)
class GLState(PrecheltState):
    """The lowest error so far, and `loss`, the GL of the last one."""

    settings: GL
    loss: float = math.nan

    @property
    def standing(self) -> Reason:
        """The last loss against the limit."""
        return reason("standing.gl", loss=self.loss, alpha=self.settings.alpha)

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Begin anew: another fit is another series."""
        return Step(GLState(self.settings))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Measure the loss of this epoch."""
        s = self.settings
        value = end.logs.get(s.monitor)
        if value is None:
            return Step(self, (MetricMissing(index=end.index, callback=GL.name, monitor=s.monitor),))
        new = self.new_best(end.index, _positive(GL.name, s.monitor, end.index, value))
        if new:
            return Step(replace(self, best=value, best_index=end.index, loss=0.0), (new,))
        state = replace(self, loss=self.loss_of(value))
        measured = LossMeasured(
            index=end.index, callback=GL.name, value=value, best=self.best, loss=state.loss, alpha=s.alpha
        )
        if not state.loss > s.alpha:
            return Step(state, (measured,))
        met = CriterionMet(index=end.index, callback=GL.name, quantity="GL", amount=state.loss, limit=s.alpha)
        return Step(replace(state, stopped_index=end.index), (measured, met), stop=True)


@dataclass(frozen=True, slots=True)
class PQ(Callback):
    """Stop at the first end of a strip of `strip` epochs with GL(t) / P_k(t) > alpha.

    Raises `SettingError` for a metric that should rise, or an alpha or strip that cannot be.
    """

    name = "PQ"
    origin = "elsewhere"
    monitors = ("monitor", "train_monitor")
    purpose = "stops"

    alpha: float
    strip: int = 5
    monitor: str = "val_loss"
    train_monitor: str = "loss"
    restore_best_weights: bool = True

    def __post_init__(self) -> None:
        with_python_values(self)
        _require_criterion(self, "alpha", "monitor", "train_monitor")
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
    def standing(self) -> Reason:
        """The last quotient against the limit."""
        return reason("standing.pq", quotient=self.quotient, alpha=self.settings.alpha)

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
        new = self.new_best(end.index, _positive(PQ.name, s.monitor, end.index, value))
        taken = (*self.training, _positive(PQ.name, s.train_monitor, end.index, training))
        state = replace(self, training=taken, count=self.count + 1)
        events: tuple[Event, ...] = (new,) if new else ()
        state = replace(state, best=value, best_index=end.index) if new else state
        if len(taken) < s.strip:
            inside = InStrip(index=end.index, callback=PQ.name, value=value, place=len(taken), strip=s.strip)
            return Step(state, (*events, inside))
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


@dataclass(frozen=True, slots=True)
class UP(Callback):
    """Stop at the first end of a strip of `strip` epochs that is the s-th in a row with E(t) > E(t - strip).

    Raises `SettingError` for a metric that should rise, or an s or strip that cannot be.
    """

    name = "UP"
    origin = "elsewhere"
    monitors = ("monitor",)
    purpose = "stops"

    s: int
    strip: int = 5
    monitor: str = "val_loss"
    restore_best_weights: bool = True

    def __post_init__(self) -> None:
        with_python_values(self)
        _require_criterion(self, "s", "monitor")
        require_counts(self, ("s", "strip"))

    def start(self, context: Context) -> UPState:  # noqa: ARG002  # no version of Keras has it
        """Return the state of a new rule."""
        return UPState(self)


@dataclass(frozen=True, slots=True)
class UPState(PrecheltState):
    """The lowest error so far, the one at the end of the strip before, and how many strips in a row have risen."""

    settings: UP
    before: float | None = None
    rises: int = 0

    @property
    def standing(self) -> Reason:
        """The rises against the limit."""
        return reason("standing.up", rises=self.rises, needed=self.settings.s)

    def earliest_stop(self, last: int, cadence: int) -> int | None:
        """Return the end of the strip at which enough of them could have risen."""
        strips = self.settings.s - self.rises + (self.before is None)
        return last + cadence * (strips * self.settings.strip - self.count % self.settings.strip)

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Begin anew: another fit is another series."""
        return Step(UPState(self.settings))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Take the error of this epoch, and compare when it ends a strip."""
        s = self.settings
        value = end.logs.get(s.monitor)
        if value is None:
            return Step(self, (MetricMissing(index=end.index, callback=UP.name, monitor=s.monitor),))
        new = self.new_best(end.index, _positive(UP.name, s.monitor, end.index, value))
        state = replace(self, count=self.count + 1)
        events: tuple[Event, ...] = (new,) if new else ()
        state = replace(state, best=value, best_index=end.index) if new else state
        number = state.count % s.strip
        if number or self.before is None:
            # The end of the first strip has none before it.
            inside = InStrip(index=end.index, callback=UP.name, value=value, place=number or s.strip, strip=s.strip)
            return Step(state if number else replace(state, before=value), (*events, inside))
        return state._compared(end.index, value, self.before, events)

    def _compared(self, index: int, value: float, before: float, events: tuple[Event, ...]) -> Step:
        needed = self.settings.s
        rises = self.rises + 1 if value > before else 0
        compared = StripCompared(index=index, callback=UP.name, value=value, before=before, rises=rises, needed=needed)
        state = replace(self, before=value, rises=rises)
        if rises < needed:
            return Step(state, (*events, compared))
        met = CriterionMet(index=index, callback=UP.name, quantity="UP", amount=rises, limit=needed)
        return Step(replace(state, stopped_index=index), (*events, compared, met), stop=True)
