"""A sweep of EarlyStopping as a table for people and as records for programs: one line per setting."""

from __future__ import annotations

from dataclasses import fields
from math import isnan
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.verdicts.records import without_nan
from kcb_replay.report.settings_table import (
    argument_shown,
    facts_of_sweep,
    head_of_sweep,
    percent,
    table_of_settings,
    varying_arguments,
)
from kcb_replay.text import decimals_for, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.verdicts.totals import SettingSummary, SweepSummary
    from kcb_replay.report.machine import Record

__all__ = ["ARGUMENTS", "chosen_settings", "sweep_document", "sweep_records", "sweep_table"]

# Patience first, for that is what people ask about.
ARGUMENTS = ("patience", *(item.name for item in fields(EarlyStopping) if item.name not in ("patience", "verbose")))


def chosen_settings(found: SweepSummary, *, pareto: bool, top: int | None) -> list[int]:
    """Return the numbers of the settings to show: all, or the front; the first `top` of them."""
    numbers = found.front if pareto else range(len(found.settings))
    return list(numbers)[:top]


def sweep_records(found: SweepSummary, numbers: Sequence[int]) -> list[Record]:
    """Return one record per setting."""
    return [_record(found.summaries[number]) for number in numbers]


def sweep_document(found: SweepSummary, records: Sequence[Record]) -> Record:
    """Return the document of `kcb-replay sweep --json`."""
    return {"schema": "kcb-replay/sweep/1", **facts_of_sweep(found, records)}


def sweep_table(found: SweepSummary, numbers: Sequence[int], *, pareto: bool) -> str:
    """Return what was swept, and a line per setting with the arguments that vary."""
    varying = varying_arguments(found.settings, ARGUMENTS)
    head = head_of_sweep(found, ARGUMENTS)
    alike = len(found.settings) - len(found.distinct)
    if alike:
        head += f" {whole(alike)} act like another one."
    if pareto:
        head += f" Pareto front: {whole(len(numbers))}."
    rows = [_cells(found.summaries[number], varying) for number in numbers]
    return f"{head}\n\n{table_of_settings(rows)}"


def _cells(summary: SettingSummary, varying: Sequence[str]) -> dict[str, str]:
    show = decimals_for([]).show
    arguments = {name: argument_shown(getattr(summary.setting, name)) for name in varying}
    return {
        **arguments,
        "stopped": f"{whole(summary.stopped)}/{whole(summary.fits)}",
        "saved": percent(summary.saving),
        "of the time": percent(summary.saving_seconds),
        "regret mean": show(summary.regret_mean),
        "median": show(summary.regret_median),
        "worst": show(summary.regret_worst),
        "/ noise": f"{summary.regret_mean / summary.noise:.1f}" if summary.noise > 0 else "",
        "second metric": "" if isnan(summary.also_regret) else show(summary.also_regret),
        "stop epoch": _stop_epoch(summary),
        "by chance": percent(summary.by_chance),
        "undecided": percent(summary.undecided),
        "improving": percent(summary.improving),
        "unknown": whole(summary.unknown) if summary.unknown else "",
    }


def _record(summary: SettingSummary) -> Record:
    numbers = {item.name: getattr(summary, item.name) for item in fields(summary) if item.name != "setting"}
    return {**{name: getattr(summary.setting, name) for name in ARGUMENTS}, **without_nan(numbers)}


def _stop_epoch(summary: SettingSummary) -> str:
    """Return the median, or the epoch behind which it lies."""
    if not summary.stop_epoch_horizon:
        return ""
    median = summary.stop_epoch_median
    return f">{summary.stop_epoch_horizon}" if isnan(median) else f"{median:.0f}"
