"""Drive a list of callbacks over a stream, in the order and with the sharing of Keras's `fit`.

Callbacks run in list order and share one logs dict per epoch; the stop flag ends the fit after the epoch, when all of
them have run; the learning rate is one float32 cell. Nothing here knows what any callback decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from kcb_replay.replay.callbacks.base import EpochEnd
from kcb_replay.replay.comparison import KerasRaises, float32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.callbacks.base import Callback, Context, State
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.stream import Epoch

__all__ = ["KerasError", "Row", "Run", "run_fit"]

Stage: TypeAlias = Literal["on_epoch_end"]


@dataclass(frozen=True, slots=True)
class KerasError:
    """The exception that the real class raises: its type, where, and why."""

    kind: str
    stage: Stage
    index: int
    callback: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One replayed epoch.

    `lr_begin` is the learning rate the epoch is trained with, `lr` the one after it, `lr_logged` what the callbacks put
    into the shared logs (None when none did), `states` one state per callback after the epoch.
    """

    index: int
    lr_begin: float
    lr: float
    lr_logged: float | None
    states: tuple[State, ...]
    events: tuple[tuple[Event, ...], ...]
    stoppers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """A replayed fit: a row per epoch that ran, the events of `on_train_end`, and the error that ended it, if any."""

    rows: tuple[Row, ...]
    finish_events: tuple[tuple[Event, ...], ...]
    final_lr: float
    error: KerasError | None = None


def run_fit(epochs: Iterable[Epoch], callbacks: Sequence[Callback], context: Context, *, initial_lr: float) -> Run:
    """Replay one fit with fresh callbacks; an error of the real class ends it and is part of the answer."""
    states = tuple(callback.start(context) for callback in callbacks)
    lr = float32(initial_lr)
    rows: list[Row] = []
    for epoch in epochs:
        row, error = _run_epoch(epoch, callbacks, states, lr, context.semantics.learning_rate_key)
        if row is None:
            return Run(tuple(rows), (), lr, error)
        rows.append(row)
        states, lr = row.states, row.lr
        if row.stoppers:
            break
    finish = tuple(state.finish(rows[-1].index) for state in states) if rows else ()
    return Run(tuple(rows), finish, lr)


def _run_epoch(
    epoch: Epoch, callbacks: Sequence[Callback], states: tuple[State, ...], lr_begin: float, lr_key: str
) -> tuple[Row | None, KerasError | None]:
    logs = dict(epoch.logs)
    lr = lr_begin
    after: list[State] = []
    events: list[tuple[Event, ...]] = []
    stoppers: list[int] = []
    for position, state in enumerate(states):
        try:
            step = state.step(EpochEnd(epoch.index, logs, lr))
        except KerasRaises as error:
            name = callbacks[position].name
            return None, KerasError(error.kind, "on_epoch_end", epoch.index, name, str(error))
        after.append(step.state)
        events.append(step.events)
        # Keras does `logs = logs or {}`: what is written into an empty dict is lost to the others.
        logs = {**logs, **step.logs} if logs else logs
        lr = lr if step.learning_rate is None else step.learning_rate
        if step.stop:
            stoppers.append(position)
    logged = logs.get(lr_key) if lr_key not in epoch.logs else None
    return Row(epoch.index, lr_begin, lr, logged, tuple(after), tuple(events), tuple(stoppers)), None
