"""Drive a list of callbacks over a stream, in the hook order and with the sharing of Keras's `fit`.

Callbacks run in list order and share one logs dict per epoch; the stop flag ends the fit after the epoch, when all of
them have run; the learning rate is one float32 cell. Nothing here knows what any callback decides.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from kcb_replay.replay.callbacks.base import (
    BatchBegin,
    BatchEnd,
    EpochBegin,
    EpochEnd,
    TestEnd,
    TrainBegin,
    TrainEnd,
)
from kcb_replay.replay.comparison import KerasRaises, float32
from kcb_replay.replay.stream import ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kcb_replay.replay.callbacks.base import Callback, Context, State, Step
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.stream import Epoch

__all__ = ["KerasError", "Partial", "Row", "Run", "run_fit"]

Stage: TypeAlias = Literal[
    "init",
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_end",
    "on_epoch_end",
    "on_train_end",
]
EventsOfAll: TypeAlias = tuple[tuple["Event", ...], ...]


@dataclass(frozen=True, slots=True)
class KerasError:
    """The exception that the real class raises: its type, where, and why; `index` is None in the constructor."""

    kind: str
    stage: Stage
    index: int | None
    callback: str
    message: str


@dataclass(frozen=True, slots=True)
class Row:
    """One replayed epoch.

    `lr_begin` is the learning rate the epoch is trained with, `lr` the one after it, `lr_logged` what the callbacks put
    into the shared logs (None when none did), `states` one state per callback after the epoch, `stoppers` the positions
    of the callbacks that set the stop flag, `stopped_batch` the batch at which the epoch was left.
    """

    index: int
    lr_begin: float
    lr: float
    lr_logged: float | None
    states: tuple[State, ...]
    events: EventsOfAll
    stoppers: tuple[int, ...]
    stopped_batch: int | None = None


@dataclass(frozen=True, slots=True)
class Partial:
    """The epoch in which the real class raises, as far as it got."""

    index: int
    lr_begin: float
    events: EventsOfAll


@dataclass(frozen=True, slots=True)
class Run:
    """A replayed fit: a row per epoch that ran, the events of `on_train_end`, and the error that ended it, if any."""

    rows: tuple[Row, ...]
    finish_events: EventsOfAll
    final_lr: float
    states: tuple[State, ...]
    error: KerasError | None = None
    partial: Partial | None = None


def run_fit(
    epochs: Sequence[Epoch],
    callbacks: Sequence[Callback],
    context: Context,
    *,
    initial_lr: float,
    states: Sequence[State] | None = None,
) -> Run:
    """Replay one fit; an error of the real class ends it and is part of the answer.

    The callbacks are fresh unless `states`, those after another fit, are given: then they are used again.
    """
    fit = _Fit(callbacks, context, float32(initial_lr))
    rows: list[Row] = []
    finish: EventsOfAll = ()
    try:
        fit.begin(epochs, states)
        for epoch in epochs:
            rows.append(fit.run_epoch(epoch))
            if fit.stoppers:
                break
        finish = fit.end()
    except KerasRaises as raised:
        error = KerasError(raised.kind, fit.stage, fit.index, callbacks[fit.position].name, str(raised))
        return Run(tuple(rows), (), fit.lr, tuple(fit.states), error, fit.partial())
    return Run(tuple(rows), finish, fit.lr, tuple(fit.states))


@dataclass(slots=True)
class _Fit:
    """A fit while it runs: the states, the learning rate, and where it is."""

    callbacks: Sequence[Callback]
    context: Context
    lr: float
    states: list[State] = field(default_factory=list)
    stage: Stage = "init"
    index: int | None = None
    position: int = 0
    metrics: Mapping[str, float] = field(default_factory=dict)
    logs: dict[str, float] = field(default_factory=dict)
    lr_begin: float = 0.0
    events: list[list[Event]] = field(default_factory=list)
    stoppers: list[int] = field(default_factory=list)

    def begin(self, epochs: Sequence[Epoch], states: Sequence[State] | None) -> None:
        """Make the callbacks, or take those of the fit before, and let them begin the training."""
        self.states = list(states or ())
        self.events = [[] for _ in self.callbacks]
        if states is None:
            for self.position, callback in enumerate(self.callbacks):
                self.states.append(callback.start(self.context))
        places = (batch.index for epoch in epochs for batch in epoch.batches if batch.index is not None)
        steps = max(places, default=-1) + 1 or None
        last = epochs[-1].index + 1 if epochs else 0
        self._hook("on_train_begin", lambda state: state.on_train_begin(TrainBegin(last, steps, self.lr)))

    def run_epoch(self, epoch: Epoch) -> Row:
        """Run the hooks of one epoch."""
        self.index = epoch.index
        # What `on_train_begin` did stands with the first epoch.
        self.events = self.events if self.stage == "on_train_begin" else [[] for _ in self.states]
        self._hook("on_epoch_begin", lambda state: state.on_epoch_begin(EpochBegin(epoch.index, self.lr)))
        self.lr_begin = self.lr
        stopped_batch = self._run_batches(epoch) if epoch.batches else None
        self._run_validation(epoch)
        logged = self._end_epoch(epoch)
        events = tuple(map(tuple, self.events))
        stoppers = tuple(dict.fromkeys(self.stoppers))
        return Row(epoch.index, self.lr_begin, self.lr, logged, tuple(self.states), events, stoppers, stopped_batch)

    def end(self) -> EventsOfAll:
        """Let the callbacks end the training."""
        if self.index is None:
            return ()
        passed = {"none": {}, "metrics": self.metrics, "shared": self.logs}[self.context.semantics.train_end_logs]
        end = TrainEnd(self.index, passed, self.lr)
        self.events = [[] for _ in self.states]
        self._hook("on_train_end", lambda state: state.on_train_end(end))
        return tuple(map(tuple, self.events))

    def partial(self) -> Partial | None:
        """Return the epoch that an error cut short; there is none before its first batch, or after its end."""
        if self.index is None or self.stage in ("on_epoch_begin", "on_train_end"):
            return None
        return Partial(self.index, self.lr_begin, tuple(map(tuple, self.events)))

    def _run_batches(self, epoch: Epoch) -> int | None:
        """Run the batches of an epoch; return the one at which it was left."""
        hooked = [position for position, state in enumerate(self.states) if state.batch_hook]
        order = self.context.semantics.logs_order
        for batch in epoch.batches if hooked else ():
            if batch.index is not None:
                place = {name: batch.logs[name] for name in ("batch", "size") if name in batch.logs}
                begin = BatchBegin(epoch.index, batch.index, self.lr, place)
                self._hook("on_train_batch_begin", lambda state: state.on_train_batch_begin(begin), hooked)  # noqa: B023
            end = BatchEnd(epoch.index, batch.index, ordered(batch.logs, order), self.lr)
            self._hook("on_train_batch_end", lambda state: state.on_train_batch_end(end), hooked)  # noqa: B023
            if self.stoppers:
                return batch.index
        return None

    def _run_validation(self, epoch: Epoch) -> None:
        hooked = [position for position, state in enumerate(self.states) if state.test_hook]
        if not hooked:
            return
        metrics = {name.removeprefix("val_"): v for name, v in epoch.logs.items() if name.startswith("val_")}
        if metrics:
            end = TestEnd(epoch.index, metrics, self.lr)
            self._hook("on_test_end", lambda state: state.on_test_end(end), hooked)

    def _end_epoch(self, epoch: Epoch) -> float | None:
        """Let every callback end the epoch; return the learning rate that they logged."""
        self.stage = "on_epoch_end"
        self.metrics = ordered(epoch.logs, self.context.semantics.logs_order)
        self.logs = dict(self.metrics)
        for self.position, state in enumerate(self.states):
            step = state.on_epoch_end(EpochEnd(epoch.index, self.logs, self.lr, bool(self.stoppers)))
            self._apply(step)
            # Keras does `logs = logs or {}`: what is written into an empty dict is lost to the others.
            self.logs = {**self.logs, **step.logs} if self.logs else self.logs
        key = self.context.semantics.learning_rate_key
        return None if key in epoch.logs else self.logs.get(key)

    def _hook(self, stage: Stage, called: Callable[[State], Step], positions: Iterable[int] | None = None) -> None:
        self.stage = stage
        for self.position in range(len(self.states)) if positions is None else positions:
            self._apply(called(self.states[self.position]))

    def _apply(self, step: Step) -> None:
        self.states[self.position] = step.state
        if step.events:
            self.events[self.position] += step.events
        if step.learning_rate is not None:
            self.lr = float32(step.learning_rate)
        if step.stop:
            self.stoppers.append(self.position)
