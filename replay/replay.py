"""Replay callbacks on recordings: the one door from a Recording to Replays."""

from __future__ import annotations

from dataclasses import dataclass, replace as with_changes
from typing import TYPE_CHECKING

from kcb_replay.errors import (
    KcbReplayError,
    KerasWouldRaiseError,
    MonitorNotRecordedError,
    NotReplayableError,
    SettingError,
)
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau, changes_learning_rate
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.outcomes import View, outcome_of
from kcb_replay.replay.result import Replay
from kcb_replay.replay.semantics import DEFAULT, Semantics, semantics as resolve
from kcb_replay.replay.stream import stream_of
from kcb_replay.replay.validity import horizon_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.engine import KerasError
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.stream import Stream

__all__ = ["LeftOut", "Simulation", "replay", "simulate"]

# Facts about the files that touch no answer.
_HARMLESS = ("skipped", "empty")
# Adam, RMSprop and most others start here; SGD starts at 0.01.
_KERAS_DEFAULT_LR = 0.001


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A fit that could not be replayed, and why; `message` is the reason as a sentence that names the run."""

    run: str
    fit: int
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """One Replay per run, fit and list of callbacks, in that order, and what was left out."""

    replays: tuple[Replay, ...]
    left_out: tuple[LeftOut, ...]


def simulate(
    recordings: Iterable[Recording],
    settings: Sequence[Sequence[Callback]],
    *,
    semantics: str | Semantics = DEFAULT,
    initial_lr: float | None = None,
) -> Simulation:
    """Replay every list of callbacks in `settings` on every fit of every recording.

    A fit that cannot be replayed is left out with its reason, once; it never hides the others.
    """
    replays: list[Replay] = []
    left_out: dict[LeftOut, None] = {}
    for recording in recordings:
        for fit in range(len(recording.fits)):
            for callbacks in settings:
                try:
                    replays.append(replay(recording, callbacks, fit=fit, semantics=semantics, initial_lr=initial_lr))
                except NotReplayableError as error:
                    left_out[LeftOut(recording.name, fit, error.reason, str(error))] = None
    return Simulation(tuple(replays), tuple(left_out))


def replay(
    recording: Recording,
    callbacks: Sequence[Callback],
    *,
    fit: int | None = None,
    semantics: str | Semantics = DEFAULT,
    initial_lr: float | None = None,
) -> Replay:
    """Replay a list of callbacks on one fit of a recording, fresh callbacks in list order, as `fit` would drive them.

    `fit` is the 0-based number of the fit and may be left out when there is one. `initial_lr` is what the learning rate
    starts from: by default the recorded one, else Keras's default of 0.001, which is then noted as assumed.

    Raises `MonitorNotRecordedError` when a monitor has no value in the fit, `KerasWouldRaiseError` where Keras itself
    raises, `SettingError` for an empty list or an unknown version.
    """
    if not callbacks:
        raise SettingError("There is no callback to replay. Give at least one, for example EarlyStopping(patience=5).")
    number = _fit_number(recording, fit)
    stream = stream_of(recording.fits[number])
    version = resolve(semantics)
    if not stream.epochs:
        reason = "the fit holds no epochs, so no callback is ever asked"
        raise NotReplayableError(f"{recording.name}: {reason}.", reason=reason)
    for callback in callbacks:
        _require_recorded(callback, stream, recording, callbacks, version)
    start, start_source = _initial_lr(stream, callbacks, initial_lr)
    run = run_fit(stream.epochs, callbacks, Context(version, direction_of), initial_lr=start)
    if run.error is not None:
        reason = _what_keras_raises(run.error)
        raise KerasWouldRaiseError(f"{recording.name}: {reason}", reason=reason)
    horizon = horizon_of(run.rows, stream) if any(map(changes_learning_rate, callbacks)) else None
    outcomes = tuple(
        outcome_of(View(callback, position, run, stream, horizon)) for position, callback in enumerate(callbacks)
    )
    return Replay(
        run=recording.name,
        fit=number,
        semantics=version,
        stream=stream,
        callbacks=tuple(callbacks),
        initial_lr=start,
        initial_lr_source=start_source,
        outcomes=tuple(_limited(outcome, recording, number) for outcome in outcomes),
        run_record=run,
        notes=tuple(_notes(recording, number, start_source)),
        sources=recording.sources,
    )


def _fit_number(recording: Recording, fit: int | None) -> int:
    count = len(recording.fits)
    if fit is None and count == 1:
        return 0
    if fit is None:
        raise KcbReplayError(f"{recording.name} holds {count} fits: say which one, for example fit=0.")
    if not 0 <= fit < count:
        raise KcbReplayError(f"{recording.name} has no fit {fit}: its fits are 0 to {count - 1}.")
    return fit


def _require_recorded(
    callback: Callback, stream: Stream, recording: Recording, callbacks: Sequence[Callback], version: Semantics
) -> None:
    """Refuse a monitor without any value, where Keras would warn every epoch and never act."""
    if not isinstance(callback, (EarlyStopping, ReduceLROnPlateau)) or stream.values_of(callback.monitor):
        return
    if callback.monitor == version.learning_rate_key and any(map(changes_learning_rate, callbacks)):
        return
    recorded = sorted({name for epoch in stream.epochs for name in epoch.logs})
    raise MonitorNotRecordedError(callback.monitor, recording.name, recorded)


def _what_keras_raises(error: KerasError) -> str:
    where = f"in the constructor of {error.callback}"
    if error.stage != "init":
        when = "" if error.index is None else f" at epoch {error.index + 1}"
        where = f"in {error.callback}.{error.stage}{when}"
    return f"Keras raises {error.kind} {where}: {error.message}."


def _initial_lr(stream: Stream, callbacks: Sequence[Callback], given: float | None) -> tuple[float, str]:
    if given is not None:
        return given, "given"
    for epoch in stream.epochs[:1]:
        if epoch.index in stream.learning_rates:
            return stream.learning_rates[epoch.index], "recorded"
    return _KERAS_DEFAULT_LR, "assumed" if any(map(changes_learning_rate, callbacks)) else "unknown"


def _limited(outcome: Outcome, recording: Recording, fit: int) -> Outcome:
    """Weaken a validity by what the source itself lacks."""
    for note in recording.notes:
        if note.code == "sampled" and note.fit in (None, fit):
            return with_changes(outcome, validity=with_changes(outcome.validity, label="sampled", reason=note.text))
    return outcome


def _notes(recording: Recording, fit: int, initial_lr_source: str) -> list[str]:
    notes = [note.text for note in recording.notes if note.fit in (None, fit) and note.code not in _HARMLESS]
    if initial_lr_source == "assumed":
        notes.append(
            f"the initial learning rate is not recorded: {_KERAS_DEFAULT_LR}, Keras's default, is assumed."
            " Give --initial-lr (initial_lr=) if it was another"
        )
    return notes
