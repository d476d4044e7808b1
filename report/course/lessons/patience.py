"""Lesson 2: how long EarlyStopping waits, and how small a step still counts as progress."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.report.course.lesson import Lesson, Round, RoundMaker, Unsuited
from kcb_replay.report.course.rounds import (
    MONITOR,
    nice_steps,
    positions_of,
    replayed,
    round_of,
    stop_answer,
    stop_sentence,
    stopping,
    values_of,
)
from kcb_replay.text import short

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.result import Replay

__all__ = ["LESSON"]

_PATIENCES = range(1, 13)
# From a thousandth to a fifth of the range of the metric: below nothing changes, above nothing counts.
_SMALLEST, _LARGEST = 0.001, 0.2


def _patience_round(recording: Recording) -> Round:
    """Ask what one more epoch of patience buys, where it buys most."""
    values_of(recording)
    replays = [replayed(recording, _early_stopping(patience)) for patience in _PATIENCES]
    goal = _longest_leap(replays)
    before, after = replays[goal - 1], replays[goal]
    stop, epochs = before.stop_epoch or 0, before.epochs
    lowest = (stopping(before).lowest_index or 0) + 1
    return round_of(
        "patience",
        recording,
        "patience",
        positions_of(map(str, _PATIENCES), replays, stop_sentence),
        start=goal - 1,
        goal=goal,
        right=stop_answer(after.stop_epoch, epochs),
        wrong=(
            stop_answer(stop + 1, epochs, reason("patience.because_one_more")),
            stop_answer(lowest, epochs, reason("patience.because_lowest")),
            stop_answer(None, epochs, reason("patience.because_never")),
        ),
        facts={"patience": _PATIENCES[goal], "before": _PATIENCES[goal - 1], "stop": stop},
        reached=(stopping(after).best_index or 0) + 1,
        best=(stopping(before).best_index or 0) + 1,
        more=(after.stop_epoch or epochs) - stop,
    )


def _min_delta_round(recording: Recording) -> Round:
    """Ask what becomes of the stop when small improvements no longer count."""
    values = values_of(recording)
    spread = max(values) - min(values)
    deltas = [0.0, *nice_steps(spread * _SMALLEST, spread * _LARGEST)]
    patience = _PATIENCES[_longest_leap([replayed(recording, _early_stopping(each)) for each in _PATIENCES])]
    replays = [replayed(recording, _early_stopping(patience, min_delta=delta)) for delta in deltas]
    stop, epochs = replays[0].stop_epoch, replays[0].epochs
    goal = next((number for number, each in enumerate(replays) if stop and (each.stop_epoch or epochs) < stop), None)
    if goal is None or stop is None:
        raise Unsuited(reason("unsuited.min_delta"))
    return round_of(
        "min_delta",
        recording,
        "min_delta",
        positions_of(map(short, deltas), replays, stop_sentence),
        goal=goal,
        right=stop_answer(replays[goal].stop_epoch, epochs),
        wrong=(
            stop_answer(stop, epochs, reason("min_delta.because_same")),
            stop_answer(stop + patience, epochs, reason("min_delta.because_later")),
            stop_answer(None, epochs, reason("min_delta.because_never")),
        ),
        facts={"min_delta": short(deltas[goal]), "patience": patience, "stop": stop},
        best=(stopping(replays[goal]).best_index or 0) + 1,
    )


def _early_stopping(patience: int, min_delta: float = 0.0) -> EarlyStopping:
    return EarlyStopping(MONITOR, min_delta=min_delta, patience=patience, restore_best_weights=True)


def _longest_leap(replays: list[Replay]) -> int:
    """Return the position at which the stop moves furthest, by more than the one epoch that everybody expects."""
    leaps = [
        (after.stop_epoch or after.epochs) - before.stop_epoch if before.stop_epoch and after.stop_epoch else 0
        for before, after in pairwise(replays)
    ]
    if max(leaps) < 2:
        raise Unsuited(reason("unsuited.patience"))
    return leaps.index(max(leaps)) + 1


LESSON = Lesson(
    "patience", (RoundMaker(_patience_round, "keras3-overfit"), RoundMaker(_min_delta_round, "keras3-overfit")), tried=0
)
