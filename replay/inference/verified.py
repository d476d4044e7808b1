"""Candidates held against the engine: what is said of them is what a replay of them does."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.inference.candidates import StoppingCandidate
from kcb_replay.replay.rates import is_same_rate
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Epoch

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
    from kcb_replay.replay.inference.candidates import Candidate, PlateauCandidate
    from kcb_replay.replay.inference.evidence import Rates
    from kcb_replay.replay.stream import Stream

__all__ = ["explains", "reduces_as_recorded", "stops_as_recorded"]


def explains(candidate: Candidate, stream: Stream, rates: Rates | None) -> bool:
    """Tell whether the engine does with the simplest of these settings, in the last of the versions, what was found."""
    if isinstance(candidate, StoppingCandidate):
        return stops_as_recorded(candidate.example, stream, candidate.versions[-1], stops=candidate.stops)
    return rates is not None and reduces_as_recorded(candidate.example, stream, candidate, rates)


def stops_as_recorded(setting: EarlyStopping, stream: Stream, version: str, *, stops: bool) -> bool:
    """Tell whether EarlyStopping stops exactly at the last epoch, or (`stops` false) nowhere."""
    run = run_fit(_only(stream, setting.monitor), [setting], Context(semantics(version), direction_of), initial_lr=0.1)
    if run.error is not None:
        return False
    ended = run.rows[-1]
    return bool(ended.stoppers) == stops and ended.index == stream.epochs[-1].index


def reduces_as_recorded(setting: ReduceLROnPlateau, stream: Stream, candidate: PlateauCandidate, rates: Rates) -> bool:
    """Tell whether ReduceLROnPlateau reduces in the recorded epochs, to the recorded rates, and in no other."""
    context = Context(semantics(candidate.versions[-1]), direction_of)
    # A first rate that is not known is one from which the first drop comes out.
    start = rates.first if rates.first is not None else rates.drops[0].new / setting.factor
    run = run_fit(_only(stream, setting.monitor), [setting], context, initial_lr=start)
    events = [event for row in run.rows for event in row.events[0] if isinstance(event, LearningRateReduced)]
    until = max((drop.index for drop in rates.drops), default=-1) if candidate.at_floor else rates.seen_until
    made = [event for event in events if event.index <= until and event.new_lr != event.old_lr]
    if [event.index for event in made] != [drop.index for drop in rates.drops]:
        return False
    pairs = zip(made, rates.drops, strict=True)
    return all(drop.old is None or is_same_rate(drop.new, event.new_lr, rates.digits) for event, drop in pairs)


def _only(stream: Stream, monitor: str) -> list[Epoch]:
    """Return the epochs with the monitored metric alone, which is all that is asked for."""
    kept = [{monitor: epoch.logs[monitor]} if monitor in epoch.logs else {} for epoch in stream.epochs]
    return [replace(epoch, logs=logs, batches=()) for epoch, logs in zip(stream.epochs, kept, strict=True)]
