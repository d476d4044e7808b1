"""Infer the settings of callbacks from what a recorded training did: the one door from a Recording to an Inference.

Nothing is stretched: a recording that ends proves that no stopper stopped before, and no more, unless it says itself
what ended it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from kcb_replay.replay.inference.candidates import PlateauCandidate, StoppingCandidate
from kcb_replay.replay.inference.case import case_of
from kcb_replay.replay.inference.divergence import partings_of
from kcb_replay.replay.inference.evidence import rate_evidence, said_of
from kcb_replay.replay.inference.limitations import limits_of
from kcb_replay.replay.inference.reducing import plateau_candidates
from kcb_replay.replay.inference.result import Inference
from kcb_replay.replay.inference.rows import rows_of
from kcb_replay.replay.inference.schedules import schedules_of
from kcb_replay.replay.inference.stopping import stopping_candidates
from kcb_replay.replay.inference.summary import Candidates, summary_of
from kcb_replay.replay.inference.text import MOST_ROWS
from kcb_replay.replay.inference.verified import explains
from kcb_replay.replay.replay import fit_number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.inference.candidates import Candidate
    from kcb_replay.replay.inference.case import Case
    from kcb_replay.replay.inference.evidence import Rates
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.stream import Stream

__all__ = ["infer"]

_Kind = TypeVar("_Kind", StoppingCandidate, PlateauCandidate)

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
    recording allow. The candidates that are printed are held against the engine first; all are in `.candidates`.

    Raises `NotReplayableError` for a fit without a metric, of one epoch, of NaN alone, or whose source dropped epochs,
    `MonitorNotRecordedError` for a monitor that it lacks, `SettingError` for an unknown version or mode.
    """
    number = fit_number(recording, fit)
    case = case_of(recording, number, monitor, mode, semantics)
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
        summary=(_length(case), *summary_of(said, rates, Candidates(stopping, plateaus, schedules))),
        stopping=tuple(stopping),
        plateaus=tuple(plateaus),
        schedules=schedules,
        partings=partings_of(stopping, plateaus, indices[-1]),
        limits=(*limits_of(case.notes, case.stoppers, case.left_out, said, rates), *case.assumed),
        without_early_stopping=not (said.stopped or said.restored),
        without_reduce_lr_on_plateau=not rates.reduced,
        versions=tuple(each.name for each in case.versions),
    )


def _length(case: Case) -> str:
    count, last = len(case.stream.epochs), case.stream.epochs[-1].index + 1
    return f"The recording has {count} epochs and ends with epoch {last}. {case.why}"


def _plateaus(case: Case, readings: Sequence[Rates]) -> list[PlateauCandidate]:
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
    tables = (rows_of(ends), rows_of(runs_on), rows_of(plateaus))
    printed: list[Candidate] = [each for rows in tables for row in rows[:MOST_ROWS] for each in row.members]
    for candidate in printed:
        rates = by_reading.get(getattr(candidate, "reading", ""))
        if not explains(candidate, stream, rates):
            raise AssertionError(f"the engine contradicts {candidate}")
