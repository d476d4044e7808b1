"""Lesson 7: schedules, a training that breaks, and a callback of one's own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping, History, LearningRateScheduler, TerminateOnNaN
from kcb_replay.replay.schedules import ExponentialDecay
from kcb_replay.replay.stream import stream_of
from kcb_replay.report.course.asking import (
    MONITOR,
    Guess,
    choices,
    fit_of,
    guess_of_stop,
    position,
    replayed,
    require_rate,
    values_of,
)
from kcb_replay.report.course.lesson import Cell, Lesson, Part, Position, Round, Said, Sheet, Unsuited, said
from kcb_replay.report.course.lessons.own_callback import StopWhenReached, source_code, stop_of
from kcb_replay.report.numbers import Decimals, short

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.stream import Epoch

__all__ = ["LESSON", "nan_round", "own_round", "schedule_round"]

_DECAYS = (1.0, 0.95, 0.9, 0.8, 0.5)
_ASKED_DECAY = 0.9
_TARGETS, _TARGET_METRIC = 8, "val_accuracy"
_ROWS_BEFORE, _ROWS_AFTER = 3, 1
_PATIENCE = 8


def schedule_round(recording: Recording) -> Round:
    """Ask which rate the last epoch is trained with, when every epoch takes a tenth off."""
    require_rate(recording)
    start = replayed(recording, LearningRateScheduler(ExponentialDecay(0.1, 1, 0.9))).initial_lr
    schedules = [ExponentialDecay(float(short(start)), 1, decay) for decay in _DECAYS]
    replays = [replayed(recording, LearningRateScheduler(schedule)) for schedule in schedules]
    asked = _DECAYS.index(_ASKED_DECAY)
    found, epochs = replays[asked], replays[asked].epochs
    wrong = (
        _rate(start * _ASKED_DECAY**epochs, said("schedule.because_from_one")),
        _rate(start * _ASKED_DECAY, said("schedule.because_once")),
        _rate(start, said("schedule.because_unchanged")),
    )
    named = {"decay": short(_ASKED_DECAY), "start": short(start), "epochs": epochs, "index": epochs - 1}
    return Round(
        key="schedule",
        recording=recording,
        slider="decay_rate",
        positions=tuple(
            position(short(each.decay_rate), made, _rate_answer(made), limits=said("limits.schedule"), code=_code(each))
            for each, made in zip(schedules, replays, strict=True)
        ),
        start=0,
        asked=asked,
        question=said("schedule.question", **named),
        options=choices(_rate(found.rows[-1].lr_begin), wrong),
        why=said("schedule.why", **named, rate=short(found.rows[-1].lr_begin)),
    )


def nan_round(recording: Recording) -> Round:
    """Ask after which epoch TerminateOnNaN ends a training whose loss breaks."""
    values_of(recording)
    epochs = stream_of(recording.fits[fit_of(recording)]).epochs
    broken = _first(epochs, math.isfinite)
    if broken is None:
        raise Unsuited(said("unsuited.nan"))
    first_nan = _first(epochs, lambda loss: not math.isnan(loss))
    replays = [
        replayed(recording, callback)
        for callback in (History(), EarlyStopping(MONITOR, patience=_PATIENCE), TerminateOnNaN())
    ]
    stopper, right = replays[1].stop_epoch, replays[2].stop_epoch
    wrong = [
        _in_epoch(stopper, len(epochs), said("nan.because_patience")),
        _in_epoch(None, len(epochs), said("nan.because_never")),
    ]
    if first_nan is not None:
        wrong.insert(0, _in_epoch(first_nan + 1, len(epochs), said("nan.because_nan")))
    named = {"epochs": len(epochs), "loss": Decimals().show(epochs[broken].logs["loss"]), "epoch": broken + 1}
    return Round(
        key="nan",
        recording=recording,
        slider="callbacks=[…]",
        positions=tuple(
            position(each.callbacks[0].name, each, _stop_only(each.stop_epoch, each.epochs)) for each in replays
        ),
        start=0,
        asked=2,
        question=said("nan.question", **named),
        options=choices(_in_epoch(right, len(epochs)), wrong),
        why=said("nan.why", **named),
    )


def own_round(recording: Recording) -> Round:
    """Ask after which epoch a callback of the reader's own stops the training."""
    values = values_of(recording, _TARGET_METRIC)
    epochs = stream_of(recording.fits[fit_of(recording)]).epochs
    targets = _targets(values)
    stops = [stop_of(StopWhenReached(_TARGET_METRIC, target), epochs) for target in targets]
    reached = [place for place, stop in enumerate(stops) if place and stop is not None and stop > 0]
    if not reached:
        raise Unsuited(said("unsuited.own"))
    asked = reached[-1]
    target, stop = targets[asked], (stops[asked] or 0) + 1
    wrong = [
        guess_of_stop(_first_best(epochs), len(epochs), said("own.because_best")),
        guess_of_stop(stop + 1, len(epochs), said("own.because_next")),
        guess_of_stop(None, len(epochs), said("own.because_never")),
    ]
    training = next((epoch.index for epoch in epochs if epoch.logs.get("accuracy", 0.0) >= target), None)
    if training is not None:
        wrong.insert(1, guess_of_stop(training + 1, len(epochs), said("own.because_training")))
    named = {"metric": _TARGET_METRIC, "target": short(target)}
    return Round(
        key="own",
        recording=recording,
        slider="target",
        positions=tuple(_own_position(target, stop, epochs) for target, stop in zip(targets, stops, strict=True)),
        start=0,
        asked=asked,
        question=said("own.question", **named),
        options=choices(guess_of_stop(stop, len(epochs)), wrong),
        why=said("own.why", **named, stop=stop, value=Decimals().show(epochs[stop - 1].logs.get(_TARGET_METRIC))),
    )


