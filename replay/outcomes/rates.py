"""What callbacks that are there to change the learning rate come to: reductions, each with its label, or rates set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from kcb_replay.language.reason import reason
from kcb_replay.replay.events import LearningRateReduced, LearningRateSet, of_kind
from kcb_replay.replay.outcomes.base import CallbackTrace, Drop, Json, Outcome, RateSet, dated, hypothetical
from kcb_replay.replay.validity import Horizon, Validity


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionOutcome(Outcome):
    """What a callback would have done with one fit that reduces the learning rate when a metric no longer improves."""

    @classmethod
    def of(cls, trace: CallbackTrace) -> Self:
        """Return the reductions."""
        drops = drops_in(trace)
        is_ended = len(trace.run.rows) < len(trace.stream.epochs) or bool(trace.run.rows[-1].stoppers)
        validity = validity_of_drops(drops, trace.last, trace.beyond, is_ended=is_ended)
        return cls(settings=trace.callback, mode=trace.state.direction, drops=drops, validity=validity)

    def facts(self) -> Json:
        """Return every drop."""
        return {"drops": [dated(drop) for drop in self.drops]}


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleOutcome(Outcome):
    """What a schedule would have set in one fit; epochs in which it changed nothing are not listed."""

    @classmethod
    def of(cls, trace: CallbackTrace) -> Self:
        """Return the changes."""
        return cls(settings=trace.callback, mode=None, rates=rates_in(trace), validity=_validity_of_schedule(trace))

    def facts(self) -> Json:
        """Return every change."""
        return {"rates": [dated(rate) for rate in self.rates]}


def drops_in(trace: CallbackTrace) -> tuple[Drop, ...]:
    """Return every reduction by one callback, of whatever kind, with its label."""
    return tuple(
        Drop(event.index, event.old_lr, event.new_lr, "exact" if trace.is_exact_at(event.index) else "hypothetical")
        for event in trace.events(LearningRateReduced)
    )


def rates_in(trace: CallbackTrace) -> tuple[RateSet, ...]:
    """Return every rate that one callback set, reductions aside."""
    return tuple(RateSet(event.index, event.old_lr, event.new_lr) for event in trace.events(LearningRateSet))


def validity_of_drops(drops: tuple[Drop, ...], last: int, beyond: Horizon | None, *, is_ended: bool) -> Validity:
    """Return how far reductions hold; `beyond` is the limit that the replay went beyond, None without one.

    `last` is the 0-based epoch that ran last, and `is_ended` whether another callback stopped the training there.
    """
    if beyond is not None:
        return hypothetical(beyond, undecided=not drops and not is_ended)
    if drops:
        return Validity("exact", reason("validity.drops"))
    if is_ended:
        return Validity("exact", reason("validity.stops_before_drops", epoch=last + 1))
    return Validity("undecided", reason("validity.ends_before_drops", epoch=last + 1))


def _validity_of_schedule(trace: CallbackTrace) -> Validity:
    # Only a rate that hangs on metrics can be a what-if, and a schedule that multiplies passes it on.
    reduced = any(of_kind(trace.run.epoch_events, LearningRateReduced))
    if trace.beyond is not None and reduced:
        return hypothetical(trace.beyond)
    return Validity("exact", reason("validity.schedule"))
