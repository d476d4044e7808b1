"""Lesson 7: a learning rate that follows a plan, a loss that breaks and who notices, and a callback of one's own.

The code of that callback on the page is the source of the class here. Keras is not needed for it: the base class here
has what this one uses of Keras's, and nothing else. A test drives the same class on the real base.
"""

from __future__ import annotations

import ast
import inspect
import math
from collections.abc import Callable, Mapping, Sequence

from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import EarlyStopping, History, LearningRateScheduler, TerminateOnNaN
from kcb_replay.replay.result import Replay
from kcb_replay.replay.schedules import ExponentialDecay
from kcb_replay.replay.stream import Epoch, stream_of
from kcb_replay.report.course.lesson import Lesson, Position, Round, RoundMaker, Sheet, SheetCell, Unsuited
from kcb_replay.report.course.rounds import (
    MONITOR,
    PossibleAnswer,
    end_answer,
    fit_of,
    position,
    positions_of,
    rate_answer,
    replayed,
    require_rate,
    round_of,
    stop_answer,
    values_of,
)
from kcb_replay.text import Decimals, decimals_for, short

_DECAYS = (1.0, 0.95, 0.9, 0.8, 0.5)
_ASKED_DECAY = 0.9
_NAN_PATIENCE = 8
_TARGETS, _METRIC = 8, "val_accuracy"
_ROWS_BEFORE, _ROWS_AFTER = 3, 1


class TaughtModel:
    """What is left of a model: the flag that ends the training."""

    stop_training = False


class TaughtCallback:
    """What `keras.callbacks.Callback` gives its children: the model."""

    def __init__(self) -> None:
        self.model = TaughtModel()


class StopWhenReached(TaughtCallback):
    """Stop the training when a metric has reached a target."""

    def __init__(self, monitor: str, target: float) -> None:
        super().__init__()
        self.monitor = monitor
        self.target = target

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Look at what the epoch has logged; epoch counts from 0."""
        value = (logs or {}).get(self.monitor)
        if value is not None and value >= self.target:
            self.model.stop_training = True


def source_code() -> str:
    """Return the class as somebody writes it who has Keras: on its base class, without types."""
    tree = ast.parse(inspect.getsource(StopWhenReached))
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.ClassDef):
            node.bases = [ast.parse("keras.callbacks.Callback", mode="eval").body]
    return f"import keras\n\n\n{ast.unparse(tree)}\n"


def stop_of(callback: StopWhenReached, epochs: Sequence[Epoch]) -> int | None:
    """Return the 0-based epoch after which the callback stops a recorded training, None where it never does."""
    for epoch in epochs:
        callback.on_epoch_end(epoch.index, dict(epoch.logs))
        if callback.model.stop_training:
            return epoch.index
    return None


def _schedule_round(recording: Recording) -> Round:
    """Ask which rate the last epoch is trained with, when every epoch takes a tenth off."""
    start = float(short(require_rate(recording)))
    schedules = [ExponentialDecay(start, 1, decay) for decay in _DECAYS]
    replays = [replayed(recording, LearningRateScheduler(schedule)) for schedule in schedules]
    goal = _DECAYS.index(_ASKED_DECAY)
    last, epochs = replays[goal].rows[-1].lr_begin, replays[goal].epochs
    return round_of(
        "schedule",
        recording,
        "decay_rate",
        tuple(_schedule_position(each, result) for each, result in zip(schedules, replays, strict=True)),
        goal=goal,
        right=rate_answer(last),
        wrong=(
            rate_answer(start * _ASKED_DECAY**epochs, reason("schedule.because_from_one")),
            rate_answer(start * _ASKED_DECAY, reason("schedule.because_once")),
            rate_answer(start, reason("schedule.because_unchanged")),
        ),
        facts={"decay": short(_ASKED_DECAY), "start": short(start), "epochs": epochs, "index": epochs - 1},
        rate=short(last),
    )


def _schedule_position(schedule: ExponentialDecay, result: Replay) -> Position:
    rows = result.rows
    rates = {"first": short(rows[0].lr_begin), "last": short(rows[-1].lr_begin)}
    # Keras's own schedules give tensors, and LearningRateScheduler wants a float.
    code = (f"decay = {schedule}", "LearningRateScheduler(lambda epoch, lr: float(decay(epoch)))")
    answer = reason("answer.rates", **rates, epochs=len(rows))
    return position(short(schedule.decay_rate), result, answer, limits=reason("limits.schedule"), code=code)


def _nan_round(recording: Recording) -> Round:
    """Ask in which epoch TerminateOnNaN ends a training whose loss breaks."""
    values_of(recording)
    callbacks = (History(), EarlyStopping(MONITOR, patience=_NAN_PATIENCE), TerminateOnNaN())
    replays = [replayed(recording, callback) for callback in callbacks]
    losses, epochs = replays[0].stream.values_of("loss"), replays[0].epochs
    broken = _first(losses, lambda loss: not math.isfinite(loss))
    if broken is None:
        raise Unsuited(reason("unsuited.nan"))
    wrong = [
        _in_epoch(replays[1].stop_epoch, epochs, reason("nan.because_patience")),
        _in_epoch(None, epochs, reason("nan.because_never")),
    ]
    nan = _first(losses, math.isnan)
    if nan is not None:
        wrong.insert(0, _in_epoch(nan, epochs, reason("nan.because_nan")))
    return round_of(
        "nan",
        recording,
        "callbacks=[…]",
        positions_of(
            (callback.name for callback in callbacks), replays, lambda result: end_answer(result.stop_epoch, epochs)
        ),
        goal=2,
        right=_in_epoch(replays[2].stop_epoch, epochs),
        wrong=wrong,
        facts={"epochs": epochs, "loss": Decimals().show(losses[broken - 1]), "epoch": broken},
    )


def _first(losses: Mapping[int, float], fits: Callable[[float], bool]) -> int | None:
    """Return the first epoch, counted from 1, whose loss fits."""
    return next((index + 1 for index, loss in losses.items() if fits(loss)), None)


def _in_epoch(epoch: int | None, epochs: int, because: Reason | None = None) -> PossibleAnswer:
    if epoch is None:
        return stop_answer(None, epochs, because)
    return PossibleAnswer(epoch, reason("option.in", epoch=epoch), because)


def _own_round(recording: Recording) -> Round:
    """Ask after which epoch a callback of the reader's own stops the training."""
    targets = _targets(values_of(recording, _METRIC))
    epochs = stream_of(recording.fits[fit_of(recording)]).epochs
    stops = [stop_of(StopWhenReached(_METRIC, target), epochs) for target in targets]
    reached = [(number, stop) for number, stop in enumerate(stops) if number and stop]
    if not reached:
        raise Unsuited(reason("unsuited.own"))
    goal, index = reached[-1]
    stop, target = index + 1, targets[goal]
    wrong = [
        stop_answer(_best_of(epochs), len(epochs), reason("own.because_best")),
        stop_answer(stop + 1, len(epochs), reason("own.because_next")),
        stop_answer(None, len(epochs), reason("own.because_never")),
    ]
    training = next((epoch.index + 1 for epoch in epochs if epoch.logs.get("accuracy", 0.0) >= target), None)
    if training is not None:
        wrong.insert(1, stop_answer(training, len(epochs), reason("own.because_training")))
    value = epochs[index].logs[_METRIC]
    return round_of(
        "own",
        recording,
        "target",
        tuple(_position(target, stop, epochs) for target, stop in zip(targets, stops, strict=True)),
        goal=goal,
        right=stop_answer(stop, len(epochs)),
        wrong=wrong,
        facts={"metric": _METRIC, "target": short(target)},
        stop=stop,
        value=decimals_for([(value, target)]).show(value),
    )


