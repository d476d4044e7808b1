"""What is printed of choices: what was asked, a row per setting or rule, and what limits the answers.

Also a recommendation: the sentence, a line of Keras code to paste, the table behind it, and its limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.directions import assumed_direction, assumption
from kcb_replay.replay.recommend.result import Difference, Recommendation, keras_code
from kcb_replay.replay.request import KERAS_DEFAULT_LR
from kcb_replay.replay.verdicts.plateau import ReducingSummary
from kcb_replay.replay.verdicts.rules import RuleComparison
from kcb_replay.replay.verdicts.totals import ChoiceSummary, Summary
from kcb_replay.report.columns.choices import (
    PERFORMANCE_COLUMNS,
    RULE_COLUMNS,
    STOPPING_COLUMNS,
    ChoiceRow,
    arguments_of,
    choice_rows,
    varying_arguments,
)
from kcb_replay.report.columns.column import Column, Writing, table_of, texts_of, told_beyond
from kcb_replay.report.machine import Record
from kcb_replay.report.simulation_notes import reasons_of
from kcb_replay.text import text_table

S = TypeVar("S", bound="ChoiceSummary | ReducingSummary")


def chosen_settings(summary: Summary[Any, Any], *, pareto: bool, top: int | None) -> list[int]:
    """Return the numbers of the settings to show: all, or the front; the first `top` of them."""
    numbers = summary.front if pareto else range(len(summary.choices))
    return list(numbers)[:top]


def settings_table(
    columns: Sequence[Column[ChoiceRow[S]]],
    summary: Summary[Any, S],
    numbers: Sequence[int],
    *,
    pareto: bool = False,
    words: Catalogue = IN_ENGLISH,
) -> str:
    """Return what was swept, and a line per setting with the arguments that vary."""
    writing = Writing(words=words)
    say, head = writing.words.say, [head_of_sweep(summary, words)]
    if alike := len(summary.choices) - len(summary.distinct or summary.choices):
        head.append(say("swept.alike", count=alike))
    if pareto:
        head.append(say("swept.front", count=len(numbers)))
    return f"{' '.join(head)}\n\n{table_of(columns, choice_rows(summary, numbers)).texts(writing)}"


def head_of_sweep(summary: Summary[Any, Any], words: Catalogue = IN_ENGLISH) -> str:
    """Return how much was swept, with the arguments that do not vary and are not Keras's own."""
    kind = type(summary.choices[0])
    names, default = arguments_of(kind), kind()
    varying = varying_arguments(summary.choices, names)
    constant = {name: getattr(summary.choices[0], name) for name in names if name not in varying}
    code = ", ".join(
        f"{name}={value!r}" for name, value in constant.items() if name == "monitor" or value != getattr(default, name)
    )
    head = words.say(
        "figure.sweep_some" if summary.answered < summary.fits else "figure.sweep",
        answered=summary.answered,
        fits=summary.fits,
        epochs=summary.epochs,
        settings=len(summary.choices),
        code=f"{kind.name}({code})",
        version=summary.semantics.name,
    )
    assumed = (words.say("figure.assumed", assumption=assumption(metric)) for metric in summary.assumed_metrics)
    return " ".join([head, *assumed])


def setting_records(
    columns: Sequence[Column[ChoiceRow[S]]], summary: Summary[Any, S], numbers: Sequence[int]
) -> list[Record]:
    """Return one record per setting: its arguments, its numbers, and what columns tell beyond them."""
    names, records = arguments_of(type(summary.choices[0])), []
    for row in choice_rows(summary, numbers):
        arguments = {name: getattr(row.summary.choice, name) for name in names}
        records.append(told_beyond({**arguments, **row.summary.numbers()}, columns, row))
    return records


def sweep_document(summary: Summary[Any, Any], records: Sequence[Record]) -> Record:
    """Return the document of `kcb-replay sweep --json`."""
    kind = summary.choices[0].name
    assumed = {"initial_lr_assumed": summary.initial_lr_assumed} if kind == "ReduceLROnPlateau" else {}
    return {
        "schema": "kcb-replay/sweep/1",
        "callback": kind,
        "semantics": summary.semantics.name,
        "fits": summary.fits,
        "labels": dict(summary.labels),
        "settings": list(records),
        "assumed": [str(assumed_direction(metric, None)) for metric in summary.assumed_metrics],
        "left_out": [each.to_dict() for each in summary.left_out],
        **assumed,
    }


def limits_of_sweep(summary: Summary[Any, Any]) -> list[Reason]:
    """Return a note per limit of the answers, with how many fits it holds for, and what was left out."""
    assumed = [reason("swept.assumed", assumed=assumed_direction(metric, None)) for metric in summary.assumed_metrics]
    limits = [
        reason(f"swept.{label}", count=summary.labels[label], fits=summary.answered)
        for label in ("rounded", "sampled")
        if summary.labels.get(label)
    ]
    return [*assumed, *limits, *reasons_of(summary.left_out)]


