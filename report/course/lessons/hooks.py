"""Lesson 1: what a callback is, when its hooks run, and what it is handed there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.report.course.lesson import Cell, Lesson, Part, Position, Round, Said, Sheet, said
from kcb_replay.report.course.rounds import MONITOR, Guess, choices, fit_of, values_of
from kcb_replay.report.course.walk import HookCall, walk
from kcb_replay.text import Decimals

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording

__all__ = ["LESSON", "hooks_round"]

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


def hooks_round(recording: Recording) -> Round:
    """Ask in which hook the validation loss can be read for the first time under its own name."""
    values_of(recording)
    calls = walk(recording.fits[fit_of(recording)])
    asked = next(place for place, call in enumerate(calls) if MONITOR in call.logs)
    right = calls[asked].hook
    wrong = [
        Guess(_place(hook), hook, said(f"hooks.because_{hook}"))
        for hook in ("on_epoch_begin", "on_train_batch_end", "on_test_end")
    ]
    return Round(
        key="hooks",
        recording=recording,
        slider=said("hooks.slider"),
        positions=tuple(_position(calls, place) for place in range(len(calls))),
        start=0,
        asked=asked,
        question=said("hooks.question", metric=MONITOR),
        options=choices(Guess(_place(right), right), wrong),
        why=said("hooks.why", metric=MONITOR, hook=right),
    )


def _place(hook: str) -> int:
    return list(_SIGNATURES).index(hook)


def _position(calls: tuple[HookCall, ...], place: int) -> Position:
    call = calls[place]
    return Position(
        value=f"{place + 1}. {call.hook}",
        code=(f"def {call.hook}(self, {_SIGNATURES[call.hook]}):",),
        answer=said(f"hooks.{call.hook}", epoch="" if call.index is None else call.index + 1),
        limits=said("limits.hooks"),
        picture=_sheet(calls, place),
    )


def _sheet(calls: tuple[HookCall, ...], place: int) -> Sheet:
    # What lies ahead stays covered, or the table would give the answer away.
    rows: list[tuple[Cell, ...]] = [
        (_when(call), call.hook, _logs(call) if number <= place else "…") for number, call in enumerate(calls)
    ]
    head = (said("hooks.when"), said("hooks.hook"), said("hooks.logs"))
    return Sheet(caption=said("hooks.caption"), head=head, rows=tuple(rows), strong=place)


def _when(call: HookCall) -> Said:
    if call.hook == "on_train_begin":
        return said("hooks.at_begin")
    if call.hook == "on_train_end":
        return said("hooks.at_end")
    if call.batch is not None:
        return said("hooks.in_batch", epoch=(call.index or 0) + 1)
    return said("hooks.in_epoch", epoch=(call.index or 0) + 1)


def _logs(call: HookCall) -> Cell:
    if call.running:
        return said("hooks.running", keys=", ".join(call.running))
    show = Decimals().show
    return ", ".join(f"{name} {show(value)}" for name, value in call.logs.items()) or said("hooks.empty")


LESSON = Lesson("hooks", (Part(hooks_round, "keras3-overfit"),))
