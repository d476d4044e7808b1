"""Infer the settings of callbacks from what a recorded training did: the one door from a Recording to an Inference.

Nothing is stretched: a recording that ends proves that no stopper stopped before, and no more, unless it says itself
what ended it. Refuses fits that show nothing: without a metric, of one epoch, of NaN alone, or with epochs that the
source dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from kcb_replay.errors import MonitorNotRecordedError, NotReplayableError, SettingError
from kcb_replay.replay.inference.candidates import PlateauCandidate, StoppingCandidate
from kcb_replay.replay.inference.evidence import rate_evidence, said_of
from kcb_replay.replay.inference.limitations import limits_of
from kcb_replay.replay.inference.monitored import monitored_of
from kcb_replay.replay.inference.partings import partings_of
from kcb_replay.replay.inference.reducing import plateau_candidates
from kcb_replay.replay.inference.result import Inference
from kcb_replay.replay.inference.schedules import schedules_of
from kcb_replay.replay.inference.stopping import stopping_candidates
from kcb_replay.replay.inference.summary import Found, summary_of
from kcb_replay.replay.inference.verified import explains
from kcb_replay.replay.inference.versions import modes_of, versions_in_question, writing_rates
from kcb_replay.replay.replay import fit_number
from kcb_replay.replay.stream import stream_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Message, Note, Recording
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.inference.candidates import Candidate
    from kcb_replay.replay.inference.evidence import Rates
    from kcb_replay.replay.inference.monitored import Monitored
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.stream import Stream

__all__ = ["VERIFIED", "infer"]

_Kind = TypeVar("_Kind", StoppingCandidate, PlateauCandidate)

# As many of each kind are held against the engine: those that are printed.
VERIFIED = 8
# What people write: Keras's defaults, then other powers of ten.
_DEFAULT_MIN_DELTA = {StoppingCandidate: 0.0, PlateauCandidate: 1e-4}
_USUAL_MIN_DELTA = (0.0, 1e-5, 1e-4, 1e-3, 1e-2)


def infer(
    recording: Recording,
    *,
    fit: int | None = None,
    monitor: str | None = None,
    mode: Direction | None = None,
    semantics: str | Semantics | None = None,
) -> Inference:
    """Return which EarlyStopping, ReduceLROnPlateau and schedules are consistent with what a recorded fit did.

    `fit` is the 0-based number of the fit and may be left out when there is one. `monitor` and `mode` narrow down what
    is looked at: by default every recorded metric, in the direction that `mode="auto"` takes, in both where it cannot
    tell. `semantics` is one Keras version or a list as "keras-2.0.8,keras-3.15"; by default all that the names in the
    recording allow.

    Raises `NotReplayableError` for a fit without a metric, of one epoch, of NaN alone, or whose source dropped epochs,
    `MonitorNotRecordedError` for a monitor that it lacks, `SettingError` for an unknown version or mode.
    """
    number = fit_number(recording, fit)
    case = _case_of(recording, number, monitor, mode, semantics)
    indices = [epoch.index for epoch in case.stream.epochs]
    said = said_of(case.messages, indices[-1])
    rates = rate_evidence(case.stream, case.messages, case.notes)
    stopping = _in_order([each for one in case.stoppers for each in stopping_candidates(one, case.versions, said)])
    plateaus = _in_order(_plateaus(case, rates.readings))
    schedules = tuple(dict.fromkeys(code for each in rates.readings for code in schedules_of(each, indices)))
    _verify(case.stream, stopping, plateaus, rates.readings)
    return Inference(
        run=recording.name,
        fit=number,
        epochs=len(indices),
        last_index=indices[-1],
        summary=(_length(case), *summary_of(said, rates, Found(stopping, plateaus, schedules))),
        stopping=tuple(stopping),
        plateaus=tuple(plateaus),
        schedules=schedules,
        partings=partings_of(stopping, plateaus, indices[-1]),
        limits=limits_of(case.notes, case.stoppers, case.left_out, said, contradicted=rates.contradicted),
        without_early_stopping=not (said.stopped or said.restored),
        versions=tuple(each.name for each in case.versions),
    )


@dataclass(frozen=True, eq=False)
class _Case:
    """A fit made ready: its metrics in the directions that come into question, and the versions with the reason."""

    stream: Stream
    messages: Sequence[Message]
    notes: tuple[Note, ...]
    versions: tuple[Semantics, ...]
    reducing: tuple[Semantics, ...]
    why: str
    stoppers: tuple[Monitored, ...]
    reducers: tuple[Monitored, ...]
    left_out: tuple[str, ...]


def _length(case: _Case) -> str:
    count, last = len(case.stream.epochs), case.stream.epochs[-1].index + 1
    return f"The recording has {count} epochs and ends with epoch {last}. {case.why}"


def _case_of(
    recording: Recording, number: int, monitor: str | None, mode: Direction | None, asked: str | Semantics | None
) -> _Case:
    if mode not in (None, "min", "max"):
        raise SettingError(f"mode must be 'min' or 'max', but it is {mode!r}. Leave it out to look at what auto takes.")
    fit = recording.fits[number]
    stream = stream_of(fit)
    notes = tuple(note for note in recording.notes if note.fit in (None, number))
    monitors, left_out = _monitors(recording, stream, notes, monitor)
    versions, why = versions_in_question(stream, asked)
    # With a schedule of the optimizer, for which older TensorBoards write the rate, ReduceLROnPlateau raises.
    late = asked is None and stream.learning_rates_may_be_late
    reducing = tuple(writing_rates(versions, "learning_rate")) if late else versions
    stoppers, reducers = (
        tuple(
            monitored_of(stream, each, chosen)
            for each in monitors
            for chosen in ((mode,) if mode else modes_of(each, taken, plateau=plateau))
        )
        for plateau, taken in ((False, versions), (True, reducing))
    )
    return _Case(stream, fit.messages, notes, versions, reducing, why, stoppers, reducers, left_out)


def _monitors(
    recording: Recording, stream: Stream, notes: Sequence[Note], asked: str | None
) -> tuple[list[str], tuple[str, ...]]:
    """Return the metrics to look at, and why others are left out; raises where none is left."""
    names = list(dict.fromkeys(name for epoch in stream.epochs for name in epoch.logs))
    if not names:
        raise _refused(recording, "the fit holds no metric, so there is nothing that a callback could have watched")
    if asked is not None and asked not in names:
        raise MonitorNotRecordedError(asked, recording.name, sorted(names))
    if len(stream.epochs) == 1:
        raise _refused(recording, "the fit has one epoch, which every callback with any settings would have run")
    sampled = {note.metric: note.text for note in notes if note.code == "sampled"}
    if None in sampled:
        raise _refused(recording, f"{sampled[None]}; how long a callback waited cannot be told")
    left_out = {name: sampled[name] for name in names if name in sampled}
    for name in names:
        if np.isnan(list(stream.values_of(name).values())).all():
            left_out[name] = f"{name} is NaN in every epoch, which tells no settings apart"
    chosen = names if asked is None else [asked]
    if all(name in left_out for name in chosen):
        raise _refused(recording, "; ".join(left_out[name] for name in chosen))
    return [name for name in chosen if name not in left_out], tuple(
        left_out[name] for name in chosen if name in left_out
    )


def _refused(recording: Recording, reason: str) -> NotReplayableError:
    return NotReplayableError(f"{recording.name}: {reason}.", reason=reason)


def _plateaus(case: _Case, readings: Sequence[Rates]) -> list[PlateauCandidate]:
    return [
        each
        for reading in readings
        for one in case.reducers
        for each in plateau_candidates(one, case.reducing, reading)
    ]


def _in_order(candidates: Sequence[_Kind]) -> list[_Kind]:
    """Return the plainest first; the order says what people write, not what is more consistent."""
    # The same few ranges of min_delta come back for every version.
    digits = {given: len(repr(given.example)) for given in {each.min_delta for each in candidates}}
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
    printed: list[Candidate] = [*ends[:VERIFIED], *runs_on[:VERIFIED], *plateaus[:VERIFIED]]
    for candidate in printed:
        rates = by_reading.get(getattr(candidate, "reading", ""))
        if not explains(candidate, stream, rates):
            raise AssertionError(f"the engine contradicts {candidate}")
