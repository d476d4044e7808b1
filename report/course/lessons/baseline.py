"""Lesson 3: a value that has to be beaten first, and epochs that do not count yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.report.course.lesson import Lesson, Part, Round, Unsuited, said
from kcb_replay.report.course.rounds import (
    MONITOR,
    choices,
    guess_of_stop,
    position,
    replayed,
    stop_answer,
    values_of,
)
from kcb_replay.text import short

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.result import Replay

__all__ = ["LESSON", "baseline_round", "start_round"]

_PATIENCE, _BASELINES, _STARTS = 4, 9, range(13)


def baseline_round(recording: Recording) -> Round:
    """Ask when the training stops under a baseline that the metric needs more epochs for than the patience has."""
    values = values_of(recording)
    baselines: list[float | None] = [None, *_between(values[0], min(values))]
    replays = [replayed(recording, _early_stopping(baseline=baseline)) for baseline in baselines]
    free, epochs = replays[0].stop_epoch, replays[0].epochs
    asked = next((place for place, found in enumerate(replays) if _is_cut_off(found, free)), None)
    if asked is None:
        raise Unsuited(said("unsuited.baseline"))
    baseline = baselines[asked] or 0.0
    seen = replays[asked].stream.values_of(MONITOR)
    beaten = next((index + 1 for index, value in seen.items() if value < baseline), None)
    wrong = (
        guess_of_stop(beaten, epochs, said("baseline.because_target")),
        guess_of_stop(free, epochs, said("baseline.because_same")),
        guess_of_stop(_PATIENCE, epochs, said("baseline.because_patience", patience=_PATIENCE)),
        guess_of_stop(None, epochs, said("baseline.because_never")),
    )
    named = {"baseline": short(baseline), "patience": _PATIENCE, "free": free}
    return Round(
        key="baseline",
        recording=recording,
        slider="baseline",
        positions=tuple(
            position("None" if baseline is None else short(baseline), found, stop_answer(found))
            for baseline, found in zip(baselines, replays, strict=True)
        ),
        start=0,
        asked=asked,
        question=said("baseline.question", **named),
        options=choices(guess_of_stop(replays[asked].stop_epoch, epochs), wrong),
        why=said("baseline.why", **named, beaten=beaten, stop=replays[asked].stop_epoch),
    )


def start_round(recording: Recording) -> Round:
    """Ask what changes when the first epochs are not looked at."""
    values_of(recording)
    patience, replays = _with_early_trouble(recording)
    stop, epochs = replays[0].stop_epoch or 0, replays[0].epochs
    asked = next((place for place, found in enumerate(replays) if found.stop_epoch != stop), None)
    if asked is None:
        raise Unsuited(said("unsuited.start"))
    start, right = _STARTS[asked], replays[asked].stop_epoch
    wrong = (
        guess_of_stop(stop, epochs, said("start.because_same")),
        guess_of_stop(start + 1 + patience, epochs, said("start.because_at_once")),
        guess_of_stop(stop + start, epochs, said("start.because_shifted")),
        guess_of_stop(None, epochs, said("start.because_never")),
    )
    named = {"start": start, "patience": patience, "stop": stop, "first": start + 1}
    return Round(
        key="start",
        recording=recording,
        slider="start_from_epoch",
        positions=tuple(
            position(str(start), found, stop_answer(found)) for start, found in zip(_STARTS, replays, strict=True)
        ),
        start=0,
        asked=asked,
        question=said("start.question", **named),
        options=choices(guess_of_stop(right, epochs), wrong),
        why=said("start.why", **named),
    )


def _early_stopping(
    patience: int = _PATIENCE, *, baseline: float | None = None, start_from_epoch: int = 0
) -> EarlyStopping:
    return EarlyStopping(
        MONITOR,
        patience=patience,
        baseline=baseline,
        restore_best_weights=True,
        start_from_epoch=start_from_epoch,
    )


def _between(first: float, lowest: float) -> list[float]:
    """Return falling round numbers from the first value to the lowest one."""
    step = (first - lowest) / _BASELINES
    if step <= 0:
        raise Unsuited(said("unsuited.baseline"))
    steps = (float(f"{first - place * step:.2g}") for place in range(1, _BASELINES + 1))
    return list(dict.fromkeys(value for value in steps if lowest < value < first))


def _is_cut_off(found: Replay, free: int | None) -> bool:
    """Tell whether the baseline ends the training before its time."""
    return found.stop_epoch is not None and free is not None and found.stop_epoch < free


def _with_early_trouble(recording: Recording) -> tuple[int, list[Replay]]:
    """Return the replays of every start, for the first patience with which some starts outlast the stop."""
    for patience in (3, 2, 1, 4, 5):
        replays = [replayed(recording, _early_stopping(patience, start_from_epoch=start)) for start in _STARTS]
        stop = replays[0].stop_epoch
        if stop is not None and any(found.stop_epoch is None or found.stop_epoch > stop for found in replays):
            return patience, replays
    raise Unsuited(said("unsuited.start"))


LESSON = Lesson("baseline", (Part(baseline_round, "seeds/seed1"), Part(start_round, "seeds/seed1")), tried=1)
