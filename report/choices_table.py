"""What the tables of all sweeps share: a line of what was swept, a row per setting, and what was left out."""

from __future__ import annotations

from dataclasses import fields
from math import isnan
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.directions import assumed_direction, assumption
from kcb_replay.replay.request import KERAS_DEFAULT_LR
from kcb_replay.replay.verdicts.plateau import PLATEAU_ARGUMENTS
from kcb_replay.text import counted, decimals_for, short, text_table, visible, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.plateau import PlateauSummary, ReducingSummary
    from kcb_replay.replay.verdicts.totals import ChoiceSummary, SweepSummary
    from kcb_replay.report.machine import Record

    AnySweep: TypeAlias = SweepSummary | PlateauSummary

__all__ = [
    "ARGUMENTS",
    "argument_shown",
    "chosen_settings",
    "facts_of_sweep",
    "head_of_sweep",
    "left_out_of_sweep",
    "limits_of_sweep",
    "percent",
    "plateau_document",
    "plateau_notes",
    "plateau_records",
    "plateau_table",
    "sweep_document",
    "sweep_records",
    "sweep_table",
    "table_of_settings",
    "varying_arguments",
]

# What a source may lack, by the label of its answers.
_LIMITS: Mapping[Label, str] = {
    "rounded": "came with rounded values, and a comparison may hang on the digits that are lost",
    "sampled": "lack points, so that a stop may come at another epoch",
}


def varying_arguments(settings: Sequence[object], arguments: Sequence[str]) -> list[str]:
    """Return the arguments in which settings differ."""
    return [name for name in arguments if len({getattr(each, name) for each in settings}) > 1]


def head_of_sweep(sweep: AnySweep, arguments: Sequence[str]) -> str:
    """Return how much was swept, with the arguments that do not vary and are not Keras's own."""
    kind, varying = type(sweep.choices[0]), varying_arguments(sweep.choices, arguments)
    constant = {name: getattr(sweep.choices[0], name) for name in arguments if name not in varying}
    default = kind()
    code = ", ".join(
        f"{name}={value!r}" for name, value in constant.items() if name == "monitor" or value != getattr(default, name)
    )
    swept = f"{counted(len(sweep.choices), 'setting')} of {kind.name}({code}), {sweep.semantics.name}"
    some = f"{whole(sweep.answered)} of " if sweep.answered < sweep.fits else ""
    head = f"{some}{counted(sweep.fits, 'fit')}, {counted(sweep.epochs, 'epoch')}, {swept}."
    return " ".join([head, *(f"Hypothetical: {assumption(metric)}." for metric in sweep.assumed_metrics)])


