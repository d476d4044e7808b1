"""Which Keras made a recording, as far as it tells: what `semantics="auto"` chooses, and why.

A guess, said as one: the names of the learning rate and of the accuracy narrow it down to an era, the recorded learning
rates and the last epoch to the version in it that would have made them with the callbacks that are replayed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import compiled_metrics, direction_of
from kcb_replay.replay.endings import Ending, ending_of
from kcb_replay.replay.engine import run_fit
from kcb_replay.replay.learning_rates import digits_kept, is_same_rate
from kcb_replay.replay.semantics import DEFAULT, Semantics, point_of_version, semantics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.engine import Run
    from kcb_replay.replay.stream import Stream

__all__ = ["Guess", "OtherEra", "guess", "other_era"]

# The newest first: it is taken where the recorded rates do not tell.
_KERAS_3 = ("keras-3.15", "keras-3.10")
_ACCURACY = ("tf_keras-2.21", "tf.keras-2.4", "keras-2.3.1")
_ACC = ("keras-2.2.4", "keras-2.1.5", "keras-2.0.8")
# The releases that log as each candidate does.
_SPANS = {
    **dict.fromkeys(_KERAS_3, ("keras-3.0", "keras-3.15")),
    **dict.fromkeys(_ACCURACY, ("keras-2.3", "tf_keras-2.21")),
    **dict.fromkeys(_ACC, ("keras-2.0", "keras-2.2.5")),
}
_NAMED_ACC = re.compile(r"(val_)?(.+_)?acc")
_NAMED_ACCURACY = re.compile(r"(val_)?(.+_)?accuracy")


@dataclass(frozen=True, slots=True)
class Guess:
    """The version chosen, and why."""

    semantics: Semantics
    why: Reason


@dataclass(frozen=True, slots=True)
class OtherEra:
    """A version that a recording looks like, another one than is replayed, under which the fit ends elsewhere."""

    semantics: Semantics
    why: Reason
    here: Ending
    there: Ending

    @property
    def reason(self) -> str:
        """Why it looks like that version, in English."""
        return str(self.why)


def other_era(
    stream: Stream, callbacks: Sequence[Callback], version: Semantics, run: Run, initial_lr: float
) -> OtherEra | None:
    """Return the version of the recording's own era, where it is another than the one replayed and ends elsewhere.

    `run` is that of `version`, with fresh callbacks. None for real callbacks, which go with one version only.
    """
    candidates, why = _era(stream)
    if not run.rows or _is_of_era(version, candidates) or any(each.is_of_user for each in callbacks):
        return None
    chosen = guess(stream, callbacks, initial_lr).semantics
    context = Context(chosen, compiled_metrics(stream.names))
    other = run_fit(stream.epochs, callbacks, context, initial_lr=initial_lr)
    here, there = ending_of(run), ending_of(other)
    return None if other.error is not None or here == there else OtherEra(chosen, why, here, there)


def _is_of_era(version: Semantics, candidates: Sequence[str]) -> bool:
    """Tell whether a version logs as a recording does; where nothing tells, every one may."""
    if tuple(candidates) == (DEFAULT,):
        return True
    try:
        point = point_of_version(version)
    except SettingError:
        # Behaviours put together by hand are of no era.
        return True
    spans = {_SPANS[name] for name in candidates}
    return any(point_of_version(semantics(low)) <= point <= point_of_version(semantics(high)) for low, high in spans)


def guess(stream: Stream, callbacks: Sequence[Callback], initial_lr: float) -> Guess:
    """Return the version whose names and learning rates fit the recording best."""
    candidates, why = _era(stream)
    evidence = {name: _evidence(name, stream, callbacks, initial_lr) for name in candidates}
    best = max(candidates, key=lambda name: evidence[name])
    if len(set(evidence.values())) > 1:
        rows, total = evidence[best][0], len(stream.learning_rates)
        ends = "_and_stops" if evidence[best][1] else ""
        why = reason(f"era.most_rates{ends}", why=why, rates=rows, total=total)
    return Guess(semantics(best), reason("era.guessed", version=best, why=why))


def _era(stream: Stream) -> tuple[tuple[str, ...], Reason]:
    names = {name for epoch in stream.epochs for name in epoch.logs}
    acc, accuracy = (any(map(kind.fullmatch, names)) for kind in (_NAMED_ACC, _NAMED_ACCURACY))
    if stream.learning_rate_key == "learning_rate":
        return _KERAS_3, reason("era.learning_rate")
    if stream.learning_rate_key == "lr" and accuracy:
        return _ACCURACY, reason("era.lr_accuracy")
    if stream.learning_rate_key == "lr" and acc:
        return _ACC, reason("era.lr_acc")
    if stream.learning_rate_key == "lr":
        return (*_ACCURACY, *_ACC), reason("era.lr")
    if acc:
        return _ACC, reason("era.acc")
    return (DEFAULT,), reason("era.unknown")


def _evidence(name: str, stream: Stream, callbacks: Sequence[Callback], initial_lr: float) -> tuple[int, bool]:
    """Return how many recorded learning rates the version makes, and whether it stops where the recording ends."""
    if not stream.learning_rates or not any(each.changes_learning_rate for each in callbacks):
        return (0, False)
    run = run_fit(stream.epochs, callbacks, Context(semantics(name), direction_of), initial_lr=initial_lr)
    made = {row.index: row.lr_begin for row in run.rows}
    rates, digits = stream.learning_rates, digits_kept(stream.learning_rates.values())
    equal = sum(index in made and is_same_rate(rate, made[index], digits) for index, rate in rates.items())
    ends = bool(run.rows) and bool(run.rows[-1].stoppers) and run.rows[-1].index == stream.epochs[-1].index
    return (equal, ends)
