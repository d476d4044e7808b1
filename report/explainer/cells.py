"""Values that occur many times, kept once and referred to by their number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeAlias, TypeVar

from kcb_replay.replay.events import (
    CheckpointSaved,
    CoolingDown,
    Improved,
    LearningRateAtFloor,
    LearningRateReduced,
    Stopped,
    Waited,
    WeightsRestored,
)
from kcb_replay.report.phrases import phrase
from kcb_replay.text import visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.engine import Row
    from kcb_replay.replay.events import Event
    from kcb_replay.text import Decimals

__all__ = ["NO_VALUE", "OF_END", "OF_RATE", "Book", "Cell", "Kind", "Kinds", "Level", "Pool", "compared_in"]

NO_VALUE = -1


_T = TypeVar("_T")


class Pool(Generic[_T]):
    """Numbers values in the order in which they first come."""

    def __init__(self) -> None:
        self._numbers: dict[_T, int] = {}

    def number(self, value: _T) -> int:
        """Return the number of a value."""
        return self._numbers.setdefault(value, len(self._numbers))

    @property
    def values(self) -> tuple[_T, ...]:
        """Return every value by its number."""
        return tuple(self._numbers)


Kinds: TypeAlias = tuple[type, ...]


# Said of an end or of a learning rate, not of the epochs that positions share.
OF_END: Kinds = (Stopped, WeightsRestored)


OF_RATE: Kinds = (LearningRateReduced, LearningRateAtFloor)


class Kind:
    """The numbers by which the program tells cells apart."""

    NO_VALUE, IMPROVED, WAITED, COOLING, SAVED = range(5)


class Level(NamedTuple):
    """The best that is waited on: the row that it comes from, its value, and what had to be beaten if that differs."""

    row: int
    best: float
    threshold: float | None


class Cell(NamedTuple):
    """One epoch of one callback: numbers of texts, the wait counter, its kind and level; -1 where there is none.

    The counter is said between the `sentence` and the `tail`.
    """

    sentence: int
    tail: int
    verdict: int
    best: int
    threshold: int
    wait: int
    kind: int
    level: int


@dataclass(frozen=True, slots=True)
class Book:
    """Everything that positions have in common, numbered.

    Texts, levels, cells, the cells of a replay in order, and notes of label and reason.
    """

    words: Catalogue
    texts: Pool[str]
    levels: Pool[tuple[str, Level]]
    cells: Pool[Cell]
    lanes: Pool[tuple[int, ...]]
    notes: Pool[tuple[int, int]]
    known: dict[object, int]

    @classmethod
    def empty(cls, words: Catalogue) -> Book:
        """Return a book to be filled."""
        return cls(words, Pool(), Pool(), Pool(), Pool(), Pool(), {})

    def text(self, text: str) -> int:
        """Return the number of a text, -1 for an empty one."""
        return self.texts.number(visible(text)) if text else NO_VALUE

    def say(self, key: str, **values: object) -> int:
        """Return the number of a text of the catalogue."""
        return self.text(self.words.say(key, **values))

    def lane(self, rows: Sequence[Row], position: int, metric: str, decimals: Decimals, apart: Kinds) -> int:
        """Return the number of the cells of one callback in every epoch, without the events that are said apart."""
        cells, best_row, mode = [], 0, rows[-1].states[position].direction
        for number, row in enumerate(rows):
            events = row.events[position]
            key = (events[0] if len(events) == 1 else events, metric, decimals.count, best_row, apart)
            if key not in self.known:
                shared = [event for event in events if not isinstance(event, apart)]
                self.known[key] = self.cells.number(self._cell(shared, metric, decimals, mode, best_row))
            cells.append(self.known[key])
            best_row = number if any(isinstance(event, Improved) for event in events) else best_row
        return self.lanes.number(tuple(cells))

    def said(self, events: Iterable[Event], decimals: Decimals, mode: Direction | None) -> tuple[int, int]:
        """Return the sentences and verdicts of events as two texts, without wait counters."""
        phrases = [phrase(event, decimals, mode) for event in events]
        text = " ".join(each.sentence(self.words) for each in phrases)
        return self.text(text), self.text(", ".join(each.verdict(self.words) for each in phrases))

    def _cell(
        self, events: Sequence[Event], metric: str, decimals: Decimals, mode: Direction | None, best_row: int
    ) -> Cell:
        _, verdict = self.said(events, decimals, mode)
        for place, event in enumerate(events, 1):
            if isinstance(event, (Improved, Waited, CoolingDown)):
                sentence, tail = (
                    self.said(events[:place], decimals, mode)[0],
                    self.said(events[place:], decimals, mode)[0],
                )
                best, threshold = self._compared(event, decimals, mode)
                level = self._level(event, metric, mode, best_row)
                wait = NO_VALUE if isinstance(event, CoolingDown) else event.wait
                return Cell(sentence, tail, verdict, best, threshold, wait, _kind(event), level)
        kind = Kind.SAVED if any(isinstance(event, CheckpointSaved) for event in events) else Kind.NO_VALUE
        sentence = self.said(events, decimals, mode)[0]
        return Cell(sentence, NO_VALUE, verdict, NO_VALUE, NO_VALUE, NO_VALUE, kind, NO_VALUE)

    def _compared(
        self, event: Improved | Waited | CoolingDown, decimals: Decimals, mode: Direction | None
    ) -> tuple[int, int]:
        """Return the best before and what had to be beaten, as texts."""
        if event.best is None:
            return NO_VALUE, NO_VALUE
        _, best = decimals.pair(event.value, event.best)
        margin = 0.0 if isinstance(event, CoolingDown) else event.min_delta
        needed = event.best + margin if mode == "max" else event.best - margin
        return self.text(best), self.text(best if not margin else decimals.pair(event.value, needed)[1])

    def _level(self, event: Event, metric: str, mode: Direction | None, best_row: int) -> int:
        if not isinstance(event, Waited) or not math.isfinite(event.best):
            return NO_VALUE
        needed = event.best + (event.min_delta if mode == "max" else -event.min_delta)
        return self.levels.number((metric, Level(best_row, event.best, needed if event.min_delta else None)))


def _kind(event: Event) -> int:
    if isinstance(event, Improved):
        return Kind.IMPROVED
    return Kind.COOLING if isinstance(event, CoolingDown) else Kind.WAITED


def compared_in(rows: Iterable[Row], position: int) -> set[tuple[float, float]]:
    """Return the pairs of values that a callback compares."""
    return {
        (event.value, event.best)
        for row in rows
        for event in row.events[position]
        if isinstance(event, (Improved, Waited, CoolingDown)) and event.best is not None
    }
