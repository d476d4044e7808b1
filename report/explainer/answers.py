"""All answers under one monitor and version, as numbers and words: what the page looks up.

Ends and learning rates are tabulated apart: neither changes the other, except that nothing runs behind a stop and that
what comes behind the first rate of its own is a what-if.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import NATIVE, ReduceLROnPlateau, changes_learning_rate
from kcb_replay.replay.callbacks.base import TrainEnd
from kcb_replay.replay.outcomes import StoppingOutcome
from kcb_replay.replay.outcomes.base import hypothetical
from kcb_replay.replay.validity import Validity, cut_short, horizon_of
from kcb_replay.report.explainer.cells import OF_END, OF_RATE
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
from kcb_replay.report.explainer.judged import alone
from kcb_replay.report.explainer.pool import NOTHING, Pool
from kcb_replay.report.explainer.rates import RatePath, after_of, drops_of, recorded_path, steps_of
from kcb_replay.report.facts import facts
from kcb_replay.report.words import answer, can_stop, outcome_sentence, reason_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.callbacks import Callback, EarlyStopping
    from kcb_replay.replay.engine import Row
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.validity import Horizon
    from kcb_replay.report.explainer.cells import Book, Kinds
    from kcb_replay.report.explainer.context import Context
    from kcb_replay.report.explainer.lanes import Ending, Lane
    from kcb_replay.report.numbers import Decimals

__all__ = ["Answers", "Companion", "answers_of"]

# What a source lacks weakens an answer on this side of the horizon, so each horizon is judged by itself.
_WEAKENED = ("rounded", "sampled")


@dataclass(frozen=True, slots=True)
class Companion:
    """A callback without controls: its cells, and per case what it comes to and how far that holds.

    `beyond` has what differs from the horizon's own note, by case and horizon.
    """

    position: int
    lane: int
    said: tuple[int, ...]
    notes: tuple[int, ...]
    beyond: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
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


def answers_of(context: Context, book: Book, decimals: Decimals) -> Answers:
    """Return every answer of a context."""
    rows = {epoch.index: number for number, epoch in enumerate(context.asked.start.stream.epochs)}
    return _Tables(context, book, decimals, rows).answers()


@dataclass(slots=True)
class _Tables:
    """Fills the tables of one context."""

    context: Context
    book: Book
    decimals: Decimals
    of_index: dict[int, int]
    horizons: Pool[Horizon] = field(default_factory=Pool)
    cases: Pool[tuple[int, bool]] = field(default_factory=Pool)
    ends: Pool[End] = field(default_factory=Pool)
    known: dict[object, int] = field(default_factory=dict)

    def answers(self) -> Answers:
        """Return the filled tables; horizons and cases have to be known before they are looked at from both sides."""
        context = self.context
        lanes = {id(lane): lane for lane in context.rates}
        limits = {key: self._horizon(lane.rows) for key, lane in lanes.items()}
        base_limit = self._horizon(context.base.rows) if any(map(changes_learning_rate, context.callbacks)) else None
        end_of = self._ends()
        paths: Pool[int] = Pool()
        path_of = [paths.number(id(lane)) for lane in context.rates]
        found = [self._path(lanes[key], limits[key]) for key in paths.values] or self._other_path(base_limit)
        return Answers(
            ends=self.ends.values,
            end_of=tuple(end_of),
            paths=tuple(found),
            path_of=tuple(path_of) or ((0,) if found else ()),
            horizons=tuple((self._row_of(each), self._note(hypothetical(each))) for each in self.horizons.values),
            companions=tuple(self._companions()),
            stopped_by=self._stopped_by(),
        )

    def _stopped_by(self) -> str:
        """Return who stops the training that the lead does not."""
        stoppers = self.context.base.rows[-1].stoppers
        return self.context.callbacks[stoppers[0]].name if stoppers else ""

    def _row_of(self, horizon: Horizon) -> int:
        return NOTHING if horizon.index is None else self.of_index[horizon.index]

    def _horizon(self, rows: Sequence[Row]) -> Horizon | None:
        start = self.context.asked.start
        found = horizon_of(rows, start.stream, start.initial_lr)
        if found is not None:
            self.horizons.number(found)
        return found

    def _note(self, validity: Validity) -> int:
        return self.book.notes.number(
            (self.book.text(validity.label), self.book.text(reason_of(validity, self.book.words)))
        )

    def _ends(self) -> list[int]:
        if self.context.ends:
            return [self._end(*each) for each in self.context.ends]
        return [self._end_of_base()]

    def _end(self, setting: EarlyStopping, lane: Lane, ending: Ending) -> int:
        number = self._lane(lane.rows, 0, setting, OF_END)
        kept = (setting.restore_best_weights, setting.min_delta, ending.error)
        key = (number, ending.row, ending.stops, kept if ending.stops else setting)
        if key not in self.known:
            self.known[key] = self.ends.number(self._new_end(setting, lane.rows, number, ending))
        return self.known[key]

    def _lane(self, rows: Sequence[Row], position: int, setting: Callback, apart: Kinds = ()) -> int:
        """Return the number of the cells of a callback."""
        key = (id(rows), position)
        if key not in self.known:
            metric = str(getattr(setting, "monitor", ""))
            self.known[key] = self.book.lane(rows, position, metric, self.decimals, apart)
        return self.known[key]

    def _new_end(self, setting: EarlyStopping, rows: Sequence[Row], lane: int, ending: Ending) -> End:
        if ending.error:
            return raising_end(lane, ending.row, self.cases.number((ending.row, False)), ending.error, self.book)
        others = self.context.stopped_by_others and ending.row == len(self.context.base.rows) - 1
        stoppers = ((0,) if ending.stops else ()) + ((1,) if others else ())
        cut = cut_short(self.context.base.rows) if others else None

        def judged(horizon: Horizon | None) -> Outcome:
            return self.context.judge.outcome(
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
        if outcome.validity.label in _WEAKENED:
            limits = enumerate(self.horizons.values)
            beyond = [(n, self._note(judged(each).validity)) for n, each in limits if self._row_of(each) < ending.row]
        texts = self._closing(ending.events, ending.finish, outcome)
        return self._described(outcome, lane, ending.row, stoppers, texts, tuple(beyond))

    def _closing(self, events: Sequence[Event], finish: Sequence[Event], outcome: Outcome) -> tuple[int, int, int]:
        """Return what the last epoch adds to its sentence and verdict, and what is done behind it."""
        return *ending_texts(events, self.book, self.decimals, outcome.mode), restored_text(finish, self.book)

    def _described(
        self,
        outcome: Outcome,
        lane: int,
        row: int,
        stoppers: tuple[int, ...],
        closing: tuple[int, int, int],
        beyond: tuple[tuple[int, int], ...],
    ) -> End:
        stream, rows = self.context.asked.start.stream, self.of_index
        stop = stream.epochs[row].index + 1 if stoppers else None
        stopping = outcome if isinstance(outcome, StoppingOutcome) else None
        marks = marks_of(stopping, self.book, self.decimals, rows, row) if stopping else (None, None, None, NOTHING)
        bracket = (NOTHING, NOTHING)
        if stopping and stopping.regret and stopping.kept_index is not None and stopping.lowest_index is not None:
            bracket = (rows[stopping.kept_index], rows[stopping.lowest_index])
        unseen = None if stoppers else self._unseen(outcome)
        about = (self.book, self.decimals, len(stream.epochs), stop, unseen)
        return End(
            lane=lane,
            row=row,
            case=self.cases.number((row, bool(stoppers))),
            stops=bool(stoppers),
            own=0 in stoppers,
            answer=answer_of(stopping, *about) if stopping else self._other_answer(),
            closing=closing[0],
            closing_verdict=closing[1],
            ending=closing[2],
            facts=facts_of(stopping, *about) if stopping else self._other_facts(),
            best=marks[0],
            lowest=marks[1],
            kept=marks[2],
            regret=marks[3],
            bracket=bracket,
            note=self._note(outcome.validity),
            beyond=beyond,
            open_end=NOTHING if stoppers else self._open_end(outcome),
        )

    def _unseen(self, outcome: Outcome) -> int | None:
        """Return the epoch before which the training does not stop, where the recording was ended by a callback."""
        if not self.context.asked.was_stopped:
            return None
        earliest = outcome.validity.earliest_stop_index
        last = self.context.asked.start.stream.epochs[-1].index
        return (last + 1 if earliest is None else earliest) + 1

    def _open_end(self, outcome: Outcome) -> int:
        return open_end_of(outcome, self.book, was_stopped=self.context.asked.was_stopped)

    def _other_answer(self) -> int:
        """Return the answer of a list whose lead stops nothing; -1 where its learning rate is the answer."""
        if self.context.rates:
            return NOTHING
        start, words = self.context.asked.start, self.book.words
        return self.book.text(
            answer(start, words)
            if can_stop(start)
            else outcome_sentence(start.outcomes[self.context.asked.lead], start, words)
        )

    def _other_facts(self) -> tuple[FactTexts, ...]:
        if self.context.rates:
            return ()
        found = facts([self.context.asked.start], [""], self.decimals)
        return tuple(FactTexts(*map(self.book.text, (fact.term, fact.value, fact.remark))) for fact in found)

    def _end_of_base(self) -> int:
        """Return the one end of a list whose lead has no patience to move."""
        context, position = self.context, self.context.asked.lead
        rows = alone(context.base.rows, position)
        stoppers = context.base.rows[-1].stoppers
        own = ((0,) if position in stoppers else ()) + ((1,) if set(stoppers) - {position} else ())
        finish = context.base.finish_events[position] if context.base.finish_events else ()
        outcome = context.judge.outcome(
            context.lead, rows, finish=finish, stoppers=own, horizon=cut_short(context.base.rows)
        )
        lane = self._lane(context.base.rows, position, context.lead, OF_END)
        texts = self._closing(rows[-1].events[0], finish, outcome)
        return self.ends.number(self._described(outcome, lane, len(rows) - 1, own, texts, ()))

    def _path(self, lane: Lane, horizon: Horizon | None) -> RatePath:
        """Return the learning rate of one position of the ReduceLROnPlateau."""
        return RatePath(
            moves=True,
            lane=self._lane(lane.timing, 0, lane.setting, OF_RATE),
            steps=steps_of(lane.rows, self.book),
            drops=tuple(drops_of(lane.rows, self.book, self.decimals, horizon)),
            horizon=NOTHING if horizon is None else self.horizons.number(horizon),
            notes=tuple(self._path_notes(lane, horizon, weak=self._is_weak(lane))),
        )

    def _is_weak(self, lane: Lane) -> bool:
        """Tell whether the source lacks what some comparison needs."""
        key = (id(lane.timing), "weak")
        if key not in self.known:
            outcome = self.context.judge.outcome(lane.setting, lane.timing)
            self.known[key] = outcome.validity.label in _WEAKENED
        return bool(self.known[key])

    def _path_notes(self, lane: Lane, horizon: Horizon | None, *, weak: bool) -> Iterator[int]:
        """Yield how far a learning rate holds, for every case."""
        first = next((n for n, row in enumerate(lane.rows) if row.lr != lane.rows[0].lr_begin), len(lane.rows))
        for row, stops in self.cases.values:
            beyond = horizon is not None and row > self._row_of(horizon)
            stage: object = horizon if beyond else "dropped" if row >= first else (row, stops)
            key = (id(lane) if weak else "rate", stage, row if weak else 0)
            if key not in self.known:
                stoppers = (1,) if stops else ()
                outcome = self.context.judge.outcome(
                    lane.setting, lane.rows[: row + 1], stoppers=stoppers, horizon=horizon
                )
                self.known[key] = self._note(outcome.validity)
            yield self.known[key]

    def _other_path(self, horizon: Horizon | None) -> list[RatePath]:
        """Return the learning rate that no control moves: that of the list, else the recorded one."""
        context, stream = self.context, self.context.asked.start.stream
        if not any(map(changes_learning_rate, context.callbacks)):
            return [recorded_path(stream.learning_rates, self.of_index, self.book)] if stream.learning_rates else []
        rows = context.base.rows
        reducing = [n for n, each in enumerate(context.callbacks) if isinstance(each, ReduceLROnPlateau)]
        drops = [drop for n in reducing for drop in drops_of(alone(rows, n), self.book, self.decimals, horizon)]
        return [
            RatePath(
                moves=False,
                lane=NOTHING,
                steps=steps_of(rows, self.book),
                drops=tuple(sorted(drops, key=lambda drop: drop.row)),
                after=tuple(after_of(rows, self.cases.values, self.book)),
                horizon=NOTHING if horizon is None else self.horizons.number(horizon),
            )
        ]

    def _companions(self) -> Iterator[Companion]:
        moved = {self.context.asked.lead, *([self.context.asked.reducer] if self.context.rates else [])}
        for position in range(len(self.context.callbacks)):
            if position not in moved:
                yield self._companion(position)

    def _companion(self, position: int) -> Companion:
        callback = self.context.callbacks[position]
        outcomes = [self._companion_outcome(position, *case, None) for case in self.cases.values]
        beyond = (
            found
            for case, outcome in enumerate(outcomes)
            for found in self._beyond(position, case, weak=outcome.validity.label in _WEAKENED)
        )
        said = (
            outcome_sentence(outcome, self._ended(*case), self.book.words)
            for outcome, case in zip(outcomes, self.cases.values, strict=True)
        )
        return Companion(
            position=position,
            lane=self._lane(self.context.base.rows, position, callback),
            said=tuple(map(self.book.text, said)),
            notes=tuple(self._note(each.validity) for each in outcomes),
            beyond=tuple(beyond),
        )

    def _beyond(self, position: int, case: int, *, weak: bool) -> Iterator[tuple[int, int, int]]:
        """Yield the notes of a case behind horizons, where they are not those of the horizons themselves.

        A callback that heeds one horizon heeds all; one whose source lacks something is judged behind each.
        """
        row, stops = self.cases.values[case]
        behind = [(n, each) for n, each in enumerate(self.horizons.values) if self._row_of(each) < row]
        for n, horizon in behind:
            note = self._note(self._companion_outcome(position, row, stops, horizon).validity)
            if note == self._note(hypothetical(horizon)) and not weak:
                return
            yield case, n, note

    def _ended(self, row: int, stops: bool) -> Replay:
        """Return the replay that was asked for as if it ended after a row, for sentences that say so."""
        start, base = self.context.asked.start, self.context.base
        last = replace(base.rows[row], stoppers=(0,) if stops else ())
        return replace(start, run_record=replace(base, rows=(*base.rows[:row], last)))

    def _companion_outcome(self, position: int, row: int, stops: bool, horizon: Horizon | None) -> Outcome:
        rows, callback = self.context.base.rows, self.context.callbacks[position]
        stoppers = rows[row].stoppers or ((self.context.asked.lead,) if stops else ())
        return self.context.judge.outcome(
            callback,
            rows[: row + 1],
            position,
            finish=_finish(callback, rows[row], position),
            stoppers=stoppers,
            horizon=horizon or cut_short(rows[: row + 1]),
        )


def _finish(callback: Callback, row: Row, position: int) -> Sequence[Event]:
    """Return what a callback does when the training ends here; that of a real one cannot be asked again."""
    if not isinstance(callback, NATIVE):
        return ()
    return row.states[position].on_train_end(TrainEnd(row.index, {}, row.lr, stopping=True)).events
