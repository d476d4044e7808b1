"""Replay callbacks on recordings: the one door from a Recording to Replays."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace as with_changes
from typing import TYPE_CHECKING

from kcb_replay.errors import KcbReplayError, KerasWouldRaiseError, NotReplayableError
from kcb_replay.ingest.display import Displayed
from kcb_replay.replay.callbacks import NATIVE
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.limits import limited
from kcb_replay.replay.lints import LISTED_TOO_EARLY, lints
from kcb_replay.replay.outcomes import View, outcome_of
from kcb_replay.replay.question import (
    KERAS_DEFAULT_LR,
    Question,
    initial_lr_for,
    require_recorded,
    settings_of,
    stream_for,
    version_for,
    versions_of,
)
from kcb_replay.replay.rate_changes import changes_rate
from kcb_replay.replay.result import Replay
from kcb_replay.replay.validity import Horizon, cut_short, horizon_of, nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.engine import KerasError, Run
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.stream import Stream

__all__ = ["LeftOut", "Simulation", "fit_number", "replay", "simulate", "what_keras_raises"]

# Facts about the files that touch no answer.
_HARMLESS = ("skipped", "empty")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A fit that could not be replayed, and why; `message` is the reason as a sentence that names the run."""

    run: str
    fit: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Simulation(Displayed):
    """One Replay per run, fit and list of callbacks, in that order, and what was left out."""

    replays: tuple[Replay, ...]
    left_out: tuple[LeftOut, ...]


def simulate(
    recordings: Iterable[Recording],
    settings: Sequence[Sequence[Callback]],
    *,
    semantics: str | Semantics | None = None,
    initial_lr: float | None = None,
    steps_per_epoch: int | None = None,
    reuse: bool = False,
) -> Simulation:
    """Replay every list of callbacks in `settings` on every fit of every recording.

    `semantics` may be several versions, as "keras-2.0.8,keras-3.15", else as for `replay`. With `reuse` the same
    callbacks go through all fits of a run, as in a script that calls `fit` again; else every fit gets fresh ones. A fit
    that cannot be replayed is left out with its reason, once; it never hides the others.
    """
    replays: list[Replay] = []
    left_out: dict[LeftOut, None] = {}
    versions = versions_of(semantics)
    for recording in recordings:
        found: list[Replay] = []
        for callbacks, version in itertools.product(settings, versions):
            question = Question(settings_of(callbacks), version, initial_lr, steps_per_epoch)
            for answer in _answers(recording, question, reuse=reuse):
                if isinstance(answer, Replay):
                    found.append(answer)
                else:
                    left_out[answer] = None
        replays += sorted(found, key=lambda answer: answer.fit)
    return Simulation(tuple(replays), tuple(left_out))


def replay(
    recording: Recording,
    callbacks: Sequence[Callback],
    *,
    fit: int | None = None,
    semantics: str | Semantics | None = None,
    initial_lr: float | None = None,
    steps_per_epoch: int | None = None,
) -> Replay:
    """Replay a list of callbacks on one fit of a recording, fresh callbacks in list order, as `fit` would drive them.

    A callback is one of `kcb_replay`, or a real one of Keras, which is driven over the same stream. `fit` is the
    0-based number of the fit and may be left out when there is one. `semantics` is a Keras version, or "auto" to choose
    it from the recording; by default keras-3.15, or the Keras installed where the list has a real callback.
    `initial_lr` is what the learning rate starts from: by default the recorded one, else Keras's default of 0.001,
    which is then noted as assumed. `steps_per_epoch` is the number of batches, for callbacks that count them.

    Raises `MonitorNotRecordedError` when a monitor has no value in the fit, `KerasWouldRaiseError` where Keras itself
    raises, `SettingError` for an empty list or an unknown version.
    """
    question = Question(settings_of(callbacks), semantics, initial_lr, steps_per_epoch)
    return _answer(recording, fit_number(recording, fit), question)


def _answers(recording: Recording, question: Question, *, reuse: bool) -> Iterator[Replay | LeftOut]:
    """Yield the answer for each fit, or why there is none."""
    before: Replay | None = None
    for number in range(len(recording.fits)):
        try:
            answer = _answer(recording, number, with_changes(question, before=before))
        except NotReplayableError as error:
            yield LeftOut(recording.name, number, error.reason, str(error))
            # The callbacks themselves go on to the next fit; those of a script that raised do not.
            if reuse and isinstance(error, KerasWouldRaiseError):
                yield from _never_reached(recording, number)
                return
        else:
            before = answer if reuse else None
            yield answer


