"""Every distinct end of the training by the callback that the page is about, one number per position of its controls.

An end is an outcome cut off there, in numbers of texts, rows and levels; those behind a horizon of the learning rate
have a note for each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kcb_replay.language.reason import Reason
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.events import Event, WeightsRestored, of_kind
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.validity import Horizon, cut_short
from kcb_replay.report.drawing.curve import open_end
from kcb_replay.report.explainer.lanes import LaneEnding, ReplayLane
from kcb_replay.report.explainer.tables import NO_VALUE, WEAKENED, Book, End, EndMark, FactTexts, Tables
from kcb_replay.report.several_replays import Fact, facts, stopping_facts
from kcb_replay.report.words import answer, can_stop, outcome_sentence


def fill_ends(tables: Tables) -> list[int]:
    """Give every end its number, and return that of each position of the lead."""
    if tables.context.ends:
        return [_end(tables, *each) for each in tables.context.ends]
    return [tables.ends.number(_end_of_base(tables))]


def _end(tables: Tables, setting: EarlyStopping, lane: ReplayLane, ending: LaneEnding) -> int:
    number = tables.lane(lane.rows, 0, setting, "end")
    kept = (setting.restore_best_weights, setting.min_delta, ending.error)
    key = (number, ending.row, ending.stops, kept if ending.stops else setting)
    if key not in tables.known:
        new = (
            _raising_end(tables, number, ending, ending.error)
            if ending.error
            else _new_end(tables, setting, lane, number, ending)
        )
        tables.known[key] = tables.ends.number(new)
    return tables.known[key]


def _raising_end(tables: Tables, lane: int, ending: LaneEnding, why: Reason) -> End:
    """Return the end of a training in which Keras itself raises: there is no answer but that."""
    case, book = tables.cases.number((ending.row, False)), tables.book
    raises, error = book.say("explainer.raises"), book.text(book.words.why(why))
    unknown = FactTexts(raises, book.say("fact.unknown"), NO_VALUE)
    note = book.notes.number((raises, error))
    return End(
        lane=lane, row=ending.row, case=case, stops=False, own=False, answer=error, facts=(unknown,) * 4, note=note
    )


def _new_end(tables: Tables, setting: EarlyStopping, lane: ReplayLane, number: int, ending: LaneEnding) -> End:
    others = tables.context.stopped_by_others and ending.row == len(tables.context.base.rows) - 1
    stoppers = ((0,) if ending.stops else ()) + ((1,) if others else ())

    def judged(horizon: Horizon | None) -> Outcome:
        return tables.context.outcome(
            setting,
            lane.rows[: ending.row + 1],
            state=ending.state,
            events=ending.events,
            finish=ending.finish,
            stoppers=stoppers,
            horizon=horizon,
        )

    outcome = judged(cut_short(tables.context.base.rows) if others else None)
    beyond = _beyond(tables, ending.row, judged) if outcome.validity.label in WEAKENED else ()
    return _described(tables, outcome, number, ending.row, stoppers, (ending.events, ending.finish), beyond)


def _end_of_base(tables: Tables) -> End:
    """Return the one end of a list whose lead has no patience to move."""
    context, position = tables.context, tables.context.request.lead
    rows, last = context.base.rows, context.base.rows[-1]
    finish = context.base.finish_events[position] if context.base.finish_events else ()

    def judged(horizon: Horizon | None) -> Outcome:
        return context.outcome(context.lead, rows, position, finish=finish, stoppers=last.stoppers, horizon=horizon)

    outcome = judged(cut_short(rows))
    lane = tables.lane(rows, position, context.lead, "end")
    own = ((0,) if position in last.stoppers else ()) + ((1,) if set(last.stoppers) - {position} else ())
    beyond = () if context.rates else _beyond(tables, len(rows) - 1, judged)
    return _described(tables, outcome, lane, len(rows) - 1, own, (last.events[position], finish), beyond)


def _beyond(tables: Tables, row: int, judged: Callable[[Horizon | None], Outcome]) -> tuple[tuple[int, int], ...]:
    """Return the notes behind horizons of the learning rate, each with the number of its horizon."""
    behind = [(n, each) for n, each in enumerate(tables.horizons.values) if tables.row_of(each) < row]
    return tuple((n, tables.note(judged(each).validity)) for n, each in behind)


def _described(
    tables: Tables,
    outcome: Outcome,
    lane: int,
    row: int,
    stoppers: tuple[int, ...],
    events: tuple[Sequence[Event], Sequence[Event]],
    beyond: tuple[tuple[int, int], ...],
) -> End:
    """Return an end; `stoppers` has 0 for the lead, 1 for others; `events` are of the last epoch, and behind it."""
    book, decimals = tables.book, tables.decimals
    # What the last epoch adds to its sentence and verdict, and what is done behind it.
    closing, closing_verdict = book.texts_of(
        [event for event in events[0] if event.concerns == "end"], decimals, outcome.mode
    )
    restored = (
        book.words.say("outcome.restored_at_end", epoch=event.from_index + 1)
        for event in of_kind(events[1], WeightsRestored)
    )
    ending = book.text(" ".join(restored))
    about = _About(tables, outcome, row, stops=bool(stoppers))
    best, lowest, kept, regret = about.marks() if outcome.is_of_stopping_rule else (None, None, None, NO_VALUE)
    return End(
        lane=lane,
        row=row,
        case=tables.cases.number((row, bool(stoppers))),
        stops=bool(stoppers),
        own=0 in stoppers,
        answer=about.answer() if outcome.is_of_stopping_rule else _other_answer(tables),
        closing=closing,
        closing_verdict=closing_verdict,
        ending=ending,
        facts=about.facts() if outcome.is_of_stopping_rule else _other_facts(tables),
        best=best,
        lowest=lowest,
        kept=kept,
        regret=regret,
        bracket=about.bracket,
        note=tables.note(outcome.validity),
        beyond=beyond,
        open_end=NO_VALUE if stoppers else about.open_end(),
    )


@dataclass(frozen=True, slots=True)
class _About:
    """The words on what a stopping rule comes to when the training ends after `row`."""

    tables: Tables
    outcome: Outcome
    row: int
    stops: bool

    @property
    def bracket(self) -> tuple[int, int]:
        """The rows of the value kept and of the best one, where they differ."""
        kept, lowest, rows = self.outcome.kept_index, self.outcome.lowest_index, self.tables.of_index
        if not self.outcome.regret or kept is None or lowest is None:
            return NO_VALUE, NO_VALUE
        return rows[kept], rows[lowest]

    def marks(self) -> tuple[EndMark | None, EndMark | None, EndMark | None, int]:
        """Return best, lowest and kept as marks, and the label of the regret."""
        outcome, rows = self.outcome, self.tables.of_index
        best, kept, lowest = outcome.best_index, outcome.kept_index, outcome.lowest_index
        seen = lowest is not None and rows[lowest] <= self.row
        extreme = "chart.never_seen" if not seen else "chart.highest" if outcome.mode == "max" else "chart.lowest"
        kept_key = "chart.kept" if outcome.kept_value is not None else "chart.kept_no_value"
        is_given_up = outcome.regret and lowest not in (best, kept)
        return (
            self._mark("chart.best", best, outcome.best_value),
            self._mark(extreme, lowest, outcome.lowest_value) if is_given_up else None,
            self._mark(kept_key, kept, outcome.kept_value) if kept != best else None,
            self._say("chart.regret", regret=self._show(outcome.regret)) if outcome.regret else NO_VALUE,
        )

    def facts(self) -> tuple[FactTexts, ...]:
        """Return the four numbers under the answer."""
        stop = self._stop if self.stops else None
        decimals, book = self.tables.decimals, self.tables.book
        numbers = stopping_facts(self.outcome, self._epochs, stop, decimals, book.words, unseen=self._unseen())
        return tuple(_texts_of(fact, book) for fact in numbers)

    def answer(self) -> int:
        """Return the answer: when the training stops, and what it gives away."""
        words, epochs = self.tables.book.words, self._epochs
        if self.stops:
            when = words.say("answer.stops", epoch=self._stop, epochs=epochs)
        else:
            unseen = self._unseen()
            when = words.say("explainer.not_seen", epochs=epochs) if unseen else words.say_of(epochs, "answer.never")
        return self.tables.book.text(f"{when} {self._given_away()}".strip())

    def open_end(self) -> int:
        """Return what stands where the recording ends before the answer."""
        label = open_end(self.outcome.validity, self.tables.book.words)
        if label and self.tables.context.request.was_stopped:
            return self._say("explainer.open_end")
        return self.tables.book.text(label)

    @property
    def _epochs(self) -> int:
        return len(self.tables.context.request.start.stream.epochs)

    @property
    def _stop(self) -> int:
        return self.tables.context.request.start.stream.epochs[self.row].index + 1

    def _unseen(self) -> int | None:
        """Return the epoch before which the training does not stop, where the recording was ended by a callback."""
        if self.stops or not self.tables.context.request.was_stopped:
            return None
        earliest = self.outcome.validity.earliest_stop_index
        last = self.tables.context.request.start.stream.epochs[-1].index
        return (last + 1 if earliest is None else earliest) + 1

    def _say(self, key: str, **values: object) -> int:
        return self.tables.book.say(key, **values)

    def _show(self, value: float | None) -> str:
        return self.tables.decimals.show(value)

    def _mark(self, key: str, index: int | None, value: float | None) -> EndMark | None:
        if index is None:
            return None
        label = self._say(key, value=self._show(value), epoch=index + 1, monitor=self.outcome.monitor)
        return EndMark(self.tables.of_index[index], label)

    def _given_away(self) -> str:
        outcome, say = self.outcome, self.tables.book.words.say
        if outcome.regret is None or outcome.lowest_index is None or outcome.kept_index is None:
            return say("answer.regret_unknown")
        if outcome.regret == 0:
            return say("answer.nothing_better") if self.stops else ""
        kept, lowest = self.tables.decimals.pair(outcome.kept_value or 0.0, outcome.lowest_value or 0.0)
        return say(
            "answer.better_later" if outcome.lowest_index > outcome.kept_index else "answer.better_earlier",
            value=lowest,
            regret=self._show(outcome.regret),
            epoch=outcome.lowest_index + 1,
            kept=kept,
        )


def _other_answer(tables: Tables) -> int:
    """Return the answer of a list whose lead stops nothing; -1 where its learning rate is the answer."""
    if tables.context.rates:
        return NO_VALUE
    start, words = tables.context.replayed(), tables.book.words
    lead = start.outcomes[tables.context.request.lead]
    return tables.book.text(answer(start, words) if can_stop(start) else outcome_sentence(lead, start, words))


def _other_facts(tables: Tables) -> tuple[FactTexts, ...]:
    if tables.context.rates:
        return ()
    numbers = facts([tables.context.replayed()], "", tables.decimals, words=tables.book.words)
    return tuple(_texts_of(fact, tables.book) for fact in numbers)


def _texts_of(fact: Fact, book: Book) -> FactTexts:
    return FactTexts(*map(book.text, fact))
