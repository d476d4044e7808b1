"""A simulation as it is printed: a table for people, records for programs, and the notes beside them.

The columns are those of `columns.fits`. Documents and records are made of one answer at a time.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from kcb_replay.replay.monitors import never
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.columns.column import ABSENT, table_of
from kcb_replay.report.columns.fits import FIT_COLUMNS, RESULT_COLUMNS, fit_rows
from kcb_replay.report.versions import (
    difference_records,
    difference_sentences,
    era_records,
    era_sentences,
    version_names,
)
from kcb_replay.report.words import compared_outcomes
from kcb_replay.text import decimals_for, first_names, fit_title, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kcb_replay.replay.answers import Answer
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import LeftOut, Simulation
    from kcb_replay.report.machine import Record

__all__ = [
    "MOST_LINTED",
    "answer_document",
    "answer_records",
    "left_out_lines",
    "reason_lines",
    "reasons_of",
    "simulation_document",
    "simulation_notes",
    "simulation_records",
    "simulation_table",
    "unanswered_sentences",
]

# Each lint replays the fit a few times more.
MOST_LINTED = 100
# The lists of epochs of an outcome, and the names of the records that have only the epochs.
_EPOCHS = {"drops": "drop_epochs", "saves": "save_epochs", "rates": "rate_epochs"}
_COLUMNS = [column for column in RESULT_COLUMNS if not column.in_detail]
_OF_ANSWER = ("run", "fit", "epochs", "semantics", "epochs_run", "final_lr")


def simulation_document(simulation: Simulation) -> Record:
    """Return the document of `kcb-replay simulate --json`."""
    return {
        "schema": "kcb-replay/simulate/1",
        "results": [answer_document(answer) for answer in simulation.answers],
        "left_out": [{"run": item.run, "fit": item.fit, "reason": item.reason} for item in simulation.left_out],
        "differences": difference_records(simulation.replays),
        "other_eras": era_records(simulation.replays),
        "lints": _lint_records(simulation.replays),
    }


def answer_document(answer: Answer | RaisedFit) -> dict[str, Any]:
    """Return one element of `results`: the answer, and what columns tell beyond it, in the callback they tell it of."""
    document: dict[str, Any] = answer.to_dict()
    for row in fit_rows(answer):
        place = document if row.position is None else document["callbacks"][row.position]
        for column in _COLUMNS:
            if column.key not in place and column.key not in document and (value := column.value(row)) is not ABSENT:
                place[column.key] = value
    return document


def simulation_records(simulation: Simulation) -> list[Record]:
    """Return one flat record per answer and callback, under the names of the JSON document."""
    return list(chain.from_iterable(map(answer_records, simulation.answers)))


def answer_records(answer: Answer | RaisedFit) -> list[Record]:
    """Return one flat record per callback of an answer."""
    document = answer_document(answer)
    head = {key: document[key] for key in _OF_ANSWER}
    return [{**head, **outcome["settings"], **_flat(outcome)} for outcome in document["callbacks"]]


def simulation_table(simulation: Simulation) -> str:
    """Return the settings and one line per run, fit and combination of settings."""
    answers = simulation.answers
    lists = list(dict.fromkeys(tuple(map(str, answer.callbacks)) for answer in answers))
    compared = (pair for replay in simulation.replays for pair in compared_outcomes(replay.outcomes))
    head = ", ".join([*([" + ".join(lists[0])] if len(lists) == 1 else ()), *version_names(answers)])
    rows = chain.from_iterable(map(fit_rows, answers))
    return f"{head}\n\n{table_of(FIT_COLUMNS, rows).texts(decimals_for(compared))}"


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


def _lint_records(replays: Sequence[Replay]) -> list[Record] | None:
    """Return every lint, None where there are too many replays to look for them."""
    if len(replays) > MOST_LINTED:
        return None
    return [
        {
            "run": replay.run,
            "fit": replay.fit,
            "semantics": replay.semantics.name,
            "callbacks": [str(replay.callbacks[position]) for position in lint.positions],
            "code": lint.code,
            "index": lint.index,
            "epoch": None if lint.index is None else lint.index + 1,
            "text": lint.text,
        }
        for replay in replays
        for lint in replay.lints
    ]


def simulation_notes(simulation: Simulation) -> list[str]:
    """Return the notes of the replays, each once, and what was left out."""
    notes: dict[str, list[str]] = {}
    for replay in simulation.replays:
        for note in replay.notes:
            notes.setdefault(note, []).append(replay.run)
    lines = [f"Note: {first_names(runs)}: {visible(note)}." for note, runs in notes.items()]
    if any(_keeps_a_worse_epoch(outcome) for replay in simulation.replays for outcome in replay.outcomes):
        lines.append(
            "Note: kept is the value of the last epoch that runs, for restore_best_weights is False;"
            " --restore-best-weights keeps the best epoch."
        )
    lines += [f"Note: {sentence}" for sentence in unanswered_sentences(simulation.answers)]
    lines += [f"Note: {sentence}." for sentence in difference_sentences(simulation.replays)]
    lines += [f"Note: {sentence}" for sentence in era_sentences(simulation.replays)]
    lines += _lint_lines(simulation.replays)
    return [*lines, *left_out_lines(simulation)]


def reason_lines(simulation: Simulation) -> list[str]:
    """Return a line per answer: how far it holds, and why."""
    return [
        f"{visible(fit_title(replay.run, replay.fit, several=True))}, {visible(str(outcome.settings))},"
        f" {replay.semantics.name}: {outcome.validity.label}: {visible(outcome.validity.reason)}"
        for replay in simulation.replays
        for outcome in replay.outcomes
    ]


def _lint_lines(replays: Sequence[Replay]) -> list[str]:
    """Return a line per kind of lint, with the first replay that it was found in."""
    if len(replays) > MOST_LINTED:
        few = "Replay fewer of them, or explain one, to see what may not be meant"
        return [f"Note: the settings of more than {MOST_LINTED} replays are not looked over. {few}."]
    found: dict[tuple[str, tuple[str, ...]], list[tuple[str, str]]] = {}
    for replay in replays:
        for lint in replay.lints:
            if lint.code == "metric-other-name" and replay.missing:
                # The sentence on what the run lacks says it already.
                continue
            key = (lint.code, tuple(str(replay.callbacks[position]) for position in lint.positions))
            found.setdefault(key, []).append((replay.run, lint.text))
    lines = []
    for (run, text), *others in found.values():
        more = len({name for name, _ in others} - {run})
        also = f" ({more} more run{'s' if more > 1 else ''} alike: explain RUN says where.)" if more else ""
        lines.append(f"Note: {visible(run)}: {visible(text)}{also}")
    return lines


def left_out_lines(simulation: Simulation) -> list[str]:
    """Return a line per reason for which fits could not be replayed."""
    return reasons_of(simulation.left_out)


def reasons_of(left_out: Sequence[LeftOut]) -> list[str]:
    """Return how many fits are left out, and a line per reason with their runs."""
    runs: dict[str, list[str]] = {}
    for item in left_out:
        runs.setdefault(item.reason, []).append(item.run)
    lines = [f"  {first_names(names)}: {visible(reason)}" for reason, names in runs.items()]
    return [f"Left out {len(left_out)}:", *lines] if lines else []


def unanswered_sentences(answers: Iterable[Replay | RaisedFit]) -> list[str]:
    """Return a sentence per metric that runs lack, per exception of Keras, and per direction that is only assumed."""
    runs: dict[str, list[str]] = {}
    for answer in answers:
        for sentence in _unanswered(answer):
            runs.setdefault(sentence, []).append(answer.run)
    return [f"{first_names(names)}: {visible(sentence)}" for sentence, names in runs.items()]


def _unanswered(answer: Replay | RaisedFit) -> Iterator[str]:
    if isinstance(answer, RaisedFit):
        yield f"{answer.semantics.name} raises {answer.brief}"
        return
    for missing in answer.missing:
        yield f"{never(answer.callbacks[missing.position])}: {missing.why}"
    yield from (f"{sentence}." for sentence in answer.assumed)


def _keeps_a_worse_epoch(outcome: Outcome) -> bool:
    """Tell whether the EarlyStopping of Keras would restore a better epoch if it was asked to."""
    of_keras = outcome.is_of_stopping_rule and outcome.settings.origin == "keras"
    restores = of_keras and outcome.settings.arguments["restore_best_weights"]
    return of_keras and not restores and outcome.kept_index != outcome.best_index