def _targets(values: Sequence[float]) -> list[float]:
    """Return rising round numbers from the first value to beyond the best one."""
    step = (max(values) - values[0]) / (_TARGETS - 2)
    if step <= 0:
        raise Unsuited(reason("unsuited.own"))
    return list(dict.fromkeys(float(f"{values[0] + number * step:.2f}") for number in range(_TARGETS)))


def _best_of(epochs: Sequence[Epoch]) -> int:
    """Return the epoch, counted from 1, of the highest value."""
    return max(epochs, key=lambda epoch: epoch.logs.get(_METRIC, -math.inf)).index + 1


def _position(target: float, stop: int | None, epochs: Sequence[Epoch]) -> Position:
    return Position(
        value=short(target),
        code=(f'StopWhenReached("{_METRIC}", {short(target)})',),
        answer=end_answer(None if stop is None else stop + 1, len(epochs)),
        limits=reason("limits.undecided" if stop is None else "limits.own"),
        picture=_calls(epochs, target, stop),
    )


def _calls(epochs: Sequence[Epoch], target: float, stop: int | None) -> Sheet:
    """Return what the callback was handed around its stop, or at the end."""
    last = len(epochs) - 1 if stop is None else stop
    first = max(0, last - _ROWS_BEFORE)
    shown = epochs[first : last + 1 + _ROWS_AFTER]
    show = decimals_for((epoch.logs[_METRIC], target) for epoch in shown if _METRIC in epoch.logs).show
    rows: list[tuple[SheetCell, ...]] = [
        (str(epoch.index), show(epoch.logs.get(_METRIC)), _deed(epoch.index, stop)) for epoch in shown
    ]
    return Sheet(
        caption=reason("own.caption"),
        head=("epoch", f'logs["{_METRIC}"]', reason("own.deed")),
        rows=tuple(rows),
        strong=None if stop is None else stop - first,
    )


def _deed(index: int, stop: int | None) -> SheetCell:
    if stop is None or index < stop:
        return reason("own.nothing")
    return "self.model.stop_training = True" if index == stop else reason("own.not_run")


OWN = Lesson(
    "own",
    (
        RoundMaker(_schedule_round, "keras3-nan"),
        RoundMaker(_nan_round, "keras3-nan"),
        RoundMaker(_own_round, "keras3-overfit"),
    ),
    tuple(source_code().splitlines()),
)
