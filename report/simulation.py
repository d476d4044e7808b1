"""A simulation as it is printed: a table for people, records for programs, and the notes beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kcb_replay.replay.monitors import never
from kcb_replay.replay.outcomes import EarlyStoppingOutcome, ObserverOutcome, StoppingOutcome
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.several_replays import reduces, saves
from kcb_replay.report.versions import (
    difference_records,
    difference_sentences,
    era_records,
    era_sentences,
    version_names,
)
from kcb_replay.report.words import can_stop, compared_outcomes, drop_places
from kcb_replay.text import Decimals, decimals_for, short, visible, whole

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import LeftOut, Simulation
    from kcb_replay.report.machine import Record

from kcb_replay.report.tables import Cells, table, validity_cell

__all__ = [
    "MOST_LINTED",
    "left_out_lines",
    "reason_lines",
    "reasons_of",
    "simulation_document",
    "simulation_notes",
    "simulation_records",
    "simulation_table",
    "unanswered_sentences",
]


def simulation_document(simulation: Simulation) -> Record:
    """Return the document of `kcb-replay simulate --json`."""
    return {
        "schema": "kcb-replay/simulate/1",
        "results": [answer.to_dict() for answer in simulation.answers],
        "left_out": [{"run": item.run, "fit": item.fit, "reason": item.reason} for item in simulation.left_out],
        "differences": difference_records(simulation.replays),
        "other_eras": era_records(simulation.replays),
        "lints": _lint_records(simulation.replays),
    }


def simulation_records(simulation: Simulation) -> list[Record]:
    """Return one flat record per answer and callback, under the names of the JSON document."""
    records: list[Record] = []
    for answer in simulation.answers:
        document = answer.to_dict()
        head = {key: document[key] for key in ("run", "fit", "epochs", "semantics", "epochs_run", "final_lr")}
        outcomes: Any = document["callbacks"]
        records += [{**head, **outcome["settings"], **_flat(outcome)} for outcome in outcomes]
    return records


def simulation_table(simulation: Simulation) -> str:
    """Return the settings and one line per run, fit and combination of settings."""
    replays, answers = simulation.replays, simulation.answers
    lists = list(dict.fromkeys(tuple(map(str, answer.callbacks)) for answer in answers))
    decimals = decimals_for(compared_outcomes(outcome for replay in replays for outcome in replay.outcomes))
    versions = version_names(answers)
    constant = (*(["setting"] if len(lists) == 1 else ()), *(["keras"] if len(versions) == 1 else ()))
    rows = [cells for answer in answers for cells in _rows(answer, decimals)]
    rows = [{key: value for key, value in row.items() if key not in constant} for row in rows]
    head = ", ".join([*([" + ".join(lists[0])] if len(lists) == 1 else ()), *versions])
    return f"{head}\n\n{table(_without_constant_fit(rows))}"


def _rows(answer: Replay | RaisedFit, decimals: Decimals) -> list[Cells]:
    """Return a row per stopping rule of the list, or one row when there is none."""
    head = {
        "run": visible(answer.run),
        "fit": str(answer.fit),
        "setting": " + ".join(_varying(str(callback)) for callback in answer.callbacks),
        "keras": answer.semantics.name,
        "epochs": whole(answer.epochs),
    }
    if isinstance(answer, RaisedFit):
        return [{**head, "stops": "raises", "validity": validity_cell(answer.validity), "why": visible(answer.brief)}]
    drops = {**_drop_cells(answer), **_save_cells(answer), **_tag_cells(answer)}
    stops = [outcome for outcome in answer.outcomes if isinstance(outcome, StoppingOutcome)]
    missing = dict.fromkeys(each.sentence for each in answer.missing)
    why = {"why": visible(" ".join(missing))} if missing else {}
    if not stops:
        ends = {"stops": "never" if answer.stop_epoch is None else str(answer.stop_epoch)} if can_stop(answer) else {}
        return [{**head, **ends, **drops, "validity": validity_cell(answer.validity), **why}]
    return [
        {**head, **_stop_cells(outcome, decimals), **drops, "validity": validity_cell(outcome.validity), **why}
        for outcome in stops
    ]


def _stop_cells(outcome: StoppingOutcome, decimals: Decimals) -> Cells:
    return {
        "stops": "never" if outcome.stop_index is None else str(outcome.stop_index + 1),
        "best": "" if outcome.best_index is None else str(outcome.best_index + 1),
        f"kept {visible(outcome.monitor)}": decimals.show(outcome.kept_value),
        "saved": whole(outcome.saved_epochs),
        "regret": decimals.show(outcome.regret) or "unknown",
    }


def _drop_cells(replay: Replay) -> Cells:
    if not replay.changes_learning_rate:
        return {}
    drops = {"lr drops": " ".join(drop_places(replay.drops)) or "none"} if reduces(replay) else {}
    return {**drops, "final lr": "" if replay.final_lr is None else short(replay.final_lr)}


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


def _flat(outcome: Record) -> Record:
    """Return an outcome without what is nested: of lists of epochs only the epochs, under the name of their kind."""
    kinds = {"drops": "drop_epochs", "saves": "save_epochs", "rates": "rate_epochs"}
    body = {key: value for key, value in outcome.items() if not isinstance(value, (list, dict, tuple))}
    # Always there, so that records with and without reductions have the same columns.
    epochs = {"drop_epochs": ""}
    for key, name in kinds.items():
        items: Any = outcome.get(key)
        # BackupAndRestore counts its saves.
        if isinstance(items, list):
            epochs[name] = " ".join(str(item["epoch"]) for item in items if isinstance(item, dict))
    return {**body, **epochs}


def _save_cells(replay: Replay) -> Cells:
    if not saves(replay):
        return {}
    last = str(replay.saves[-1].index + 1) if replay.saves else "never"
    return {"saves": whole(len(replay.saves)), "last save": last}


def _tag_cells(replay: Replay) -> Cells:
    outputs: list[Any] = [outcome.output for outcome in replay.outcomes if isinstance(outcome, ObserverOutcome)]
    written = [len(output["tags"]) for output in outputs if "tags" in output]
    return {"tags written": whole(sum(written))} if written else {}


def _varying(code: str) -> str:
    """Shorten `EarlyStopping(monitor="val_loss", patience=3)` to what tells settings apart."""
    return code.removeprefix("EarlyStopping").removeprefix('(monitor="val_loss", ').removesuffix(")")


def _without_constant_fit(rows: list[Cells]) -> list[Cells]:
    if any(row["fit"] != "0" for row in rows):
        return rows
    return [{key: value for key, value in row.items() if key != "fit"} for row in rows]


# Each lint replays the fit a few times more.
MOST_LINTED = 100


def simulation_notes(simulation: Simulation) -> list[str]:
    """Return the notes of the replays, each once, and what was left out."""
    notes: dict[str, list[str]] = {}
    for replay in simulation.replays:
        for note in replay.notes:
            notes.setdefault(note, []).append(replay.run)
    lines = [f"Note: {_runs(runs)}: {visible(note)}." for note, runs in notes.items()]
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
        f"{visible(replay.run)}, fit {replay.fit}, {visible(str(outcome.settings))}, {replay.semantics.name}:"
        f" {outcome.validity.label}: {visible(outcome.validity.reason)}"
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
    lines = [f"  {_runs(names)}: {visible(reason)}" for reason, names in runs.items()]
    return [f"Left out {len(left_out)}:", *lines] if lines else []


def unanswered_sentences(answers: Iterable[Replay | RaisedFit]) -> list[str]:
    """Return a sentence per metric that runs lack, per exception of Keras, and per direction that is only assumed."""
    runs: dict[str, list[str]] = {}
    for answer in answers:
        for sentence in _unanswered(answer):
            runs.setdefault(sentence, []).append(answer.run)
    return [f"{_runs(names)}: {visible(sentence)}" for sentence, names in runs.items()]


def _unanswered(answer: Replay | RaisedFit) -> Iterator[str]:
    if isinstance(answer, RaisedFit):
        yield f"{answer.semantics.name} raises {answer.brief}"
        return
    for missing in answer.missing:
        yield f"{never(answer.callbacks[missing.position])}: {missing.sentence}"
    yield from (f"{sentence}." for sentence in answer.assumed)


def _runs(names: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(names))
    more = f" and {len(distinct) - 3} more" if len(distinct) > 3 else ""
    return ", ".join(visible(name) for name in distinct[:3]) + more


def _keeps_a_worse_epoch(outcome: object) -> bool:
    return (
        isinstance(outcome, EarlyStoppingOutcome)
        and not outcome.settings.restore_best_weights
        and outcome.kept_index != outcome.best_index
    )
