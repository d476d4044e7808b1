"""What stands below the curve: the wait counter and the learning rate, epoch by epoch, read off the events."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, TypeAlias

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay.engine import Row
from kcb_replay.replay.events import CoolingDown, Counted, Event, of_kind
from kcb_replay.replay.result import Replay
from kcb_replay.text import short

# The program of a page has the same number.
MOST_NAMED_DROPS = 12
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
    words: Catalogue = field(default=IN_ENGLISH, repr=False, compare=False)

    @property
    def title(self) -> str:
        """Name the panel; whose counter it is goes without saying where it is EarlyStopping's."""
        known = self.callback == "EarlyStopping"
        return self.words.say("chart.wait" if known else "chart.wait_of", callback=self.callback)

    @property
    def label(self) -> str:
        """Name the dashed line."""
        return self.words.say("chart.patience", patience=f"{self.patience:g}")

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
    words: Catalogue = field(default=IN_ENGLISH, repr=False, compare=False)

    @property
    def label(self) -> str:
        """Return the epoch in words, with a question mark where it is a what-if."""
        return self.words.say("chart.epoch", epoch=self.short_label)

    @property
    def short_label(self) -> str:
        """Return the epoch alone, with its question mark."""
        return f"{self.epoch}{'?' if self.hypothetical else ''}"


@dataclass(frozen=True, slots=True)
class Rate:
    """The learning rate each epoch is trained with, and `after` the last of them."""

    title: str
    epochs: tuple[int, ...]
    rates: tuple[float, ...]
    after: float
    drops: tuple[RateDrop, ...]
    cooldowns: tuple[tuple[int, int], ...]
    words: Catalogue = field(default=IN_ENGLISH, repr=False, compare=False)

    @property
    def named_drops(self) -> tuple[RateDrop, ...]:
        """The reductions that have their epoch beside them: none where a callback reduces over and over."""
        return self.drops if len(self.drops) <= MOST_NAMED_DROPS else ()

    @property
    def first_label(self) -> str:
        """The rate at the start."""
        return short(self.rates[0])

    @property
    def last_label(self) -> str:
        """The rate at the end, and in how many drops it came there."""
        if not self.drops:
            return short(self.after)
        key = "chart.drops" if len(self.drops) > 1 else "chart.drop"
        return self.words.say(key, rate=short(self.after), count=len(self.drops))

    @property
    def texts(self) -> tuple[str, ...]:
        """What the panel says."""
        places = ", ".join(drop.label for drop in self.named_drops)
        ends = {"title": self.title, "first": self.first_label, "last": self.last_label, "places": places}
        return (self.words.say("chart.rate_places" if places else "chart.rate_span", **ends),)


def levels_of(replay: Replay, position: int) -> tuple[Level, ...]:
    """Return every stretch in which the callback at `position` waits, from the epoch of its best on."""
    rising = replay.outcomes[position].mode == "max"
    levels: dict[int, Level] = {}
    best_epoch = 0
    for row in replay.rows:
        for event in of_kind(row.events[position], Counted):
            if event.is_better:
                best_epoch = event.epoch
            elif event.best is not None and math.isfinite(event.best):
                needed = event.best + (event.margin if rising else -event.margin)
                threshold = needed if event.margin else None
                levels[best_epoch] = Level(best_epoch, event.epoch, event.best, threshold)
    return tuple(levels.values())


def wait_of(replay: Replay, position: int, words: Catalogue = IN_ENGLISH) -> Wait | None:
    """Return the wait counter of the callback at `position`, None for one that does not wait."""
    settings = replay.outcomes[position].settings
    patience = settings.waits_for
    if patience is None:
        return None
    bars = (_bar(row.events[position]) for row in replay.rows)
    return Wait(settings.name, patience, tuple(bar for bar in bars if bar), words)


def _bar(events: Sequence[Event]) -> WaitBar | None:
    counted = next(of_kind(events, Counted), None)
    if counted is None:
        return None
    effects = [event.effect[0] for event in events if event.effect]
    kind: BarKind = "stopped" if "stops" in effects else "reduced" if "reduces" in effects else "waited"
    return WaitBar(counted.epoch, counted.wait, "improved" if counted.is_better else kind)


_START = {"assumed": "chart.rate_assumed", "given": "chart.rate_given"}


def rate_of(replay: Replay, words: Catalogue = IN_ENGLISH) -> Rate | None:
    """Return the replayed learning rate, the recorded one where no callback sets it, None where nobody knows."""
    if not replay.changes_learning_rate:
        return _recorded_rate(replay, words)
    return Rate(
        title=words.say(_START.get(replay.initial_lr_source, "chart.rate")),
        epochs=tuple(row.index + 1 for row in replay.rows),
        rates=tuple(row.lr_begin for row in replay.rows),
        after=replay.rows[-1].lr,
        drops=tuple(
            RateDrop(drop.index + 1, drop.old_lr, drop.new_lr, drop.validity != "exact", words) for drop in replay.drops
        ),
        cooldowns=tuple(_cooldowns(replay.rows)),
        words=words,
    )


def _recorded_rate(replay: Replay, words: Catalogue) -> Rate | None:
    recorded = sorted(replay.stream.learning_rates.items())
    if not recorded:
        return None
    rates = tuple(rate for _, rate in recorded)
    epochs = tuple(index + 1 for index, _ in recorded)
    return Rate(words.say("chart.rate_recorded"), epochs, rates, rates[-1], (), (), words)


def _cooldowns(rows: Sequence[Row]) -> Iterable[tuple[int, int]]:
    cooling = [row.index + 1 for row in rows if any(of_kind(row.all_events, CoolingDown))]
    for _, group in groupby(enumerate(cooling), lambda pair: pair[1] - pair[0]):
        stretch = [epoch for _, epoch in group]
        yield stretch[0], stretch[-1]