def reducing_notes(summary: Summary[Any, ReducingSummary]) -> list[Reason]:
    """Return what has to be known to read the table of a sweep of ReduceLROnPlateau."""
    goes_on = [reason("swept.goes_on")] if any(each.hypothetical > 0 for each in summary.summaries) else []
    counts = {"count": summary.initial_lr_assumed, "fits": summary.answered, "rate": KERAS_DEFAULT_LR}
    return [*goes_on, *([reason("swept.initial_lr", **counts)] if summary.initial_lr_assumed else [])]


def rules_table(comparison: RuleComparison, words: Catalogue = IN_ENGLISH) -> str:
    """Return what was compared, and a line per rule."""
    writing = Writing(words=words)
    table = table_of(RULE_COLUMNS, choice_rows(comparison.summary)).texts(writing)
    return f"{_head_of_comparison(comparison, writing.words)}\n\n{table}"


def rules_document(comparison: RuleComparison) -> Record:
    """Return the document of `kcb-replay compare --json`."""
    return {**comparison.to_dict(), "rules": rule_records(comparison)}


def rule_records(comparison: RuleComparison) -> list[Record]:
    """Return one record per rule."""
    records = zip(comparison.summary_records(), choice_rows(comparison.summary), strict=True)
    return [told_beyond(record, RULE_COLUMNS, row) for record, row in records]


def _head_of_comparison(comparison: RuleComparison, words: Catalogue) -> str:
    out = sum(each.choice is None for each in comparison.left_out)
    head = words.say(
        f"compared.{comparison.mode}_some" if out else f"compared.{comparison.mode}",
        rules=len(comparison.rules),
        fits=comparison.fits,
        left_out=out,
        monitor=comparison.monitor,
    )
    assumed = (words.say("figure.assumed", assumption=assumption(each)) for each in comparison.assumed_metrics)
    return " ".join([head, *assumed])


def notes_of_comparison(comparison: RuleComparison) -> list[Reason]:
    """Return what has to be said of the means of the rules."""
    rows = list(choice_rows(comparison.summary))
    assumed = (assumed_direction(metric, None) for metric in comparison.assumed_metrics)
    holding = {
        "undecided": any(row.summary.undecided for row in rows),
        "unknown": any(row.summary.unknown for row in rows),
        "other_fits": len({(row.summary.fits, row.left_out, row.summary.unknown) for row in rows}) > 1,
        "other_weights": len({row.summary.keeps for row in rows}) > 1,
    }
    means = [reason(f"means.{name}") for name, holds in holding.items() if holds]
    return [*(reason("means.hypothetical", assumed=each) for each in assumed), *means]


def limits_of_comparison(comparison: RuleComparison) -> list[Reason]:
    """Return what has to be said of the means of the rules, and what was left out."""
    notes = (reason("notes.note", note=note) for note in notes_of_comparison(comparison))
    return [*notes, *reasons_of(comparison.left_out, comparison.rules)]


def recommendation_text(answer: Recommendation, words: Catalogue = IN_ENGLISH) -> str:
    """Return the whole answer as it is printed."""
    parts = [words.why(answer.sentence)]
    if answer.code is not None:
        parts += [f"    {answer.code}", _table(answer, words)]
    parts.append("\n".join(map(words.why, answer.certainty)))
    if answer.current is not None:
        parts.append(_against(answer.current, words))
    parts.append("\n".join(map(words.why, answer.remarks)))
    if answer.overall.front:
        parts.append(settings_table(STOPPING_COLUMNS, answer.overall, answer.overall.front, pareto=True, words=words))
    return "\n\n".join(filter(None, parts))


def recommendation_document(answer: Recommendation) -> Record:
    """Return the document of `kcb-replay recommend --json`: the answer and the front that it was chosen beside."""
    return {**answer.to_dict(), "front": setting_records(STOPPING_COLUMNS, answer.overall, answer.overall.front)}


def recommendation_records(answer: Recommendation) -> list[Record]:
    """Return one record per setting of the front, the recommended one marked."""
    records = setting_records(STOPPING_COLUMNS, answer.overall, answer.overall.front)
    settings = [answer.overall.choices[number] for number in answer.overall.front]
    return [{**record, "recommended": one == answer.setting} for record, one in zip(records, settings, strict=True)]


def _table(answer: Recommendation, words: Catalogue) -> str:
    say, current = words.say, answer.current
    measured = [(say("recommend.chosen_from"), answer.in_sample), (say("recommend.chosen_without"), answer.held_out)]
    if current is not None:
        measured.append((say("recommend.in_use", code=keras_code(current.setting)), current.performance))
    rows = [ChoiceRow(performance, 0) for _, performance in measured if performance is not None]
    table = texts_of(PERFORMANCE_COLUMNS, rows, Writing(words=words))
    cells = iter(table.rows)
    none = ("",) * len(table.heads)
    lines = [(name, *(none if performance is None else next(cells))) for name, performance in measured]
    return text_table(["", *(head.text for head in table.heads)], lines, left=("",))


def _against(difference: Difference, words: Catalogue) -> str:
    (low, high), (regret_low, regret_high) = difference.saving_interval, difference.regret_interval
    return words.say(
        "recommend.against",
        code=keras_code(difference.setting),
        saving=100 * difference.saving,
        low=100 * low,
        high=100 * high,
        regret=difference.regret,
        regret_low=regret_low,
        regret_high=regret_high,
    )
