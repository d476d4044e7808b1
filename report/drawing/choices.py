"""What the figure of a sweep or of a comparison shows: its plane, the grid of settings, and the words below them.

The page of the same choices takes its plane and its grid from here as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from kcb_replay.language.catalogue import IN_ENGLISH, Catalogue
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.recommend.evidence import Spread
from kcb_replay.replay.verdicts.rules import RuleComparison
from kcb_replay.replay.verdicts.totals import SweepSummary
from kcb_replay.report.choices_table import head_of_sweep, notes_of_comparison
from kcb_replay.report.drawing.grid import SettingsGrid, grid_of, setting_names
from kcb_replay.report.drawing.plane import Plane, PlaneLine, PlanePoint, plane_of
from kcb_replay.text import decimals_for, percent, visible

_MOST_NAMED = 12
# So many discs stand side by side on the axis of saving.
_DISCS = 22
# How far above the baseline beside the rules the axis goes.
_HEADROOM = 1.25


@dataclass(frozen=True, slots=True)
class ChoicesDrawing:
    """The figure: `grid` is None for rules, `legend` names the numbered points of the plane."""

    title: str
    monitor: str
    plane: Plane
    grid: SettingsGrid | None
    legend: tuple[str, ...]
    notes: tuple[str, ...]


def sweep_drawing(sweep: SweepSummary, words: Catalogue = IN_ENGLISH) -> ChoicesDrawing:
    """Return what the figure of a sweep shows."""
    names, plane = setting_names(sweep.choices), sweep_plane(sweep, None, words)
    unnamed = sum(not point.number for point in plane.front)
    outside = sum(not math.isfinite(sweep.summaries[number].regret_mean) for number in sweep.distinct)
    counts = {
        "unnamed": unnamed,
        "hollow": sum(summary.undecided > 0 for summary in sweep.summaries),
        "outside": outside,
        "alike": len(sweep.choices) - len(sweep.distinct),
        "left_out": len({(item.run, item.fit) for item in sweep.left_out}),
    }
    return ChoicesDrawing(
        title=head_of_sweep(sweep, words),
        monitor=_monitors(sweep),
        plane=plane,
        grid=sweep_grid(sweep, words),
        legend=tuple(_legend(point, names[point.choices[0]], words) for point in plane.front if point.number),
        notes=tuple(words.say(f"figure.{name}", count=count) for name, count in counts.items() if count),
    )


def sweep_grid(sweep: SweepSummary, words: Catalogue) -> SettingsGrid:
    """Return the settings in a grid; framed are the front, and what acts like a setting of it."""
    front = {each for group in sweep.alike if set(group).intersection(sweep.front) for each in group}
    return grid_of(sweep.choices, sweep.summaries, front, words)


def sweep_plane(sweep: SweepSummary, spread: Spread | None, words: Catalogue) -> Plane:
    """Return the settings in the plane, those together that act alike; the front has a colour, and a line joins it."""
    names, numbers = setting_names(sweep.choices), {each: n for n, each in enumerate(_numbered(sweep), 1)}
    points = [
        PlanePoint(
            choices=alike,
            name=names[number],
            saving=sweep.summaries[number].saving,
            regret=sweep.summaries[number].regret_mean,
            tone="curve" if number in sweep.front else "gone",
            hollow=sweep.summaries[number].undecided > 0,
            number=numbers.get(number, 0),
            saving_interval=spread.saving[number] if spread else None,
            regret_interval=spread.regret[number] if spread else None,
        )
        for alike in sweep.alike
        for number in alike[:1]
    ]
    return plane_of(points, monitor=_monitors(sweep), words=words)


def _monitors(sweep: SweepSummary) -> str:
    return visible(", ".join(sorted({setting.monitor for setting in sweep.choices})))


def _numbered(sweep: SweepSummary) -> Sequence[int]:
    """Return the settings of the front that a legend has room for, and whose discs do not cover each other."""
    savings = [sweep.summaries[number].saving for number in sweep.distinct]
    apart = (max(savings) - min(savings)) / _DISCS if savings else 0.0
    chosen: list[int] = []
    for number in sweep.front:
        if not chosen or sweep.summaries[number].saving - sweep.summaries[chosen[-1]].saving >= apart:
            chosen.append(number)
    return chosen[:: -(-len(chosen) // _MOST_NAMED)] if chosen else chosen


def rules_drawing(comparison: RuleComparison, words: Catalogue = IN_ENGLISH) -> ChoicesDrawing:
    """Return what the figure of a comparison shows; a rule without any answer has no point."""
    plane, summaries = rules_plane(comparison, None, words), comparison.per_rule()
    legend = []
    for point in sorted(plane.points, key=lambda point: point.number):
        summary = summaries[point.choices[0]]
        kept = words.say(f"figure.keeps_{summary.keeps}")
        undecided = {"undecided": summary.undecided, "fits": summary.fits}
        kept += words.say("figure.undecided", **undecided) if summary.undecided else ""
        legend.append(f"{_legend(point, visible(point.name), words)}; {kept}")
    notes = map(words.why, notes_of_comparison(comparison))
    title = words.say("figure.rules", fits=comparison.fits)
    return ChoicesDrawing(title, visible(comparison.monitor), plane, None, tuple(legend), tuple(notes))


def rules_plane(comparison: RuleComparison, spread: Spread | None, words: Catalogue) -> Plane:
    """Return the rules in the plane, each in the colour of the baseline that keeps what it keeps."""
    summaries = comparison.per_rule()
    points = [
        PlanePoint(
            choices=(number,),
            name=name,
            saving=summary.saving,
            regret=summary.regret_mean,
            tone="best" if summary.keeps == "best" else "curve",
            hollow=summary.undecided > 0,
            number=number + 1,
            saving_interval=spread.saving[number] if spread else None,
            regret_interval=spread.regret[number] if spread else None,
        )
        for number, (name, summary) in enumerate(
            zip(rule_names(comparison.rules, comparison.monitor), summaries, strict=True)
        )
    ]
    lines = [_baseline(comparison, keeps, words) for keeps in dict.fromkeys(each.keeps for each in comparison.baseline)]
    reach = _HEADROOM * max((_beside(line, points) for line in lines), default=0.0)
    return plane_of(points, lines, monitor=visible(comparison.monitor), words=words, joined=False, reach=reach)


def rule_names(rules: Sequence[Callback], monitor: str) -> list[str]:
    """Return the code of each rule, without the monitor where that is what all are judged by."""
    full = [str(rule) for rule in rules]
    monitor_argument = f'monitor="{monitor}"'
    short = [
        name.replace(f"({monitor_argument}, ", "(").replace(f", {monitor_argument}", "").replace(monitor_argument, "")
        for name in full
    ]
    return short if len(set(short)) == len(set(full)) else full


def _legend(point: PlanePoint, name: str, words: Catalogue) -> str:
    regret = decimals_for([]).show(point.regret)
    return visible(
        words.say("figure.legend", number=point.number, name=name, saving=percent(point.saving), regret=regret)
    )


def _baseline(comparison: RuleComparison, keeps: str, words: Catalogue) -> PlaneLine:
    points = [point for point in comparison.baseline if point.keeps == keeps]
    places = tuple((point.saving, point.regret_mean) for point in reversed(points))
    return PlaneLine(words.say(f"plane.baseline_{keeps}"), "best" if keeps == "best" else "curve", places)


def _beside(line: PlaneLine, points: Sequence[PlanePoint]) -> float:
    """Return the regret of a baseline where the rule that saves most stands.

    Only there: one that diverges further on would hide the rest.
    """
    most = max((point.saving for point in points if math.isfinite(point.saving)), default=1.0)
    return next((regret for saving, regret in reversed(line.places) if saving <= most and math.isfinite(regret)), 0.0)
