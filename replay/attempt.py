"""One fit made an answer: the engine goes through it, and what comes of that is a Replay or an exception of Keras.

`replay` stands above it and asks; here is decided what may be answered at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace as with_changes

from kcb_replay.errors import MonitorNotRecordedError, NotReplayableError
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import compiled_metrics
from kcb_replay.replay.engine import KerasError, Run, run_fit
from kcb_replay.replay.learning_rates import ScheduledRate
from kcb_replay.replay.lints import LISTED_TOO_EARLY, lints
from kcb_replay.replay.monitors import (
    MissingMonitor,
    missing_monitors,
    not_recorded,
    refusal,
    unlogged_monitors,
    with_monitor_limits,
)
from kcb_replay.replay.outcomes import CallbackTrace, Outcome, outcome_of, unjudged_outcome
from kcb_replay.replay.rate_changes import changes_rate, rate_notes, scheduled_horizon
from kcb_replay.replay.request import KERAS_DEFAULT_LR, ReplayRequest, initial_lr_for, stream_for, version_for
from kcb_replay.replay.result import Replay
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.replay.source_limits import limited, unplaced_metrics
from kcb_replay.replay.stream import Stream
from kcb_replay.replay.validity import (
    Horizon,
    Validity,
    cut_short,
    horizon_of,
    nearest,
    put_back,
    remarks,
    unseen,
    unseen_by_list,
)

# Facts about the files that touch no answer.
_HARMLESS = ("skipped", "empty")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A fit that the engine went through: what was asked, what it is about, and the run that it gave.

    `missing` are the metrics that callbacks watch and that no epoch has; `unlogged` is the one for want of which a
    callback raised.
    """

    recording: Recording
    number: int
    request: ReplayRequest
    stream: Stream
    version: Semantics
    version_notes: Sequence[Reason]
    initial_lr: float
    initial_lr_source: str
    run: Run
    missing: tuple[MissingMonitor, ...]
    unlogged: tuple[MissingMonitor, ...]

    @property
    def lacks_monitor(self) -> bool:
        """Whether a callback watches a metric that no epoch has."""
        return bool(self.missing or self.unlogged)

    @property
    def unplaced(self) -> MonitorNotRecordedError | None:
        """The error for a metric that has values of which nobody knows the epochs: Keras saw it in some of them."""
        unplaced = {note.metric: note.text for note in unplaced_metrics(self.recording.notes, self.number)}
        for metric in (missing.metric for missing in (*self.unlogged, *self.missing)):
            if text := unplaced.get(metric):
                return MonitorNotRecordedError(metric, self.recording.name, (), unplaced=text)
        return None

    def not_recorded(self) -> MonitorNotRecordedError:
        """Return the error for the first metric that is missing."""
        if (unplaced := self.unplaced) is not None:
            return unplaced
        return not_recorded(
            (*self.unlogged, *self.missing)[0],
            self.recording.name,
            self.stream,
            self.request.callbacks,
            self.version,
            self.run,
        )


def attempt_of(recording: Recording, number: int, request: ReplayRequest) -> Attempt:
    """Let the engine go through a fit; raises `NotReplayableError` where that says nothing of what Keras would do."""
    callbacks = request.callbacks
    stream = stream_for(recording, number, request)
    start, start_source = initial_lr_for(stream, request)
    version, notes = version_for(stream, request, start)
    states = request.before.states if request.before else None
    context = Context(version, compiled_metrics(stream.names))
    try:
        run = run_fit(stream.epochs, callbacks, context, initial_lr=start, states=states)
    except NotReplayableError as refused:
        raise NotReplayableError(f"{recording.name}: {refused}", reason=refused.why) from None
    return Attempt(
        recording,
        number,
        request,
        stream,
        version,
        notes,
        start,
        start_source,
        run,
        missing_monitors(callbacks, stream, version),
        unlogged_monitors(callbacks, stream, run),
    )


def answer_of(attempt: Attempt) -> Replay | RaisedFit:
    """Return what comes of a fit; raises `NotReplayableError` where a direction or a rule is not known."""
    if attempt.unplaced or any(attempt.request.callbacks[each.position].needs_monitor for each in attempt.missing):
        raise attempt.not_recorded()
    refused = refusal(attempt.stream, attempt.version, attempt.run, attempt.recording.name)
    if refused is not None:
        raise attempt.not_recorded() if attempt.lacks_monitor else refused
    if attempt.run.error is not None:
        return _raised(attempt, attempt.run.error)
    return _replayed(attempt)


