"""The table of ends: what the lead comes to at every position of its controls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.outcomes import StoppingOutcome
from kcb_replay.replay.validity import cut_short
from kcb_replay.report.explainer.cells import OF_END
from kcb_replay.report.explainer.endings import (
    End,
    FactTexts,
    answer_of,
    ending_texts,
    facts_of,
    marks_of,
    open_end_of,
    raising_end,
    restored_text,
)
from kcb_replay.report.explainer.pool import NO_VALUE
from kcb_replay.report.explainer.tables import WEAKENED
from kcb_replay.report.explainer.truncated_outcome import alone
from kcb_replay.report.facts import facts
from kcb_replay.report.words import answer, can_stop, outcome_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.engine import Row
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.validity import Horizon
    from kcb_replay.report.explainer.lanes import Ending, Lane
    from kcb_replay.report.explainer.tables import Tables

__all__ = ["fill_ends"]


def fill_ends(tables: Tables) -> list[int]:
    """Give every end its number, and return that of each position of the lead."""
    if tables.context.ends:
        return [_end(tables, *each) for each in tables.context.ends]
    return [_end_of_base(tables)]


def _end(tables: Tables, setting: EarlyStopping, lane: Lane, ending: Ending) -> int:
    number = tables.lane(lane.rows, 0, setting, OF_END)
    kept = (setting.restore_best_weights, setting.min_delta, ending.error)
    key = (number, ending.row, ending.stops, kept if ending.stops else setting)
    if key not in tables.known:
        tables.known[key] = tables.ends.number(_new_end(tables, setting, lane.rows, number, ending))
    return tables.known[key]


def _new_end(tables: Tables, setting: EarlyStopping, rows: Sequence[Row], lane: int, ending: Ending) -> End:
    if ending.error:
        return raising_end(lane, ending.row, tables.cases.number((ending.row, False)), ending.error, tables.book)
    others = tables.context.stopped_by_others and ending.row == len(tables.context.base.rows) - 1
    stoppers = ((0,) if ending.stops else ()) + ((1,) if others else ())
    cut = cut_short(tables.context.base.rows) if others else None

    def judged(horizon: Horizon | None) -> Outcome:
        return tables.context.judge.outcome(
            setting,
            rows[: ending.row + 1],
            state=ending.state,
            events=ending.events,
            finish=ending.finish,
            stoppers=stoppers,
            horizon=horizon,
        )

    outcome = judged(cut)
    beyond: list[tuple[int, int]] = []
    if outcome.validity.label in WEAKENED:
        limits = enumerate(tables.horizons.values)
        beyond = [(n, tables.note(judged(each).validity)) for n, each in limits if tables.row_of(each) < ending.row]
    texts = _closing(tables, ending.events, ending.finish, outcome)
    return _described(tables, outcome, lane, ending.row, stoppers, texts, tuple(beyond))


def _closing(
    tables: Tables, events: Sequence[Event], finish: Sequence[Event], outcome: Outcome
) -> tuple[int, int, int]:
    """Return what the last epoch adds to its sentence and verdict, and what is done behind it."""
    return *ending_texts(events, tables.book, tables.decimals, outcome.mode), restored_text(finish, tables.book)


def _described(
    tables: Tables,
    outcome: Outcome,
    lane: int,
    row: int,
    stoppers: tuple[int, ...],
    closing: tuple[int, int, int],
    beyond: tuple[tuple[int, int], ...],
) -> End:
    stream, rows = tables.context.asked.start.stream, tables.of_index
    stop = stream.epochs[row].index + 1 if stoppers else None
    stopping = outcome if isinstance(outcome, StoppingOutcome) else None
    marks = marks_of(stopping, tables.book, tables.decimals, rows, row) if stopping else (None, None, None, NO_VALUE)
    bracket = (NO_VALUE, NO_VALUE)
    if stopping and stopping.regret and stopping.kept_index is not None and stopping.lowest_index is not None:
        bracket = (rows[stopping.kept_index], rows[stopping.lowest_index])
    unseen = None if stoppers else _unseen(tables, outcome)
    about = (tables.book, tables.decimals, len(stream.epochs), stop, unseen)
    return End(
        lane=lane,
        row=row,
        case=tables.cases.number((row, bool(stoppers))),
        stops=bool(stoppers),
        own=0 in stoppers,
        answer=answer_of(stopping, *about) if stopping else _other_answer(tables),
        closing=closing[0],
        closing_verdict=closing[1],
        ending=closing[2],
        facts=facts_of(stopping, *about) if stopping else _other_facts(tables),
        best=marks[0],
        lowest=marks[1],
        kept=marks[2],
        regret=marks[3],
        bracket=bracket,
        note=tables.note(outcome.validity),
        beyond=beyond,
        open_end=NO_VALUE if stoppers else _open_end(tables, outcome),
    )


def _unseen(tables: Tables, outcome: Outcome) -> int | None:
    """Return the epoch before which the training does not stop, where the recording was ended by a callback."""
    if not tables.context.asked.was_stopped:
        return None
    earliest = outcome.validity.earliest_stop_index
    last = tables.context.asked.start.stream.epochs[-1].index
    return (last + 1 if earliest is None else earliest) + 1


def _open_end(tables: Tables, outcome: Outcome) -> int:
    return open_end_of(outcome, tables.book, was_stopped=tables.context.asked.was_stopped)


def _other_answer(tables: Tables) -> int:
    """Return the answer of a list whose lead stops nothing; -1 where its learning rate is the answer."""
    if tables.context.rates:
        return NO_VALUE
    start, words = tables.context.replayed(), tables.book.words
    return tables.book.text(
        answer(start, words)
        if can_stop(start)
        else outcome_sentence(start.outcomes[tables.context.asked.lead], start, words)
    )


def _other_facts(tables: Tables) -> tuple[FactTexts, ...]:
    if tables.context.rates:
        return ()
    found = facts([tables.context.replayed()], [""], tables.decimals)
    return tuple(FactTexts(*map(tables.book.text, (fact.term, fact.value, fact.remark))) for fact in found)


def _end_of_base(tables: Tables) -> int:
    """Return the one end of a list whose lead has no patience to move."""
    context, position = tables.context, tables.context.asked.lead
    rows = alone(context.base.rows, position)
    stoppers = context.base.rows[-1].stoppers
    own = ((0,) if position in stoppers else ()) + ((1,) if set(stoppers) - {position} else ())
    finish = context.base.finish_events[position] if context.base.finish_events else ()
    outcome = context.judge.outcome(
        context.lead, rows, finish=finish, stoppers=own, horizon=cut_short(context.base.rows)
    )
    lane = tables.lane(context.base.rows, position, context.lead, OF_END)
    texts = _closing(tables, rows[-1].events[0], finish, outcome)
    return tables.ends.number(_described(tables, outcome, lane, len(rows) - 1, own, texts, ()))
