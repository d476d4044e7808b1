"""Values that occur many times, kept once and referred to by their number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.engine import Row
from kcb_replay.replay.events import CheckpointSaved, Counted, Event, Improved, Judged, of_kind
from kcb_replay.report.phrases import phrase
from kcb_replay.text import Decimals, visible

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


class Kind:
    """The numbers by which the program tells cells apart."""

    NO_VALUE, IMPROVED, WAITED, COOLING, SAVED = range(5)


class WaitLevel(NamedTuple):
    """The best that is waited on: the row that it comes from, its value, and what had to be beaten if that differs."""

    row: int
    best: float
    threshold: float | None


class EpochCell(NamedTuple):
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
    levels: Pool[tuple[str, WaitLevel]]
    cells: Pool[EpochCell]
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

    def lane(self, rows: Sequence[Row], position: int, metric: str, decimals: Decimals, apart: str) -> int:
        """Return the number of the cells of one callback in every epoch, without the events that concern `apart`."""
        cells, best_row, mode = [], 0, rows[-1].states[position].direction
        for number, row in enumerate(rows):
            events = row.events[position]
            key = (events[0] if len(events) == 1 else events, metric, decimals.count, best_row, apart)
            if key not in self.known:
                shared = [event for event in events if event.concerns != apart]
                self.known[key] = self.cells.number(self._cell(shared, metric, decimals, mode, best_row))
            cells.append(self.known[key])
            best_row = number if any(of_kind(events, Improved)) else best_row
        return self.lanes.number(tuple(cells))

    def texts_of(self, events: Iterable[Event], decimals: Decimals, mode: Direction | None) -> tuple[int, int]:
        """Return the sentences and verdicts of events as two texts, without wait counters."""
        phrases = [phrase(event, decimals, mode) for event in events]
        text = " ".join(each.sentence(self.words) for each in phrases)
        return self.text(text), self.text(", ".join(each.verdict(self.words) for each in phrases))

    def _cell(
        self, events: Sequence[Event], metric: str, decimals: Decimals, mode: Direction | None, best_row: int
    ) -> EpochCell:
        sentence, verdict = self.texts_of(events, decimals, mode)
        judged = next(of_kind(events, Judged), None)
        if judged is None:
            kind = Kind.SAVED if any(of_kind(events, CheckpointSaved)) else Kind.NO_VALUE
            return EpochCell(sentence, NO_VALUE, verdict, NO_VALUE, NO_VALUE, NO_VALUE, kind, NO_VALUE)
        after = events.index(judged) + 1
        sentence = self.texts_of(events[:after], decimals, mode)[0]
        tail = self.texts_of(events[after:], decimals, mode)[0]
        best, threshold = self._compared(judged, decimals, mode)
        counted = next(of_kind([judged], Counted), None)
        is_waiting = counted is not None and not counted.is_better
        level = self._level(judged, metric, mode, best_row) if is_waiting else NO_VALUE
        kind = Kind.IMPROVED if judged.is_better else Kind.WAITED if is_waiting else Kind.COOLING
        wait = counted.wait if counted else NO_VALUE
        return EpochCell(sentence, tail, verdict, best, threshold, wait, kind, level)

    def _compared(self, judged: Judged, decimals: Decimals, mode: Direction | None) -> tuple[int, int]:
        """Return the best before and what had to be beaten, as texts."""
        if judged.best is None:
            return NO_VALUE, NO_VALUE
        _, best = decimals.pair(judged.value, judged.best)
        needed = judged.best + (judged.margin if mode == "max" else -judged.margin)
        return self.text(best), self.text(decimals.pair(judged.value, needed)[1] if judged.margin else best)

    def _level(self, waited: Judged, metric: str, mode: Direction | None, best_row: int) -> int:
        """Return the number of the best that is waited on."""
        if waited.best is None or not math.isfinite(waited.best):
            return NO_VALUE
        needed = waited.best + (waited.margin if mode == "max" else -waited.margin)
        return self.levels.number((metric, WaitLevel(best_row, waited.best, needed if waited.margin else None)))


def compared_in(rows: Iterable[Row], position: int) -> set[tuple[float, float]]:
    """Return the pairs of values that a callback compares."""
    return {judged.compared for row in rows for judged in of_kind(row.events[position], Judged) if judged.compared}
