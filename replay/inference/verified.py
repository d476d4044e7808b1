"""Candidates held against the engine: what is said of them is what a replay of them does."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.inference.candidates import StoppingCandidate
from kcb_replay.replay.inference.factors import first_rate
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
    from kcb_replay.replay.inference.candidates import Candidate, PlateauCandidate
    from kcb_replay.replay.inference.evidence import Rates
    from kcb_replay.replay.stream import Stream

_ULP, _STEPS = 2.0**-25, 32

__all__ = ["explains", "reduces_as_recorded", "stops_as_recorded"]


def explains(candidate: Candidate, stream: Stream, rates: Rates | None) -> bool:
    """Tell whether the engine does with the simplest of these settings, in the last of the versions, what was found."""
    if isinstance(candidate, StoppingCandidate):
        return stops_as_recorded(candidate.example, stream, candidate.versions[-1], stops=candidate.stops)
    if rates is None:
        return False
    if any(reduces_as_recorded(each, stream, candidate, rates) for each in _examples(candidate, rates)):
        return True
    # It may be that no first rate leads to these rates; then `limits_of` says so, and only the epochs are held to it.
    return not rates.is_first_exact and reduces_as_recorded(candidate.example, stream, candidate, rates, when_only=True)


def _examples(candidate: PlateauCandidate, rates: Rates) -> Iterator[ReduceLROnPlateau]:
    """Yield the simplest setting, and where the first rate is not known to the last digit, some close to it.

    No float32 at all may lead with one factor to a rate that another factor, an ulp away, comes to.
    """
    example = candidate.example
    yield example
    if rates.is_first_exact:
        return
    low, high = _ends(candidate)
    step = min(example.factor * _ULP, (high - low) / _STEPS)
    for steps in range(1, _STEPS + 1):
        for factor in (example.factor - steps * step, example.factor + steps * step):
            if low <= factor <= high:
                yield replace(example, factor=factor)


def _ends(candidate: PlateauCandidate) -> tuple[float, float]:
    if candidate.factor is None or candidate.factor.high is None:
        return 0.0, math.nextafter(1.0, 0.0)
    return candidate.factor.low, candidate.factor.high


def stops_as_recorded(setting: EarlyStopping, stream: Stream, version: str, *, stops: bool) -> bool:
    """Tell whether EarlyStopping stops exactly at the last epoch, or (`stops` false) nowhere."""
    run = run_fit(_only(stream, setting.monitor), [setting], Context(semantics(version), direction_of), initial_lr=0.1)
    if run.error is not None:
        return False
    ended = run.rows[-1]
    return bool(ended.stoppers) == stops and ended.index == stream.epochs[-1].index


def reduces_as_recorded(
    setting: ReduceLROnPlateau, stream: Stream, candidate: PlateauCandidate, rates: Rates, *, when_only: bool = False
) -> bool:
    """Tell whether ReduceLROnPlateau reduces in the recorded epochs, to the recorded rates, and in no other.

    With `when_only` the rates need not be reached to the last digit.
    """
    version = semantics(candidate.versions[-1])
    start = first_rate(rates, setting.factor, setting.min_lr, version)
    if start is None and when_only:
        start = (rates.first or rates.drops[0].new).high / (1.0 if rates.first else setting.factor)
    if start is None:
        return False
    context = Context(version, direction_of)
    run = run_fit(_only(stream, setting.monitor), [setting.in_words_of(version)], context, initial_lr=start)
    events = [event for row in run.rows for event in row.events[0] if isinstance(event, LearningRateReduced)]
    until = max((drop.index for drop in rates.drops), default=-1) if candidate.at_floor else rates.seen_until
    # A reduction to the same rate is not seen, but said.
    made = [event for event in events if event.index <= until and (rates.was_said or event.new_lr != event.old_lr)]
    if [event.index for event in made] != [*(drop.index for drop in rates.drops), *rates.repeats]:
        return False
    return when_only or all(event.new_lr in drop.new for event, drop in zip(made, rates.drops, strict=False))


def _only(stream: Stream, monitor: str) -> list[Epoch]:
    """Return the epochs with the monitored metric alone, which is all that is asked for."""
    kept = [{monitor: epoch.logs[monitor]} if monitor in epoch.logs else {} for epoch in stream.epochs]
    return [replace(epoch, logs=logs, batches=()) for epoch, logs in zip(stream.epochs, kept, strict=True)]
