"""A part of lesson 7: a learning rate that follows a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import LearningRateScheduler
from kcb_replay.replay.schedules import ExponentialDecay
from kcb_replay.report.course.lesson import Round, Said, said
from kcb_replay.report.course.rounds import Guess, choices, position, replayed, require_rate
from kcb_replay.text import short

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.result import Replay

__all__ = ["schedule_round"]

_DECAYS = (1.0, 0.95, 0.9, 0.8, 0.5)
_ASKED_DECAY = 0.9


def schedule_round(recording: Recording) -> Round:
    """Ask which rate the last epoch is trained with, when every epoch takes a tenth off."""
    start = float(short(require_rate(recording)))
    schedules = [ExponentialDecay(start, 1, decay) for decay in _DECAYS]
    replays = [replayed(recording, LearningRateScheduler(schedule)) for schedule in schedules]
    asked = _DECAYS.index(_ASKED_DECAY)
    last, epochs = replays[asked].rows[-1].lr_begin, replays[asked].epochs
    wrong = (
        _rate(start * _ASKED_DECAY**epochs, said("schedule.because_from_one")),
        _rate(start * _ASKED_DECAY, said("schedule.because_once")),
        _rate(start, said("schedule.because_unchanged")),
    )
    named = {"decay": short(_ASKED_DECAY), "start": short(start), "epochs": epochs, "index": epochs - 1}
    return Round(
        key="schedule",
        recording=recording,
        slider="decay_rate",
        positions=tuple(
            position(short(each.decay_rate), found, _answer(found), limits=said("limits.schedule"), code=_code(each))
            for each, found in zip(schedules, replays, strict=True)
        ),
        start=0,
        asked=asked,
        question=said("schedule.question", **named),
        options=choices(_rate(last), wrong),
        why=said("schedule.why", **named, rate=short(last)),
    )


def _code(schedule: ExponentialDecay) -> tuple[str, ...]:
    """Return code that Keras takes: its own schedules give tensors, and LearningRateScheduler wants a float."""
    return f"decay = {schedule}", "LearningRateScheduler(lambda epoch, lr: float(decay(epoch)))"


def _rate(rate: float, because: Said | None = None) -> Guess:
    return Guess(rate, short(rate), because)


def _answer(found: Replay) -> Said:
    rows = found.rows
    return said("answer.rates", first=short(rows[0].lr_begin), last=short(rows[-1].lr_begin), epochs=len(rows))
