"""From a recording to the parts of a round: the replay of a position, what it says, and the answers to choose from.

Decides nothing about a training: it reads replays. What a recording cannot show raises `Unsuited` with the reason. The
shipped recordings that the lessons stand on are a few CSVLogger files of `sample_logs`, in the wheel as well.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files

from kcb_replay.ingest.ingest import read
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.replay import replay
from kcb_replay.replay.result import Replay
from kcb_replay.replay.stream import stream_of
from kcb_replay.report.course.lesson import Option, Picture, Position, Round, SheetCell, Unsuited
from kcb_replay.report.words import decimals_of, limits_of
from kcb_replay.text import short

MONITOR = "val_loss"
_MOST_OPTIONS, _FEWEST_OPTIONS = 4, 3
# What sample_logs/make.py compiled these models with; a CSVLogger alone does not write it.
_INITIAL_RATES = {"keras3-overfit": 0.005}


@cache
def sample(name: str) -> Recording:
    """Return the recording of `sample_logs/<name>/training.log`, named by its place in the checkout."""
    path = f"sample_logs/{name}/training.log"
    with as_file(files("kcb_replay").joinpath(*path.split("/"))) as file:
        (recording,) = read(file)
    # Where the package is installed is nobody's business on a page that is passed on.
    return replace(recording, name=name, sources=tuple(replace(each, path=path) for each in recording.sources))


def initial_rate(recording: Recording) -> float | None:
    """Return the learning rate that a shipped recording is known to have started with, where its log lacks it."""
    rate = _INITIAL_RATES.get(recording.name)
    return rate if rate is not None and recording is sample(recording.name) else None


def fit_of(recording: Recording) -> int:
    """Return the 0-based number of the longest fit, the first of equals: a lesson is about one."""
    lengths = [len(fit) for fit in recording.fits]
    return lengths.index(max(lengths))


def values_of(recording: Recording, metric: str = MONITOR) -> list[float]:
    """Return the values of a metric that are numbers; raises `Unsuited` where there are none."""
    _require_every_epoch(recording)
    series = recording.fits[fit_of(recording)].metrics.get(metric)
    values = [] if series is None else series.values[series.valid].tolist()
    numbers = [value for value in values if math.isfinite(value)]
    if not numbers:
        raise Unsuited(reason("unsuited.metric", metric=metric))
    return numbers


def replayed(recording: Recording, *callbacks: Callback) -> Replay:
    """Replay callbacks on the fit that the lessons are about."""
    return replay(recording, callbacks, fit=fit_of(recording), initial_lr=initial_rate(recording))


def require_rate(recording: Recording) -> float:
    """Return the learning rate that the training started with; raises `Unsuited` where nobody knows it."""
    _require_every_epoch(recording)
    known = stream_of(recording.fits[fit_of(recording)]).learning_rates.get(0, initial_rate(recording))
    if known is None:
        raise Unsuited(reason("unsuited.rate"))
    return known


def _require_every_epoch(recording: Recording) -> None:
    """Raise `Unsuited` where the epochs do not count from the first one on: a class would get lost in the numbers."""
    epochs = recording.fits[fit_of(recording)].epochs.tolist()
    if epochs != list(range(len(epochs))):
        raise Unsuited(reason("unsuited.epochs"))


def position(
    value: str,
    result: Replay,
    answer: Reason,
    *,
    picture: Picture | None = None,
    limits: Reason | None = None,
    code: tuple[str, ...] = (),
) -> Position:
    """Return a position of a slider that was replayed; `code` is that of its callbacks where none is given."""
    if limits is None:
        limits = limits_of(result.validity)
    return Position(
        value=value,
        code=code or tuple(str(callback) for callback in result.callbacks),
        answer=answer,
        limits=limits,
        picture=picture or result,
        replay=result,
    )


def positions_of(
    values: Iterable[str], results: Iterable[Replay], answer_of: Callable[[Replay], Reason]
) -> tuple[Position, ...]:
    """Return a position for each value of a slider and its replay."""
    return tuple(position(value, result, answer_of(result)) for value, result in zip(values, results, strict=True))


def stopping(result: Replay) -> Outcome:
    """Return what the first stopping rule of the list comes to."""
    return next(outcome for outcome in result.outcomes if outcome.is_of_stopping_rule)


def stop_sentence(result: Replay) -> Reason:
    """Return when the training stops and which epoch was the best, as a text."""
    outcome, decimals = stopping(result), decimals_of(result)
    best = "" if outcome.best_index is None else outcome.best_index + 1
    values = {"epochs": result.epochs, "best": best, "value": decimals.show(outcome.best_value)}
    if result.stop_epoch is None:
        return reason("answer.never", **values)
    return reason("answer.stops", stop=result.stop_epoch, **values)


def end_answer(stop: int | None, epochs: int) -> Reason:
    """Return in which epoch the training ends, as a text; None for never."""
    return reason("answer.goes_on", epochs=epochs) if stop is None else reason("answer.ends", stop=stop, epochs=epochs)


@dataclass(frozen=True, slots=True)
class PossibleAnswer:
    """An answer somebody could give: its number among the others, its text, and what is wrong about it."""

    number: float
    text: SheetCell
    because: Reason | None = None


def stop_answer(epoch: int | None, epochs: int, because: Reason | None = None) -> PossibleAnswer:
    """Return the answer that the training stops after `epoch`, None for never."""
    if epoch is None or epoch > epochs:
        return PossibleAnswer(math.inf, reason("option.never", epochs=epochs), because)
    return PossibleAnswer(epoch, reason("option.after", epoch=epoch), because)


def rate_answer(rate: float, because: Reason | None = None) -> PossibleAnswer:
    """Return the answer that a learning rate is this one."""
    return PossibleAnswer(rate, short(rate), because)


def round_of(
    key: str,
    recording: Recording,
    slider: SheetCell,
    positions: tuple[Position, ...],
    *,
    goal: int,
    right: PossibleAnswer,
    wrong: Iterable[PossibleAnswer],
    facts: Mapping[str, object],
    start: int = 0,
    **why: object,
) -> Round:
    """Return a round whose question is filled with `facts`, and whose reason is filled with these and with `why`.

    Raises `Unsuited` where too few of the answers differ.
    """
    return Round(
        key=key,
        recording=recording,
        slider=slider,
        positions=positions,
        start=start,
        goal=goal,
        question=reason(f"{key}.question", **facts),
        options=_options(right, wrong),
        why=reason(f"{key}.why", **facts, **why),
    )


def _options(right: PossibleAnswer, wrong: Iterable[PossibleAnswer]) -> tuple[Option, ...]:
    """Return three or four options in the order of their numbers, no two alike; raises `Unsuited` for fewer."""
    answers = {right.text: right}
    for answer in wrong:
        if len(answers) < _MOST_OPTIONS:
            answers.setdefault(answer.text, answer)
    if len(answers) < _FEWEST_OPTIONS:
        raise Unsuited(reason("unsuited.obvious"))
    ordered = sorted(answers.values(), key=lambda answer: answer.number)
    return tuple(Option(text=each.text, right=each is right, because=each.because) for each in ordered)


def nice_steps(low: float, high: float) -> list[float]:
    """Return the numbers 1, 2 and 5 times a power of ten from `low` to `high`."""
    if not 0 < low <= high:
        return []
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    steps = (float(f"{lead}e{power}") for power in powers for lead in (1, 2, 5))
    return [step for step in steps if low <= step <= high]
