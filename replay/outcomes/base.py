"""What every outcome is: what one callback of a replay comes to, and how far that holds.

An outcome is read off the events and states of a replayed fit; nothing is decided here that the callback decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from typing import Self, TypeAlias, TypeVar

from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.callbacks.base import State
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.engine import Run
from kcb_replay.replay.events import Event, of_kind
from kcb_replay.replay.stream import Stream
from kcb_replay.replay.validity import Horizon, Label, Validity

Json: TypeAlias = "dict[str, object]"
_E = TypeVar("_E", bound="Event")


@dataclass(frozen=True, slots=True)
class CallbackTrace:
    """One callback of a replayed fit: the `position` in its list, the run (at least one row), and what limits it."""

    callback: Callback
    position: int
    run: Run
    stream: Stream
    horizon: Horizon | None

    @property
    def state(self) -> State:
        """The state after the last epoch."""
        return self.run.rows[-1].states[self.position]

    @property
    def last(self) -> int:
        """The 0-based epoch that ran last."""
        return self.run.rows[-1].index

    @property
    def beyond(self) -> Horizon | None:
        """The limit, if the replay went beyond it."""
        return None if self.horizon is None or self.horizon.covers(self.last) else self.horizon

    def events(self, kind: type[_E]) -> Iterator[_E]:
        """Return the events of one kind, in order."""
        return of_kind((event for row in self.run.rows for event in row.events[self.position]), kind)

    def finish_events(self, kind: type[_E]) -> Iterator[_E]:
        """Return the events of one kind when the training ends."""
        return of_kind(self.run.finish_events[self.position] if self.run.finish_events else (), kind)

    def is_exact_at(self, index: int) -> bool:
        """Tell whether what happens at the end of the epoch `index` is what the recording shows."""
        return self.horizon is None or self.horizon.covers(index)


@dataclass(frozen=True, slots=True)
class Drop:
    """One reduction of the learning rate, in effect from the epoch after `index`."""

    index: int
    old_lr: float
    new_lr: float
    validity: Label


@dataclass(frozen=True, slots=True)
class RateSet:
    """A change of the learning rate at the beginning of the 0-based epoch `index`."""

    index: int
    old_lr: float
    new_lr: float


@dataclass(frozen=True, slots=True)
class Save:
    """One file written, after the 0-based `batch` of the epoch `index` or (None) at its end.

    `value` is the metric that was an improvement, None where nothing was compared.
    """

    index: int
    batch: int | None
    path: str
    value: float | None
    validity: Label


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file that is there at the end: from which 0-based epoch it is, and how often it was written over."""

    path: str
    index: int
    overwritten: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one callback comes to: every fact that a callback may have, neutral where this one has none.

    Readers ask for the fact and not for the class. `settings.purpose` says what the answer is about; a subclass says
    how it is read off a replay and which of the facts stand in its JSON.

    * `mode`: the resolved direction, None where there is none.
    * `stop_index`: the 0-based epoch after which it stopped the training; `batch` the one with the bad loss.
    * `drops`: the reductions of the learning rate at the end of an epoch; `rates`: the rates that it set besides, of a
      real callback those of `drops`, too.
    * `saves`: the files that it would have written of the model.
    * `best_*`: a stopping rule's own best; `kept_*`: the epoch whose weights one ends up with, the best where they are
      restored, else the last; `lowest_*`: the best value of the whole recording. None where there is no such epoch.
    * `saved_epochs`: recorded epochs that would not have run; `regret`: what the kept value gives away.
    * `output`: what it left behind, for example the text of a file.
    """

    settings: Callback
    mode: Direction | None
    validity: Validity
    stop_index: int | None = None
    batch: int | None = None
    drops: tuple[Drop, ...] = ()
    rates: tuple[RateSet, ...] = ()
    saves: tuple[Save, ...] = ()
    best_index: int | None = None
    best_value: float | None = None
    kept_index: int | None = None
    kept_value: float | None = None
    lowest_index: int | None = None
    lowest_value: float | None = None
    saved_epochs: int = 0
    regret: float | None = None
    output: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, trace: CallbackTrace) -> Self:
        """Return what the callback of a trace comes to."""
        raise NotImplementedError

    @property
    def fired(self) -> bool:
        """Whether the callback did anything to the training or to the disk."""
        return self.stop_index is not None or bool(self.drops or self.rates or self.saves)

    @property
    def is_of_stopping_rule(self) -> bool:
        """Whether it is about when to stop, and what that saves and costs."""
        return self.settings.is_stopping_rule

    @property
    def monitor(self) -> str | None:
        """The metric that it watches, None for a callback that watches none."""
        return getattr(self.settings, "monitor", None)

    @property
    def on_disk(self) -> tuple[StoredFile, ...]:
        """The files of `saves` at the end of training, in the order in which they were last written."""
        last: dict[str, StoredFile] = {}
        for save in self.saves:
            before = last.pop(save.path, None)
            last[save.path] = StoredFile(save.path, save.index, before.overwritten + 1 if before else 0)
        return tuple(last.values())

    def facts(self) -> Json:
        """Return what is special to this callback, under the names of the JSON document."""
        raise NotImplementedError

    def to_dict(self) -> Json:
        """Return one element of `callbacks` of `kcb-replay simulate --json`."""
        return {
            "callback": self.settings.name,
            "settings": settings_dict(self.settings),
            "mode": self.mode,
            "fired": self.fired,
            **self.facts(),
            **self.validity.to_dict(),
        }


def hypothetical(horizon: Horizon, earliest: int | None = None, *, undecided: bool = False) -> Validity:
    """Return the label of an answer that goes beyond the limit; `undecided` where the recording ends before it, too."""
    always = reason("validity.what_if_always", limit=horizon.why)
    return Validity(
        "hypothetical",
        always if horizon.index is None else reason("validity.what_if", epoch=horizon.index + 1, limit=horizon.why),
        valid_through_index=horizon.index,
        earliest_stop_index=earliest,
        undecided=undecided,
        unseen=horizon.unseen,
    )


def dated(fact: Drop | RateSet | Save) -> Json:
    """Return a fact of an epoch with that in both ways of counting."""
    # All are plain values: `asdict` would copy each, and takes ten times as long.
    values = {item.name: getattr(fact, item.name) for item in fields(fact)}
    return {"index": fact.index, "epoch": fact.index + 1, **values}


def settings_dict(settings: Callback) -> Json:
    """Return the settings under Keras's argument names, without those that only print."""
    unlisted = settings.only_prints
    return {name: _plain(value) for name, value in settings.arguments.items() if name not in unlisted}


def _plain(value: object) -> object:
    """Return a value that JSON can hold: what has a name is named, all else is written as Python writes it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(getattr(value, "place", None) or getattr(value, "__name__", None) or value)
