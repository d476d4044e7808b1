"""What the tables of an explainer share: a value that occurs many times is kept once, and referred to by its number."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Generic, NamedTuple, TypeVar

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.engine import Row
from kcb_replay.replay.events import CheckpointSaved, Counted, Event, Improved, Judged, of_kind
from kcb_replay.replay.validity import Horizon, Validity, horizon_of
from kcb_replay.report.explainer.lanes import MonitorReplays
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
    texts: Pool[str] = field(default_factory=Pool)
    levels: Pool[tuple[str, WaitLevel]] = field(default_factory=Pool)
    cells: Pool[EpochCell] = field(default_factory=Pool)
    lanes: Pool[tuple[int, ...]] = field(default_factory=Pool)
    notes: Pool[tuple[int, int]] = field(default_factory=Pool)
    known: dict[object, int] = field(default_factory=dict)

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


# What a source lacks weakens an answer on this side of the horizon, so each horizon is judged by itself.
WEAKENED = ("rounded", "sampled")


class FactTexts(NamedTuple):
    """One of the few numbers under the answer, as numbers of texts."""

    term: int
    value: int
    remark: int


class EndMark(NamedTuple):
    """A point of the curve: its row and the number of its label."""

    row: int
    label: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One way in which the training ends: after `row`, the last one that runs, with what the lead comes to.

    `case` numbers the pairs of `row` and `stops` (whether anybody stops the training); `own` tells whether the lead
    does. `bracket` are the rows of the value kept and of the best one, where they differ. Texts are numbers of the
    book. `note` is how far it holds; where the row lies behind the horizon of the learning rate it is that of
    the horizon, or the one in `beyond` if this end has another.
    """

    lane: int
    row: int
    case: int
    stops: bool
    own: bool
    answer: int
    facts: tuple[FactTexts, ...]
    note: int
    closing: int = NO_VALUE
    closing_verdict: int = NO_VALUE
    ending: int = NO_VALUE
    best: EndMark | None = None
    lowest: EndMark | None = None
    kept: EndMark | None = None
    regret: int = NO_VALUE
    bracket: tuple[int, int] = (NO_VALUE, NO_VALUE)
    beyond: tuple[tuple[int, int], ...] = ()
    open_end: int = NO_VALUE


@dataclass(slots=True)
class Tables:
    """Numbers ends, horizons and cases: pairs of the last row and whether the training is stopped there.

    `of_index` are the rows of 0-based epochs, `known` is what was worked out already.
    """

    context: MonitorReplays
    book: Book
    decimals: Decimals
    of_index: dict[int, int]
    horizons: Pool[Horizon] = field(default_factory=Pool)
    cases: Pool[tuple[int, bool]] = field(default_factory=Pool)
    ends: Pool[End] = field(default_factory=Pool)
    known: dict[object, int] = field(default_factory=dict)

    def row_of(self, horizon: Horizon) -> int:
        """Return the last row that a horizon covers, -1 for none."""
        return NO_VALUE if horizon.index is None else self.of_index[horizon.index]

    def horizon_in(self, rows: Sequence[Row]) -> Horizon | None:
        """Return and number the horizon that the learning rate of a replay sets."""
        start = self.context.request.start
        horizon = horizon_of(rows, start.stream, start.initial_lr)
        if horizon is not None:
            self.horizons.number(horizon)
        return horizon

    def note(self, validity: Validity) -> int:
        """Return the number of a label and its reason."""
        return self.book.notes.number(
            (self.book.text(validity.label), self.book.text(self.book.words.why(validity.why)))
        )

    def lane(self, rows: Sequence[Row], position: int, setting: Callback, apart: str = "") -> int:
        """Return the number of the cells of a callback."""
        key = (id(rows), position)
        if key not in self.known:
            metric = str(getattr(setting, "monitor", ""))
            self.known[key] = self.book.lane(rows, position, metric, self.decimals, apart)
        return self.known[key]
