"""A sweep of ReduceLROnPlateau as a table for people and as records for programs: one line per setting."""

from __future__ import annotations

from dataclasses import fields
from math import isnan
from typing import TYPE_CHECKING

from kcb_replay.replay.request import KERAS_DEFAULT_LR
from kcb_replay.replay.verdicts.records import without_nan
from kcb_replay.replay.verdicts.reducing import PLATEAU_ARGUMENTS
from kcb_replay.report.settings_table import (
    argument_shown,
    facts_of_sweep,
    head_of_sweep,
    percent,
    table_of_settings,
    varying_arguments,
)
from kcb_replay.text import whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.verdicts.plateau_totals import PlateauOverall, PlateauSummary
    from kcb_replay.report.machine import Record

__all__ = ["plateau_document", "plateau_notes", "plateau_records", "plateau_table"]

# Patience first, for that is what people ask about.
_ARGUMENTS = ("patience", *(name for name in PLATEAU_ARGUMENTS if name != "patience"))


def plateau_records(found: PlateauOverall, top: int | None) -> list[Record]:
    """Return one record per setting, the first `top` of them."""
    return [_record(summary) for summary in found.summaries[:top]]


def plateau_document(found: PlateauOverall, records: Sequence[Record]) -> Record:
    """Return the document of `kcb-replay sweep --lr-patience ... --json`."""
    facts = facts_of_sweep(found, records)
    return {"schema": "kcb-replay/sweep/1", **facts, "initial_lr_assumed": found.assumed}


def plateau_table(found: PlateauOverall, top: int | None) -> str:
    """Return what was swept, and a line per setting with the arguments that vary."""
    varying = varying_arguments(found.settings, _ARGUMENTS)
    rows = [_cells(summary, varying) for summary in found.summaries[:top]]
    return f"{head_of_sweep(found, _ARGUMENTS)}\n\n{table_of_settings(rows)}"


def plateau_notes(found: PlateauOverall) -> list[str]:
    """Return what has to be known to read the table."""
    notes = []
    if any(summary.hypothetical > 0 for summary in found.summaries):
        notes.append(
            "Note: after its first reduction a replay goes on with another learning rate than the recording had"
            " (hypothetical): only what comes before is as the training would have been."
        )
    if found.assumed:
        notes.append(
            f"Note: the initial learning rate of {whole(found.assumed)} of {whole(found.answered)} fits is not"
            f" recorded: {KERAS_DEFAULT_LR}, Keras's default, is assumed. Give --initial-lr if it was another."
        )
    return notes


def _cells(summary: PlateauSummary, varying: Sequence[str]) -> dict[str, str]:
    epoch = summary.first_drop_epoch
    return {
        **{name: argument_shown(getattr(summary.setting, name)) for name in varying},
        "reduced": f"{whole(summary.reduced)}/{whole(summary.fits)}",
        "first at epoch": "" if isnan(epoch) else f"{epoch:.1f}",
        "premature": percent(summary.premature),
        "reductions": "" if isnan(summary.drops) else f"{summary.drops:.1f}",
        "exact": percent(summary.exact),
        "hypothetical": percent(summary.hypothetical),
        "undecided": percent(summary.undecided),
    }


def _record(summary: PlateauSummary) -> Record:
    numbers = {item.name: getattr(summary, item.name) for item in fields(summary) if item.name != "setting"}
    return {**{name: getattr(summary.setting, name) for name in _ARGUMENTS}, **without_nan(numbers)}
