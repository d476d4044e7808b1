"""A sweep as a table for people and as records for programs: one line per setting."""

from __future__ import annotations

from dataclasses import fields
from math import isnan
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.report.names import shown
from kcb_replay.report.numbers import decimals_for, short, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.sweep.overall import Overall
    from kcb_replay.replay.sweep.totals import SettingSummary
    from kcb_replay.report.machine import Record

__all__ = ["chosen_settings", "left_out_of_sweep", "sweep_document", "sweep_records", "sweep_table"]

# Patience first, for that is what people ask about.
_ARGUMENTS = ("patience", *(item.name for item in fields(EarlyStopping) if item.name not in ("patience", "verbose")))


def chosen_settings(found: Overall, *, pareto: bool, top: int | None) -> list[int]:
    """Return the numbers of the settings to show: all, or the front; the first `top` of them."""
    numbers = found.front if pareto else range(len(found.settings))
    return list(numbers)[:top]


def sweep_records(found: Overall, numbers: Sequence[int]) -> list[Record]:
    """Return one record per setting."""
    return [_record(found.summaries[number]) for number in numbers]


def sweep_document(found: Overall, records: Sequence[Record]) -> Record:
    """Return the document of `kcb-replay sweep --json`."""
    left_out = [{"run": item.run, "fit": item.fit, "reason": item.reason} for item in found.left_out]
    return {
        "schema": "kcb-replay/sweep/1",
        "semantics": found.semantics.name,
        "fits": found.fits,
        "settings": list(records),
        "left_out": left_out,
    }


def sweep_table(found: Overall, numbers: Sequence[int], *, pareto: bool) -> str:
    """Return what was swept, and a line per setting with the arguments that vary."""
    from tabulate import tabulate

    varying = [name for name in _ARGUMENTS if len({getattr(each, name) for each in found.settings}) > 1]
    rows = [_cells(found.summaries[number], varying) for number in numbers]
    columns = [column for column in (rows[0] if rows else {}) if any(row[column] for row in rows)]
    body = tabulate(
        [[row[column] for column in columns] for row in rows],
        headers=columns,
        tablefmt="simple",
        colalign=["right"] * len(columns),
        disable_numparse=True,
    )
    return f"{_head(found, len(numbers), pareto=pareto)}\n\n{body}"


def left_out_of_sweep(found: Overall) -> list[str]:
    """Return a line per reason for which fits could not be swept, with how many."""
    fits: dict[str, list[str]] = {}
    for item in found.left_out:
        fits.setdefault(item.reason, []).append(item.run)
    lines = []
    for reason, runs in fits.items():
        more = f" and {whole(len(runs) - 3)} more" if len(runs) > 3 else ""
        lines.append(f"  {', '.join(map(shown, runs[:3]))}{more}: {shown(reason)}")
    return [f"Left out {whole(len(found.left_out))}:", *lines] if lines else []


def _head(found: Overall, count: int, *, pareto: bool) -> str:
    constant = [name for name in _ARGUMENTS if len({getattr(each, name) for each in found.settings}) == 1]
    code = ", ".join(
        f"{name}={getattr(found.settings[0], name)!r}"
        for name in constant
        if name == "monitor" or getattr(found.settings[0], name) != getattr(EarlyStopping(), name)
    )
    swept = f"{whole(len(found.settings))} settings of EarlyStopping({code}), {found.semantics.name}"
    head = f"{whole(found.answered)} fits, {whole(found.epochs)} epochs, {swept}."
    alike = len(found.settings) - len(found.distinct)
    if alike:
        head += f" {whole(alike)} act like another one."
    return f"{head} Pareto front: {whole(count)}." if pareto else head


def _cells(summary: SettingSummary, varying: Sequence[str]) -> dict[str, str]:
    show = decimals_for([]).show
    arguments = {name: _argument(getattr(summary.setting, name)) for name in varying}
    return {
        **arguments,
        "stopped": f"{whole(summary.stopped)}/{whole(summary.fits)}",
        "saved": _percent(summary.saving),
        "of the time": _percent(summary.saving_seconds),
        "regret mean": show(summary.regret_mean),
        "median": show(summary.regret_median),
        "worst": show(summary.regret_worst),
        "/ noise": f"{summary.regret_mean / summary.noise:.1f}" if summary.noise > 0 else "",
        "second metric": "" if isnan(summary.also_regret) else show(summary.also_regret),
        "undecided": _percent(summary.undecided),
        "improving": _percent(summary.improving),
    }


def _percent(share: float) -> str:
    return "" if isnan(share) else f"{share:.0%}"


def _argument(value: object) -> str:
    return short(value) if isinstance(value, float) else str(value)


def _record(summary: SettingSummary) -> Record:
    numbers = {item.name: getattr(summary, item.name) for item in fields(summary) if item.name != "setting"}
    return {**{name: getattr(summary.setting, name) for name in _ARGUMENTS}, **numbers}
