"""From a recording to the parts of a round: the replay of a position, what it says, and the answers to choose from.

Decides nothing about a training: it reads replays. What a recording cannot show raises `Unsuited` with the reason. The
shipped recordings that the lessons stand on are a few CSVLogger files of `sample_logs`, in the wheel as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import as_file, files
from typing import TYPE_CHECKING

from kcb_replay.ingest.ingest import read
from kcb_replay.replay.outcomes import StoppingOutcome
from kcb_replay.replay.replay import replay
from kcb_replay.replay.stream import stream_of
from kcb_replay.report.course.lesson import Cell, Option, Picture, Position, Said, Unsuited, said
from kcb_replay.report.words import decimals_of, limits_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.result import Replay

__all__ = [
    "MONITOR",
    "Guess",
    "choices",
    "end_answer",
    "fit_of",
    "guess_of_stop",
    "initial_rate",
    "nice_steps",
    "position",
    "replayed",
    "require_rate",
    "sample",
    "stop_answer",
    "stopping",
    "values_of",
]

# What sample_logs/make.py compiled these models with; a CSVLogger alone does not write it.
_INITIAL_RATES = {"keras3-overfit": 0.005}


@cache
def sample(name: str) -> Recording:
    """Return the recording of `sample_logs/<name>/training.log`, named by its place in the checkout."""
    place = f"sample_logs/{name}/training.log"
    with as_file(files("kcb_replay").joinpath(*place.split("/"))) as path:
        (recording,) = read(path)
    # Where the package is installed is nobody's business on a page that is passed on.
    return replace(recording, name=name, sources=tuple(replace(each, path=place) for each in recording.sources))


def initial_rate(recording: Recording) -> float | None:
    """Return the learning rate that a shipped recording is known to have started with, where its log lacks it."""
    rate = _INITIAL_RATES.get(recording.name)
    return rate if rate is not None and recording is sample(recording.name) else None


MONITOR = "val_loss"


_MOST_OPTIONS, _FEWEST_OPTIONS = 4, 3


def fit_of(recording: Recording) -> int:
    """Return the 0-based number of the longest fit, the first of equals: a lesson is about one."""
    lengths = [len(fit) for fit in recording.fits]
    return lengths.index(max(lengths))


def values_of(recording: Recording, metric: str = MONITOR) -> list[float]:
    """Return the values of a metric that are numbers; raises `Unsuited` where there are none."""
    _require_every_epoch(recording)
    series = recording.fits[fit_of(recording)].metrics.get(metric)
    found = [] if series is None else [value for value in series.values[series.valid].tolist() if math.isfinite(value)]
    if not found:
        raise Unsuited(said("unsuited.metric", metric=metric))
    return found


def replayed(recording: Recording, *callbacks: Callback) -> Replay:
    """Replay callbacks on the fit that the lessons are about."""
    return replay(recording, callbacks, fit=fit_of(recording), initial_lr=initial_rate(recording))


def require_rate(recording: Recording) -> float:
    """Return the learning rate that the training started with; raises `Unsuited` where nobody knows it."""
    _require_every_epoch(recording)
    known = stream_of(recording.fits[fit_of(recording)]).learning_rates.get(0, initial_rate(recording))
    if known is None:
        raise Unsuited(said("unsuited.rate"))
    return known


def _require_every_epoch(recording: Recording) -> None:
    """Raise `Unsuited` where the epochs do not count from the first one on: a class would get lost in the numbers."""
    epochs = recording.fits[fit_of(recording)].epochs.tolist()
    if epochs != list(range(len(epochs))):
        raise Unsuited(said("unsuited.epochs"))


def position(
    value: str,
    found: Replay,
    answer: Said,
    *,
    picture: Picture | None = None,
    limits: Said | None = None,
    code: tuple[str, ...] = (),
) -> Position:
    """Return a position of a slider that was replayed; `code` is that of its callbacks where none is given."""
    return Position(
        value=value,
        code=code or tuple(str(callback) for callback in found.callbacks),
        answer=answer,
        limits=limits or Said(*limits_of(found.validity)),
        picture=picture or found,
        replay=found,
    )


def stopping(found: Replay) -> StoppingOutcome:
    """Return what the first stopping rule of the list comes to."""
    return next(outcome for outcome in found.outcomes if isinstance(outcome, StoppingOutcome))


def stop_answer(found: Replay) -> Said:
    """Return when the training stops and which epoch was the best, as a text."""
    outcome, decimals = stopping(found), decimals_of(found)
    best = "" if outcome.best_index is None else outcome.best_index + 1
    values = {"epochs": found.epochs, "best": best, "value": decimals.show(outcome.best_value)}
    if found.stop_epoch is None:
        return said("answer.never", **values)
    return said("answer.stops", stop=found.stop_epoch, **values)


def end_answer(stop: int | None, epochs: int) -> Said:
    """Return in which epoch the training ends, as a text; None for never."""
    return said("answer.goes_on", epochs=epochs) if stop is None else said("answer.ends", stop=stop, epochs=epochs)


@dataclass(frozen=True, slots=True)
class Guess:
    """An answer somebody could give: where it stands among the others, its text, and what is wrong about it."""

    place: float
    text: Cell
    because: Said | None = None


def guess_of_stop(epoch: int | None, epochs: int, because: Said | None = None) -> Guess:
    """Return the guess that the training stops after `epoch`, None for never."""
    if epoch is None or epoch > epochs:
        return Guess(math.inf, said("option.never", epochs=epochs), because)
    return Guess(epoch, said("option.after", epoch=epoch), because)


def choices(right: Guess, wrong: Iterable[Guess]) -> tuple[Option, ...]:
    """Return three or four options in the order of their places, no two alike; raises `Unsuited` for fewer."""
    found = {right.text if isinstance(right.text, str) else (right.text.key, *right.text.values.items()): right}
    for guess in wrong:
        ident = guess.text if isinstance(guess.text, str) else (guess.text.key, *guess.text.values.items())
        if len(found) < _MOST_OPTIONS:
            found.setdefault(ident, guess)
    if len(found) < _FEWEST_OPTIONS:
        raise Unsuited(said("unsuited.obvious"))
    ordered = sorted(found.values(), key=lambda guess: guess.place)
    return tuple(Option(text=each.text, right=each is right, because=each.because) for each in ordered)


def nice_steps(low: float, high: float) -> list[float]:
    """Return the numbers 1, 2 and 5 times a power of ten from `low` to `high`."""
    if not 0 < low <= high:
        return []
    powers = range(math.floor(math.log10(low)), math.floor(math.log10(high)) + 1)
    steps = (float(f"{lead}e{power}") for power in powers for lead in (1, 2, 5))
    return [step for step in steps if low <= step <= high]
