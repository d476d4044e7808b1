"""What a lint is, and what it looks at: one replayed fit, and what becomes of it with a setting or a version changed.

A lint never guesses. It replays the remedy, or the other version, and speaks only where the outcome differs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import TypeAlias, TypeVar

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Callback, Context
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.engine import Run, run_fit
from kcb_replay.replay.events import Event, Improved, LearningRateReduced, LearningRateSet, of_kind
from kcb_replay.replay.stream import Epoch, Stream

Monitoring: TypeAlias = EarlyStopping | ReduceLROnPlateau | ModelCheckpoint
_Kind = TypeVar("_Kind", bound=Callback)
_Event = TypeVar("_Event", bound=Event)


@dataclass(frozen=True, slots=True)
class Lint:
    """Something that the user may not have meant: its stable `code`, and why it is said, with the remedy.

    `positions` are those of the callbacks in the list, `index` is the 0-based epoch it is about (None: the whole fit).
    The code of `why` is `lint.` and that of the lint, and perhaps which of its sentences it is.
    """

    code: str
    positions: tuple[int, ...]
    index: int | None
    why: Reason

    @property
    def text(self) -> str:
        """One or two sentences, in English."""
        return str(self.why)


@dataclass(frozen=True, slots=True)
class Case:
    """A replayed fit: the settings, the stream, the version, the run they gave, and the directions of the metrics."""

    callbacks: tuple[Callback, ...]
    stream: Stream
    version: Semantics
    run: Run
    modes: Callable[[str], Direction | None]

    def each(self, kind: type[_Kind]) -> list[tuple[int, _Kind]]:
        """Return the callbacks of a kind, each with its position in the list."""
        return [(position, callback) for position, callback in enumerate(self.callbacks) if isinstance(callback, kind)]

    def replayed(
        self, *callbacks: Callback, version: Semantics | None = None, epochs: Sequence[Epoch] | None = None
    ) -> Run:
        """Replay other callbacks, or another version, or other epochs, from the same learning rate."""
        context = Context(version or self.version, self.modes)
        return run_fit(epochs or self.stream.epochs, callbacks, context, initial_lr=self._initial_lr())

    def alone(self, position: int, *, version: Semantics | None = None, **changes: object) -> Run:
        """Replay one callback without the others, its settings changed, on the epochs that the others leave it."""
        changed = replace(self.callbacks[position], **changes)  # type: ignore[type-var]  # settings are dataclasses
        stopped_by_another = self.run.rows and self.run.rows[-1].stoppers not in ((), (position,))
        epochs = self.stream.epochs[: len(self.run.rows)] if stopped_by_another else self.stream.epochs
        return self.replayed(changed, version=version, epochs=epochs)

    def direction(self, position: int) -> Direction | None:
        """Return the mode that a callback has resolved to, None where it got to no epoch."""
        return self.run.states[position].direction if self._made(position) else None

    def best(self, position: int) -> float | None:
        """Return the best value that a callback holds at the end, None where it has none."""
        best: float | None = getattr(self.run.states[position], "best", None) if self._made(position) else None
        return best

    def events(self, position: int, kind: type[_Event]) -> list[_Event]:
        """Return the events of a kind that one callback had, `on_train_end` included."""
        return events_of(self.run, position, kind)

    def _made(self, position: int) -> bool:
        """Tell whether Keras got as far as making this callback."""
        return position < len(self.run.states)

    def _initial_lr(self) -> float:
        """Return the learning rate before a schedule of the first epoch set its own."""
        partial = self.run.partial
        if not self.run.rows:
            return self.run.final_lr if partial is None or partial.lr_begin is None else partial.lr_begin
        first = self.run.rows[0]
        return next((event.old_lr for event in of_kind(first.all_events, LearningRateSet)), first.lr_begin)


Rule: TypeAlias = Callable[[Case], list[Lint]]


def of_each(*kinds: type[Callback]) -> Callable[[Callable[[Case, int, _Kind], Lint | None]], Rule]:
    """Make a rule of what is to be said of one callback of these kinds and its position in the list."""

    def over_all(of_one: Callable[[Case, int, _Kind], Lint | None]) -> Rule:
        @wraps(of_one)
        def rule(case: Case) -> list[Lint]:
            spoken = [of_one(case, position, callback) for kind in kinds for position, callback in case.each(kind)]  # type: ignore[arg-type]  # the kinds are those of its argument
            return [lint for lint in spoken if lint is not None]

        return rule

    return over_all


def effects(run: Run, position: int = 0) -> list[tuple[int, str, object]]:
    """Return what a callback did to the training or to the disk: epoch, what, and its value."""
    return [(event.index, *event.effect) for event in events_of(run, position, Event) if event.effect]


def first_difference(left: Run, right: Run) -> int | None:
    """Return the first 0-based epoch in which a lone callback does not do the same in both runs, None where it does."""
    ours, others = effects(left), effects(right)
    differing = [effect[0] for effect in ours if effect not in others]
    differing += [effect[0] for effect in others if effect not in ours]
    return min(differing, default=None)


def does(effects: Sequence[tuple[int, str, object]]) -> Reason:
    """Say what a callback does: `stops after epoch 4 and restores the weights of epoch 1`."""
    deeds = [
        reason(f"does.{what}", epochs=epochs_of(indices))
        for what in ("stops", "reduces", "saves")
        if (indices := [index for index, done, _ in effects if done == what])
    ]
    deeds += [reason("does.restores", epoch=value + 1) for _, _, value in effects if isinstance(value, int)]
    return reason("does.all", deeds=tuple(deeds)) if deeds else reason("does.nothing")


def parting(here: Run, other: Run, changed: str) -> tuple[int, Reason] | None:
    """Return the 0-based epoch in which two runs of a lone callback part, and what each of them does.

    They part in what they do or, where they do the same, in what they take for the best; None where in nothing. The
    other run has the setting that `changed` names.
    """
    index = first_difference(here, other)
    if index is not None:
        deeds = {"here": does(effects(here)), "there": does(effects(other))}
        return index, reason("does.apart", changed=changed, **deeds)
    ours, theirs = ([event.index for event in events_of(run, 0, Improved)] for run in (here, other))
    if not ours or not theirs or ours[-1] == theirs[-1]:
        return None
    first = min(set(ours) ^ set(theirs))
    return first, reason("does.best_apart", changed=changed, here=ours[-1] + 1, there=theirs[-1] + 1)


def stop_of(run: Run, position: int = 0) -> int | None:
    """Return the 0-based epoch after which a callback stops the training, None where it does not."""
    return run.rows[-1].index if run.rows and position in run.rows[-1].stoppers else None


def reductions(run: Run, position: int = 0) -> list[LearningRateReduced]:
    """Return the reductions that changed the learning rate."""
    return [event for event in events_of(run, position, LearningRateReduced) if event.new_lr < event.old_lr]


def better(direction: Direction, value: float, reference: float) -> bool:
    """Tell whether a value is strictly better than another; NaN never is."""
    return not math.isnan(value) and (value < reference if direction == "min" else value > reference)


def epochs_of(indices: Sequence[int]) -> Reason:
    """Name epochs counted from 1: `epoch 3`, `epochs 3 and 5`, `epochs 3, 5, 7 and 12 more`."""
    shown = tuple(index + 1 for index in indices[:3])
    if len(indices) > len(shown):
        return reason("epochs.more", shown=shown, more=len(indices) - len(shown))
    return reason("epochs.one", epoch=shown[0]) if len(shown) == 1 else reason("epochs.several", shown=shown)


def events_of(run: Run, position: int, kind: type[_Event]) -> list[_Event]:
    """Return the events of a kind that the callback at a position had, `on_train_end` included."""
    groups = [row.events for row in run.rows] + [run.finish_events]
    events = (event for group in groups if position < len(group) for event in group[position])
    return [event for event in events if isinstance(event, kind)]
