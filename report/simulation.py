"""A simulation as it is printed: a table for people, records for programs.

Answers come recording by recording, in any order, and none is held: of a table the cells are, all else is spooled. What
is printed stands in the order of the runs. The columns are those of `columns.fits`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay.answers import Answer
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.simulation import RaisedFit, Simulation
from kcb_replay.replay.version_difference import VersionDifference
from kcb_replay.report.columns.column import ABSENT, Table, Writing
from kcb_replay.report.columns.fits import FIT_COLUMNS, RESULT_COLUMNS, fit_rows
from kcb_replay.report.machine import Record, RecordSpool, TextSpool, as_json
from kcb_replay.report.simulation_notes import Answers, SimulationNotes, in_positions, reason_lines
from kcb_replay.report.versions import difference_record
from kcb_replay.report.words import compared_outcomes
from kcb_replay.text import Decimals, decimals_for

# The lists of epochs of an outcome, and the names of the records that have only the epochs.
_EPOCHS = {"drops": "drop_epochs", "saves": "save_epochs", "rates": "rate_epochs"}
_COLUMNS = [column for column in RESULT_COLUMNS if not column.in_detail]
_OF_ANSWER = ("run", "fit", "epochs", "semantics", "epochs_run", "final_lr")


class SimulationResult:
    """The result of `simulate` in one form, and the notes beside it; with `verbose` a reason for every answer, too."""

    def __init__(self, form: str, words: Catalogue = IN_ENGLISH, *, verbose: bool = False) -> None:
        self.notes = SimulationNotes()
        self._words = words
        self._reasons = TextSpool() if verbose else None
        self._form: _Form = (
            _TableForm(self._words) if form == "table" else _Document() if form == "json" else _Records(form)
        )

    @classmethod
    def of(cls, simulation: Simulation, form: str) -> SimulationResult:
        """Return the result of a simulation that is at hand."""
        result = cls(form)
        for position, answers in in_positions(simulation):
            result.add(position, answers)
        return result

    def add(self, position: Any, answers: Answers) -> None:
        """Add what is left out of one recording and what is answered; `position` is its place among the others."""
        differences = self.notes.add(position, answers)
        self._form.add(position, answers, differences)
        if self._reasons is not None:
            for line in reason_lines(answers):
                self._reasons.add(position, self._words.why(line))

    def texts(self) -> Iterator[str]:
        """Yield the result piece by piece; it ends without a line end."""
        return self._form.texts(self.notes)

    def reason_lines(self) -> Iterator[str]:
        """Yield how far each answer holds, and why."""
        yield from self._reasons or ()


class _Form(Protocol):
    """How answers are printed, and where versions differ; what holds the answers alone leaves that to notes."""

    def add(self, position: Any, answers: Answers, differences: Sequence[VersionDifference], /) -> None: ...

    def texts(self, notes: SimulationNotes, /) -> Iterator[str]: ...


class _TableForm:
    """The settings, and one line per run, fit and combination of settings."""

    def __init__(self, words: Catalogue) -> None:
        self._words = words
        self._table = Table(FIT_COLUMNS)
        self._decimals = Decimals()
        self._lists: set[tuple[str, ...]] = set()
        self._versions: dict[str, Any] = {}

    def add(self, position: Any, answers: Answers, _: Sequence[VersionDifference]) -> None:
        for number, answer in enumerate(answers):
            if isinstance(answer, LeftOut):
                continue
            self._lists.add(tuple(map(str, answer.callbacks)))
            name, order = answer.semantics.name, (position, number)
            self._versions[name] = min(self._versions.get(name, order), order)
            if isinstance(answer, Answer):
                compared = decimals_for(compared_outcomes(answer.outcomes))
                self._decimals = max(self._decimals, compared, key=lambda decimals: decimals.count)
            for row in fit_rows(answer):
                self._table.add(row, position)

    def texts(self, _: SimulationNotes) -> Iterator[str]:
        settings = [" + ".join(codes) for codes in self._lists] if len(self._lists) == 1 else []
        head = ", ".join([*settings, *sorted(self._versions, key=lambda name: self._versions[name])])
        yield f"{head}\n\n{self._table.texts(Writing(self._decimals, self._words))}"


class _Records:
    """One flat record per answer and callback, under the names of the JSON document."""

    def __init__(self, form: str) -> None:
        self._spool = RecordSpool(form)

    def add(self, position: Any, answers: Answers, _: Sequence[VersionDifference]) -> None:
        for answer in answers:
            if not isinstance(answer, LeftOut):
                self._spool.add(position, answer_records(answer))

    def texts(self, _: SimulationNotes) -> Iterator[str]:
        return iter(self._spool)


class _Document:
    """The document of `kcb-replay simulate --json`."""

    def __init__(self) -> None:
        self._results, self._left_out, self._differences = TextSpool(), TextSpool(), TextSpool()

    def add(self, position: Any, answers: Answers, differences: Sequence[VersionDifference]) -> None:
        for answer in dict.fromkeys(answers):
            if isinstance(answer, LeftOut):
                record = {"run": answer.run, "fit": answer.fit, "reason": answer.reason}
                self._left_out.add(position, _item(record))
            else:
                self._results.add(position, _item(answer_document(answer)))
        for difference in differences:
            self._differences.add(position, _item(difference_record(difference)))

    def texts(self, notes: SimulationNotes) -> Iterator[str]:
        yield '{\n  "schema": "kcb-replay/simulate/1"'
        yield from _listed("results", self._results)
        yield from _listed("left_out", self._left_out)
        yield from _listed("differences", self._differences)
        rest = as_json({"other_eras": notes.era_records(), "lints": notes.lint_records()})
        yield f",{rest.removeprefix('{')}"


def _item(record: Record) -> str:
    """Return a record as it stands in a list of the document."""
    return as_json(record, indent="    ")


def _listed(name: str, items: Iterable[str]) -> Iterator[str]:
    """Yield a list of the document, item by item."""
    opening = f',\n  "{name}": ['
    closing = "]"
    for item in items:
        yield f"{opening}\n    {item}"
        opening, closing = ",", "\n  ]"
    yield closing if opening == "," else f"{opening}{closing}"


def simulation_table(simulation: Simulation) -> str:
    """Return the settings and one line per run, fit and combination of settings."""
    return "".join(SimulationResult.of(simulation, "table").texts())


def answer_document(answer: Answer | RaisedFit) -> dict[str, Any]:
    """Return one element of `results`: the answer, and what columns tell beyond it, in the callback they tell it of."""
    document: dict[str, Any] = answer.to_dict()
    for row in fit_rows(answer):
        place = document if row.position is None else document["callbacks"][row.position]
        for column in _COLUMNS:
            if column.key not in place and column.key not in document and (value := column.value(row)) is not ABSENT:
                place[column.key] = value
    return document


def answer_records(answer: Answer | RaisedFit) -> list[Record]:
    """Return one flat record per callback of an answer."""
    document = answer_document(answer)
    head = {key: document[key] for key in _OF_ANSWER}
    return [{**head, **outcome["settings"], **_flat(outcome)} for outcome in document["callbacks"]]


def _flat(outcome: Record) -> Record:
    """Return an outcome without what is nested: of lists of epochs only the epochs, under the name of their kind."""
    body = {key: value for key, value in outcome.items() if not isinstance(value, (list, dict, tuple))}
    # Always there, so that records with and without reductions have the same columns.
    epochs = {"drop_epochs": ""}
    for key, name in _EPOCHS.items():
        items: Any = outcome.get(key)
        # BackupAndRestore counts its saves.
        if isinstance(items, list):
            epochs[name] = " ".join(str(item["epoch"]) for item in items if isinstance(item, dict))
    return {**body, **epochs}
