"""The columns of every table with a row per fit and setting: what `simulate` prints, and what a report lists.

A column is one entry in `RESULT_COLUMNS`: terminals, pages and notebooks show it, and JSON, CSV and Markdown hold it
under its key. Values read what every answer of `simulate` has, one that comes from the lanes, too: no epochs, no
events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import isnan, nan
from typing import Any

from kcb_replay.ingest.recording import one_based
from kcb_replay.language.catalogue import Catalogue
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.answers import Answer
from kcb_replay.replay.outcomes import Drop, Outcome
from kcb_replay.replay.simulation import RaisedFit
from kcb_replay.replay.validity import Validity
from kcb_replay.report.columns.column import (
    ABSENT,
    Column,
    Writing,
    count_text,
    epoch_text,
    name_text,
    none_text,
    plain,
    same,
    value_text,
    zero,
)
from kcb_replay.report.words import can_stop, drop_places
from kcb_replay.text import short, visible

# In the column of stops, of a training that Keras ends with an exception.
_RAISES = "raises"


@dataclass(frozen=True, slots=True)
class FitRow:
    """What a row is about: an answer, and the stopping rule of its list whose stop it is, None without any.

    `position` is that of the rule in the list.
    """

    answer: Answer | RaisedFit
    rule: Outcome | None = None
    position: int | None = None


def fit_rows(answer: Answer | RaisedFit) -> Iterator[FitRow]:
    """Yield a row per stopping rule of the list, or one row when there is none."""
    yield from _rules(answer) or (FitRow(answer),)


def _rules(answer: Answer | RaisedFit) -> list[FitRow]:
    if isinstance(answer, RaisedFit):
        return []
    outcomes = enumerate(answer.outcomes)
    return [FitRow(answer, outcome, number) for number, outcome in outcomes if outcome.is_of_stopping_rule]


def lead_row(answer: Answer | RaisedFit) -> FitRow:
    """Return the row of the stopping rule that stops the training, else of the first, or that without a rule."""
    rows = list(fit_rows(answer))
    return next((row for row in rows if row.rule and row.rule.stop_index is not None), rows[0])


def lead_rule(answer: Answer | RaisedFit) -> Outcome | None:
    """Return the stopping rule that an answer is about, None without one."""
    return lead_row(answer).rule


def regret_of(answer: Answer | RaisedFit) -> float:
    """Return the regret that an answer is ranked by, NaN where there is none."""
    rule = lead_rule(answer)
    return nan if rule is None or rule.regret is None else rule.regret


def by_regret(answer: Answer | RaisedFit) -> tuple[bool, float]:
    """Return what answers are sorted by where the largest regret comes first."""
    regret = regret_of(answer)
    return isnan(regret), -regret


def reduces(answer: Answer) -> bool:
    """Tell whether the list of callbacks can reduce the learning rate when an epoch ends, or did."""
    return bool(answer.drops) or any(callback.purpose == "reduces" for callback in answer.callbacks)


def saves(answer: Answer) -> bool:
    """Tell whether the list of callbacks can save the model, or did."""
    return bool(answer.saves) or any(callback.purpose == "saves" for callback in answer.callbacks)


def _where(applies: Callable[[Answer], bool], value: Callable[[Answer], Any]) -> Callable[[FitRow], Any]:
    """Return the value of a column that is for some answers, and for no training that Keras ends with an exception."""
    return lambda row: ABSENT if isinstance(row.answer, RaisedFit) or not applies(row.answer) else value(row.answer)


def _of_rule(value: Callable[[Outcome], Any]) -> Callable[[FitRow], Any]:
    return lambda row: ABSENT if row.rule is None else value(row.rule)


def _stop_epoch(row: FitRow) -> Any:
    if isinstance(row.answer, RaisedFit):
        return _RAISES
    if row.rule is not None and (row.rule.stop_index is not None or lead_rule(row.answer) is not row.rule):
        return one_based(row.rule.stop_index)
    # Where no stopping rule stops the training, another callback may.
    return row.answer.stop_epoch if can_stop(row.answer) else ABSENT


def _why(row: FitRow) -> Any:
    """Return what is raised, or which metrics are missing."""
    if isinstance(row.answer, RaisedFit):
        return str(row.answer.brief)
    return " ".join(dict.fromkeys(str(missing.why) for missing in row.answer.missing)) or ABSENT


def _tags_written(row: FitRow) -> Any:
    outputs: list[Any] = [outcome.output for outcome in row.answer.outcomes]
    written = [len(output["tags"]) for output in outputs if "tags" in output]
    return sum(written) if written else ABSENT


def _of_monitor(what: str, rule: Outcome) -> Reason:
    return reason(f"column.of.{what}", monitor=str(rule.monitor))


def _stop_text(stop: Any, writing: Writing) -> str:
    return writing.words.say("cell.raises") if stop == _RAISES else epoch_text(stop, writing)


def _recorded_text(value: float | None, writing: Writing) -> str:
    return writing.none if value is None else writing.decimals.show(value)


def _drops_text(drops: tuple[Drop, ...], writing: Writing) -> str:
    return " ".join(drop_places(drops, writing.words)) or writing.never


def _rate_text(rate: float | None, writing: Writing) -> str:
    return writing.unknown if rate is None else short(rate)


def validity_text(validity: Validity, words: Catalogue) -> str:
    """Return a label with its limit, as short as a table needs it."""
    through, earliest = validity.valid_through_index, validity.earliest_stop_index
    if validity.label == "hypothetical" and through is not None:
        return words.say("cell.hypothetical_after", epoch=through + 1)
    undecided = words.say("label.undecided")
    if earliest is not None:
        undecided = words.say("cell.undecided_after", epoch=earliest + 1)
    if validity.label == "undecided":
        return undecided
    label = words.say(f"label.{validity.label}")
    return f"{label}, {undecided}" if validity.undecided and validity.label != "hypothetical" else label


_WHICH: tuple[Column[FitRow], ...] = (
    Column("run", lambda row: row.answer.run, name_text, is_number=False),
    Column("fit", lambda row: row.answer.fit, plain, needless=zero),
    Column(
        "callbacks",
        lambda row: tuple(map(str, row.answer.callbacks)),
        lambda codes, _: visible(" + ".join(map(_shortened, codes))),
        needless=same,
        is_number=False,
    ),
    Column("semantics", lambda row: row.answer.semantics.name, plain, needless=same, is_number=False),
    Column("epochs", lambda row: row.answer.epochs, count_text, unit="epochs"),
)

RESULT_COLUMNS: tuple[Column[FitRow], ...] = (
    Column("stop_epoch", _stop_epoch, _stop_text, unit="epoch"),
    Column("best_epoch", _of_rule(lambda rule: one_based(rule.best_index)), none_text, unit="epoch"),
    Column(
        "lowest_value",
        _of_rule(lambda rule: rule.lowest_value),
        _recorded_text,
        head_for=lambda row: _of_monitor(extreme(row.rule.mode), row.rule) if row.rule else None,
        on_pages=True,
    ),
    Column(
        "kept_value",
        _of_rule(lambda rule: rule.kept_value),
        _recorded_text,
        head_for=lambda row: _of_monitor("kept", row.rule) if row.rule else None,
    ),
    Column("saved_epochs", _of_rule(lambda rule: rule.saved_epochs), count_text, unit="epochs", down=True),
    Column("regret", _of_rule(lambda rule: rule.regret), value_text, down=True),
    Column(
        "drop_epochs",
        _where(reduces, lambda answer: answer.drops),
        _drops_text,
        is_number=False,
        in_detail=True,
    ),
    Column(
        "final_lr",
        _where(lambda answer: answer.changes_learning_rate, lambda answer: answer.final_lr),
        _rate_text,
    ),
    Column("saves", _where(saves, lambda answer: len(answer.saves)), count_text, in_detail=True),
    Column(
        "last_save_epoch",
        _where(saves, lambda answer: answer.saves[-1].index + 1 if answer.saves else None),
        epoch_text,
        unit="epoch",
        in_detail=True,
    ),
    Column("tags_written", _tags_written, count_text, in_detail=True),
)

_LIMITS: tuple[Column[FitRow], ...] = (
    Column(
        "validity",
        lambda row: (row.rule or row.answer).validity,
        lambda validity, writing: validity_text(validity, writing.words),
        is_number=False,
    ),
    Column("why", _why, name_text, is_number=False),
)

FIT_COLUMNS = (*_WHICH, *RESULT_COLUMNS, *_LIMITS)


def extreme(mode: str | None) -> str:
    """Return what the best value of a metric is called."""
    return "highest" if mode == "max" else "lowest"


def _shortened(code: str) -> str:
    """Shorten `EarlyStopping(monitor="val_loss", patience=3)` to what tells settings apart."""
    return code.removeprefix("EarlyStopping").removeprefix('(monitor="val_loss", ').removesuffix(")")
