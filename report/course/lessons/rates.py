"""Lessons 5 and 6: ReduceLROnPlateau alone, and in one list with other callbacks, whose order decides."""

from __future__ import annotations

from collections.abc import Sequence

from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import Callback, CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.events import LearningRateReduced, of_kind
from kcb_replay.replay.outcomes import Drop
from kcb_replay.replay.result import Replay
from kcb_replay.report.course.lesson import Lesson, Position, Round, RoundMaker, Sheet, Unsuited
from kcb_replay.report.course.rounds import (
    MONITOR,
    PossibleAnswer,
    position,
    positions_of,
    rate_answer,
    replayed,
    require_rate,
    round_of,
    values_of,
)
from kcb_replay.text import short

_PATIENCE, _FACTOR = 4, 0.5
_FACTORS = (0.9, 0.8, 0.5, 0.2, 0.1, 0.05)
_ASKED_FACTOR = 0.1
_COOLDOWNS = range(9)
# The floor: a fifth of the rate at the start, so that one step of the asked factor would go below it.
_FLOOR = 0.2
_STOP_PATIENCES, _LR_PATIENCES = (5, 3, 4, 6, 8), range(1, 9)
_UNUSED = "reduced-rate-unused"
_LINES_SHOWN = 3


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


PLATEAU = Lesson(
    "plateau", (RoundMaker(_factor_round, "keras3-reduce-lr"), RoundMaker(_cooldown_round, "keras3-reduce-lr")), tried=1
)


def _conflict_round(recording: Recording) -> Round:
    """Ask how many epochs are trained at the reduced rate when both patiences are the same."""
    values_of(recording)
    require_rate(recording)
    stop_patience, replays = _with_conflict(recording)
    goal = _LR_PATIENCES.index(stop_patience)
    used = [_at_reduced_rate(result) for result in replays]
    stop = replays[goal].stop_epoch or 0
    return round_of(
        "conflict",
        recording,
        "ReduceLROnPlateau(patience)",
        positions_of(map(str, _LR_PATIENCES), replays, _used_sentence),
        goal=goal,
        right=_epochs(used[goal]),
        wrong=(
            _epochs(1, reason("conflict.because_one")),
            _epochs(stop_patience, reason("conflict.because_patience")),
            _epochs(used[0], reason("conflict.because_same")),
        ),
        facts={"patience": stop_patience, "stop": stop, "before": _LR_PATIENCES[0], "used": used[0]},
    )


def _order_round(recording: Recording) -> Round:
    """Ask what a CSVLogger writes that is listed before the callback that puts the learning rate into the logs."""
    values_of(recording)
    require_rate(recording)
    logger, plateau = CSVLogger("log.csv"), ReduceLROnPlateau(MONITOR, factor=0.5, patience=4)
    orders: tuple[tuple[str, Sequence[Callback]], ...] = (
        ("ReduceLROnPlateau, CSVLogger", (plateau, logger)),
        ("CSVLogger, ReduceLROnPlateau", (logger, plateau)),
    )
    positions = tuple(_order_position(recording, name, callbacks) for name, callbacks in orders)
    columns = [_columns(each.replay) for each in positions if each.replay is not None]
    written = "learning_rate" in columns[1]
    if written == ("learning_rate" in columns[0]):
        raise Unsuited(reason("unsuited.order"))
    with_rate, without = reason("order.option_with"), reason("order.option_without")
    right, other = (with_rate, without) if written else (without, with_rate)
    return round_of(
        "order",
        recording,
        "callbacks=[…]",
        positions,
        goal=1,
        right=PossibleAnswer(1, right),
        wrong=(
            PossibleAnswer(0, other, reason("order.because_same")),
            PossibleAnswer(2, reason("order.option_error"), reason("order.because_error")),
        ),
        facts={},
        columns=", ".join(columns[1]),
    )


def _with_conflict(recording: Recording) -> tuple[int, list[Replay]]:
    """Return the first patience of EarlyStopping whose equal is a conflict that the lints speak of, and its replays."""
    for patience in _STOP_PATIENCES:
        replays = [replayed(recording, *_three(patience, each)) for each in _LR_PATIENCES]
        result = replays[_LR_PATIENCES.index(patience)]
        reduced_last = any(of_kind(result.rows[-1].events[1], LearningRateReduced))
        is_spoken_of = any(lint.code == _UNUSED for lint in result.lints)
        if reduced_last and is_spoken_of and _at_reduced_rate(replays[0]) > 1:
            return patience, replays
    raise Unsuited(reason("unsuited.conflict"))


def _three(stop_patience: int, lr_patience: int) -> tuple[Callback, ...]:
    return (
        EarlyStopping(MONITOR, patience=stop_patience, restore_best_weights=True),
        ReduceLROnPlateau(MONITOR, factor=0.5, patience=lr_patience),
        ModelCheckpoint("best.keras", save_best_only=True),
    )


def _at_reduced_rate(result: Replay) -> int:
    """Return how many epochs were trained with less than the learning rate at the start."""
    return sum(row.lr_begin < result.rows[0].lr_begin for row in result.rows)


def _used_sentence(result: Replay) -> Reason:
    values = {"used": _at_reduced_rate(result), "rate": short(result.run_record.final_lr)}
    if result.stop_epoch is None:
        return reason("answer.used_never", epochs=result.epochs, **values)
    return reason("answer.used", stop=result.stop_epoch, **values)


def _epochs(count: int, because: Reason | None = None) -> PossibleAnswer:
    return PossibleAnswer(
        count, reason("option.one_epoch") if count == 1 else reason("option.epochs", count=count), because
    )


def _order_position(recording: Recording, name: str, callbacks: Sequence[Callback]) -> Position:
    result = replayed(recording, *callbacks)
    columns = _columns(result)
    key = "answer.columns_with" if "learning_rate" in columns else "answer.columns_without"
    return position(name, result, reason(key, count=len(columns)), picture=_file(result), limits=reason("limits.order"))


def _lines(result: Replay) -> list[str]:
    text = next(outcome.output["text"] for outcome in result.outcomes if "text" in outcome.output)
    return str(text).splitlines()


def _columns(result: Replay) -> list[str]:
    return _lines(result)[0].split(",")


def _file(result: Replay) -> Sheet:
    lines = [tuple(line.split(",")) for line in _lines(result)[: _LINES_SHOWN + 1]]
    return Sheet(caption=reason("order.caption", lines=_LINES_SHOWN), head=lines[0], rows=tuple(lines[1:]))


TOGETHER = Lesson(
    "together", (RoundMaker(_conflict_round, "keras3-overfit"), RoundMaker(_order_round, "keras3-overfit")), tried=0
)
