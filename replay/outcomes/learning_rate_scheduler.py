"""What LearningRateScheduler comes to: the learning rates that it sets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.language.reason import reason
from kcb_replay.replay.events import LearningRateReduced, LearningRateSet
from kcb_replay.replay.outcomes.base import CallbackTrace, Json, Outcome, hypothetical
from kcb_replay.replay.validity import Validity

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import LearningRateScheduler, LearningRateSchedulerState

__all__ = ["LearningRateSchedulerOutcome", "RateSet", "learning_rate_scheduler_outcome"]


@dataclass(frozen=True, slots=True)
class RateSet:
    """A change of the learning rate at the beginning of the 0-based epoch `index`."""

    index: int
    old_lr: float
    new_lr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateSchedulerOutcome(Outcome):
    """What LearningRateScheduler would have set in one fit; epochs in which it changed nothing are not listed."""

    settings: LearningRateScheduler
    rates: tuple[RateSet, ...]

    @property
    def fired(self) -> bool:
        """Whether it changed the learning rate at all."""
        return bool(self.rates)

    def facts(self) -> Json:
        """Return every change."""
        return {
            "rates": [
                {"index": rate.index, "epoch": rate.index + 1, "old_lr": rate.old_lr, "new_lr": rate.new_lr}
                for rate in self.rates
            ]
        }


def learning_rate_scheduler_outcome(
    view: CallbackTrace, state: LearningRateSchedulerState
) -> LearningRateSchedulerOutcome:
    """Return the outcome of a LearningRateScheduler."""
    rates = tuple(RateSet(event.index, event.old_lr, event.new_lr) for event in view.events(LearningRateSet))
    return LearningRateSchedulerOutcome(settings=state.settings, mode=None, rates=rates, validity=_validity(view))


def _validity(view: CallbackTrace) -> Validity:
    # Only a rate that hangs on metrics can be a what-if, and a schedule that multiplies passes it on.
    events = (event for row in view.run.rows for each in row.events for event in each)
    if view.beyond is not None and any(isinstance(event, LearningRateReduced) for event in events):
        return hypothetical(view.beyond)
    return Validity("exact", reason("validity.schedule"))
