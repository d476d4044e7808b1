"""What stands below the curve: the wait counter and the learning rate, epoch by epoch, read off the events."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal, TypeAlias

from kcb_replay.replay.callbacks import (
    EarlyStopping,
    LightningEarlyStopping,
    ReduceLROnPlateau,
    TorchReduceLROnPlateau,
    changes_learning_rate,
)
from kcb_replay.replay.events import CoolingDown, Improved, LearningRateReduced, Stopped, Waited
from kcb_replay.replay.outcomes import ReduceLROnPlateauOutcome
from kcb_replay.report.numbers import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.engine import Row
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.result import Replay

__all__ = ["BarKind", "Level", "Rate", "RateDrop", "Wait", "WaitBar", "levels_of", "rate_of", "wait_of"]

BarKind: TypeAlias = Literal["improved", "waited", "stopped", "reduced"]


@dataclass(frozen=True, slots=True)
class Level:
    """A stretch of waiting: the best of epoch `first` holds to `last`; `threshold` had to be beaten, if it differs."""

    first: int
    last: int
    best: float
    threshold: float | None


@dataclass(frozen=True, slots=True)
class WaitBar:
    """The wait counter after one epoch; epochs that did not count have no bar."""

    epoch: int
    wait: int
    kind: BarKind


@dataclass(frozen=True, slots=True)
class Wait:
    """The wait counter of one callback. `top` is what the full height stands for."""

    callback: str
    patience: float
    bars: tuple[WaitBar, ...]

    @property
    def title(self) -> str:
        """Name the panel; whose counter it is goes without saying where it is EarlyStopping's."""
        return "wait counter" if self.callback == "EarlyStopping" else f"wait counter of {self.callback}"

    @property
    def label(self) -> str:
        """Name the dashed line."""
        return f"patience {self.patience:g}"

    @property
    def top(self) -> float:
        """Return the patience, or the longest wait where that is higher or the patience is infinite."""
        longest = max((bar.wait for bar in self.bars), default=0)
        return max(1, longest, self.patience if math.isfinite(self.patience) else 0)


@dataclass(frozen=True, slots=True)
class RateDrop:
    """A reduction after `epoch`; a hypothetical one is a what-if."""

    epoch: int
    old: float
    new: float
    hypothetical: bool

    @property
    def label(self) -> str:
        """Return the epoch, with a question mark where it is a what-if."""
        return f"epoch {self.epoch}{'?' if self.hypothetical else ''}"


@dataclass(frozen=True, slots=True)
class Rate:
    """The learning rate each epoch is trained with, and `after` the last of them."""

    title: str
    epochs: tuple[int, ...]
    rates: tuple[float, ...]
    after: float
    drops: tuple[RateDrop, ...]
    cooldowns: tuple[tuple[int, int], ...]

    @property
    def first_label(self) -> str:
        """The rate at the start."""
        return short(self.rates[0])

    @property
    def last_label(self) -> str:
        """The rate at the end, and in how many drops it came there."""
        if not self.drops:
            return short(self.after)
        return f"{short(self.after)} ({len(self.drops)} drop{'s' if len(self.drops) > 1 else ''})"

    @property
    def texts(self) -> tuple[str, ...]:
        """What the panel says."""
        places = ", ".join(drop.label for drop in self.drops)
        return (f"{self.title}: {self.first_label} to {self.last_label}{': ' if places else ''}{places}.",)


_WAITING = (EarlyStopping, ReduceLROnPlateau, LightningEarlyStopping, TorchReduceLROnPlateau)


def levels_of(replay: Replay, position: int) -> tuple[Level, ...]:
    """Return every stretch in which the callback at `position` waits, from the epoch of its best on."""
    rising = replay.outcomes[position].mode == "max"
    levels: dict[int, Level] = {}
    best_epoch = 0
    for row in replay.rows:
        for event in row.events[position]:
            if isinstance(event, Improved):
                best_epoch = event.epoch
            elif isinstance(event, Waited) and math.isfinite(event.best):
                needed = event.best + (event.min_delta if rising else -event.min_delta)
                threshold = needed if event.min_delta else None
                levels[best_epoch] = Level(best_epoch, event.epoch, event.best, threshold)
    return tuple(levels.values())


def wait_of(replay: Replay, position: int) -> Wait | None:
    """Return the wait counter of the callback at `position`, None for one that does not wait."""
    settings = replay.outcomes[position].settings
    if not isinstance(settings, _WAITING):
        return None
    bars = (_bar(row.events[position]) for row in replay.rows)
    return Wait(settings.name, settings.patience, tuple(bar for bar in bars if bar))


def _bar(events: Sequence[Event]) -> WaitBar | None:
    kind: BarKind = "waited"
    if any(isinstance(event, Stopped) for event in events):
        kind = "stopped"
    elif any(isinstance(event, LearningRateReduced) for event in events):
        kind = "reduced"
    for event in events:
        if isinstance(event, Improved):
            return WaitBar(event.epoch, event.wait, "improved")
        if isinstance(event, Waited):
            return WaitBar(event.epoch, event.wait, kind)
    return None


_START = {"assumed": "learning rate (start assumed)", "given": "learning rate (start given)"}


def rate_of(replay: Replay) -> Rate | None:
    """Return the replayed learning rate, the recorded one where no callback sets it, None where nobody knows."""
    if not any(map(changes_learning_rate, replay.callbacks)):
        return _recorded_rate(replay)
    reducing = [outcome for outcome in replay.outcomes if isinstance(outcome, ReduceLROnPlateauOutcome)]
    drops = (
        RateDrop(drop.index + 1, drop.old_lr, drop.new_lr, drop.validity != "exact")
        for outcome in reducing
        for drop in outcome.drops
    )
    return Rate(
        title=_START.get(replay.initial_lr_source, "learning rate"),
        epochs=tuple(row.index + 1 for row in replay.rows),
        rates=tuple(row.lr_begin for row in replay.rows),
        after=replay.rows[-1].lr,
        drops=tuple(sorted(drops, key=lambda drop: drop.epoch)),
        cooldowns=tuple(_cooldowns(replay.rows)),
    )


def _recorded_rate(replay: Replay) -> Rate | None:
    recorded = sorted(replay.stream.learning_rates.items())
    if not recorded:
        return None
    rates = tuple(rate for _, rate in recorded)
    epochs = tuple(index + 1 for index, _ in recorded)
    return Rate("learning rate, as recorded", epochs, rates, rates[-1], (), ())


def _cooldowns(rows: Sequence[Row]) -> Iterable[tuple[int, int]]:
    cooling = [
        row.index + 1 for row in rows if any(isinstance(event, CoolingDown) for seen in row.events for event in seen)
    ]
    for _, group in groupby(enumerate(cooling), lambda pair: pair[1] - pair[0]):
        stretch = [epoch for _, epoch in group]
        yield stretch[0], stretch[-1]
