"""Replay callbacks on recordings: the one door from a Recording to Replays."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace as with_changes

from kcb_replay.errors import KcbReplayError, KerasWouldRaiseError, NotReplayableError
from kcb_replay.ingest.coercion import Trainings, recording_from, recordings_from
from kcb_replay.ingest.copies import each_with_original
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.answers import Answer, FitAnswer
from kcb_replay.replay.attempt import answer_of, attempt_of
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import compiled_metrics
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.learning_rates import FirstRate, first_rate
from kcb_replay.replay.left_out import LeftOut, left_out_copy
from kcb_replay.replay.request import Carried, ReplayRequest, initial_lr_for, settings_of, version_for, versions_of
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import RaisedFit, Simulation
from kcb_replay.replay.stream import stream_of


def simulate(
    recordings: Trainings,
    settings: Sequence[Sequence[Callback]] | Sequence[Callback] | Callback,
    *,
    semantics: str | Semantics | None = None,
    initial_lr: FirstRate | None = None,
    steps_per_epoch: int | None = None,
    reuse: bool = False,
    once: bool = False,
) -> Simulation:
    """Replay every list of callbacks in `settings` on every fit of every recording.

    `recordings` are whatever `replay` takes, several of these in a list or by name, or a store. One callback, or one
    list of them, is the one list that `fit` would be given.
    `semantics` may be several versions, as "keras-2.0.8,keras-3.15", else as for `replay`. With `reuse` the same
    callbacks go through all fits of a run, as in a script that calls `fit` again; else every fit gets fresh ones. A fit
    without the metric of a callback is replayed as Keras would go through it: the callback never acts, or raises. A fit
    that cannot be replayed is left out with its reason, once; it never hides the others. With `once` a training that
    several recordings hold is replayed of one of them, and its copies are left out.
    """
    lists = _lists_of(settings)
    requests = requests_of(lists, semantics=semantics, initial_lr=initial_lr, steps_per_epoch=steps_per_epoch)
    loaded = recordings_from(recordings)
    answers: list[Replay | RaisedFit] = []
    left_out: dict[LeftOut, None] = {}
    for recording, original in each_with_original(loaded) if once else zip(loaded, itertools.repeat(None)):
        if original is not None:
            left_out |= {left_out_copy(recording.name, fit, original): None for fit in range(len(recording.fits))}
            continue
        for answer in answers_to(recording, requests, reuse=reuse):
            if isinstance(answer, LeftOut):
                left_out[answer] = None
            elif isinstance(answer, (Replay, RaisedFit)):
                answers.append(answer)
    return Simulation(tuple(answers), tuple(left_out))


def _lists_of(settings: object) -> list[tuple[Callback, ...]]:
    """Return the lists of callbacks; one callback, or one list of them, is one list."""
    several = list(settings) if isinstance(settings, Iterable) else [settings]
    is_one_list = bool(several) and not any(isinstance(each, Iterable) for each in several)
    return [settings_of(several)] if is_one_list else [settings_of(each) for each in several]


def requests_of(
    settings: Sequence[Sequence[Callback]],
    *,
    semantics: str | Semantics | None,
    initial_lr: FirstRate | None,
    steps_per_epoch: int | None,
) -> list[ReplayRequest]:
    """Return what is asked of every fit: each list of callbacks under each version."""
    start = None if initial_lr is None else first_rate(initial_lr, steps_per_epoch)
    return [
        ReplayRequest(settings_of(callbacks), version, start, steps_per_epoch)
        for callbacks, version in itertools.product(settings, versions_of(semantics))
    ]


def replay(
    recording: Trainings,
    callbacks: Sequence[Callback] | Callback,
    *,
    fit: int | None = None,
    semantics: str | Semantics | None = None,
    initial_lr: FirstRate | None = None,
    steps_per_epoch: int | None = None,
) -> Replay:
    """Replay a list of callbacks on one fit of a recording, fresh callbacks in list order, as `fit` would drive them.

    `recording` is a Recording, a Keras History, a dict of lists of numbers, rows, a pandas or Polars DataFrame, an
    Arrow table, or the path of a log. A callback is one of `kcb_replay`, or a real one of Keras, which is driven over
    the same stream. `fit` is the 0-based number of the fit and may be left out when there is one. `semantics` is a
    Keras version, or "auto" to choose it from the recording; by default keras-3.15, or the Keras installed where the
    list has a real callback. `initial_lr` is what the learning rate starts from: by default the recorded one, else
    Keras's default of 0.001, which is then noted as assumed. It may be an `IntegerRate`, or a schedule as
    `ExponentialDecay` that the optimizer was compiled with. `steps_per_epoch` is the number of batches, for callbacks
    that count them.

    Raises `MonitorNotRecordedError` when a monitor has no value in the fit, `DirectionUnknownError` where nobody can
    tell whether it should fall or rise, `KerasWouldRaiseError` where Keras itself raises, `SettingError` for an empty
    list or an unknown version.
    """
    recording = recording_from(recording)
    start = None if initial_lr is None else first_rate(initial_lr, steps_per_epoch)
    request = ReplayRequest(settings_of(callbacks), semantics, start, steps_per_epoch)
    attempt = attempt_of(recording, fit_number(recording, fit), request)
    if attempt.lacks_monitor:
        raise attempt.not_recorded()
    answer = answer_of(attempt)
    if isinstance(answer, RaisedFit):
        raise KerasWouldRaiseError(answer.message, reason=answer.why)
    return answer


def replayed(answer: Answer) -> Replay:
    """Return the replay of an answer, which holds every epoch: that of lanes is asked of the engine."""
    whole: object = answer
    if isinstance(answer, FitAnswer):
        whole = answer_of(attempt_of(answer.recording, answer.fit, answer.request))
    if not isinstance(whole, Replay):
        raise AssertionError("lanes answer no fit that Keras ends with an exception")  # noqa: TRY004  # cannot happen
    return whole


def answers_to(
    recording: Recording,
    requests: Sequence[ReplayRequest],
    *,
    reuse: bool,
    in_lanes: Sequence[Sequence[FitAnswer | None]] = (),
) -> list[Answer | RaisedFit | LeftOut]:
    """Return what is left out, and the answers to all requests, fit by fit; those that lanes gave are not asked for."""
    answers: list[Answer | RaisedFit | LeftOut] = []
    for number, request in enumerate(requests):
        known = in_lanes[number] if in_lanes else ()
        answers += _answers_to(recording, request, reuse=reuse, known=known)
    return sorted(answers, key=lambda answer: -1 if isinstance(answer, LeftOut) else answer.fit)


def _answers_to(
    recording: Recording, request: ReplayRequest, *, reuse: bool, known: Sequence[FitAnswer | None]
) -> Iterator[Answer | RaisedFit | LeftOut]:
    """Yield the answer for each fit, or why there is none."""
    before: Carried | None = None
    for number in range(len(recording.fits)):
        in_lanes = known[number] if known else None
        if in_lanes is not None:
            yield in_lanes
            continue
        own_request = with_changes(request, before=before)
        try:
            answer: Replay | RaisedFit = answer_of(attempt_of(recording, number, own_request))
        except NotReplayableError as error:
            yield LeftOut(recording.name, number, error.why, str(error))
            if reuse and len(recording.fits[number]):
                yield from _not_asked(recording, number + 1, reason("left_out.fit_before", fit=number))
                return
            before = _through_nothing(recording, number, own_request) if reuse else None
            continue
        yield answer
        if reuse and isinstance(answer, RaisedFit):
            # A script that raised does not call fit again.
            yield from _not_asked(recording, number + 1, reason("left_out.not_reached", fit=number))
            return
        before = _carried(answer) if reuse and isinstance(answer, Replay) else None


def _not_asked(recording: Recording, first: int, why: Reason) -> Iterator[LeftOut]:
    for number in range(first, len(recording.fits)):
        yield LeftOut(recording.name, number, why, f"{recording.name}: {why}.")


def _carried(answer: Replay) -> Carried:
    """Return what goes on from a replayed fit into the next."""
    whole = answer.epochs_run == answer.epochs
    followed = answer.horizon is None or answer.horizon.covers(answer.rows[-1].index)
    doubt = None if whole and followed else reason("limit.other_weights", fit=answer.fit)
    return Carried(answer.run_record.states, answer.run_record.final_lr, answer.initial_lr_source, doubt)


def _through_nothing(recording: Recording, number: int, request: ReplayRequest) -> Carried:
    """Return what goes on from a fit without epochs: callbacks only begin the training."""
    stream = stream_of(recording.fits[number])
    start, source = initial_lr_for(stream, request)
    version, _ = version_for(stream, request, start)
    before = request.before
    context = Context(version, compiled_metrics(stream.names))
    states = before.states if before else None
    run = run_fit(stream.epochs, request.callbacks, context, initial_lr=start, states=states)
    return Carried(run.states, run.final_lr, source, before.doubt if before else None)


def fit_number(recording: Recording, fit: int | None) -> int:
    """Return the 0-based number of the fit that is asked for; raises `KcbReplayError` where that is not clear."""
    count = len(recording.fits)
    if fit is None and count == 1:
        return 0
    if fit is None:
        raise KcbReplayError(f"{recording.name} holds {count} fits: say which one, for example fit=0 (--fit 0).")
    if not 0 <= fit < count:
        raise KcbReplayError(f"{recording.name} has no fit {fit}: its fits are 0 to {count - 1}.")
    return int(fit)
