"""Drive a list of callbacks over a stream, in the hook order and with the sharing of Keras's `fit`.

Callbacks run in list order and share one logs dict per epoch; the stop flag ends the fit after the epoch, when all of
them have run; the learning rate is one float32 cell. Nothing here knows what any callback decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from numbers import Real
from typing import Literal, TypeAlias, get_args

from kcb_replay.replay.callbacks.base import (
    BatchBegin,
    BatchEnd,
    Callback,
    Context,
    EpochBegin,
    EpochEnd,
    State,
    Step,
    TestEnd,
    TrainBegin,
    TrainEnd,
    require_known,
)
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.events import Event
from kcb_replay.replay.learning_rates import OptimizerRate, rate_of
from kcb_replay.replay.stream import Batch, Epoch, ordered

Stage: TypeAlias = Literal[
    "init",
    "on_train_begin",
    "on_epoch_begin",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_begin",
    "on_test_end",
    "on_epoch_end",
    "on_train_end",
]
_HOOKS: tuple[Stage, ...] = get_args(Stage)[1:]
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

    @property
    def all_events(self) -> Iterator[Event]:
        """The events of all callbacks, in the order of the list."""
        return chain.from_iterable(self.events)


@dataclass(frozen=True, slots=True)
class Partial:
    """The epoch in which the real class raises, as far as it got.

    `lr_begin` is None where it raises before every callback has begun the epoch; `stoppers` are the positions of the
    callbacks that had set the stop flag, `stopped_batch` the batch at which the epoch was left before that.
    """

    index: int
    lr_begin: float | None
    events: EventsOfAll
    stoppers: tuple[int, ...] = ()
    stopped_batch: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """A replayed fit: a row per epoch that ran, the events of `on_train_end`, and the error that ended it, if any.

    Where the error is one of `on_train_end`, `finish_events` are those up to it.
    """

    rows: tuple[Row, ...]
    finish_events: EventsOfAll
    final_lr: float
    states: tuple[State, ...]
    error: KerasError | None = None
    partial: Partial | None = None

    @property
    def epoch_events(self) -> Iterator[Event]:
        """The events of all epochs that ran and of all callbacks, in order."""
        return (event for row in self.rows for event in row.all_events)


def run_fit(
    epochs: Sequence[Epoch],
    callbacks: Sequence[Callback],
    context: Context,
    *,
    initial_lr: float,
    states: Sequence[State] | None = None,
) -> Run:
    """Replay one fit; an error of the real class ends it and is part of the answer.

    `initial_lr` may be an `OptimizerRate`, which says how the optimizer holds it; else it is a float32.

    The callbacks are fresh unless `states`, those after another fit, are given: then they are used again.
    """
    rate = rate_of(initial_lr)
    fit = _Fit(callbacks, context, float(rate), rate)
    rows: list[Row] = []
    finish: EventsOfAll = ()
    try:
        fit.begin(epochs, states)
        for epoch in epochs:
            rows.append(fit.run_epoch(epoch))
            if fit.stopping:
                break
        finish = fit.end()
    except KerasRaises as raised:
        error = KerasError(raised.kind, fit.stage, fit.index, callbacks[fit.position].name, str(raised))
        finish = fit.happened() if fit.stage == "on_train_end" else ()
        return Run(tuple(rows), finish, fit.lr, tuple(fit.states), error, fit.partial())
    return Run(tuple(rows), finish, fit.lr, tuple(fit.states))


@dataclass(slots=True)
class _Fit:
    """A fit while it runs: the states, the learning rate, and where it is."""

    callbacks: Sequence[Callback]
    context: Context
    lr: float
    rate: OptimizerRate
    states: list[State] = field(default_factory=list)
    stage: Stage = "init"
    index: int | None = None
    position: int = 0
    logs: dict[str, float] = field(default_factory=dict)
    recorded: Mapping[str, float] = field(default_factory=dict)
    lr_begin: float | None = None
    events: list[list[Event]] = field(default_factory=list)
    stoppers: list[int] = field(default_factory=list)
    stopped_batch: int | None = None
    having: Mapping[Stage, Sequence[int]] = field(default_factory=dict)

    def begin(self, epochs: Sequence[Epoch], states: Sequence[State] | None) -> None:
        """Make the callbacks, or take those of the fit before, and let them begin the training."""
        self.states = list(states or ())
        self.events = [[] for _ in self.callbacks]
        if states is None:
            context = replace(self.context, shared={})
            for position, callback in enumerate(self.callbacks):
                self.position = position
                require_known(callback, context.semantics)
                self.states.append(callback.start(context))
        self.having = {hook: _having(hook, self.states) for hook in _HOOKS}
        places = (batch.index for epoch in epochs for batch in epoch.batches if batch.index is not None)
        steps = max(places, default=-1) + 1 or None
        first, last = (epochs[0].index, epochs[-1].index) if epochs else (0, -1)
        wall_times = {epoch.index: epoch.wall_time for epoch in epochs}
        self._hook(
            "on_train_begin",
            lambda state: state.on_train_begin(TrainBegin(last + 1, steps, self.lr, first, self.stopping, wall_times)),
        )

    def run_epoch(self, epoch: Epoch) -> Row:
        """Run the hooks of one epoch."""
        self.index = epoch.index
        # What `on_train_begin` did stands with the first epoch.
        self.events = self.events if self.stage == "on_train_begin" else [[] for _ in self.states]
        self.lr_begin = self.stopped_batch = None
        self._hook("on_epoch_begin", lambda state: state.on_epoch_begin(self._epoch_begin(epoch)))
        self.lr_begin = lr_begin = self.lr
        self.stopped_batch = self._run_batches(epoch) if epoch.batches else None
        self.lr = self.rate.after_batches(self.lr, epoch.index, self.context.semantics)
        self._run_validation(epoch)
        logged = self._end_epoch(epoch)
        return Row(
            epoch.index,
            lr_begin,
            self.lr,
            logged,
            tuple(self.states),
            self.happened(),
            self._stopped_by(),
            self.stopped_batch,
        )

    def end(self) -> EventsOfAll:
        """Let the callbacks end the training."""
        if self.index is None:
            return ()
        index = self.index
        passed = self.context.semantics.train_end_logs
        if passed != "shared":
            self.logs = self._handed_out(self.recorded) if passed == "metrics" else {}
        self.events = [[] for _ in self.states]
        self._hook("on_train_end", lambda state: state.on_train_end(TrainEnd(index, self.logs, self.lr, self.stopping)))
        return self.happened()

    def partial(self) -> Partial | None:
        """Return the epoch that an error cut short; there is none before the first, or after the last."""
        if self.index is None or self.stage == "on_train_end":
            return None
        return Partial(self.index, self.lr_begin, self.happened(), self._stopped_by(), self.stopped_batch)

    def happened(self) -> EventsOfAll:
        """Return the events so far, of the epoch or of the end of the training."""
        return tuple(map(tuple, self.events))

    def _stopped_by(self) -> tuple[int, ...]:
        return tuple(dict.fromkeys(self.stoppers))

    def _run_batches(self, epoch: Epoch) -> int | None:
        """Run the batches of an epoch; return the one at which it was left."""
        hooked = self.having["on_train_batch_begin"] or self.having["on_train_batch_end"]
        for batch in epoch.batches if hooked or self.stopping else ():
            self._run_batch(epoch, batch)
            if self.stopping:
                return batch.index
        return None

    def _run_batch(self, epoch: Epoch, batch: Batch) -> None:
        index, number = epoch.index, batch.index
        if number is not None:
            known = {name: batch.logs[name] for name in ("batch", "size") if name in batch.logs}
            self._hook(
                "on_train_batch_begin",
                lambda state: state.on_train_batch_begin(BatchBegin(index, number, self.lr, self.stopping, known)),
            )
        self.logs = self._handed_out(batch.logs)
        self._hook(
            "on_train_batch_end",
            lambda state: state.on_train_batch_end(BatchEnd(index, number, self.logs, self.lr, self.stopping)),
        )

    def _run_validation(self, epoch: Epoch) -> None:
        if not (self.having["on_test_begin"] or self.having["on_test_end"]):
            return
        metrics = {name.removeprefix("val_"): v for name, v in epoch.logs.items() if name.startswith("val_")}
        if metrics:
            self._hook("on_test_begin", lambda state: state.on_test_begin(self._epoch_begin(epoch)))
            self.logs = self._handed_out(metrics)
            self._hook(
                "on_test_end",
                lambda state: state.on_test_end(TestEnd(epoch.index, self.logs, self.lr, self.stopping)),
            )

    def _end_epoch(self, epoch: Epoch) -> float | None:
        """Let every callback end the epoch; return the learning rate that they logged."""
        self.recorded, self.logs = epoch.logs, self._handed_out(epoch.logs)
        self._hook(
            "on_epoch_end",
            lambda state: state.on_epoch_end(
                EpochEnd(epoch.index, self.logs, self.lr, self.stopping, self.stopped_batch)
            ),
        )
        key = self.context.semantics.learning_rate_key
        logged = None if key in epoch.logs else self.logs.get(key)
        # A real callback of tf_keras logs a NumPy float32.
        return float(logged) if isinstance(logged, (float, Real)) else None

    @property
    def stopping(self) -> bool:
        """Whether the stop flag is set."""
        return bool(self.stoppers)

    def _epoch_begin(self, epoch: Epoch) -> EpochBegin:
        return EpochBegin(epoch.index, self.lr, self.stopping)

    def _handed_out(self, logs: Mapping[str, float]) -> dict[str, float]:
        return dict(ordered(logs, self.context.semantics.logs_order))

    def _hook(self, stage: Stage, called: Callable[[State], Step]) -> None:
        self.stage = stage
        for position in self.having[stage]:
            self.position = position
            self._apply(called(self.states[position]))

    def _apply(self, step: Step) -> None:
        if step.learning_rate is not None:
            # First of all, for an optimizer may refuse it.
            self.lr = self.rate.assigned(step.learning_rate, self.context.semantics)
        self.states[self.position] = step.state
        if step.events:
            self.events[self.position] += step.events
        if step.left is not None:
            self.logs = dict(step.left)
        elif step.logs and self.logs:
            # Keras does `logs = logs or {}`: what is written into an empty dict is lost to the others.
            self.logs = {**self.logs, **step.logs}
        if step.resume:
            self.stoppers.clear()
        if step.stop:
            self.stoppers.append(self.position)


def _having(hook: Stage, states: Sequence[State]) -> Sequence[int]:
    """Return the positions of the callbacks that do something in a hook."""
    nothing = getattr(State, hook)
    return [position for position, state in enumerate(states) if getattr(type(state), hook) is not nothing]
