"""What the tables of one monitor and version share: the replays, the book, and the numbers given so far.

`Truncation` cuts an outcome out of replays that ran on; what it is, `replay` decides, as for any other answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kcb_replay.replay.engine import Row, Run
from kcb_replay.replay.monitors import with_monitor_limits
from kcb_replay.replay.outcomes import CallbackTrace, outcome_of
from kcb_replay.replay.source_limits import limited
from kcb_replay.replay.validity import Validity, horizon_of
from kcb_replay.report.explainer.cells import NO_VALUE, Pool
from kcb_replay.report.words import reason_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Note
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.callbacks.base import State
    from kcb_replay.replay.engine import Row
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.stream import Stream
    from kcb_replay.replay.validity import Horizon
    from kcb_replay.report.explainer.cells import Book
    from kcb_replay.report.explainer.ends import End
    from kcb_replay.report.explainer.lanes import MonitorReplays
    from kcb_replay.text import Decimals

__all__ = ["WEAKENED", "Tables", "Truncation", "alone", "tables_of"]

# What a source lacks weakens an answer on this side of the horizon, so each horizon is judged by itself.
WEAKENED = ("rounded", "sampled")


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
            (self.book.text(validity.label), self.book.text(reason_of(validity, self.book.words)))
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


@dataclass(frozen=True, slots=True)
class Truncation:
    """Knows the recording that every outcome is judged against."""

    stream: Stream
    notes: Sequence[Note]
    fit: int

    def outcome(
        self,
        setting: Callback,
        rows: Sequence[Row],
        position: int = 0,
        *,
        state: State | None = None,
        events: Sequence[Event] | None = None,
        finish: Sequence[Event] = (),
        stoppers: tuple[int, ...] = (),
        horizon: Horizon | None = None,
    ) -> Outcome:
        """Return the outcome of the callback at `position` of replays whose training ends with the last of `rows`.

        `state` and `events` are its own after the last row, where they differ from what stands there.
        """
        last = rows[-1]
        states, of_all = list(last.states), list(last.events)
        states[position] = state or states[position]
        of_all[position] = tuple(of_all[position] if events is None else events)
        ended = replace(last, states=tuple(states), events=tuple(of_all), stoppers=stoppers)
        finished = tuple(tuple(finish) if number == position else () for number in range(len(states)))
        run = Run((*rows[:-1], ended), finished, last.lr, ended.states)
        view = CallbackTrace(setting, position, run, self.stream, horizon)
        return with_monitor_limits(limited(outcome_of(view), view, self.notes, self.fit), view.state, self.stream, ())


def alone(rows: Sequence[Row], position: int) -> list[Row]:
    """Return the rows with one of their callbacks only."""
    return [replace(row, states=(row.states[position],), events=(row.events[position],), stoppers=()) for row in rows]