def _in_epoch(epoch: int | None, epochs: int, because: Said | None = None) -> Guess:
    if epoch is None:
        return guess_of_stop(None, epochs, because)
    return Guess(epoch, said("option.in", epoch=epoch), because)


def _code(schedule: ExponentialDecay) -> tuple[str, ...]:
    """Return code that Keras takes: its own schedules give tensors, and LearningRateScheduler wants a float."""
    return f"decay = {schedule}", "LearningRateScheduler(lambda epoch, lr: float(decay(epoch)))"


def _rate(rate: float, because: Said | None = None) -> Guess:
    return Guess(rate, short(rate), because)


def _rate_answer(found: Replay) -> Said:
    rows = found.rows
    return said("answer.rates", first=short(rows[0].lr_begin), last=short(rows[-1].lr_begin), epochs=len(rows))


def _first(epochs: Sequence[Epoch], is_well: Callable[[float], bool]) -> int | None:
    """Return the place of the first loss that is not well."""
    return next((place for place, epoch in enumerate(epochs) if not is_well(epoch.logs.get("loss", 0.0))), None)


def _first_best(epochs: Sequence[Epoch]) -> int:
    """Return the epoch, counted from 1, of the highest value."""
    return max(epochs, key=lambda epoch: epoch.logs.get(_TARGET_METRIC, -math.inf)).index + 1


def _stop_only(stop: int | None, epochs: int) -> Said:
    return said("answer.goes_on", epochs=epochs) if stop is None else said("answer.ends", stop=stop, epochs=epochs)


def _targets(values: Sequence[float]) -> list[float]:
    """Return rising round numbers from the first value to beyond the best one."""
    step = (max(values) - values[0]) / (_TARGETS - 2)
    if step <= 0:
        raise Unsuited(said("unsuited.own"))
    return list(dict.fromkeys(float(f"{values[0] + place * step:.2f}") for place in range(_TARGETS)))


def _own_position(target: float, stop: int | None, epochs: Sequence[Epoch]) -> Position:
    return Position(
        value=short(target),
        code=(f'StopWhenReached("{_TARGET_METRIC}", {short(target)})',),
        answer=_stop_only(None if stop is None else stop + 1, len(epochs)),
        limits=said("limits.undecided" if stop is None else "limits.own"),
        picture=_calls(epochs, stop),
    )


def _calls(epochs: Sequence[Epoch], stop: int | None) -> Sheet:
    """Return what the callback was handed around its stop, or at the end."""
    places = [epoch.index for epoch in epochs]
    last = places.index(stop) if stop is not None else len(epochs) - 1
    shown = epochs[max(0, last - _ROWS_BEFORE) : last + 1 + _ROWS_AFTER]
    show = Decimals().show
    rows: list[tuple[Cell, ...]] = [
        (str(epoch.index), show(epoch.logs.get(_TARGET_METRIC)), _deed(epoch.index, stop)) for epoch in shown
    ]
    return Sheet(
        caption=said("own.caption"),
        head=("epoch", f'logs["{_TARGET_METRIC}"]', said("own.deed")),
        rows=tuple(rows),
        strong=shown.index(epochs[last]) if stop is not None else None,
    )


def _deed(index: int, stop: int | None) -> Cell:
    if stop is None or index < stop:
        return said("own.nothing")
    return "self.model.stop_training = True" if index == stop else said("own.not_run")


LESSON = Lesson(
    "own",
    (Part(schedule_round, "keras3-nan"), Part(nan_round, "keras3-nan"), Part(own_round, "keras3-overfit")),
    tuple(source_code().splitlines()),
)
