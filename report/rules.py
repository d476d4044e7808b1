"""A comparison of stopping rules as a table, and as lines of what was left out and what the means are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.language.catalogue import catalogue
from kcb_replay.replay.directions import assumed_direction, assumption
from kcb_replay.text import counted, decimals_for, text_table, visible, whole

if TYPE_CHECKING:
    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.verdicts.rules import RuleComparison
    from kcb_replay.replay.verdicts.totals import ChoiceSummary

__all__ = [
    "left_out_of_comparison",
    "notes_of_comparison",
    "rules_table",
]


def rules_table(comparison: RuleComparison) -> str:
    """Return what was compared, and a line per rule."""
    rows = [_cells(summary, comparison.left_out_by(number)) for number, summary in enumerate(comparison.per_rule())]
    columns = list(rows[0])
    if len({row["keeps"] for row in rows}) == 1:
        columns.remove("keeps")
    columns = [name for name in columns if name not in ("left out", "unknown") or any(row[name] != "0" for row in rows)]
    body = text_table(columns, [[row[column] for column in columns] for row in rows], left=("rule", "keeps"))
    return f"{_head(comparison)}\n\n{body}"


def left_out_of_comparison(comparison: RuleComparison) -> list[str]:
    """Return a line per reason for which fits could not be compared, and what that means for the rules."""
    runs: dict[str, list[str]] = {}
    for item in comparison.left_out:
        rule = "" if item.choice is None else f"{comparison.rules[item.choice]}: "
        runs.setdefault(f"{rule}{item.reason}", []).append(item.run)
    lines = [f"Left out {len(comparison.left_out)}:"] if runs else []
    for reason, names in runs.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"  {', '.join(map(visible, names[:3]))}{more}: {visible(reason)}")
    return [*(f"Note: {note}" for note in notes_of_comparison(comparison)), *lines]


def _head(comparison: RuleComparison) -> str:
    rules, fits = counted(len(comparison.rules), "stopping rule"), counted(comparison.fits, "fit")
    direction = "lower is better" if comparison.mode == "min" else "higher is better"
    out = sum(each.choice is None for each in comparison.left_out)
    missing = f", {whole(out)} left out" if out else ""
    head = f"{rules} over {fits}{missing}, judged by {visible(comparison.monitor)} ({direction})."
    return " ".join([head, *(f"Hypothetical: {assumption(each)}." for each in comparison.assumed_metrics)])


def _cells(summary: ChoiceSummary, left_out: int) -> dict[str, str]:
    show = decimals_for([]).show
    return {
        "rule": visible(str(summary.choice)),
        "keeps": summary.keeps,
        "stopped": f"{whole(summary.stopped)}/{whole(summary.fits)}",
        "epochs run": f"{1 - summary.saving:.0%}" if summary.fits else "",
        "regret mean": show(summary.regret_mean),
        "median": show(summary.regret_median),
        "worst": show(summary.regret_worst),
        "undecided": whole(summary.undecided),
        "unknown": whole(summary.unknown),
        "left out": whole(left_out),
    }


def notes_of_comparison(comparison: RuleComparison, words: Catalogue | None = None) -> list[str]:
    """Return what has to be said of the means of the rules."""
    words, summaries = words or catalogue(), comparison.per_rule()
    assumed = (assumed_direction(metric, None) for metric in comparison.assumed_metrics)
    notes = [words.say("means.hypothetical", assumed=each) for each in assumed]
    counted_fits = [(each.fits, comparison.left_out_by(n), each.unknown) for n, each in enumerate(summaries)]
    said = {
        "undecided": any(summary.undecided for summary in summaries),
        "unknown": any(summary.unknown for summary in summaries),
        "other_fits": len(set(counted_fits)) > 1,
        "other_weights": len({summary.keeps for summary in summaries}) > 1,
    }
    return notes + [words.say(f"means.{name}") for name, holds in said.items() if holds]
