"""A sweep as a table for people and as records for programs: one line per setting."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.sweep.front import front
from kcb_replay.report.names import shown
from kcb_replay.report.numbers import decimals_for, short, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.sweep.table import SettingSummary, Sweep
    from kcb_replay.report.machine import Record

__all__ = ["chosen_settings", "left_out_of_sweep", "sweep_document", "sweep_records", "sweep_table"]

# Patience first, for that is what people ask about.
_ARGUMENTS = ("patience", *(item.name for item in fields(EarlyStopping) if item.name not in ("patience", "verbose")))


def chosen_settings(sweep: Sweep, summaries: Sequence[SettingSummary], *, pareto: bool, top: int | None) -> list[int]:
    """Return the numbers of the settings to show: all, or the front; the first `top` of them."""
    numbers = front(sweep, summaries) if pareto else list(range(len(sweep.settings)))
    return numbers[:top]


def sweep_records(summaries: Sequence[SettingSummary], numbers: Sequence[int]) -> list[Record]:
    """Return one record per setting."""
    return [_record(summaries[number]) for number in numbers]


def sweep_document(sweep: Sweep, records: Sequence[Record]) -> Record:
    """Return the document of `kcb-replay sweep --json`."""
    left_out = [{"run": item.run, "fit": item.fit, "reason": item.reason} for item in sweep.left_out]
    return {
        "schema": "kcb-replay/sweep/1",
        "semantics": sweep.semantics.name,
        "fits": len(sweep.fits),
        "settings": list(records),
        "left_out": left_out,
    }


def sweep_table(sweep: Sweep, summaries: Sequence[SettingSummary], numbers: Sequence[int], *, pareto: bool) -> str:
    """Return what was swept, and a line per setting with the arguments that vary."""
    from tabulate import tabulate

    varying = [name for name in _ARGUMENTS if len({getattr(each, name) for each in sweep.settings}) > 1]
    rows = [_cells(summaries[number], varying) for number in numbers]
    columns = list(rows[0]) if rows else []
    body = tabulate(
        [[row[column] for column in columns] for row in rows],
        headers=columns,
        tablefmt="simple",
        colalign=["right"] * len(columns),
        disable_numparse=True,
    )
    return f"{_head(sweep, len(numbers), pareto=pareto)}\n\n{body}"


def left_out_of_sweep(sweep: Sweep) -> list[str]:
    """Return a line per reason for which fits could not be swept, with how many."""
    fits: dict[str, list[str]] = {}
    for item in sweep.left_out:
        fits.setdefault(item.reason, []).append(item.run)
    lines = []
    for reason, runs in fits.items():
        more = f" and {len(runs) - 3} more" if len(runs) > 3 else ""
        lines.append(f"  {', '.join(map(shown, runs[:3]))}{more}: {shown(reason)}")
    return [f"Left out {len(sweep.left_out)}:", *lines] if lines else []


def _head(sweep: Sweep, count: int, *, pareto: bool) -> str:
    epochs = sum(fit.epochs for fit in sweep.fits)
    constant = [name for name in _ARGUMENTS if len({getattr(each, name) for each in sweep.settings}) == 1]
    code = ", ".join(
        f"{name}={getattr(sweep.settings[0], name)!r}"
        for name in constant
        if name == "monitor" or getattr(sweep.settings[0], name) != getattr(EarlyStopping(), name)
    )
    swept = f"{whole(len(sweep.settings))} settings of EarlyStopping({code}), {sweep.semantics.name}"
    found = f"{whole(len(sweep.fits))} fits, {whole(epochs)} epochs, {swept}."
    return f"{found} Pareto front: {whole(count)}." if pareto else found


def _cells(summary: SettingSummary, varying: Sequence[str]) -> dict[str, str]:
    show = decimals_for([]).show
    arguments = {name: _argument(getattr(summary.setting, name)) for name in varying}
    return {
        **arguments,
        "stopped": f"{whole(summary.stopped)}/{whole(summary.fits)}",
        "saved": f"{summary.saving:.0%}" if summary.fits else "",
        "regret mean": show(summary.regret_mean),
        "median": show(summary.regret_median),
        "worst": show(summary.regret_worst),
        "undecided": f"{summary.undecided:.0%}" if summary.fits else "",
    }


def _argument(value: object) -> str:
    return short(value) if isinstance(value, float) else str(value)


def _record(summary: SettingSummary) -> Record:
    numbers = {item.name: getattr(summary, item.name) for item in fields(summary) if item.name != "setting"}
    return {**{name: getattr(summary.setting, name) for name in _ARGUMENTS}, **numbers}
