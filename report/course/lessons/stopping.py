"""Lessons 2 and 3: how long EarlyStopping waits, what counts as progress, and what has to be beaten first."""

from __future__ import annotations

from itertools import pairwise

from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.result import Replay
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

_PATIENCES = range(1, 13)
# From a thousandth to a fifth of the range of the metric: below nothing changes, above nothing counts.
_SMALLEST, _LARGEST = 0.001, 0.2
_PATIENCE, _BASELINES, _STARTS = 4, 9, range(13)


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


def _longest_leap(replays: list[Replay]) -> int:
    """Return the position at which the stop moves furthest, by more than the one epoch that everybody expects."""
    leaps = [
        (after.stop_epoch or after.epochs) - before.stop_epoch if before.stop_epoch and after.stop_epoch else 0
        for before, after in pairwise(replays)
    ]
    if max(leaps) < 2:
        raise Unsuited(reason("unsuited.patience"))
    return leaps.index(max(leaps)) + 1


PATIENCE = Lesson(
    "patience", (RoundMaker(_patience_round, "keras3-overfit"), RoundMaker(_min_delta_round, "keras3-overfit")), tried=0
)


def _baseline_round(recording: Recording) -> Round:
    """Ask when the training stops under a baseline that the metric needs more epochs for than the patience has."""
    values = values_of(recording)
    baselines: list[float | None] = [None, *_between(values[0], min(values))]
    replays = [replayed(recording, _early_stopping(baseline=baseline)) for baseline in baselines]
    free, epochs = replays[0].stop_epoch, replays[0].epochs
    goal = next((number for number, result in enumerate(replays) if _is_cut_off(result, free)), None)
    if goal is None:
        raise Unsuited(reason("unsuited.baseline"))
    baseline, stop = baselines[goal] or 0.0, replays[goal].stop_epoch
    seen = replays[goal].stream.values_of(MONITOR)
    beaten = next((index + 1 for index, value in seen.items() if value < baseline), None)
    return round_of(
        "baseline",
        recording,
        "baseline",
        positions_of(("None" if each is None else short(each) for each in baselines), replays, stop_sentence),
        goal=goal,
        right=stop_answer(stop, epochs),
        wrong=(
            stop_answer(beaten, epochs, reason("baseline.because_target")),
            stop_answer(free, epochs, reason("baseline.because_same")),
            stop_answer(_PATIENCE, epochs, reason("baseline.because_patience", patience=_PATIENCE)),
            stop_answer(None, epochs, reason("baseline.because_never")),
        ),
        facts={"baseline": short(baseline), "patience": _PATIENCE, "free": free},
        beaten=beaten,
        stop=stop,
    )


def _start_round(recording: Recording) -> Round:
    """Ask what changes when the first epochs are not looked at."""
    values_of(recording)
    patience, replays = _with_early_trouble(recording)
    stop, epochs = replays[0].stop_epoch or 0, replays[0].epochs
    goal = next((number for number, result in enumerate(replays) if result.stop_epoch != stop), None)
    if goal is None:
        raise Unsuited(reason("unsuited.start"))
    start = _STARTS[goal]
    return round_of(
        "start",
        recording,
        "start_from_epoch",
        positions_of(map(str, _STARTS), replays, stop_sentence),
        goal=goal,
        right=stop_answer(replays[goal].stop_epoch, epochs),
        wrong=(
            stop_answer(stop, epochs, reason("start.because_same")),
            stop_answer(start + 1 + patience, epochs, reason("start.because_at_once")),
            stop_answer(stop + start, epochs, reason("start.because_shifted")),
            stop_answer(None, epochs, reason("start.because_never")),
        ),
        facts={"start": start, "patience": patience, "stop": stop, "first": start + 1},
    )


def _early_stopping(
    patience: int = _PATIENCE, *, min_delta: float = 0.0, baseline: float | None = None, start_from_epoch: int = 0
) -> EarlyStopping:
    return EarlyStopping(
        MONITOR,
        min_delta=min_delta,
        patience=patience,
        baseline=baseline,
        restore_best_weights=True,
        start_from_epoch=start_from_epoch,
    )


def _between(first: float, lowest: float) -> list[float]:
    """Return falling round numbers from the first value to the lowest one."""
    step = (first - lowest) / _BASELINES
    if step <= 0:
        raise Unsuited(reason("unsuited.baseline"))
    steps = (float(f"{first - number * step:.2g}") for number in range(1, _BASELINES + 1))
    return list(dict.fromkeys(value for value in steps if lowest < value < first))


def _is_cut_off(result: Replay, free: int | None) -> bool:
    """Tell whether the baseline ends the training before its time."""
    return result.stop_epoch is not None and free is not None and result.stop_epoch < free


def _with_early_trouble(recording: Recording) -> tuple[int, list[Replay]]:
    """Return the replays of every start, for the first patience with which some starts outlast the stop."""
    for patience in (3, 2, 1, 4, 5):
        replays = [replayed(recording, _early_stopping(patience, start_from_epoch=start)) for start in _STARTS]
        stop = replays[0].stop_epoch
        if stop is not None and any(each.stop_epoch is None or each.stop_epoch > stop for each in replays):
            return patience, replays
    raise Unsuited(reason("unsuited.start"))


BASELINE = Lesson(
    "baseline", (RoundMaker(_baseline_round, "seeds/seed1"), RoundMaker(_start_round, "seeds/seed1")), tried=1
)
