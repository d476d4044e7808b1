"""Walk the hooks of `fit` over a recording: which are called, in which order, and what `logs` holds in each.

A callback that does nothing but take notes is driven by the engine, which is held to real Keras, so the order here is
the engine's. To stay short only the first and the last epoch are walked, with one batch for all; the running metrics
of a batch are in no log of epochs, so of them only the names are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from kcb_replay.replay.callbacks.base import (
    BatchBegin,
    BatchEnd,
    Context,
    EpochBegin,
    EpochEnd,
    State,
    Step,
    TestEnd,
    TrainBegin,
    TrainEnd,
)
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import stream_of, with_steps

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Fit
    from kcb_replay.replay.stream import Epoch

__all__ = ["HookCall", "walk"]

_RATE = 0.001  # asked for by the engine, looked at by nobody here


@dataclass(frozen=True, slots=True)
class HookCall:
    """One call of a hook: its name, the 0-based epoch and batch, and what `logs` held.

    `running` are the names of the metrics that a batch has and the recording holds no values of.
    """

    hook: str
    index: int | None
    batch: int | None = None
    logs: Mapping[str, float] = field(default_factory=dict)
    running: tuple[str, ...] = ()


def walk(fit: Fit) -> tuple[HookCall, ...]:
    """Return the calls of all hooks in the first and the last epoch of a fit, and around them."""
    epochs = with_steps(stream_of(fit), 1).epochs
    few = epochs if len(epochs) == 1 else (epochs[0], epochs[-1])
    known = {epoch.index: _running(epoch) for epoch in few}
    run = run_fit(few, [_Notes()], Context(semantics(), direction_of), initial_lr=_RATE)
    (taken,) = run.states
    if not isinstance(taken, _Taken):
        raise TypeError("only notes were taken")
    return tuple(
        HookCall(call.hook, call.index, call.batch, call.logs, known.get(call.index or 0, ()))
        if call.hook == "on_train_batch_end"
        else call
        for call in taken.calls
    )


def _running(epoch: Epoch) -> tuple[str, ...]:
    return tuple(name for name in epoch.logs if not name.startswith("val_"))


@dataclass(frozen=True, slots=True)
class _Notes:
    """The callback that takes notes."""

    name: ClassVar[str] = "Notes"

    def start(self, context: Context) -> State:  # noqa: ARG002
        """Return empty notes."""
        return _Taken()


@dataclass(frozen=True, slots=True)
class _Taken(State):
    """The notes so far."""

    calls: tuple[HookCall, ...] = ()

    def _plus(self, call: HookCall) -> Step:
        return Step(_Taken((*self.calls, call)))

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Take a note."""
        return self._plus(HookCall("on_train_begin", None))

    def on_epoch_begin(self, begin: EpochBegin) -> Step:
        """Take a note."""
        return self._plus(HookCall("on_epoch_begin", begin.index))

    def on_train_batch_begin(self, begin: BatchBegin) -> Step:
        """Take a note."""
        return self._plus(HookCall("on_train_batch_begin", begin.index, begin.batch))

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Take a note, unless nobody knows which batch it was."""
        if end.batch is None:
            return Step(self)
        return self._plus(HookCall("on_train_batch_end", end.index, end.batch))

    def on_test_begin(self, begin: EpochBegin) -> Step:
        """Take a note."""
        return self._plus(HookCall("on_test_begin", begin.index))

    def on_test_end(self, end: TestEnd) -> Step:
        """Take a note with the metrics of the validation."""
        return self._plus(HookCall("on_test_end", end.index, logs=dict(end.logs)))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Take a note with the logs of the epoch."""
        return self._plus(HookCall("on_epoch_end", end.index, logs=dict(end.logs)))

    def on_train_end(self, end: TrainEnd) -> Step:
        """Take a note with what the version passes on."""
        return self._plus(HookCall("on_train_end", end.index, logs=dict(end.logs)))
