"""UP: stop when the error has risen over several strips in a row, however far (Prechelt 1998).

Decided here: a strip is `strip` epochs that have the error; a comparison with NaN is no rise, so it breaks the row.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from kcb_replay.replay.callbacks.arguments import require_counts, with_python_values
from kcb_replay.replay.callbacks.base import Context, EpochEnd, KnownCallback, Step, TrainBegin
from kcb_replay.replay.callbacks.prechelt import PrecheltState, positive, require_criterion
from kcb_replay.replay.events import CriterionMet, Event, InStrip, MetricMissing, StripCompared

__all__ = ["UP", "UPState"]


@dataclass(frozen=True, slots=True)
class UP(KnownCallback):
    """Stop at the first end of a strip of `strip` epochs that is the s-th in a row with E(t) > E(t - strip).

    Raises `SettingError` for a metric that should rise, or an s or strip that cannot be.
    """

    name: ClassVar[str] = "UP"
    is_of_keras: ClassVar[bool] = False
    monitors: ClassVar[tuple[str, ...]] = ("monitor",)
    is_stopping_rule: ClassVar[bool] = True

    s: int
    strip: int = 5
    monitor: str = "val_loss"
    restore_best_weights: bool = True

    def __post_init__(self) -> None:
        with_python_values(self)
        require_criterion(self, "s", "monitor")
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
    def rule(self) -> str:
        """The name of the rule."""
        return UP.name

    @property
    def restores(self) -> bool:
        """Whether the best weights are kept."""
        return self.settings.restore_best_weights

    @property
    def standing(self) -> str:
        """The rises against the limit."""
        return f"rise {self.rises} of {self.settings.s}"

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
        new = self.new_best(end.index, positive(UP.name, s.monitor, end.index, value))
        state = replace(self, count=self.count + 1)
        events: tuple[Event, ...] = (new,) if new else ()
        state = replace(state, best=value, best_index=end.index) if new else state
        place = state.count % s.strip
        if place or self.before is None:
            # The end of the first strip has none before it.
            inside = InStrip(index=end.index, callback=UP.name, value=value, place=place or s.strip, strip=s.strip)
            return Step(state if place else replace(state, before=value), (*events, inside))
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
