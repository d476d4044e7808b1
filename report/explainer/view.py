"""What is read at one choice, put together from the tables as the program of the page does it.

The page is written with this for the choice that was asked for, so that it is whole without JavaScript; tests hold the
program to it at every other one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kcb_replay.report.explainer.info import Choice, ChosenAnswer, Explainer
from kcb_replay.report.explainer.rates import PathDrop, RatePath
from kcb_replay.report.explainer.tables import NO_VALUE, EpochCell, Kind


@dataclass(frozen=True, slots=True)
class EpochTableRow:
    """One row of the epoch table; `others` are the verdicts of the other callbacks, `kind` how the row is coloured."""

    epoch: int
    value: str
    best: str
    threshold: str
    wait: str
    verdict: str
    others: tuple[str, ...]
    kind: str


@dataclass(frozen=True, slots=True)
class Exact:
    """How far the answer of one callback holds."""

    name: str
    label: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that is read at one choice. `sentences` holds texts per recorded epoch, one per callback."""

    answer: str
    also: tuple[tuple[str, str], ...]
    facts: tuple[tuple[str, str, str], ...]
    exact: tuple[Exact, ...]
    code: str
    stop_label: str
    sentences: tuple[tuple[str, ...], ...]
    rows: tuple[EpochTableRow, ...]
    last: int


def view_at(explainer: Explainer, choice: Choice) -> View:
    """Return what is read at a choice."""
    return _Reader(explainer, choice, explainer.at(choice)).view()