def table_of_settings(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a line per row, without the columns that are empty in all."""
    columns = [column for column in (rows[0] if rows else {}) if any(row[column] for row in rows)]
    return text_table(columns, [[row[column] for column in columns] for row in rows])


def facts_of_sweep(sweep: AnySweep, settings: Sequence[Record]) -> Record:
    """Return what the JSON documents of all sweeps hold."""
    left_out = [{"run": item.run, "fit": item.fit, "reason": item.reason} for item in sweep.left_out]
    return {
        "callback": sweep.choices[0].name,
        "semantics": sweep.semantics.name,
        "fits": sweep.fits,
        "labels": dict(sweep.labels),
        "settings": list(settings),
        "assumed": [str(assumed_direction(metric, None)) for metric in sweep.assumed_metrics],
        "left_out": left_out,
    }


def limits_of_sweep(sweep: AnySweep) -> list[str]:
    """Return a line per limit that sources and names of metrics set to the answers, with how many fits it holds for."""
    of_all = f"of {counted(sweep.answered, 'fit')}"
    assumed = [f"Note: hypothetical: {assumed_direction(metric, None)}." for metric in sweep.assumed_metrics]
    return assumed + [
        f"Note: {label}: {whole(sweep.labels[label])} {of_all} {limit}."
        for label, limit in _LIMITS.items()
        if sweep.labels.get(label)
    ]


def left_out_of_sweep(sweep: AnySweep) -> list[str]:
    """Return a line per reason for which fits could not be swept, with how many."""
    fits: dict[str, list[str]] = {}
    for item in sweep.left_out:
        fits.setdefault(item.reason, []).append(item.run)
    lines = []
    for reason, runs in fits.items():
        more = f" and {whole(len(runs) - 3)} more" if len(runs) > 3 else ""
        lines.append(f"  {', '.join(map(visible, runs[:3]))}{more}: {visible(reason)}")
    return [f"Left out {whole(len(sweep.left_out))}:", *lines] if lines else []


def percent(share: float) -> str:
    """Return a share as a percentage, nothing where there is none."""
    return "" if isnan(share) else f"{share:.0%}"


def argument_shown(value: object) -> str:
    """Return the value of an argument."""
    return short(value) if isinstance(value, float) else str(value)


# Patience first, for that is what people ask about.
ARGUMENTS = ("patience", *(item.name for item in fields(EarlyStopping) if item.name not in ("patience", "verbose")))


def chosen_settings(sweep: SweepSummary, *, pareto: bool, top: int | None) -> list[int]:
    """Return the numbers of the settings to show: all, or the front; the first `top` of them."""
    numbers = sweep.front if pareto else range(len(sweep.choices))
    return list(numbers)[:top]


def sweep_records(sweep: SweepSummary, numbers: Sequence[int]) -> list[Record]:
    """Return one record per setting."""
    return [_stopping_record(sweep.summaries[number]) for number in numbers]


def sweep_document(sweep: SweepSummary, records: Sequence[Record]) -> Record:
    """Return the document of `kcb-replay sweep --json`."""
    return {"schema": "kcb-replay/sweep/1", **facts_of_sweep(sweep, records)}


def sweep_table(sweep: SweepSummary, numbers: Sequence[int], *, pareto: bool) -> str:
    """Return what was swept, and a line per setting with the arguments that vary."""
    varying = varying_arguments(sweep.choices, ARGUMENTS)
    head = head_of_sweep(sweep, ARGUMENTS)
    alike = len(sweep.choices) - len(sweep.distinct)
    if alike:
        head += f" {whole(alike)} act like another one."
    if pareto:
        head += f" Pareto front: {whole(len(numbers))}."
    rows = [_stopping_cells(sweep.summaries[number], varying) for number in numbers]
    return f"{head}\n\n{table_of_settings(rows)}"


def _stopping_cells(summary: ChoiceSummary, varying: Sequence[str]) -> dict[str, str]:
    show = decimals_for([]).show
    arguments = {name: argument_shown(getattr(summary.choice, name)) for name in varying}
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
        "undecided": whole(summary.undecided) if summary.undecided else "",
        "improving": percent(summary.improving),
        "unknown": whole(summary.unknown) if summary.unknown else "",
    }


def _stopping_record(summary: ChoiceSummary) -> Record:
    return {**{name: getattr(summary.choice, name) for name in ARGUMENTS}, **summary.numbers()}


def _stop_epoch(summary: ChoiceSummary) -> str:
    """Return the median, or the epoch behind which it lies."""
    if not summary.stop_epoch_horizon:
        return ""
    median = summary.stop_epoch_median
    return f">{summary.stop_epoch_horizon}" if isnan(median) else f"{median:.0f}"


# Patience first, for that is what people ask about.
_PLATEAU_ORDER = ("patience", *(name for name in PLATEAU_ARGUMENTS if name != "patience"))


def plateau_records(sweep: PlateauSummary, top: int | None) -> list[Record]:
    """Return one record per setting, the first `top` of them."""
    return [_plateau_record(summary) for summary in sweep.summaries[:top]]


def plateau_document(sweep: PlateauSummary, records: Sequence[Record]) -> Record:
    """Return the document of `kcb-replay sweep --lr-patience ... --json`."""
    facts = facts_of_sweep(sweep, records)
    return {"schema": "kcb-replay/sweep/1", **facts, "initial_lr_assumed": sweep.initial_lr_assumed}


def plateau_table(sweep: PlateauSummary, top: int | None) -> str:
    """Return what was swept, and a line per setting with the arguments that vary."""
    varying = varying_arguments(sweep.choices, _PLATEAU_ORDER)
    rows = [_plateau_cells(summary, varying) for summary in sweep.summaries[:top]]
    return f"{head_of_sweep(sweep, _PLATEAU_ORDER)}\n\n{table_of_settings(rows)}"


def plateau_notes(sweep: PlateauSummary) -> list[str]:
    """Return what has to be known to read the table."""
    notes = []
    if any(summary.hypothetical > 0 for summary in sweep.summaries):
        notes.append(
            "Note: after its first reduction a replay goes on with another learning rate than the recording had"
            " (hypothetical): only what comes before is as the training would have been."
        )
    if sweep.initial_lr_assumed:
        notes.append(
            f"Note: the initial learning rate of {whole(sweep.initial_lr_assumed)} of {whole(sweep.answered)} fits is"
            f" not recorded: {KERAS_DEFAULT_LR}, Keras's default, is assumed. Give --initial-lr if it was another."
        )
    return notes


def _plateau_cells(summary: ReducingSummary, varying: Sequence[str]) -> dict[str, str]:
    epoch = summary.first_drop_epoch
    return {
        **{name: argument_shown(getattr(summary.choice, name)) for name in varying},
        "reduced": f"{whole(summary.reduced)}/{whole(summary.fits)}",
        "first at epoch": "" if isnan(epoch) else f"{epoch:.1f}",
        "premature": percent(summary.premature),
        "reductions": "" if isnan(summary.drops) else f"{summary.drops:.1f}",
        "exact": percent(summary.exact),
        "hypothetical": percent(summary.hypothetical),
        "undecided": whole(summary.undecided) if summary.undecided else "",
    }


def _plateau_record(summary: ReducingSummary) -> Record:
    return {**{name: getattr(summary.choice, name) for name in _PLATEAU_ORDER}, **summary.numbers()}
