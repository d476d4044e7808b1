"""Infer the settings of callbacks from what a recorded training did: the one door from a Recording to an Inference.

Nothing is stretched: a recording that ends proves that no stopper stopped before, and no more, unless it says itself
what ended it. What is printed is held against the engine first: the two must agree.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeVar

from kcb_replay.ingest.coercion import Trainings, recording_from
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.events import LearningRateReduced, of_kind
from kcb_replay.replay.inference.candidates import (
    Candidate,
    PlateauCandidate,
    StoppingCandidate,
    divergences_of,
    rows_of,
)
from kcb_replay.replay.inference.case import InferenceCase, case_of
from kcb_replay.replay.inference.evidence import Rates, rate_evidence, stop_messages_of
from kcb_replay.replay.inference.plateau_candidates import first_rate, plateau_candidates
from kcb_replay.replay.inference.result import MOST_ROWS, Inference
from kcb_replay.replay.inference.schedules import schedules_of
from kcb_replay.replay.inference.stopping_candidates import stopping_candidates
from kcb_replay.replay.inference.summary import Candidates, limits_of, summary_of
from kcb_replay.replay.replay import fit_number
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Epoch, Stream

_Kind = TypeVar("_Kind", StoppingCandidate, PlateauCandidate)
# What people write: Keras's defaults, then other powers of ten.
_DEFAULT_MIN_DELTA = {StoppingCandidate: 0.0, PlateauCandidate: 1e-4}
_USUAL_MIN_DELTA = (0.0, 1e-5, 1e-4, 1e-3, 1e-2)
_ULP, _STEPS = 2.0**-25, 32


def infer(
    recording: Trainings,
    *,
    fit: int | None = None,
    monitor: str | None = None,
    mode: Direction | None = None,
    semantics: str | Semantics | None = None,
) -> Inference:
    """Return which EarlyStopping, ReduceLROnPlateau and schedules are consistent with what a recorded fit did.

    `recording` is whatever `kcb.replay` takes. `fit` is the 0-based number of the fit and may be left out when there is
    one. `monitor` and `mode` narrow down what is looked at: by default every recorded metric, in the direction that
    `mode="auto"` takes, in both where it cannot tell. `semantics` is one Keras version or a list as
    "keras-2.0.8,keras-3.15"; by default all that the names in the recording allow. The candidates that are printed are
    held against the engine first; all are in `.candidates`.

    Raises `NotReplayableError` for a fit without a metric, of one epoch, of NaN alone, or whose source dropped epochs,
    `MonitorNotRecordedError` for a monitor that it lacks, `SettingError` for an unknown version or mode.
    """
    recording = recording_from(recording)
    number = fit_number(recording, fit)
    case = case_of(recording, number, monitor, mode, semantics)
    indices = [epoch.index for epoch in case.stream.epochs]
    printed = stop_messages_of(case.messages, indices[-1])
    rates = rate_evidence(case.stream, case.messages, case.notes)
    stopping = _in_order([each for one in case.stoppers for each in stopping_candidates(one, case.versions, printed)])
    plateaus = _in_order(_plateaus(case, rates.readings))
    schedules = tuple(dict.fromkeys(code for each in rates.readings for code in schedules_of(each, indices)))
    _verify(case.stream, stopping, plateaus, rates.readings)
    return Inference(
        run=recording.name,
        fit=number,
        epochs=len(indices),
        last_index=indices[-1],
        findings=(_length(case), *summary_of(printed, rates, Candidates(stopping, plateaus, schedules))),
        stopping=tuple(stopping),
        plateaus=tuple(plateaus),
        schedules=schedules,
        divergences=divergences_of(stopping, plateaus, indices[-1]),
        limitations=(*limits_of(case.notes, case.stoppers, case.left_out, printed, rates), *case.assumed),
        without_early_stopping=not (printed.stopped or printed.restored),
        without_reduce_lr_on_plateau=not rates.reduced,
        versions=tuple(each.name for each in case.versions),
    )


def _length(case: InferenceCase) -> Reason:
    count, last = len(case.stream.epochs), case.stream.epochs[-1].index + 1
    return reason("infer.length", epochs=count, last=last, versions=case.why)


def _plateaus(case: InferenceCase, readings: Sequence[Rates]) -> list[PlateauCandidate]:
    return [
        each
        for reading in readings
        for one in case.reducers
        for each in plateau_candidates(one, case.reducing, reading)
    ]


def _in_order(candidates: Sequence[_Kind]) -> list[_Kind]:
    """Return the plainest first; the order says what people write, not what is more consistent."""
    # The same few ranges of min_delta come back for every version.
    digits = {min_delta: len(repr(min_delta.example)) for min_delta in {each.min_delta for each in candidates}}
    return sorted(candidates, key=lambda each: _plainness(each, digits[each.min_delta]))


def _plainness(candidate: Candidate, digits: int) -> tuple[object, ...]:
    default = _DEFAULT_MIN_DELTA[type(candidate)] in candidate.min_delta
    usual = any(each in candidate.min_delta for each in _USUAL_MIN_DELTA)
    rank = 0 if candidate.monitor == "val_loss" else 1 if candidate.monitor.startswith("val_") else 2
    written = 0 if usual else digits
    if isinstance(candidate, StoppingCandidate):
        return (not candidate.stops, not default, not usual, rank, written, candidate.patience.low)
    return (not default, not usual, rank, candidate.at_floor, written, candidate.cooldown.low, candidate.patience.low)


def _verify(
    stream: Stream,
    stopping: Sequence[StoppingCandidate],
    plateaus: Sequence[PlateauCandidate],
    readings: Sequence[Rates],
) -> None:
    """Hold what is printed against the engine: the two must agree."""
    by_reading = {each.reading: each for each in readings}
    ends, runs_on = ([each for each in stopping if each.stops is stops] for stops in (True, False))
    tables = (rows_of(ends), rows_of(runs_on), rows_of(plateaus))
    printed: list[Candidate] = [each for rows in tables for row in rows[:MOST_ROWS] for each in row.members]
    for candidate in printed:
        rates = by_reading.get(getattr(candidate, "reading", ""))
        if not _explains(candidate, stream, rates):
            raise AssertionError(f"the engine contradicts {candidate}")


def _explains(candidate: Candidate, stream: Stream, rates: Rates | None) -> bool:
    """Tell whether the engine does with the simplest of these settings, in the last of the versions, what was found."""
    if isinstance(candidate, StoppingCandidate):
        return _stops_as_recorded(candidate.example, stream, candidate.versions[-1], stops=candidate.stops)
    if rates is None:
        return False
    if any(_reduces_as_recorded(each, stream, candidate, rates) for each in _examples(candidate, rates)):
        return True
    # It may be that no first rate leads to these rates; then `limits_of` says so, and only the epochs are held to it.
    return not rates.is_first_exact and _reduces_as_recorded(
        candidate.example, stream, candidate, rates, when_only=True
    )


def _examples(candidate: PlateauCandidate, rates: Rates) -> Iterator[ReduceLROnPlateau]:
    """Yield the simplest setting, and where the first rate is not known to the last digit, some close to it.

    No float32 at all may lead with one factor to a rate that another factor, an ulp away, comes to.
    """
    example = candidate.example
    yield example
    if rates.is_first_exact:
        return
    low, high = _factor_ends(candidate)
    step = min(example.factor * _ULP, (high - low) / _STEPS)
    for steps in range(1, _STEPS + 1):
        for factor in (example.factor - steps * step, example.factor + steps * step):
            if low <= factor <= high:
                yield replace(example, factor=factor)


def _factor_ends(candidate: PlateauCandidate) -> tuple[float, float]:
    if candidate.factor is None or candidate.factor.high is None:
        return 0.0, math.nextafter(1.0, 0.0)
    return candidate.factor.low, candidate.factor.high


def _stops_as_recorded(setting: EarlyStopping, stream: Stream, version: str, *, stops: bool) -> bool:
    """Tell whether EarlyStopping stops exactly at the last epoch, or (`stops` false) nowhere."""
    run = run_fit(_only(stream, setting.monitor), [setting], Context(semantics(version), direction_of), initial_lr=0.1)
    if run.error is not None:
        return False
    ended = run.rows[-1]
    return bool(ended.stoppers) == stops and ended.index == stream.epochs[-1].index


def _reduces_as_recorded(
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
    events = list(of_kind(run.epoch_events, LearningRateReduced))
    until = max((drop.index for drop in rates.drops), default=-1) if candidate.at_floor else rates.seen_until
    # A reduction to the same rate is not seen, but printed.
    made = [event for event in events if event.index <= until and (rates.was_printed or event.new_lr != event.old_lr)]
    if [event.index for event in made] != [*(drop.index for drop in rates.drops), *rates.repeats]:
        return False
    return when_only or all(event.new_lr in drop.new for event, drop in zip(made, rates.drops, strict=False))


def _only(stream: Stream, monitor: str) -> list[Epoch]:
    """Return the epochs with the monitored metric alone, which is all that is asked for."""
    kept = [{monitor: epoch.logs[monitor]} if monitor in epoch.logs else {} for epoch in stream.epochs]
    return [replace(epoch, logs=logs, batches=()) for epoch, logs in zip(stream.epochs, kept, strict=True)]