@dataclass(frozen=True, slots=True)
class _Reader:
    explainer: Explainer
    choice: Choice
    chosen: ChosenAnswer

    def view(self) -> View:
        """Return the whole view."""
        text, end = self.explainer.text, self.chosen.end
        rows = range(len(self.chosen.metric.values))
        return View(
            answer=text(end.answer) if end.answer != NO_VALUE else self._sentence_on(self.explainer.request.lead),
            also=tuple(self._also()),
            facts=tuple((text(fact.term), text(fact.value), text(fact.remark)) for fact in end.facts)
            or tuple(self._rate_facts()),
            exact=tuple(self._exact(position) for position in range(len(self.explainer.request.callbacks))),
            code=self.explainer.code_at(self.choice),
            stop_label=self._stop_label(),
            sentences=tuple(tuple(self._sentences(row)) for row in rows),
            rows=tuple(self._row(row) for row in rows),
            last=end.row,
        )

    def _also(self) -> Iterator[tuple[str, str]]:
        for position, name in enumerate(self.explainer.names):
            if position != self.explainer.request.lead:
                yield name, self._sentence_on(position)

    def _sentence_on(self, position: int) -> str:
        text, end, path = self.explainer.text, self.chosen.end, self.chosen.path
        if self._is_reducer(position) and path:
            return self._reductions(path)
        companion = next((each for each in self.chosen.answers.companions if each.position == position), None)
        return text(companion.sentences[end.case]) if companion else ""

    def _is_reducer(self, position: int) -> bool:
        path = self.chosen.path
        return position == self.explainer.request.reducer and path is not None and path.moves

    def _reduced(self, path: RatePath) -> list[PathDrop]:
        return [drop for drop in path.drops if drop.row <= self.chosen.end.row and drop.reduces]

    def _reductions(self, path: RatePath) -> str:
        """Return what is said of the reductions until the stop."""
        say, text, drops = self.explainer.words.say, self.explainer.text, self._reduced(path)
        if not drops:
            return say("outcome.never_reduces")
        places = ", ".join(f"{self.explainer.epochs[drop.row]}{'?' if drop.is_what_if else ''}" for drop in drops)
        key = "outcome.reduces_once" if len(drops) == 1 else "outcome.reduces"
        sentence = say(key, epochs=places, old=text(path.steps[0].text), new=text(drops[-1].change.rate))
        return f"{sentence} {say('outcome.what_if_marks')}" if drops[-1].is_what_if else sentence

    def _rate_facts(self) -> Iterator[tuple[str, str, str]]:
        """Yield the numbers under an answer that is about the learning rate."""
        say, path, text = self.explainer.words.say, self.chosen.path, self.explainer.text
        if path is None:
            return
        drops, label = self._reduced(path), self._exact(self.explainer.request.lead).label
        yield say("fact.reductions"), str(len(drops)), say("fact.in_epochs", epochs=len(self.explainer.epochs))
        yield say("fact.rate_start"), text(path.steps[0].text), say(f"fact.rate_{self.explainer.rate_source}")
        yield say("fact.rate_end"), text(drops[-1].change.rate if drops else path.steps[0].text), ""
        yield say("fact.holds"), say(f"label.{label}"), ""

    def _exact(self, position: int) -> Exact:
        label, reason = self.explainer.book.notes.values[self._note(position)]
        return Exact(self.explainer.names[position], self.explainer.text(label), self.explainer.text(reason))

    def _note(self, position: int) -> int:
        end, path, answers = self.chosen.end, self.chosen.path, self.chosen.answers
        horizon = path.horizon if path else NO_VALUE
        behind = horizon != NO_VALUE and end.row > answers.horizons[horizon][0]
        if self._is_reducer(position) and path:
            return path.notes[end.case]
        if position == self.explainer.request.lead:
            return dict(end.beyond).get(horizon, answers.horizons[horizon][1]) if behind else end.note
        companion = next(each for each in answers.companions if each.position == position)
        if not behind:
            return companion.notes[end.case]
        own = {(case, number): note for case, number, note in companion.beyond}
        return own.get((end.case, horizon), answers.horizons[horizon][1])

    def _stop_label(self) -> str:
        end = self.chosen.end
        if not end.stops:
            return ""
        lead = self.explainer.request.lead
        cell = self._cell(lead, end.row)
        epoch = self.explainer.epochs[end.row]
        say = self.explainer.words.say
        why = self.chosen.answers.stopped_by
        if end.own and cell is not None and cell.wait != NO_VALUE:
            why = say("chart.count", wait=cell.wait, patience=self._patience(lead))
        key = "chart.stop_what_if" if self._exact(lead).label == "hypothetical" else "chart.stop"
        return say(key, epoch=epoch, why=why)

    def _patience(self, position: int) -> str:
        callback = self.explainer.callbacks_at(self.choice)[position]
        return f"{getattr(callback, 'patience', 0):g}"

    def _cell(self, position: int, row: int) -> EpochCell | None:
        """Return what a callback does in an epoch that runs."""
        lane = self._lane(position)
        if row > self.chosen.end.row or lane == NO_VALUE:
            return None
        cells = self.explainer.book.lanes.values[lane]
        return self.explainer.book.cells.values[cells[row]]

    def _lane(self, position: int) -> int:
        if self._is_reducer(position) and self.chosen.path:
            return self.chosen.path.lane
        if position == self.explainer.request.lead:
            return self.chosen.end.lane
        return next(each.lane for each in self.chosen.answers.companions if each.position == position)

    def _sentences(self, row: int) -> Iterator[str]:
        if row > self.chosen.end.row:
            stop = self.explainer.epochs[self.chosen.end.row]
            yield self.explainer.words.say("explainer.not_run", stop=stop)
            return
        for position in range(len(self.explainer.names)):
            yield self._sentence(position, row)
        if row == self.chosen.end.row and self.chosen.end.ending != NO_VALUE:
            yield self.explainer.text(self.chosen.end.ending)

    def _sentence(self, position: int, row: int) -> str:
        cell, text = self._cell(position, row), self.explainer.text
        parts = [text(cell.sentence)] if cell else []
        if cell and cell.wait != NO_VALUE:
            say = self.explainer.words.say
            parts.append(say("sentence.wait", wait=cell.wait, patience=self._patience(position)))
        parts += [text(cell.tail)] if cell else []
        if position == self.explainer.request.lead and row == self.chosen.end.row:
            parts.append(text(self.chosen.end.closing))
        if self._is_reducer(position) and self.chosen.path:
            parts += [text(drop.change.sentence) for drop in self.chosen.path.drops if drop.row == row]
        return " ".join(filter(None, parts))

    def _verdict(self, position: int, row: int) -> str:
        cell, text = self._cell(position, row), self.explainer.text
        parts = [text(cell.verdict)] if cell else []
        if position == self.explainer.request.lead and row == self.chosen.end.row:
            parts.append(text(self.chosen.end.closing_verdict))
        if self._is_reducer(position) and self.chosen.path and cell:
            parts += [text(drop.change.verdict) for drop in self.chosen.path.drops if drop.row == row]
        return ", ".join(filter(None, parts))

    def _row(self, row: int) -> EpochTableRow:
        lead, text = self.explainer.request.lead, self.explainer.text
        cell = self._cell(lead, row)
        ran = row <= self.chosen.end.row
        others = [position for position in range(len(self.explainer.names)) if position != lead]
        return EpochTableRow(
            epoch=self.explainer.epochs[row],
            value=self.chosen.metric.written()[row],
            best=text(cell.best) if cell else "",
            threshold=text(cell.threshold) if cell else "",
            wait=f"{cell.wait}/{self._patience(lead)}" if cell and cell.wait != NO_VALUE else "",
            verdict=self._verdict(lead, row) if ran else self.explainer.words.say("explainer.not_run_verdict"),
            others=tuple(self._verdict(position, row) for position in others),
            kind=self._kind(cell, row),
        )

    def _kind(self, cell: EpochCell | None, row: int) -> str:
        if row > self.chosen.end.row:
            return "gone"
        if row == self.chosen.end.row and self.chosen.end.stops:
            return "stopped"
        return "improved" if cell and cell.kind == Kind.IMPROVED else ""
