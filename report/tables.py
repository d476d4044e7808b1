"""A simulation as a table for people and as records for programs; the runs of a store as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from kcb_replay.replay.outcomes import ObserverOutcome, StoppingOutcome
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.report.eras import era_records
from kcb_replay.report.several_replays import reduces, saves
from kcb_replay.report.summary import MOST_LINTED
from kcb_replay.report.versions import difference_records, version_names
from kcb_replay.report.words import can_stop, compared_outcomes, drop_places
from kcb_replay.text import Decimals, decimals_for, short, visible, whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from kcb_replay.ingest.schema import RunEntry
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import Simulation
    from kcb_replay.replay.validity import Validity
    from kcb_replay.report.machine import Record

__all__ = [
    "run_records",
    "runs_table",
    "simulation_document",
    "simulation_records",
    "simulation_table",
    "table",
    "validity_cell",
]

Cells: TypeAlias = dict[str, str]
_TEXT_COLUMNS = frozenset({"run", "setting", "keras", "lr drops", "validity", "why", "metrics", "sources", "tags"}) | {
    *("source", "format", "metric", "from", "stream", "each", "tag"),
}
# A log may have ten thousand columns.
_MOST_METRICS = 12


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


def run_records(entries: Iterable[RunEntry]) -> list[Record]:
    """Return one record per run of a store."""
    return [
        {
            "run": entry.name,
            "fits": len(entry.fits),
            "epochs": entry.epochs,
            "metrics": " ".join(entry.metrics),
            "sources": " ".join(dict.fromkeys(source.format for source in entry.sources)),
            "notes": len(entry.notes),
            "tags": " ".join(entry.tags),
        }
        for entry in entries
    ]


def runs_table(entries: Sequence[RunEntry]) -> str:
    """Return one line per run of a store; the tags only where there are any."""
    rows = [
        {key: visible(str(value)) for key, value in record.items()} | {"metrics": _few(entry.metrics)}
        for entry, record in zip(entries, run_records(entries), strict=True)
    ]
    tagged = any(row["tags"] for row in rows)
    return table([{key: value for key, value in row.items() if tagged or key != "tags"} for row in rows])


def _few(metrics: Sequence[str]) -> str:
    rest = len(metrics) - _MOST_METRICS
    more = f" and {whole(rest)} more" if rest > 0 else ""
    return " ".join(map(visible, metrics[:_MOST_METRICS])) + more


def validity_cell(validity: Validity) -> str:
    """Return a label with its limit, as short as a table needs it."""
    if validity.label == "hypothetical":
        through = validity.valid_through_index
        return f"hypothetical after {through + 1}" if through is not None else "hypothetical"
    earliest = validity.earliest_stop_index
    label = "" if validity.label == "undecided" else f"{validity.label}, "
    if validity.undecided:
        return f"{label}undecided" + ("" if earliest is None else f": {earliest + 1} or later")
    return validity.label


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


def table(rows: list[Cells], *, texts: Collection[str] = ()) -> str:
    """Return rows of texts as a table that cuts nothing; further columns that hold texts are named in `texts`."""
    from tabulate import tabulate

    columns = sorted(dict.fromkeys(column for row in rows for column in row), key=lambda column: column == "why")
    cells = [[row.get(column, "") for column in columns] for row in rows]
    align = ["left" if column in _TEXT_COLUMNS or column in texts else "right" for column in columns]
    # Aligned by hand: numbers are text already, and a run may be named 007.
    return tabulate(cells, headers=columns, tablefmt="simple", colalign=align, disable_numparse=True)
