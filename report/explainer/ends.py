"""Every distinct end of the training by the callback that the page is about, one number per position of its controls.

An end is an outcome cut off there, in numbers of texts, rows and levels; those behind a horizon of the learning rate
have a note for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.events import Stopped, WeightsRestored
from kcb_replay.replay.validity import cut_short
from kcb_replay.report.explainer.cells import NO_VALUE, OF_END
from kcb_replay.report.explainer.tables import WEAKENED, alone
from kcb_replay.report.facts import facts
from kcb_replay.report.words import answer, can_stop, outcome_sentence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.engine import Row
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.validity import Horizon
    from kcb_replay.report.explainer.cells import Book
    from kcb_replay.report.explainer.lanes import Ending, Lane
    from kcb_replay.report.explainer.tables import Tables
    from kcb_replay.text import Decimals

__all__ = [
    "End",
    "FactTexts",
    "Mark",
    "answer_of",
    "ending_texts",
    "facts_of",
    "fill_ends",
    "marks_of",
    "open_end_of",
    "raising_end",
    "restored_text",
]


@dataclass(frozen=True, slots=True)
class FactTexts:
    """One of the few numbers under the answer, as numbers of texts."""

    term: int
    value: int
    remark: int


@dataclass(frozen=True, slots=True)
class Mark:
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
    closing: int
    closing_verdict: int
    ending: int
    facts: tuple[FactTexts, ...]
    best: Mark | None
    lowest: Mark | None
    kept: Mark | None
    regret: int
    bracket: tuple[int, int]
    note: int
    beyond: tuple[tuple[int, int], ...]
    open_end: int


def marks_of(
    outcome: Outcome, book: Book, decimals: Decimals, rows: dict[int, int], last: int
) -> tuple[Mark | None, Mark | None, Mark | None, int]:
    """Return best, lowest and kept as marks, and the label of the regret; `rows` are those of 0-based epochs."""

    def mark(key: str, index: int | None, value: float | None) -> Mark | None:
        if index is None:
            return None
        return Mark(rows[index], book.say(key, value=decimals.show(value), epoch=index + 1, monitor=outcome.monitor))

    best, kept, lowest = outcome.best_index, outcome.kept_index, outcome.lowest_index
    seen = lowest is not None and rows[lowest] <= last
    extreme = "chart.never_seen" if not seen else "chart.highest" if outcome.mode == "max" else "chart.lowest"
    return (
        mark("chart.best", best, outcome.best_value),
        mark(extreme, lowest, outcome.lowest_value) if outcome.regret and lowest not in (best, kept) else None,
        mark("chart.kept" if outcome.kept_value is not None else "chart.kept_no_value", kept, outcome.kept_value)
        if kept != best
        else None,
        book.say("chart.regret", regret=decimals.show(outcome.regret)) if outcome.regret else NO_VALUE,
    )


def facts_of(
    outcome: Outcome, book: Book, decimals: Decimals, epochs: int, stop: int | None, unseen: int | None
) -> tuple[FactTexts, ...]:
    """Return the four numbers under the answer.

    `stop` is the epoch after which the training stops, from 1; `unseen` that before which it certainly does not, where
    the recording was stopped too early to show it.
    """
    say, text, monitor = book.say, book.text, outcome.monitor
    kept, lowest = outcome.kept_index, outcome.lowest_index
    of = say("fact.of", epochs=epochs)
    stops = text(str(stop)) if stop else say("explainer.at_least", epoch=unseen) if unseen else say("fact.never")
    kept_is_best = kept is not None and kept == outcome.best_index
    kept_value = decimals.show(outcome.kept_value)
    remark = book.words.say(
        "fact.extreme_max" if outcome.mode == "max" else "fact.extreme_min", epoch=(lowest or 0) + 1
    )
    return (
        FactTexts(say("fact.stops_after"), stops, of),
        FactTexts(
            say("fact.best_kept" if kept_is_best else "fact.last_kept"),
            say("fact.none") if kept is None else text(str(kept + 1)),
            text(f"{monitor} {kept_value}") if kept_value else say("fact.no_metric", monitor=monitor),
        ),
        FactTexts(say("fact.saved"), text(str(outcome.saved_epochs)), of),
        FactTexts(
            say("fact.regret", monitor=monitor),
            say("fact.unknown") if outcome.regret is None else text(decimals.show(outcome.regret)),
            NO_VALUE if lowest is None else text(remark),
        ),
    )


def answer_of(
    outcome: Outcome, book: Book, decimals: Decimals, epochs: int, stop: int | None, unseen: int | None
) -> int:
    """Return the number of the answer: when the training stops, and what it gives away; see `facts_of`."""
    words = book.words
    if stop is not None:
        said = words.say("answer.stops", epoch=stop, epochs=epochs)
    else:
        said = words.say("explainer.not_seen", epochs=epochs) if unseen else words.say_of(epochs, "answer.never")
    return book.text(f"{said} {_given_away(outcome, book, decimals, stop)}".strip())


def _given_away(outcome: Outcome, book: Book, decimals: Decimals, stop: int | None) -> str:
    say = book.words.say
    if outcome.regret is None or outcome.lowest_index is None or outcome.kept_index is None:
        return say("answer.regret_unknown")
    if outcome.regret == 0:
        return "" if stop is None else say("answer.nothing_better")
    kept, lowest = decimals.pair(outcome.kept_value or 0.0, outcome.lowest_value or 0.0)
    key = "later" if outcome.lowest_index > outcome.kept_index else "earlier"
    return say(
        f"answer.better_{key}",
        value=lowest,
        regret=decimals.show(outcome.regret),
        epoch=outcome.lowest_index + 1,
        kept=kept,
    )


def restored_text(finish: Sequence[Event], book: Book) -> int:
    """Return what happens when the training has ended."""
    found = (event for event in finish if isinstance(event, WeightsRestored))
    said = (book.words.say("outcome.restored_at_end", epoch=event.from_index + 1) for event in found)
    return book.text(" ".join(said))


def raising_end(lane: int, row: int, case: int, error: str, book: Book) -> End:
    """Return the end of a training in which Keras itself raises: there is no answer but that."""
    unknown = FactTexts(book.say("explainer.raises"), book.say("fact.unknown"), NO_VALUE)
    return End(
        lane=lane,
        row=row,
        case=case,
        stops=False,
        own=False,
        answer=book.text(error),
        closing=NO_VALUE,
        closing_verdict=NO_VALUE,
        ending=NO_VALUE,
        facts=(unknown,) * 4,
        best=None,
        lowest=None,
        kept=None,
        regret=NO_VALUE,
        bracket=(NO_VALUE, NO_VALUE),
        note=book.notes.number((book.say("explainer.raises"), book.text(error))),
        beyond=(),
        open_end=NO_VALUE,
    )


def ending_texts(events: Sequence[Event], book: Book, decimals: Decimals, mode: Direction | None) -> tuple[int, int]:
    """Return what an end adds to the sentence of its epoch, and to its verdict."""
    last = [event for event in events if isinstance(event, (Stopped, WeightsRestored))]
    return book.said(last, decimals, mode)


def open_end_of(outcome: Outcome, book: Book, *, was_stopped: bool) -> int:
    """Return what stands where a recording ends before the answer; `was_stopped` where it would have gone on."""
    # Of a what-if the end of the recording is not the end of the answer.
    if not outcome.validity.undecided or outcome.validity.label == "hypothetical":
        return NO_VALUE
    if was_stopped:
        return book.say("explainer.open_end")
    earliest = outcome.validity.earliest_stop_index
    return book.say("chart.open_end") if earliest is None else book.say("chart.open_end_earliest", epoch=earliest + 1)


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
    stopping = outcome if outcome.is_of_stopping_rule else None
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
    found = facts([tables.context.replayed()], "", tables.decimals)
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
