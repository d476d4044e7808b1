"""What is asked of one fit, made ready: the callbacks, the stream they see, the Keras and the first learning rate.

Refuses what cannot be asked; nothing is replayed here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from kcb_replay.errors import NotReplayableError, SettingError
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback, State
from kcb_replay.replay.callbacks.arguments import with_python_values
from kcb_replay.replay.learning_rates import rate_of
from kcb_replay.replay.semantics import DEFAULT, note_on, semantics as resolve
from kcb_replay.replay.stream import Stream, stream_of, with_steps
from kcb_replay.replay.version_guess import guess

# Adam, RMSprop and most others start here; SGD starts at 0.01.
KERAS_DEFAULT_LR = 0.001


@dataclass(frozen=True, slots=True)
class Carried:
    """What callbacks that are used again, and the optimizer, bring along from the fit before.

    `learning_rate_source` says where the rate comes from, as in a Replay. `doubt` is the reason for which the weights
    need not be those of the recording, empty where they are.
    """

    states: tuple[State, ...]
    learning_rate: float
    learning_rate_source: str
    doubt: Reason | None = None


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What is asked of one fit; `before` comes from the fit before, where its callbacks are used again."""

    callbacks: Sequence[Callback]
    semantics: str | Semantics | None
    initial_lr: float | None
    steps_per_epoch: int | None
    before: Carried | None = None

    def __post_init__(self) -> None:
        with_python_values(self)


def settings_of(callbacks: object) -> tuple[Callback, ...]:
    """Return one callback or several, with the real ones among them made ready to be driven."""
    if not isinstance(callbacks, Iterable):
        callbacks = (callbacks,)
    return tuple(callback if isinstance(callback, Callback) else _bridged(callback) for callback in callbacks)


def _bridged(callback: object) -> Callback:
    from kcb_replay.replay.bridge.settings import bridged

    return bridged(callback)


def stream_for(recording: Recording, number: int, request: ReplayRequest) -> Stream:
    """Return the stream of a fit; raises `SettingError` and `NotReplayableError` where there is nothing to ask."""
    if not request.callbacks:
        raise SettingError("There is no callback to replay. Give at least one, for example EarlyStopping(patience=5).")
    stream = stream_of(recording.fits[number])
    if not stream.epochs:
        raise _refused(recording, _why_no_epochs(recording, number))
    if request.steps_per_epoch is None:
        return stream
    if request.steps_per_epoch < 1:
        raise SettingError(f"steps_per_epoch must be at least 1, but it is {request.steps_per_epoch}.")
    for callback in request.callbacks:
        if callback.needs_batch_metrics:
            raise _refused(recording, reason("left_out.needs_batches", callback=str(callback)))
    return with_steps(stream, request.steps_per_epoch)


def _why_no_epochs(recording: Recording, number: int) -> Reason:
    texts = [note.text for note in recording.notes if note.code == "no_epochs" and note.fit == number]
    return reason("left_out.no_epochs_because", text=texts[0]) if texts else reason("left_out.no_epochs")


def _refused(recording: Recording, why: Reason) -> NotReplayableError:
    return NotReplayableError(f"{recording.name}: {why}.", reason=why)


def version_for(stream: Stream, request: ReplayRequest, initial_lr: float) -> tuple[Semantics, list[Reason]]:
    """Return the Keras that is asked for, and a note where it was guessed or stands for another."""
    if request.semantics == "auto":
        guessed = guess(stream, request.callbacks, initial_lr)
        return guessed.semantics, [guessed.why]
    version = resolve(request.semantics or _own_semantics(request.callbacks) or DEFAULT)
    note = note_on(version)
    return version, [note] if note else []


def _own_semantics(callbacks: Sequence[Callback]) -> str | None:
    for callback in callbacks:
        if callback.is_of_user:
            from kcb_replay.replay.bridge.settings import own_semantics

            return own_semantics(callback)
    return None


def versions_of(semantics: str | Semantics | None) -> Sequence[str | Semantics | None]:
    """Return the versions of a list as `keras-2.0.8,keras-3.15`; raises `SettingError` for an unknown one."""
    if semantics is None or isinstance(semantics, Semantics):
        return [semantics]
    names = [name.strip() for name in semantics.split(",")]
    # Two names may stand for one version.
    versions = {name if name == "auto" else resolve(name).name: name for name in reversed(names)}
    return [name if name == "auto" else resolve(name) for name in reversed(versions.values())]


def initial_lr_for(stream: Stream, request: ReplayRequest) -> tuple[float, str]:
    """Return the learning rate to start from, and whether it is "given", "recorded" or "assumed"."""
    first = stream.epochs[0].index if stream.epochs else None
    if request.initial_lr is not None and request.before is None:
        return request.initial_lr, "given"
    if first is not None and first in stream.learning_rates:
        return stream.learning_rates[first], "recorded"
    if request.before is not None:
        rate = request.before.learning_rate
        if request.initial_lr is not None:
            rate = rate_of(request.initial_lr).going_on_from(rate)
        return rate, request.before.learning_rate_source
    return KERAS_DEFAULT_LR, "assumed"
