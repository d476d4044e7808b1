"""A comparison of stopping rules: as a table, as lines of what was left out, and as the numbers of its figure.

The figure is one plane, mean share of epochs run against mean regret; `rules_figure` draws what is said here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.directions import assumed_direction, assumption
from kcb_replay.report.drawing.scales import linear_end, scale_said
from kcb_replay.text import counted, decimals_for, text_table, visible, whole

if TYPE_CHECKING:
    from kcb_replay.replay.verdicts.rules import RuleComparison, RuleSummary

__all__ = [
    "BaselineLine",
    "RulePoint",
    "RulesInfo",
    "left_out_of_comparison",
    "notes_of_comparison",
    "rules_info",
    "rules_table",
]

_HEADROOM = 1.25


@dataclass(frozen=True, slots=True)
class RulePoint:
    """One rule in the plane; `hollow` where some recordings end before its stop: there it is judged by their end.

    `number` is its place in the list, from 1, under which the legend names it.
    """

    number: int
    share: float
    regret: float
    keeps: str
    hollow: bool
    legend: str


@dataclass(frozen=True, slots=True)
class BaselineLine:
    """The baseline that keeps the last or the best weights: share and regret per epoch, from epoch 1 on."""

    label: str
    keeps: str
    epochs: tuple[int, ...]
    shares: tuple[float, ...]
    regrets: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RulesInfo:
    """What the figure of a comparison shows; `top` is the end of its axis of regret.

    That axis is logarithmic above `linear_until`, None where it is linear to its end.
    """

    title: str
    x_label: str
    y_label: str
    points: tuple[RulePoint, ...]
    lines: tuple[BaselineLine, ...]
    top: float
    linear_until: float | None
    notes: tuple[str, ...]


def rules_table(comparison: RuleComparison) -> str:
    """Return what was compared, and a line per rule."""
    rows = [_cells(summary) for summary in comparison.per_rule()]
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
        rule = "" if item.rule is None else f"{comparison.rules[item.rule]}: "
        runs.setdefault(f"{rule}{item.reason}", []).append(item.run)
    lines = [f"Left out {len(comparison.left_out)}:"] if runs else []
    for reason, names in runs.items():
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        lines.append(f"  {', '.join(map(visible, names[:3]))}{more}: {visible(reason)}")
    return [*notes_of_comparison(comparison), *lines]


def rules_info(comparison: RuleComparison) -> RulesInfo:
    """Return what the figure shows; a rule without any answer has no point."""
    summaries = comparison.per_rule()
    points = tuple(
        RulePoint(
            number=number,
            share=summary.share,
            regret=summary.regret_mean,
            keeps=summary.keeps,
            hollow=summary.undecided > 0,
            legend=_legend(number, summary),
        )
        for number, summary in enumerate(summaries, 1)
        if math.isfinite(summary.share) and math.isfinite(summary.regret_mean)
    )
    lines = tuple(_line(comparison, keeps) for keeps in dict.fromkeys(point.keeps for point in comparison.baseline))
    linear_until = linear_end([point.regret for point in points])
    return RulesInfo(
        title=f"Stopping rules over {counted(comparison.fits, 'fit')}",
        x_label="mean share of the recorded epochs that run",
        y_label=f"mean regret ({visible(comparison.monitor)}{scale_said(linear_until)})",
        points=points,
        lines=lines,
        top=_top(points, lines),
        linear_until=linear_until,
        notes=tuple(notes_of_comparison(comparison)),
    )


def _head(comparison: RuleComparison) -> str:
    rules, fits = counted(len(comparison.rules), "stopping rule"), counted(comparison.fits, "fit")
    direction = "lower is better" if comparison.mode == "min" else "higher is better"
    out = sum(each.rule is None for each in comparison.left_out)
    missing = f", {whole(out)} left out" if out else ""
    head = f"{rules} over {fits}{missing}, judged by {visible(comparison.monitor)} ({direction})."
    return " ".join([head, *(f"Hypothetical: {assumption(each)}." for each in comparison.assumed_metrics)])


def _cells(summary: RuleSummary) -> dict[str, str]:
    show = decimals_for([]).show
    return {
        "rule": visible(str(summary.rule)),
        "keeps": summary.keeps,
        "stopped": f"{whole(summary.stopped)}/{whole(summary.fits)}",
        "epochs run": f"{summary.share:.0%}" if summary.fits else "",
        "regret mean": show(summary.regret_mean),
        "median": show(summary.regret_median),
        "worst": show(summary.regret_worst),
        "undecided": whole(summary.undecided),
        "unknown": whole(summary.unknown),
        "left out": whole(summary.left_out),
    }


def notes_of_comparison(comparison: RuleComparison) -> list[str]:
    """Return what has to be said of the means of the rules."""
    summaries = comparison.per_rule()
    notes = [f"Note: hypothetical: {assumed_direction(metric, None)}." for metric in comparison.assumed_metrics]
    if any(summary.undecided for summary in summaries):
        notes.append("Note: where a recording ends before the stop (undecided), share and regret are those of its end.")
    if any(summary.unknown for summary in summaries):
        notes.append("Note: fits whose kept epoch has no number (unknown) are in no regret.")
    if len({(summary.fits, summary.left_out, summary.unknown) for summary in summaries}) > 1:
        notes.append("Note: the means are not of the same fits for every rule.")
    if len({summary.keeps for summary in summaries}) > 1:
        notes.append("Note: some rules keep the best weights and some the last ones; compare those that keep the same.")
    return notes


def _legend(number: int, summary: RuleSummary) -> str:
    open_ends = f", {whole(summary.undecided)} of {whole(summary.fits)} undecided" if summary.undecided else ""
    return f"{number}  {visible(str(summary.rule))}: keeps the {summary.keeps}{open_ends}"


def _line(comparison: RuleComparison, keeps: str) -> BaselineLine:
    points = [point for point in comparison.baseline if point.keeps == keeps]
    return BaselineLine(
        label=f"stop everything at epoch i, keep the {keeps}",
        keeps=keeps,
        epochs=tuple(point.epoch for point in points),
        shares=tuple(point.share for point in points),
        regrets=tuple(point.regret_mean for point in points),
    )


def _top(points: tuple[RulePoint, ...], lines: tuple[BaselineLine, ...]) -> float:
    """Return an end of the axis that shows every rule, and the baseline from about where the first rule stands."""
    first = min((point.share for point in points), default=0.0)
    seen = [point.regret for point in points]
    for line in lines:
        beside = [
            regret
            for share, regret in zip(line.shares, line.regrets, strict=True)
            if share >= first and math.isfinite(regret)
        ]
        # Only its beginning there: one that diverges at the end would hide the rest.
        seen += beside[:1]
    return _HEADROOM * max(seen, default=0.0) or 1.0
