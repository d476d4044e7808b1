"""What the page of a comparison says of each rule: its sentence, its facts, and its line in the table of rules."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.choices.elided import elided
from kcb_replay.report.choices.sweep_words import percent
from kcb_replay.report.facts import Fact
from kcb_replay.text import counted, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.recommend.result import Interval
    from kcb_replay.replay.verdicts.rules import RuleComparison, RuleSummary
    from kcb_replay.text import Decimals

__all__ = ["HEADS", "RuleLine", "rule_line", "rule_names", "rules_question"]

HEADS = ("Keeps the", "Stopped", "Epochs saved", "Mean regret", "Median", "Largest", "Undecided", "Left out")


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One rule: its code, its sentence, its four facts, and its texts under `HEADS`."""

    name: str
    answer: str
    facts: tuple[Fact, ...]
    cells: tuple[str, ...]


def rule_names(rules: Sequence[Callback], monitor: str) -> list[str]:
    """Return the code of each rule, without the monitor where that is what all are judged by."""
    full = [str(rule) for rule in rules]
    given = f'monitor="{monitor}"'
    short = [name.replace(f"({given}, ", "(").replace(f", {given}", "").replace(given, "") for name in full]
    return short if len(set(short)) == len(set(full)) else full


def rules_question(rules: int) -> str:
    """Return the title of the page."""
    return f"Which of these {whole(rules)} rules stops best?" if rules > 1 else "How well does this rule stop?"


def rule_line(
    found: RuleComparison,
    number: int,
    name: str,
    summary: RuleSummary,
    intervals: tuple[Interval, Interval] | None,
    decimals: Decimals,
    noun: str,
) -> RuleLine:
    """Return what is said of a rule; `intervals` are those of its saving and of its regret."""
    saving = percent(1 - summary.share)
    worst = _worst(found, number) if summary.regret_worst > 0 else ""
    regret, largest = _known(summary.regret_mean, decimals), _known(summary.regret_worst, decimals)
    facts = (
        Fact("Stopped", whole(summary.stopped), f"of {whole(summary.fits)}"),
        Fact("Epochs saved", saving, "" if intervals is None else _percents(intervals[0])),
        Fact(
            f"Mean regret ({found.monitor} given up)",
            regret,
            "" if intervals is None else f"95 %: {decimals.show(intervals[1][0])} to {decimals.show(intervals[1][1])}",
        ),
        Fact("Largest regret", largest, f"in {worst}" if worst else ""),
    )
    cells = (
        summary.keeps,
        f"{whole(summary.stopped)} of {whole(summary.fits)}",
        saving,
        regret,
        _known(summary.regret_median, decimals),
        largest,
        whole(summary.undecided),
        whole(summary.left_out),
    )
    return RuleLine(name, _answer(found, name, summary, worst, decimals, noun), facts, cells)


def _answer(found: RuleComparison, name: str, summary: RuleSummary, worst: str, decimals: Decimals, noun: str) -> str:
    if not summary.fits:
        return f"{name} cannot be asked of any of these {noun}s."
    said = f"{name} saves {percent(1 - summary.share)} of the epochs"
    if math.isnan(summary.regret_mean):
        said += "; what it gives up is unknown."
    else:
        said += f" and gives up {decimals.show(summary.regret_mean)} {found.monitor}"
        said += " on average" if summary.fits > 1 else ""
        said += f" (most: {decimals.show(summary.regret_worst)} in {worst})." if worst and summary.fits > 1 else "."
    if summary.undecided:
        ends = "recording ends" if summary.undecided == 1 else "recordings end"
        counts = "counts as it ends" if summary.undecided == 1 else "count as they end"
        said += f" {whole(summary.undecided)} {ends} before its stop (undecided) and {counts}."
    own = sum(each.rule is not None and found.rules[each.rule] is summary.rule for each in found.left_out)
    if own:
        said += f" {counted(own, noun)} cannot be asked."
    return said


def _worst(found: RuleComparison, number: int) -> str:
    answers = [each for each in found.answers if each.rule == number and each.regret is not None]
    return elided(max(answers, key=lambda each: each.regret or 0.0).run) if answers else ""


def _known(value: float, decimals: Decimals) -> str:
    return "unknown" if math.isnan(value) else decimals.show(value)


def _percents(interval: Interval) -> str:
    return f"95 %: {100 * interval[0]:.0f} to {100 * interval[1]:.0f} %"
