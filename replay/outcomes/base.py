"""What every outcome is: what one callback of a replay comes to, and how far that holds.

An outcome is read off the events and states of a replayed fit; nothing is decided here that the callback decided.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks.base import KnownCallback
from kcb_replay.replay.validity import Horizon, Validity

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.callbacks.base import State
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.engine import Run
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.stream import Stream

__all__ = ["CallbackTrace", "Json", "Outcome", "hypothetical", "one_based", "settings_dict"]

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
        return (event for row in self.run.rows for event in row.events[self.position] if isinstance(event, kind))

    def finish_events(self, kind: type[_E]) -> Iterator[_E]:
        """Return the events of one kind when the training ends."""
        events = self.run.finish_events[self.position] if self.run.finish_events else ()
        return (event for event in events if isinstance(event, kind))

    def is_exact_at(self, index: int) -> bool:
        """Tell whether what happens at the end of the epoch `index` is what the recording shows."""
        return self.horizon is None or self.horizon.covers(index)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one callback comes to; `mode` is the resolved direction, None where there is none."""

    settings: Callback
    mode: Direction | None
    validity: Validity

    @property
    def fired(self) -> bool:
        """Whether the callback did what it is there for."""
        raise NotImplementedError

    @property
    def monitor(self) -> str | None:
        """The metric that it watches, None for a callback that watches none."""
        return getattr(self.settings, "monitor", None)

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


def one_based(index: int | None) -> int | None:
    """Return an epoch counted from 1."""
    return None if index is None else index + 1


def settings_dict(settings: Callback) -> Json:
    """Return the settings under Keras's argument names, without those that only print."""
    unlisted = getattr(settings, "only_prints", KnownCallback.only_prints)
    values: Mapping[str, Any] | None = getattr(settings, "arguments", None)
    if values is None:
        values = {item.name: getattr(settings, item.name) for item in fields(settings)}  # type: ignore[arg-type]  # every native callback is a dataclass
    return {name: _plain(value) for name, value in values.items() if name not in unlisted}


def _plain(value: object) -> object:
    """Return a value that JSON can hold: what has a name is named, all else is written as Python writes it."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return str(getattr(value, "place", None) or getattr(value, "__name__", None) or value)
