"""Which Keras made a recording, as far as it tells: what `semantics="auto"` chooses, and why.

A guess, said as one: the names of the learning rate and of the accuracy narrow it down to an era, the recorded learning
rates and the last epoch to the version in it that would have made them with the callbacks that are replayed. An
`Ending` is where a replayed fit ends, by which two versions are compared.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.ingest.recording import both_counts
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import compiled_metrics, direction_of
from kcb_replay.replay.engine import Run, run_fit
from kcb_replay.replay.events import CheckpointSaved, LearningRateReduced, WeightsRestored, of_kind
from kcb_replay.replay.learning_rates import digits_kept, is_same_rate
from kcb_replay.replay.semantics import DEFAULT, point_of_version, semantics
from kcb_replay.replay.stream import Stream

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
class Ending:
    """How a fit ends under one version; epochs count from 0.

    `kept_index` is the epoch whose weights one ends up with, `drops` are the epochs of reductions, `saves` those of
    files with their names. `raises` is the exception of the real class as a sentence; the rest is empty then.
    """

    stop_index: int | None = None
    kept_index: int | None = None
    drops: tuple[int, ...] = ()
    saves: tuple[tuple[int, str], ...] = ()
    raises: str | None = None

    def to_dict(self) -> Json:
        """Return the ending with its epochs in both ways of counting."""
        return {
            **both_counts("stop", self.stop_index),
            **both_counts("kept", self.kept_index),
            "drop_epochs": [index + 1 for index in self.drops],
            "save_epochs": [index + 1 for index, _ in self.saves],
            "raises": self.raises,
        }


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


Json: TypeAlias = dict[str, object]
# Rates that differ by less are one rate, rounded in different ways.
_SAME_RATE = 1e-6


def ending_of(run: Run) -> Ending:
    """Return where a run ends that no exception cut short; without any epoch it ends nowhere."""
    if not run.rows:
        return Ending()
    events = [*run.epoch_events, *chain.from_iterable(run.finish_events)]
    restored = [event.from_index for event in of_kind(events, WeightsRestored)]
    last = run.rows[-1]
    return Ending(
        stop_index=last.index if last.stoppers else None,
        kept_index=restored[-1] if restored else last.index,
        drops=tuple(event.index for event in of_kind(events, LearningRateReduced) if _is_lower(event)),
        saves=tuple((event.index, event.path) for event in of_kind(events, CheckpointSaved)),
    )


def _is_lower(event: LearningRateReduced) -> bool:
    """Tell whether a reduction is one: some versions go from the lowest rate to itself for ever."""
    return event.new_lr < event.old_lr * (1 - _SAME_RATE)
