"""Lesson 7: schedules, a training that breaks, and a callback of one's own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kcb_replay.replay.stream import stream_of
from kcb_replay.report.course.lesson import Cell, Lesson, Part, Position, Round, Sheet, Unsuited, said
from kcb_replay.report.course.lessons.broken import nan_round
from kcb_replay.report.course.lessons.own_callback import StopWhenReached, source_code, stop_of
from kcb_replay.report.course.lessons.schedule import schedule_round
from kcb_replay.report.course.rounds import choices, end_answer, fit_of, guess_of_stop, values_of
from kcb_replay.text import decimals_for, short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.stream import Epoch

__all__ = ["LESSON", "own_round"]

_TARGETS, _METRIC = 8, "val_accuracy"
_ROWS_BEFORE, _ROWS_AFTER = 3, 1


def own_round(recording: Recording) -> Round:
    """Ask after which epoch a callback of the reader's own stops the training."""
    targets = _targets(values_of(recording, _METRIC))
    epochs = stream_of(recording.fits[fit_of(recording)]).epochs
    stops = [stop_of(StopWhenReached(_METRIC, target), epochs) for target in targets]
    reached = [(place, stop) for place, stop in enumerate(stops) if place and stop]
    if not reached:
        raise Unsuited(said("unsuited.own"))
    asked, index = reached[-1]
    stop, target = index + 1, targets[asked]
    wrong = [
        guess_of_stop(_best_of(epochs), len(epochs), said("own.because_best")),
        guess_of_stop(stop + 1, len(epochs), said("own.because_next")),
        guess_of_stop(None, len(epochs), said("own.because_never")),
    ]
    training = next((epoch.index + 1 for epoch in epochs if epoch.logs.get("accuracy", 0.0) >= target), None)
    if training is not None:
        wrong.insert(1, guess_of_stop(training, len(epochs), said("own.because_training")))
    value = epochs[index].logs[_METRIC]
    named = {"metric": _METRIC, "target": short(target)}
    return Round(
        key="own",
        recording=recording,
        slider="target",
        positions=tuple(_position(target, stop, epochs) for target, stop in zip(targets, stops, strict=True)),
        start=0,
        asked=asked,
        question=said("own.question", **named),
        options=choices(guess_of_stop(stop, len(epochs)), wrong),
        why=said("own.why", **named, stop=stop, value=decimals_for([(value, target)]).show(value)),
    )


def _targets(values: Sequence[float]) -> list[float]:
    """Return rising round numbers from the first value to beyond the best one."""
    step = (max(values) - values[0]) / (_TARGETS - 2)
    if step <= 0:
        raise Unsuited(said("unsuited.own"))
    return list(dict.fromkeys(float(f"{values[0] + place * step:.2f}") for place in range(_TARGETS)))


def _best_of(epochs: Sequence[Epoch]) -> int:
    """Return the epoch, counted from 1, of the highest value."""
    return max(epochs, key=lambda epoch: epoch.logs.get(_METRIC, -math.inf)).index + 1


def _position(target: float, stop: int | None, epochs: Sequence[Epoch]) -> Position:
    return Position(
        value=short(target),
        code=(f'StopWhenReached("{_METRIC}", {short(target)})',),
        answer=end_answer(None if stop is None else stop + 1, len(epochs)),
        limits=said("limits.undecided" if stop is None else "limits.own"),
        picture=_calls(epochs, target, stop),
    )


def _calls(epochs: Sequence[Epoch], target: float, stop: int | None) -> Sheet:
    """Return what the callback was handed around its stop, or at the end."""
    last = len(epochs) - 1 if stop is None else stop
    first = max(0, last - _ROWS_BEFORE)
    shown = epochs[first : last + 1 + _ROWS_AFTER]
    show = decimals_for((epoch.logs[_METRIC], target) for epoch in shown if _METRIC in epoch.logs).show
    rows: list[tuple[Cell, ...]] = [
        (str(epoch.index), show(epoch.logs.get(_METRIC)), _deed(epoch.index, stop)) for epoch in shown
    ]
    return Sheet(
        caption=said("own.caption"),
        head=("epoch", f'logs["{_METRIC}"]', said("own.deed")),
        rows=tuple(rows),
        strong=None if stop is None else stop - first,
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
