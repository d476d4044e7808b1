"""Lesson 5: ReduceLROnPlateau, its factor with the floor of min_lr, and its cooldown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import ReduceLROnPlateau
from kcb_replay.replay.outcomes import Drop
from kcb_replay.report.course.lesson import Lesson, Round, RoundMaker, Unsuited
from kcb_replay.report.course.rounds import (
    MONITOR,
    PossibleAnswer,
    positions_of,
    rate_answer,
    replayed,
    require_rate,
    round_of,
    values_of,
)
from kcb_replay.text import short

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.result import Replay

__all__ = ["LESSON"]

_PATIENCE, _FACTOR = 4, 0.5
_FACTORS = (0.9, 0.8, 0.5, 0.2, 0.1, 0.05)
_ASKED_FACTOR = 0.1
_COOLDOWNS = range(9)
# The floor: a fifth of the rate at the start, so that one step of the asked factor would go below it.
_FLOOR = 0.2


def _factor_round(recording: Recording) -> Round:
    """Ask what the learning rate is after the first drop, where `min_lr` stands in the way of `factor`."""
    values_of(recording)
    start_lr = require_rate(recording)
    floor = float(f"{start_lr * _FLOOR:.2g}")
    callbacks = [ReduceLROnPlateau(MONITOR, factor=each, patience=_PATIENCE, min_lr=floor) for each in _FACTORS]
    replays = [replayed(recording, callback) for callback in callbacks]
    goal = _FACTORS.index(_ASKED_FACTOR)
    first = _first_drop(replays[goal])
    facts = {"factor": short(_ASKED_FACTOR), "min_lr": short(floor), "rate": short(start_lr), "epoch": first.index + 1}
    return round_of(
        "factor",
        recording,
        "factor",
        positions_of(map(short, _FACTORS), replays, _drops_sentence),
        start=_FACTORS.index(_FACTOR),
        goal=goal,
        right=rate_answer(first.new_lr),
        wrong=(
            rate_answer(start_lr * _ASKED_FACTOR, reason("factor.because_floor")),
            rate_answer(start_lr * (1 - _ASKED_FACTOR), reason("factor.because_taken_off")),
            rate_answer(start_lr, reason("factor.because_unchanged")),
        ),
        facts=facts,
        product=short(start_lr * _ASKED_FACTOR),
        new=short(first.new_lr),
    )


def _cooldown_round(recording: Recording) -> Round:
    """Ask how many drops are left when the counter rests after each of them."""
    values_of(recording)
    require_rate(recording)
    replays = [
        replayed(recording, ReduceLROnPlateau(MONITOR, factor=_FACTOR, patience=_PATIENCE, cooldown=each))
        for each in _COOLDOWNS
    ]
    counts = [len(_drops(result)) for result in replays]
    goal = next((number for number, count in enumerate(counts) if number > 2 and count < counts[0] - 1), None)
    if goal is None:
        raise Unsuited(reason("unsuited.drops"))
    cooldown, before = _COOLDOWNS[goal], counts[0]
    return round_of(
        "cooldown",
        recording,
        "cooldown",
        positions_of(map(str, _COOLDOWNS), replays, _drops_sentence),
        goal=goal,
        right=_count(counts[goal]),
        wrong=(
            _count(before, reason("cooldown.because_same")),
            _count(before - 1, reason("cooldown.because_one_less")),
            _count(0, reason("cooldown.because_none")),
            _count(max(before - cooldown, 1), reason("cooldown.because_minus")),
        ),
        facts={"cooldown": cooldown, "patience": _PATIENCE, "before": before},
        count=counts[goal],
        apart=cooldown + _PATIENCE - 1,
    )


def _drops(result: Replay) -> tuple[Drop, ...]:
    return result.outcomes[0].drops


def _first_drop(result: Replay) -> Drop:
    drops = _drops(result)
    if not drops:
        raise Unsuited(reason("unsuited.drops"))
    return drops[0]


def _drops_sentence(result: Replay) -> Reason:
    drops = _drops(result)
    if not drops:
        return reason("answer.no_drop", rate=short(result.initial_lr))
    names = {"first": drops[0].index + 1, "old": short(drops[0].old_lr), "new": short(drops[-1].new_lr)}
    return reason("answer.drop" if len(drops) == 1 else "answer.drops", count=len(drops), **names)


def _count(count: int, because: Reason | None = None) -> PossibleAnswer:
    return PossibleAnswer(count, reason("option.drop") if count == 1 else reason("option.drops", count=count), because)


LESSON = Lesson(
    "plateau", (RoundMaker(_factor_round, "keras3-reduce-lr"), RoundMaker(_cooldown_round, "keras3-reduce-lr")), tried=1
)
