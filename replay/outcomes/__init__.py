"""What each callback of a replay comes to: one class of outcomes per purpose that a callback class can state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.outcomes.base import CallbackTrace, Drop, Outcome, RateSet, Save, StoredFile
from kcb_replay.replay.outcomes.rates import ReductionOutcome, ScheduleOutcome
from kcb_replay.replay.outcomes.saving import ObserverOutcome, SavingOutcome
from kcb_replay.replay.outcomes.stopping import StoppingOutcome, TerminationOutcome

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks.base import Callback, Purpose
    from kcb_replay.replay.validity import Validity

__all__ = [
    "CallbackTrace",
    "Drop",
    "Outcome",
    "RateSet",
    "Save",
    "StoppingOutcome",
    "StoredFile",
    "outcome_of",
    "unjudged_outcome",
]

_OF_PURPOSE: dict[Purpose, type[Outcome]] = {
    "stops": StoppingOutcome,
    "terminates": TerminationOutcome,
    "reduces": ReductionOutcome,
    "schedules": ScheduleOutcome,
    "saves": SavingOutcome,
    "observes": ObserverOutcome,
}


def outcome_of(trace: CallbackTrace) -> Outcome:
    """Return what the callback of a trace comes to."""
    return _OF_PURPOSE[trace.callback.purpose].of(trace)


def unjudged_outcome(callback: Callback, validity: Validity) -> Outcome:
    """Return the outcome of a callback whose fit ended before its first epoch did: nothing, in its own shape."""
    return _OF_PURPOSE[callback.purpose](settings=callback, mode=None, validity=validity)