def _never_reached(recording: Recording, raised: int) -> Iterator[LeftOut]:
    reason = f"fit {raised} raises, so this one is never reached"
    for number in range(raised + 1, len(recording.fits)):
        yield LeftOut(recording.name, number, reason, f"{recording.name}: {reason}.")


def _answer(recording: Recording, number: int, question: Question) -> Replay:
    callbacks = question.callbacks
    stream = stream_for(recording, number, question)
    start, start_source = initial_lr_for(stream, question)
    version, notes = version_for(stream, question, start)
    for callback in callbacks:
        require_recorded(callback, stream, recording, callbacks, version)
    states = question.before.run_record.states if question.before else None
    try:
        run = run_fit(stream.epochs, callbacks, Context(version, direction_of), initial_lr=start, states=states)
    except NotReplayableError as refused:
        raise NotReplayableError(f"{recording.name}: {refused.reason}.", reason=refused.reason) from None
    if run.error is not None:
        remedies = (lint.text for lint in lints(callbacks, stream, version, run) if lint.code == LISTED_TOO_EARLY)
        reason = " ".join([what_keras_raises(run.error), *remedies])
        raise KerasWouldRaiseError(f"{recording.name}: {reason}", reason=reason)
    changes = changes_rate(callbacks, run)
    if start_source == "assumed" and not changes and all(isinstance(callback, NATIVE) for callback in callbacks):
        # No callback looked at it.
        start_source = "unknown"
    horizon = nearest(_horizon(run, stream, question, start, changes=changes), cut_short(run.rows))
    views = [View(callback, position, run, stream, horizon) for position, callback in enumerate(callbacks)]
    return Replay(
        run=recording.name,
        fit=number,
        semantics=version,
        stream=stream,
        callbacks=tuple(callbacks),
        initial_lr=start,
        initial_lr_source=start_source,
        outcomes=tuple(limited(outcome_of(view), view, recording.notes, number) for view in views),
        run_record=run,
        notes=(*_notes(recording, number, start_source), *notes, *_blind_spots(stream, callbacks)),
        sources=recording.sources,
        horizon=horizon,
        recording=recording if question.before is None else None,
        steps_per_epoch=question.steps_per_epoch,
    )


def _blind_spots(stream: Stream, callbacks: Sequence[Callback]) -> Iterator[str]:
    """Yield what a real callback never gets to see of this recording."""
    if stream.has_batches:
        return
    for callback in callbacks:
        if not isinstance(callback, NATIVE):
            from kcb_replay.replay.bridge import blind_spots

            hooks = blind_spots(callback)
            if hooks:
                yield f"{callback.name} has {', '.join(hooks)}, which are never called: the recording holds no batches"


def _horizon(run: Run, stream: Stream, question: Question, initial_lr: float, *, changes: bool) -> Horizon | None:
    before = question.before
    if before is not None and (before.epochs_run < before.epochs or before.validity.label == "hypothetical"):
        return Horizon(None, f"fit {before.fit} would have ended with other weights, and this one goes on with them")
    return horizon_of(run.rows, stream, initial_lr) if changes else None


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


def what_keras_raises(error: KerasError) -> str:
    """Return the exception of the real class as a sentence."""
    where = f"in the constructor of {error.callback}"
    if error.stage != "init":
        when = "" if error.index is None else f" at epoch {error.index + 1}"
        where = f"in {error.callback}.{error.stage}{when}"
    return f"Keras raises {error.kind} {where}: {error.message}."


def _notes(recording: Recording, fit: int, initial_lr_source: str) -> list[str]:
    notes = [note.text for note in recording.notes if note.fit in (None, fit) and note.code not in _HARMLESS]
    if initial_lr_source == "assumed":
        notes.append(
            f"the initial learning rate is not recorded: {KERAS_DEFAULT_LR}, Keras's default, is assumed."
            " Give --initial-lr (initial_lr=) if it was another"
        )
    return notes