def _raised(attempt: Attempt, error: KerasError) -> RaisedFit:
    callbacks, stream, run = attempt.request.callbacks, attempt.stream, attempt.run
    why, message = _exception(attempt, error)
    limit = unseen_by_list(callbacks, run, stream)
    both = None if limit is None else reason("validity.raises_unseen", raised=why, limit=limit.why)
    validity = Validity("exact", why) if both is None else Validity("hypothetical", both)
    views = [CallbackTrace(callback, position, run, stream, None) for position, callback in enumerate(callbacks)]
    outcomes = [
        with_changes(outcome_of(view), validity=validity) if run.rows else unjudged_outcome(view.callback, validity)
        for view in views
    ]
    return RaisedFit(
        run=attempt.recording.name,
        fit=attempt.number,
        epochs=len(stream.epochs),
        first_epoch=stream.epochs[0].index + 1,
        last_epoch=stream.epochs[-1].index + 1,
        epochs_run=len(run.rows),
        semantics=attempt.version,
        callbacks=tuple(callbacks),
        outcomes=tuple(outcomes),
        error=error,
        missing=attempt.unlogged,
        why=why,
        message=message,
    )


def _exception(attempt: Attempt, error: KerasError) -> tuple[Reason, str]:
    """Return what is raised and why, without the name of the run and with it."""
    if attempt.unlogged:
        absent = attempt.not_recorded()
        return absent.why, str(absent)
    remarks = lints(attempt.request.callbacks, attempt.stream, attempt.version, attempt.run)
    why = what_keras_raises(error)
    for lint in remarks:
        why = reason("raised.remedy", raised=why, remedy=lint.why) if lint.code == LISTED_TOO_EARLY else why
    return why, f"{attempt.recording.name}: {why}"


def _replayed(attempt: Attempt) -> Replay:
    recording, number, request = attempt.recording, attempt.number, attempt.request
    callbacks, stream, run, start_source = request.callbacks, attempt.stream, attempt.run, attempt.initial_lr_source
    changes = changes_rate(callbacks, run)
    if start_source == "assumed" and not changes and not any(each.is_of_user for each in callbacks):
        # No callback looked at it.
        start_source = "unknown"
    horizon = nearest(_horizon(attempt, changes=changes), cut_short(run.rows))
    horizon = nearest(nearest(unseen_by_list(callbacks, run, stream), put_back(run.rows)), horizon)
    views = [CallbackTrace(callback, position, run, stream, horizon) for position, callback in enumerate(callbacks)]
    return Replay(
        run=recording.name,
        fit=number,
        semantics=attempt.version,
        stream=stream,
        callbacks=tuple(callbacks),
        initial_lr=attempt.initial_lr,
        initial_lr_source=start_source,
        outcomes=tuple(_outcome(view, attempt) for view in views),
        run_record=run,
        remarks=(
            *recording_notes(recording, number, start_source),
            *rate_notes(attempt.initial_lr, run, stream, attempt.version),
            *attempt.version_notes,
            *remarks(callbacks, run, stream),
        ),
        sources=recording.sources,
        horizon=horizon,
        recording=recording if request.before is None else None,
        steps_per_epoch=request.steps_per_epoch,
        missing=attempt.missing,
    )


def _outcome(view: CallbackTrace, attempt: Attempt) -> Outcome:
    missing = [each for each in attempt.missing if each.position == view.position]
    outcome = limited(outcome_of(view), view, attempt.recording.notes, attempt.number)
    reasons = unseen(view.callback, view.run.states[view.position], view.stream)
    if reasons and outcome.validity.label in ("exact", "undecided"):
        weakened = outcome.validity.weakened("hypothetical", reason("validity.unseen", reasons=reasons))
        outcome = with_changes(outcome, validity=with_changes(weakened, unseen=True))
    return with_monitor_limits(outcome, view.state, view.stream, missing)


def _horizon(attempt: Attempt, *, changes: bool) -> Horizon | None:
    before = attempt.request.before
    if before is not None and before.doubt is not None:
        return Horizon(None, reason("limit.carried", doubt=before.doubt))
    if isinstance(attempt.initial_lr, ScheduledRate):
        return scheduled_horizon(attempt.run.rows, attempt.stream, attempt.initial_lr, attempt.version)
    return horizon_of(attempt.run.rows, attempt.stream, attempt.initial_lr) if changes else None


def what_keras_raises(error: KerasError) -> Reason:
    """Return the exception of the real class as a sentence."""
    raised = {"kind": error.kind, "callback": error.callback, "message": error.message}
    if error.stage == "init":
        return reason("raised.made", **raised)
    if error.index is None:
        return reason("raised.hook", **raised, hook=error.stage)
    return reason("raised.epoch", **raised, hook=error.stage, epoch=error.index + 1)


def recording_notes(recording: Recording, fit: int, initial_lr_source: str) -> list[Reason]:
    """Return what the answers to a fit do not say: the facts about its files, and a learning rate that is assumed."""
    notes = [
        reason("note.recorded", text=note.text)
        for note in recording.notes
        if note.fit in (None, fit) and note.code not in _HARMLESS
    ]
    return [*notes, reason("note.rate_assumed", rate=KERAS_DEFAULT_LR)] if initial_lr_source == "assumed" else notes
