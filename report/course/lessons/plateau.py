"""Lesson 5: ReduceLROnPlateau, its factor with the floor of min_lr, and its cooldown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import ReduceLROnPlateau
from kcb_replay.replay.outcomes import Drop, ReduceLROnPlateauOutcome
from kcb_replay.report.course.lesson import Lesson, Part, Round, Said, Unsuited, said
from kcb_replay.report.course.rounds import (
    MONITOR,
    Guess,
    choices,
    position,
    replayed,
    require_rate,
    values_of,
)
from kcb_replay.text import short

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.result import Replay

__all__ = ["LESSON", "cooldown_round", "factor_round"]

_PATIENCE, _FACTOR = 4, 0.5
_FACTORS = (0.9, 0.8, 0.5, 0.2, 0.1, 0.05)
_ASKED_FACTOR = 0.1
_COOLDOWNS = range(9)
# The floor: a fifth of the rate at the start, so that one step of the asked factor would go below it.
_FLOOR = 0.2


def factor_round(recording: Recording) -> Round:
    """Ask what the learning rate is after the first drop, where `min_lr` stands in the way of `factor`."""
    values_of(recording)
    start_lr = require_rate(recording)
    floor = float(f"{start_lr * _FLOOR:.2g}")
    callbacks = [ReduceLROnPlateau(MONITOR, factor=each, patience=_PATIENCE, min_lr=floor) for each in _FACTORS]
    replays = [replayed(recording, callback) for callback in callbacks]
    asked = _FACTORS.index(_ASKED_FACTOR)
    first = _first_drop(replays[asked])
    wrong = (
        _rate(start_lr * _ASKED_FACTOR, said("factor.because_floor")),
        _rate(start_lr * (1 - _ASKED_FACTOR), said("factor.because_taken_off")),
        _rate(start_lr, said("factor.because_unchanged")),
    )
    named = {"factor": short(_ASKED_FACTOR), "min_lr": short(floor), "rate": short(start_lr), "epoch": first.index + 1}
    return Round(
        key="factor",
        recording=recording,
        slider="factor",
        positions=tuple(
            position(short(factor), found, _drops_answer(found))
            for factor, found in zip(_FACTORS, replays, strict=True)
        ),
        start=_FACTORS.index(_FACTOR),
        asked=asked,
        question=said("factor.question", **named),
        options=choices(_rate(first.new_lr), wrong),
        why=said("factor.why", **named, product=short(start_lr * _ASKED_FACTOR), new=short(first.new_lr)),
    )


def cooldown_round(recording: Recording) -> Round:
    """Ask how many drops are left when the counter rests after each of them."""
    values_of(recording)
    require_rate(recording)
    replays = [
        replayed(recording, ReduceLROnPlateau(MONITOR, factor=_FACTOR, patience=_PATIENCE, cooldown=each))
        for each in _COOLDOWNS
    ]
    counts = [len(_drops(found)) for found in replays]
    asked = next((place for place, count in enumerate(counts) if place > 2 and count < counts[0] - 1), None)
    if asked is None:
        raise Unsuited(said("unsuited.drops"))
    cooldown, before = _COOLDOWNS[asked], counts[0]
    wrong = (
        _count(before, said("cooldown.because_same")),
        _count(before - 1, said("cooldown.because_one_less")),
        _count(0, said("cooldown.because_none")),
        _count(max(before - cooldown, 1), said("cooldown.because_minus")),
    )
    named = {"cooldown": cooldown, "patience": _PATIENCE, "before": before}
    return Round(
        key="cooldown",
        recording=recording,
        slider="cooldown",
        positions=tuple(
            position(str(cooldown), found, _drops_answer(found))
            for cooldown, found in zip(_COOLDOWNS, replays, strict=True)
        ),
        start=0,
        asked=asked,
        question=said("cooldown.question", **named),
        options=choices(_count(counts[asked]), wrong),
        why=said("cooldown.why", **named, count=counts[asked], apart=cooldown + _PATIENCE - 1),
    )


def _drops(found: Replay) -> tuple[Drop, ...]:
    outcome = found.outcomes[0]
    if not isinstance(outcome, ReduceLROnPlateauOutcome):
        raise TypeError("only a ReduceLROnPlateau was replayed")
    return outcome.drops


def _first_drop(found: Replay) -> Drop:
    drops = _drops(found)
    if not drops:
        raise Unsuited(said("unsuited.drops"))
    return drops[0]


def _drops_answer(found: Replay) -> Said:
    drops = _drops(found)
    if not drops:
        return said("answer.no_drop", rate=short(found.initial_lr))
    names = {"first": drops[0].index + 1, "old": short(drops[0].old_lr), "new": short(drops[-1].new_lr)}
    return said("answer.drop" if len(drops) == 1 else "answer.drops", count=len(drops), **names)


def _rate(rate: float, because: Said | None = None) -> Guess:
    return Guess(rate, short(rate), because)


def _count(count: int, because: Said | None = None) -> Guess:
    return Guess(count, said("option.drop") if count == 1 else said("option.drops", count=count), because)


LESSON = Lesson("plateau", (Part(factor_round, "keras3-reduce-lr"), Part(cooldown_round, "keras3-reduce-lr")), tried=1)
