"""All answers under one monitor and version, as numbers and words: what the page looks up.

Ends and learning rates are tabulated apart: neither changes the other, except that nothing runs behind a stop and that
what comes behind the first rate of its own is a what-if.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.callbacks.base import TrainEnd
from kcb_replay.replay.engine import Row
from kcb_replay.replay.events import Event
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.outcomes.base import hypothetical
from kcb_replay.replay.result import Replay
from kcb_replay.replay.validity import Horizon, cut_short
from kcb_replay.report.explainer.ends import fill_ends
from kcb_replay.report.explainer.lanes import MonitorReplays
from kcb_replay.report.explainer.rates import RatePath, number_horizons, paths_of
from kcb_replay.report.explainer.tables import WEAKENED, Book, End, Tables
from kcb_replay.report.words import outcome_sentence
from kcb_replay.text import Decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTables:
    """The tables of one monitor and version.

    `end_of` and `path_of` hold a number per position, the last control moving fastest; `horizons` are (last row that is
    exact, note), -1 where none is.
    """

    ends: tuple[End, ...]
    end_of: tuple[int, ...]
    paths: tuple[RatePath, ...]
    path_of: tuple[int, ...]
    horizons: tuple[tuple[int, int], ...]
    companions: tuple[Companion, ...]
    stopped_by: str


def answers_of(context: MonitorReplays, book: Book, decimals: Decimals) -> AnswerTables:
    """Return every answer of a context."""
    rows = {epoch.index: number for number, epoch in enumerate(context.request.start.stream.epochs)}
    tables = Tables(context, book, decimals, rows)
    number_horizons(tables)
    end_of = fill_ends(tables)
    paths, path_of = paths_of(tables)
    return AnswerTables(
        ends=tables.ends.values,
        end_of=tuple(end_of),
        paths=tuple(paths),
        path_of=path_of,
        horizons=tuple((tables.row_of(each), tables.note(hypothetical(each))) for each in tables.horizons.values),
        companions=tuple(_companions_of(tables)),
        stopped_by=_stopped_by(context),
    )


def _stopped_by(context: MonitorReplays) -> str:
    """Return who stops the training that the lead does not."""
    stoppers = context.base.rows[-1].stoppers
    return context.callbacks[stoppers[0]].name if stoppers else ""


@dataclass(frozen=True, slots=True)
class Companion:
    """A callback without controls: its cells, and per case what it comes to and how far that holds.

    `beyond` has what differs from the horizon's own note, by case and horizon.
    """

    position: int
    lane: int
    sentences: tuple[int, ...]
    notes: tuple[int, ...]
    beyond: tuple[tuple[int, int, int], ...]


def _companions_of(tables: Tables) -> Iterator[Companion]:
    """Yield what the callbacks without controls come to; horizons and cases are numbered before."""
    moved = {tables.context.request.lead, *([tables.context.request.reducer] if tables.context.rates else [])}
    for position in range(len(tables.context.callbacks)):
        if position not in moved:
            yield _companion(tables, position)


def _companion(tables: Tables, position: int) -> Companion:
    callback = tables.context.callbacks[position]
    outcomes = [_companion_outcome(tables, position, *case, None) for case in tables.cases.values]
    beyond = (
        note
        for case, outcome in enumerate(outcomes)
        for note in _beyond(tables, position, case, weak=outcome.validity.label in WEAKENED)
    )
    sentences = (
        outcome_sentence(outcome, _ended(tables, *case), tables.book.words)
        for outcome, case in zip(outcomes, tables.cases.values, strict=True)
    )
    return Companion(
        position=position,
        lane=tables.lane(tables.context.base.rows, position, callback),
        sentences=tuple(map(tables.book.text, sentences)),
        notes=tuple(tables.note(each.validity) for each in outcomes),
        beyond=tuple(beyond),
    )


def _beyond(tables: Tables, position: int, case: int, *, weak: bool) -> Iterator[tuple[int, int, int]]:
    """Yield the notes of a case behind horizons, where they are not those of the horizons themselves.

    A callback that heeds one horizon heeds all; one whose source lacks something is judged behind each.
    """
    row, stops = tables.cases.values[case]
    behind = [(n, each) for n, each in enumerate(tables.horizons.values) if tables.row_of(each) < row]
    for n, horizon in behind:
        note = tables.note(_companion_outcome(tables, position, row, stops, horizon).validity)
        if note == tables.note(hypothetical(horizon)) and not weak:
            return
        yield case, n, note


def _ended(tables: Tables, row: int, stops: bool) -> Replay:
    """Return the replay that was asked for as if it ended after a row, for sentences that say so."""
    start, base = tables.context.request.start, tables.context.base
    last = replace(base.rows[row], stoppers=(0,) if stops else ())
    return replace(start, run_record=replace(base, rows=(*base.rows[:row], last)))


def _companion_outcome(tables: Tables, position: int, row: int, stops: bool, horizon: Horizon | None) -> Outcome:
    rows, callback = tables.context.base.rows, tables.context.callbacks[position]
    stoppers = rows[row].stoppers or ((tables.context.request.lead,) if stops else ())
    return tables.context.outcome(
        callback,
        rows[: row + 1],
        position,
        finish=_finish(callback, rows[row], position),
        stoppers=stoppers,
        horizon=horizon or cut_short(rows[: row + 1]),
    )


def _finish(callback: Callback, row: Row, position: int) -> Sequence[Event]:
    """Return what a callback does when the training ends here; that of a real one cannot be asked again."""
    if callback.is_of_user:
        return ()
    return row.states[position].on_train_end(TrainEnd(row.index, {}, row.lr, stopping=True)).events
