"""What the tables of all sweeps share: a line of what was swept, a row per setting, and what was left out."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.replay.directions import assumed_direction, assumption
from kcb_replay.text import counted, short, visible, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.plateau_totals import PlateauOverall
    from kcb_replay.replay.verdicts.totals import SweepSummary
    from kcb_replay.report.machine import Record

    AnySweep: TypeAlias = SweepSummary | PlateauOverall

# What a source may lack, by the label of its answers.
_LIMITS: Mapping[Label, str] = {
    "rounded": "came with rounded values, and a comparison may hang on the digits that are lost",
    "sampled": "lack points, so that a stop may come at another epoch",
}

__all__ = [
    "argument_shown",
    "facts_of_sweep",
    "head_of_sweep",
    "left_out_of_sweep",
    "limits_of_sweep",
    "percent",
    "table_of_settings",
    "varying_arguments",
]


def varying_arguments(settings: Sequence[object], arguments: Sequence[str]) -> list[str]:
    """Return the arguments in which settings differ."""
    return [name for name in arguments if len({getattr(each, name) for each in settings}) > 1]


def head_of_sweep(found: AnySweep, arguments: Sequence[str]) -> str:
    """Return how much was swept, with the arguments that do not vary and are not Keras's own."""
    kind, varying = type(found.settings[0]), varying_arguments(found.settings, arguments)
    constant = {name: getattr(found.settings[0], name) for name in arguments if name not in varying}
    default = kind()
    code = ", ".join(
        f"{name}={value!r}" for name, value in constant.items() if name == "monitor" or value != getattr(default, name)
    )
    swept = f"{counted(len(found.settings), 'setting')} of {kind.name}({code}), {found.semantics.name}"
    some = f"{whole(found.answered)} of " if found.answered < found.fits else ""
    head = f"{some}{counted(found.fits, 'fit')}, {counted(found.epochs, 'epoch')}, {swept}."
    return " ".join([head, *(f"Hypothetical: {visible(assumption(metric))}." for metric in found.assumed_metrics)])


def table_of_settings(rows: Sequence[Mapping[str, str]]) -> str:
    """Return a line per row, without the columns that are empty in all."""
    from tabulate import tabulate

    columns = [column for column in (rows[0] if rows else {}) if any(row[column] for row in rows)]
    return tabulate(
        [[row[column] for column in columns] for row in rows],
        headers=columns,
        tablefmt="simple",
        colalign=["right"] * len(columns),
        disable_numparse=True,
    )


def facts_of_sweep(found: AnySweep, settings: Sequence[Record]) -> Record:
    """Return what the JSON documents of all sweeps hold."""
    left_out = [{"run": item.run, "fit": item.fit, "reason": item.reason} for item in found.left_out]
    return {
        "callback": found.settings[0].name,
        "semantics": found.semantics.name,
        "fits": found.fits,
        "labels": dict(found.labels),
        "settings": list(settings),
        "assumed": [assumed_direction(metric, None) for metric in found.assumed_metrics],
        "left_out": left_out,
    }


def limits_of_sweep(found: AnySweep) -> list[str]:
    """Return a line per limit that sources and names of metrics set to the answers, with how many fits it holds for."""
    of_all = f"of {counted(found.answered, 'fit')}"
    assumed = [f"Note: hypothetical: {visible(assumed_direction(metric, None))}." for metric in found.assumed_metrics]
    return assumed + [
        f"Note: {label}: {whole(found.labels[label])} {of_all} {limit}."
        for label, limit in _LIMITS.items()
        if found.labels.get(label)
    ]


def left_out_of_sweep(found: AnySweep) -> list[str]:
    """Return a line per reason for which fits could not be swept, with how many."""
    fits: dict[str, list[str]] = {}
    for item in found.left_out:
        fits.setdefault(item.reason, []).append(item.run)
    lines = []
    for reason, runs in fits.items():
        more = f" and {whole(len(runs) - 3)} more" if len(runs) > 3 else ""
        lines.append(f"  {', '.join(map(visible, runs[:3]))}{more}: {visible(reason)}")
    return [f"Left out {whole(len(found.left_out))}:", *lines] if lines else []


def percent(share: float) -> str:
    """Return a share as a percentage, nothing where there is none."""
    return "" if isnan(share) else f"{share:.0%}"


def argument_shown(value: object) -> str:
    """Return the value of an argument."""
    return short(value) if isinstance(value, float) else str(value)
