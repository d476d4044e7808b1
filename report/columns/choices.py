"""The columns of every table with a row per choice: what `sweep`, `compare` and `recommend` print and pages list.

A choice is a setting of EarlyStopping or ReduceLROnPlateau, or a stopping rule. A column is one entry: in `_TOTALS` of
what stops a training, in `REDUCING_COLUMNS` of what reduces its learning rate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from math import isnan
from typing import Any, Generic, TypeVar

from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.verdicts.plateau import ReducingSummary
from kcb_replay.replay.verdicts.totals import ChoiceSummary, Summary
from kcb_replay.report.columns.column import (
    ABSENT,
    Column,
    Writing,
    count_text,
    name_text,
    percent_text,
    same,
    unknown,
    value_text,
    zero,
)
from kcb_replay.text import short, whole

S = TypeVar("S", bound="ChoiceSummary | ReducingSummary")


@dataclass(frozen=True, slots=True)
class ChoiceRow(Generic[S]):
    """What a row is about: what a choice comes to, and of how many fits it could not be asked."""

    summary: S
    left_out: int


def choice_rows(summary: Summary[Any, S], numbers: Sequence[int] | None = None) -> Iterator[ChoiceRow[S]]:
    """Yield a row per choice, or per choice of these numbers."""
    for number in range(len(summary.choices)) if numbers is None else numbers:
        left_out = sum(each.choice in (None, number) for each in summary.left_out)
        yield ChoiceRow(summary.summaries[number], left_out)


def argument_text(value: object) -> str:
    """Return the value of an argument."""
    return short(value) if isinstance(value, float) else str(value)


def arguments_of(kind: type[EarlyStopping | ReduceLROnPlateau]) -> tuple[str, ...]:
    """Return the arguments that change what happens; patience first, for that is what people ask about."""
    return ("patience", *(item.name for item in fields(kind) if item.name not in ("patience", *kind.only_prints)))


def varying_arguments(settings: Sequence[object], arguments: Sequence[str]) -> list[str]:
    """Return the arguments in which settings differ."""
    return [name for name in arguments if len({getattr(each, name) for each in settings}) > 1]


def _argument(name: str) -> Column[ChoiceRow[Any]]:
    return Column(
        name,
        lambda row: getattr(row.summary.choice, name),
        lambda value, _: argument_text(value),
        needless=same,
        head=name,
    )


def _out_of(counts: tuple[int, int], _: Writing) -> str:
    part, fits = counts
    return f"{whole(part)}/{whole(fits)}"


def _mean_text(value: float, writing: Writing) -> str:
    return writing.unknown if isnan(value) else f"{value:.1f}"


def _in_noise(row: ChoiceRow[ChoiceSummary]) -> Any:
    return row.summary.regret_mean / row.summary.noise if row.summary.noise > 0 else ABSENT


def _stop_epoch(row: ChoiceRow[ChoiceSummary]) -> Any:
    """Return the median, and the epoch behind which it lies where half of the fits are not stopped."""
    horizon = row.summary.stop_epoch_horizon
    return (row.summary.stop_epoch_median, horizon) if horizon else ABSENT


def _stop_epoch_text(median_and_horizon: tuple[float, int], _: Writing) -> str:
    median, horizon = median_and_horizon
    return f">{horizon}" if isnan(median) else f"{median:.0f}"


def _keeps_text(keeps: str, writing: Writing) -> str:
    return writing.words.say(f"cell.keeps_{keeps}")


ARGUMENTS = arguments_of(EarlyStopping)

_TOTALS: tuple[Column[ChoiceRow[ChoiceSummary]], ...] = (
    Column("stopped", lambda row: (row.summary.stopped, row.summary.fits), _out_of, unit="fits"),
    Column("saving", lambda row: row.summary.saving, percent_text, unit="of the epochs", down=True),
    Column("saving_seconds", lambda row: row.summary.saving_seconds, percent_text, needless=unknown),
    Column("regret_mean", lambda row: row.summary.regret_mean, value_text),
    Column("regret_median", lambda row: row.summary.regret_median, value_text),
    Column("regret_worst", lambda row: row.summary.regret_worst, value_text),
    Column("regret_in_noise", _in_noise, _mean_text, in_detail=True),
    Column("also_regret", lambda row: row.summary.also_regret, value_text, needless=unknown),
    Column("stop_epoch_median", _stop_epoch, _stop_epoch_text, unit="epoch"),
    Column("by_chance", lambda row: row.summary.by_chance, percent_text, needless=unknown),
    Column("undecided", lambda row: row.summary.undecided, count_text, unit="fits"),
    Column("improving", lambda row: row.summary.improving, percent_text, needless=unknown),
    Column("unknown", lambda row: row.summary.unknown, count_text, unit="fits", needless=zero),
)

STOPPING_COLUMNS: tuple[Column[ChoiceRow[ChoiceSummary]], ...] = (*map(_argument, ARGUMENTS), *_TOTALS)

# Of what a recommendation does on some runs.
PERFORMANCE_COLUMNS: tuple[Column[ChoiceRow[ChoiceSummary]], ...] = (
    *(column for column in _TOTALS if column.key in ("saving", "regret_mean")),
    Column("failures", lambda row: (row.summary.failures, row.summary.fits), _out_of, unit="fits"),
    *(column for column in _TOTALS if column.key == "undecided"),
)

RULE_COLUMNS: tuple[Column[ChoiceRow[ChoiceSummary]], ...] = (
    Column("rule", lambda row: str(row.summary.choice), name_text, is_number=False),
    Column("keeps", lambda row: row.summary.keeps, _keeps_text, needless=same, is_number=False),
    *_TOTALS,
    Column("left_out", lambda row: row.left_out, count_text, unit="fits", needless=zero),
)

# Those for which the page of a comparison has the room.
RULE_PAGE_COLUMNS = tuple(
    column
    for column in RULE_COLUMNS
    if column.key
    in ("rule", "keeps", "stopped", "saving", "regret_mean", "regret_median", "regret_worst", "undecided", "left_out")
)

REDUCING_COLUMNS: tuple[Column[ChoiceRow[ReducingSummary]], ...] = (
    *map(_argument, arguments_of(ReduceLROnPlateau)),
    Column("reduced", lambda row: (row.summary.reduced, row.summary.fits), _out_of, unit="fits"),
    Column("first_drop_epoch", lambda row: row.summary.first_drop_epoch, _mean_text, unit="epoch"),
    Column("premature", lambda row: row.summary.premature, percent_text),
    Column("drops", lambda row: row.summary.drops, _mean_text),
    Column("exact", lambda row: row.summary.exact, percent_text),
    Column("hypothetical", lambda row: row.summary.hypothetical, percent_text),
    Column("undecided", lambda row: row.summary.undecided, count_text, unit="fits"),
)
