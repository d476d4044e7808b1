"""What the tables of one monitor and version share: the replays, the book, and the numbers given so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.engine import Row
from kcb_replay.replay.validity import Horizon, Validity, horizon_of
from kcb_replay.report.explainer.cells import NO_VALUE, Book, Pool
from kcb_replay.report.explainer.lanes import MonitorReplays
from kcb_replay.text import Decimals

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


def tables_of(context: MonitorReplays, book: Book, decimals: Decimals) -> Tables:
    """Return tables to be filled."""
    rows = {epoch.index: number for number, epoch in enumerate(context.request.start.stream.epochs)}
    return Tables(context, book, decimals, rows)
