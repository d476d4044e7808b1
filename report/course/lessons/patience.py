"""Lesson 2: how long EarlyStopping waits, and how small a step still counts as progress."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.report.course.lesson import Lesson, Part, Round, Unsuited, said
from kcb_replay.report.course.rounds import (
    MONITOR,
    choices,
    guess_of_stop,
    nice_steps,
    position,
    replayed,
    stop_answer,
    stopping,
    values_of,
)
from kcb_replay.text import short

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.result import Replay

__all__ = ["LESSON", "min_delta_round", "patience_round"]

_PATIENCES = range(1, 13)
# From a thousandth to a fifth of the range of the metric: below nothing changes, above nothing counts.
_SMALLEST, _LARGEST = 0.001, 0.2


def patience_round(recording: Recording) -> Round:
    """Ask what one more epoch of patience buys, where it buys most."""
    values_of(recording)
    replays = [replayed(recording, _early_stopping(patience)) for patience in _PATIENCES]
    asked = _longest_leap(replays)
    before, after = replays[asked - 1], replays[asked]
    stop, epochs = before.stop_epoch or 0, before.epochs
    lowest = (stopping(before).lowest_index or 0) + 1
    wrong = (
        guess_of_stop(stop + 1, epochs, said("patience.because_one_more")),
        guess_of_stop(lowest, epochs, said("patience.because_lowest")),
        guess_of_stop(None, epochs, said("patience.because_never")),
    )
    waiting = {"patience": _PATIENCES[asked], "before": _PATIENCES[asked - 1], "stop": stop}
    return Round(
        key="patience",
        recording=recording,
        slider="patience",
        positions=tuple(
            position(str(patience), found, stop_answer(found))
            for patience, found in zip(_PATIENCES, replays, strict=True)
        ),
        start=asked - 1,
        asked=asked,
        question=said("patience.question", **waiting),
        options=choices(guess_of_stop(after.stop_epoch, epochs), wrong),
        why=said(
            "patience.why",
            **waiting,
            reached=(stopping(after).best_index or 0) + 1,
            best=(stopping(before).best_index or 0) + 1,
            more=(after.stop_epoch or epochs) - stop,
        ),
    )


def min_delta_round(recording: Recording) -> Round:
    """Ask what becomes of the stop when small improvements no longer count."""
    values = values_of(recording)
    spread = max(values) - min(values)
    deltas = [0.0, *nice_steps(spread * _SMALLEST, spread * _LARGEST)]
    patience = _PATIENCES[_longest_leap([replayed(recording, _early_stopping(each)) for each in _PATIENCES])]
    replays = [replayed(recording, _early_stopping(patience, min_delta=delta)) for delta in deltas]
    stop, epochs = replays[0].stop_epoch, replays[0].epochs
    asked = next((place for place, found in enumerate(replays) if stop and (found.stop_epoch or epochs) < stop), None)
    if asked is None or stop is None:
        raise Unsuited(said("unsuited.min_delta"))
    right = replays[asked].stop_epoch
    wrong = (
        guess_of_stop(stop, epochs, said("min_delta.because_same")),
        guess_of_stop(stop + patience, epochs, said("min_delta.because_later")),
        guess_of_stop(None, epochs, said("min_delta.because_never")),
    )
    named = {"min_delta": short(deltas[asked]), "patience": patience, "stop": stop}
    return Round(
        key="min_delta",
        recording=recording,
        slider="min_delta",
        positions=tuple(
            position(short(delta), found, stop_answer(found)) for delta, found in zip(deltas, replays, strict=True)
        ),
        start=0,
        asked=asked,
        question=said("min_delta.question", **named),
        options=choices(guess_of_stop(right, epochs), wrong),
        why=said("min_delta.why", **named, best=(stopping(replays[asked]).best_index or 0) + 1),
    )


def _early_stopping(patience: int, min_delta: float = 0.0) -> EarlyStopping:
    return EarlyStopping(MONITOR, min_delta=min_delta, patience=patience, restore_best_weights=True)


def _longest_leap(replays: list[Replay]) -> int:
    """Return the place at which the stop moves furthest, by more than the one epoch that everybody expects."""
    leaps = [
        (after.stop_epoch or after.epochs) - before.stop_epoch if before.stop_epoch and after.stop_epoch else 0
        for before, after in pairwise(replays)
    ]
    if max(leaps) < 2:
        raise Unsuited(said("unsuited.patience"))
    return leaps.index(max(leaps)) + 1


LESSON = Lesson("patience", (Part(patience_round, "keras3-overfit"), Part(min_delta_round, "keras3-overfit")), tried=0)
