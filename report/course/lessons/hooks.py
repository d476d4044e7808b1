"""Lesson 1: what a callback is, when its hooks run, and what it is handed there.

A callback that does nothing but take notes is driven by the engine, which is held to real Keras, so the order here is
the engine's. To stay short only the first and the last epoch are walked, with one batch for all; the running metrics
of a batch are in no log of epochs, so of them only the names are known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kcb_replay.ingest.recording import Fit, Recording
from kcb_replay.language.reason import Reason, reason
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
)
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.stream import Epoch, stream_of, with_steps
from kcb_replay.report.course.lesson import Lesson, Position, Round, RoundMaker, Sheet, SheetCell
from kcb_replay.report.course.rounds import MONITOR, PossibleAnswer, fit_of, round_of, values_of
from kcb_replay.text import Decimals

_SIGNATURES = {
    "on_train_begin": "logs=None",
    "on_epoch_begin": "epoch, logs=None",
    "on_train_batch_begin": "batch, logs=None",
    "on_train_batch_end": "batch, logs=None",
    "on_test_begin": "logs=None",
    "on_test_end": "logs=None",
    "on_epoch_end": "epoch, logs=None",
    "on_train_end": "logs=None",
}
_RATE = 0.001  # asked for by the engine, looked at by nobody here


def _hooks_round(recording: Recording) -> Round:
    """Ask in which hook the validation loss can be read for the first time under its own name."""
    values_of(recording)
    calls = walk(recording.fits[fit_of(recording)])
    goal = next(number for number, call in enumerate(calls) if MONITOR in call.logs)
    right = calls[goal].hook
    return round_of(
        "hooks",
        recording,
        reason("hooks.slider"),
        tuple(_position(calls, number) for number in range(len(calls))),
        goal=goal,
        right=_hook_answer(right),
        wrong=[
            _hook_answer(hook, reason(f"hooks.because_{hook}"))
            for hook in ("on_epoch_begin", "on_train_batch_end", "on_test_end")
        ],
        facts={"metric": MONITOR},
        hook=right,
    )


def _hook_answer(hook: str, because: Reason | None = None) -> PossibleAnswer:
    return PossibleAnswer(list(_SIGNATURES).index(hook), hook, because)


def _position(calls: tuple[HookCall, ...], number: int) -> Position:
    call = calls[number]
    return Position(
        value=f"{number + 1}. {call.hook}",
        code=(f"def {call.hook}(self, {_SIGNATURES[call.hook]}):",),
        answer=reason(f"hooks.{call.hook}", epoch="" if call.index is None else call.index + 1),
        limits=reason("limits.hooks"),
        picture=_sheet(calls, number),
    )


def _sheet(calls: tuple[HookCall, ...], number: int) -> Sheet:
    # What lies ahead stays covered, or the table would give the answer away.
    rows: list[tuple[SheetCell, ...]] = [
        (_when(call), call.hook, _logs(call) if each <= number else "…") for each, call in enumerate(calls)
    ]
    head = (reason("hooks.when"), reason("hooks.hook"), reason("hooks.logs"))
    return Sheet(caption=reason("hooks.caption"), head=head, rows=tuple(rows), strong=number)


def _when(call: HookCall) -> Reason:
    if call.hook == "on_train_begin":
        return reason("hooks.at_begin")
    if call.hook == "on_train_end":
        return reason("hooks.at_end")
    if call.batch is not None:
        return reason("hooks.in_batch", epoch=(call.index or 0) + 1)
    return reason("hooks.in_epoch", epoch=(call.index or 0) + 1)


def _logs(call: HookCall) -> SheetCell:
    if call.running:
        return reason("hooks.running", keys=", ".join(call.running))
    show = Decimals().show
    return ", ".join(f"{name} {show(value)}" for name, value in call.logs.items()) or reason("hooks.empty")


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
class _Notes(Callback):
    """The callback that takes notes."""

    name = "Notes"

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


HOOKS = Lesson("hooks", (RoundMaker(_hooks_round, "keras3-overfit"),))
