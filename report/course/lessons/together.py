"""Lesson 6: three callbacks in one list, who is faster, and what the order decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import CSVLogger, EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.outcomes import ObserverOutcome
from kcb_replay.report.course.lesson import Lesson, Part, Position, Round, Said, Sheet, Unsuited, said
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
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.result import Replay

__all__ = ["LESSON", "conflict_round", "order_round"]

_STOP_PATIENCES, _LR_PATIENCES = (5, 3, 4, 6, 8), range(1, 9)
_UNUSED = "reduced-rate-unused"
_LINES_SHOWN = 3


def conflict_round(recording: Recording) -> Round:
    """Ask how many epochs are trained at the reduced rate when both patiences are the same."""
    values_of(recording)
    require_rate(recording)
    stop_patience, replays = _with_conflict(recording)
    start, asked = 0, _LR_PATIENCES.index(stop_patience)
    used = [_at_reduced_rate(found) for found in replays]
    stop = replays[asked].stop_epoch or 0
    wrong = (
        _epochs(1, said("conflict.because_one")),
        _epochs(stop_patience, said("conflict.because_patience")),
        _epochs(used[start], said("conflict.because_same")),
    )
    named = {"patience": stop_patience, "stop": stop, "before": _LR_PATIENCES[start], "used": used[start]}
    return Round(
        key="conflict",
        recording=recording,
        slider="ReduceLROnPlateau(patience)",
        positions=tuple(
            position(str(patience), found, _used_answer(found, count))
            for patience, found, count in zip(_LR_PATIENCES, replays, used, strict=True)
        ),
        start=start,
        asked=asked,
        question=said("conflict.question", **named),
        options=choices(_epochs(used[asked]), wrong),
        why=said("conflict.why", **named),
    )


def order_round(recording: Recording) -> Round:
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
        raise Unsuited(said("unsuited.order"))
    with_rate, without = said("order.option_with"), said("order.option_without")
    right, other = (with_rate, without) if written else (without, with_rate)
    wrong = (
        Guess(0, other, said("order.because_same")),
        Guess(2, said("order.option_error"), said("order.because_error")),
    )
    return Round(
        key="order",
        recording=recording,
        slider="callbacks=[…]",
        positions=positions,
        start=0,
        asked=1,
        question=said("order.question"),
        options=choices(Guess(1, right), wrong),
        why=said("order.why", columns=", ".join(columns[1])),
    )


def _with_conflict(recording: Recording) -> tuple[int, list[Replay]]:
    """Return the first patience of EarlyStopping whose equal is a conflict that the lints speak of, and its replays."""
    for patience in _STOP_PATIENCES:
        replays = [replayed(recording, *_three(patience, each)) for each in _LR_PATIENCES]
        found = replays[_LR_PATIENCES.index(patience)]
        reduced_last = any(isinstance(event, LearningRateReduced) for event in found.rows[-1].events[1])
        is_spoken_of = any(lint.code == _UNUSED for lint in found.lints)
        if reduced_last and is_spoken_of and _at_reduced_rate(replays[0]) > 1:
            return patience, replays
    raise Unsuited(said("unsuited.conflict"))


def _three(stop_patience: int, lr_patience: int) -> tuple[Callback, ...]:
    return (
        EarlyStopping(MONITOR, patience=stop_patience, restore_best_weights=True),
        ReduceLROnPlateau(MONITOR, factor=0.5, patience=lr_patience),
        ModelCheckpoint("best.keras", save_best_only=True),
    )


def _at_reduced_rate(found: Replay) -> int:
    """Return how many epochs were trained with less than the learning rate at the start."""
    return sum(row.lr_begin < found.rows[0].lr_begin for row in found.rows)


def _used_answer(found: Replay, used: int) -> Said:
    if found.stop_epoch is None:
        return said("answer.used_never", epochs=found.epochs, used=used, rate=short(found.run_record.final_lr))
    return said("answer.used", stop=found.stop_epoch, used=used, rate=short(found.run_record.final_lr))


def _epochs(count: int, because: Said | None = None) -> Guess:
    return Guess(count, said("option.one_epoch") if count == 1 else said("option.epochs", count=count), because)


def _order_position(recording: Recording, name: str, callbacks: Sequence[Callback]) -> Position:
    found = replayed(recording, *callbacks)
    columns = _columns(found)
    key = "answer.columns_with" if "learning_rate" in columns else "answer.columns_without"
    return position(name, found, said(key, count=len(columns)), picture=_file(found), limits=said("limits.order"))


def _lines(found: Replay) -> list[str]:
    outcome = next(outcome for outcome in found.outcomes if isinstance(outcome, ObserverOutcome))
    return str(outcome.output["text"]).splitlines()


def _columns(found: Replay) -> list[str]:
    return _lines(found)[0].split(",")


def _file(found: Replay) -> Sheet:
    lines = [tuple(line.split(",")) for line in _lines(found)[: _LINES_SHOWN + 1]]
    return Sheet(caption=said("order.caption", lines=_LINES_SHOWN), head=lines[0], rows=tuple(lines[1:]))


LESSON = Lesson("together", (Part(conflict_round, "keras3-overfit"), Part(order_round, "keras3-overfit")), tried=0)
