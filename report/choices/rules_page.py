"""The page of a comparison: stopping rules in one plane with the baseline, every run under every rule, all curves.

The baseline is "stop everything at epoch i": a rule that looks at the curves is worth its trouble below that line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.choices.coded import coded_of
from kcb_replay.report.choices.notices import Item, LeftOut, Notice, left_out_notice, trust_notice
from kcb_replay.report.choices.remarks import drawn_remark, interval_remark
from kcb_replay.report.choices.rules_acts import rules_acts, rules_spread
from kcb_replay.report.choices.rules_matrix import Matrix, matrix_of
from kcb_replay.report.choices.rules_words import HEADS, RuleLine, rule_line, rule_names, rules_question
from kcb_replay.report.choices.run_table import Runs, RunTable, run_table
from kcb_replay.report.choices.sources import source_lines
from kcb_replay.report.choices.sweep_words import direction_words
from kcb_replay.report.choices.view_data import curves_data, plane_data, points_data, runs_data, table_data
from kcb_replay.report.drawing.curves import curves_of
from kcb_replay.report.drawing.plane import Curve, Place, Plane, plane_of
from kcb_replay.report.pages.document import document
from kcb_replay.report.rules import notes_of_comparison, rules_info
from kcb_replay.report.svg.curves import MOST_POINTS, curves_svg
from kcb_replay.report.svg.plane import plane_svg, strip_svg
from kcb_replay.text import counted, decimals_for, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.recommend.evidence import Spread
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.verdicts.rules import RuleComparison
    from kcb_replay.report.rules import BaselineLine
    from kcb_replay.text import Decimals

__all__ = ["RulesPage", "rules_html", "rules_page"]

_BAR = (
    "Bar: epochs run (blue) of all recorded (grey), up to the stop (orange tick); ● epoch kept, ○ best of the whole"
    " recording. Regret is what the epoch kept gives away against it."
)
_MOST_LABELS = 12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RulesPage:
    """Everything on the page."""

    question: str
    subtitle: str
    monitor: str
    lines: tuple[RuleLine, ...]
    plane: Plane
    interval_remark: str
    notices: tuple[Notice, ...]
    runs: Runs
    table: RunTable
    matrix: Matrix
    sources: tuple[str, ...]
    logic: str

    @property
    def has_runs(self) -> bool:
        """Whether anything could be compared."""
        return bool(self.runs.acts.fits)


def rules_page(
    found: RuleComparison,
    recordings: Sequence[Recording],
    version: Semantics,
    *,
    recorded: Callable[[str], Sequence[str]],
    draw_all: bool = False,
) -> RulesPage:
    """Return what the page says of rules compared on recordings; `recorded` gives the metrics of a run."""
    decimals, noun = decimals_for([]), "fit" if any(each.fit for each in found.answers) else "run"
    runs = _runs(found, recordings, noun, decimals, draw_all=draw_all)
    spread, groups = rules_spread(found)
    names = rule_names(found.rules, found.monitor)
    return RulesPage(
        question=rules_question(len(names)),
        subtitle=f"{counted(found.fits, noun)}, judged by {found.monitor} ({direction_words(found.mode)})."
        " Epochs count from 1, as in Keras’ progress bar.",
        monitor=found.monitor,
        lines=tuple(_lines(found, names, spread, decimals, noun)),
        plane=_plane(found, spread, names),
        interval_remark=interval_remark(spread, groups),
        notices=tuple(_notices(found, runs, version, recorded)),
        runs=runs,
        table=run_table([runs], runs),
        matrix=matrix_of(runs, names),
        sources=source_lines(recordings),
        logic=f"{', '.join(dict.fromkeys(rule.name for rule in found.rules))}; Keras as in {version.name}",
    )


def _runs(
    found: RuleComparison, recordings: Sequence[Recording], noun: str, decimals: Decimals, *, draw_all: bool
) -> Runs:
    acts = rules_acts(found, recordings, draw_all=draw_all)
    return Runs(
        acts=acts,
        coded=coded_of(acts, decimals),
        curves=curves_of(acts.fits, found.mode, decimals),
        choice=0,
        noun=noun,
        decimals=decimals,
        lowest_head=f"{'Highest' if found.mode == 'max' else 'Lowest'} {found.monitor}",
        caption=_BAR,
        drawn_remark=drawn_remark(found.fits, len(acts.fits), noun, "first rule"),
        has_best=False,
    )


def _lines(
    found: RuleComparison, names: Sequence[str], spread: Spread | None, decimals: Decimals, noun: str
) -> Iterator[RuleLine]:
    for number, summary in enumerate(found.per_rule()):
        intervals = (spread.saving[number], spread.regret[number]) if spread else None
        yield rule_line(found, number, names[number], summary, intervals, decimals, noun)


def _plane(found: RuleComparison, spread: Spread | None, names: Sequence[str]) -> Plane:
    info = rules_info(found)
    places = [
        Place(
            choice=number,
            saving=1 - summary.share,
            regret=summary.regret_mean,
            on_front=True,
            hollow=summary.undecided > 0,
            label=names[number],
            saving_interval=spread.saving[number] if spread else None,
            regret_interval=spread.regret[number] if spread else None,
        )
        for number, summary in enumerate(found.per_rule())
    ]
    curves = [
        Curve(f"baseline {line.keeps}", line.label, tuple((1 - share, regret) for share, regret in _pairs(line)))
        for line in info.lines
    ]
    return plane_of(places, curves, reach=info.top, joined=False, labels=_MOST_LABELS)


def _pairs(line: BaselineLine) -> Iterator[tuple[float, float]]:
    return zip(line.shares, line.regrets, strict=True)


def _notices(
    found: RuleComparison, runs: Runs, version: Semantics, recorded: Callable[[str], Sequence[str]]
) -> Iterator[Notice]:
    everywhere = [LeftOut(each.run, each.fit, each.reason) for each in found.left_out if each.rule is None]
    notice = left_out_notice(everywhere, found.monitor, recorded)
    if notice is not None:
        yield notice
    for number, rule in enumerate(rule_names(found.rules, found.monitor)):
        own = [LeftOut(each.run, each.fit, each.reason) for each in found.left_out if each.rule == number]
        notice = left_out_notice(own, found.monitor, recorded)
        if notice is not None:
            yield Notice(f"{rule}: {notice.head[0].lower()}{notice.head[1:]}", notice.items)
    if not runs.acts.fits:
        return
    notes = tuple(Item((), note.removeprefix("Note: ")) for note in notes_of_comparison(found))
    if notes:
        yield Notice("What the means are of.", notes)
    yield trust_notice(runs.acts, found.monitor, version, runs.noun)


def rules_html(page: RulesPage, *, command: str = "") -> str:
    """Return the page as text."""
    return document(
        "compare.html.j2",
        {"page": page, "heads": HEADS, "command": command},
        styles=("chart.css", "tables.css", "many.css"),
        scripts=("tables.js", "curves.js", "runs.js", "plane.js", "compare.js"),
        data=_data(page) if page.has_runs else None,
        drawings={
            "plane": lambda page: plane_svg(
                page.plane, 0, [line.name for line in page.lines], "plane", f"mean regret ({page.monitor})"
            ),
            "strip": strip_svg,
            "curves": lambda drawn: curves_svg(drawn, MOST_POINTS),
        },
    )


def _data(page: RulesPage) -> dict[str, object]:
    return {
        **table_data(page.table, page.runs.noun),
        "names": [visible(line.name) for line in page.lines],
        "plane": plane_data(),
        "points": points_data(page.plane, len(page.lines)),
        "answers": [visible(line.answer) for line in page.lines],
        "facts": [[[fact.value, visible(fact.remark)] for fact in line.facts] for line in page.lines],
        "view": {"rows": None, "runs": runs_data(page.runs), "curves": curves_data(page.runs)},
    }
