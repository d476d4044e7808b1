"""A part of lesson 7: a loss that breaks, and who notices."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping, History, TerminateOnNaN
from kcb_replay.report.course.lesson import Round, Said, Unsuited, said
from kcb_replay.report.course.rounds import (
    MONITOR,
    Guess,
    choices,
    end_answer,
    guess_of_stop,
    position,
    replayed,
    values_of,
)
from kcb_replay.text import Decimals

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from kcb_replay.ingest.recording import Recording

__all__ = ["nan_round"]

_PATIENCE = 8


def nan_round(recording: Recording) -> Round:
    """Ask in which epoch TerminateOnNaN ends a training whose loss breaks."""
    values_of(recording)
    callbacks = (History(), EarlyStopping(MONITOR, patience=_PATIENCE), TerminateOnNaN())
    replays = [replayed(recording, callback) for callback in callbacks]
    losses, epochs = replays[0].stream.values_of("loss"), replays[0].epochs
    broken = _first(losses, lambda loss: not math.isfinite(loss))
    if broken is None:
        raise Unsuited(said("unsuited.nan"))
    wrong = [
        _in_epoch(replays[1].stop_epoch, epochs, said("nan.because_patience")),
        _in_epoch(None, epochs, said("nan.because_never")),
    ]
    nan = _first(losses, math.isnan)
    if nan is not None:
        wrong.insert(0, _in_epoch(nan, epochs, said("nan.because_nan")))
    named = {"epochs": epochs, "loss": Decimals().show(losses[broken - 1]), "epoch": broken}
    return Round(
        key="nan",
        recording=recording,
        slider="callbacks=[…]",
        positions=tuple(
            position(each.callbacks[0].name, each, end_answer(each.stop_epoch, epochs)) for each in replays
        ),
        start=0,
        asked=2,
        question=said("nan.question", **named),
        options=choices(_in_epoch(replays[2].stop_epoch, epochs), wrong),
        why=said("nan.why", **named),
    )


def _first(losses: Mapping[int, float], fits: Callable[[float], bool]) -> int | None:
    """Return the first epoch, counted from 1, whose loss fits."""
    return next((index + 1 for index, loss in losses.items() if fits(loss)), None)


def _in_epoch(epoch: int | None, epochs: int, because: Said | None = None) -> Guess:
    if epoch is None:
        return guess_of_stop(None, epochs, because)
    return Guess(epoch, said("option.in", epoch=epoch), because)
