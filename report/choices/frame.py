"""The one page of choices, of a sweep or of a comparison: answer, facts, notices, choice, plane, curves, table of runs.

A page holds one or more views, one monitor under one Keras version each, and one choice drives all its parts. Every
answer was replayed in Python; the program of the page looks them up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.recommend.result import Recommendation
from kcb_replay.replay.recommend.survey import Survey
from kcb_replay.report.choices.answers import (
    ChoiceAnswer,
    Kind,
    Notice,
    SourcePaths,
    answer_of,
    answer_text,
    drawn_remark,
    facts_of,
    interval_remark,
    left_out_notices,
    templates_of,
    trust_notice,
)
from kcb_replay.report.choices.run_table import Matrix, Runs, RunTable, coded_answers, run_table
from kcb_replay.report.columns.column import TableTexts
from kcb_replay.report.columns.fits import extreme
from kcb_replay.report.drawing.curves import curves_of
from kcb_replay.report.drawing.grid import SettingsGrid
from kcb_replay.report.drawing.plane import Plane
from kcb_replay.report.several_replays import Fact
from kcb_replay.text import decimals_for, fit_title


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChoicesView:
    """One monitor under one version; per choice a name, an answer, four facts. `fits` are in all numbers.

    Settings have a grid, lines of code and a recommendation as `advice`; rules have lines of a table, and a matrix.
    """

    monitor: str
    version: str
    subtitle: str
    fits: int
    choice: int
    rule: str
    names: tuple[str, ...]
    answers: tuple[ChoiceAnswer, ...]
    templates: Mapping[str, str]
    facts: tuple[tuple[Fact, ...], ...]
    plane: Plane
    plane_said: str
    notices: tuple[Notice, ...]
    runs: Runs
    grid: SettingsGrid | None = None
    codes: tuple[str, ...] = ()
    advice: Recommendation | None = None
    lines: TableTexts | None = None
    matrix: Matrix | None = None

    @property
    def answer(self) -> str:
        """What the choice comes to that is shown first."""
        number = self.choice
        name, facts = self.names[number], self.facts[number]
        return answer_text(self.answers[number], self.templates, name, self.monitor, facts)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChoicesPage:
    """Everything on the page; `views` are in the order of monitors, for each of them that of versions.

    `first` is the view that is shown first, under the number `start`: the first one with runs.
    """

    kind: Literal["sweep", "compare"]
    question: str
    views: tuple[ChoicesView, ...]
    start: int
    table: RunTable
    sources: tuple[str, ...]
    logic: str
    words: Catalogue
    differences: Notice | None

    @property
    def first(self) -> ChoicesView:
        """The view that is shown first."""
        return self.views[self.start]

    @property
    def has_runs(self) -> bool:
        """Whether anything could be swept or compared."""
        return bool(self.first.fits)

    @property
    def monitors(self) -> list[str]:
        """The monitors of the views, each once."""
        return list(dict.fromkeys(view.monitor for view in self.views))

    @property
    def versions(self) -> list[str]:
        """The Keras versions of the views, each once."""
        return list(dict.fromkeys(view.version for view in self.views))


def view_of(
    survey: Survey[Any],
    kind: Kind,
    *,
    names: Sequence[str],
    monitor: str,
    rule: str,
    subtitle: str,
    plane: Plane,
    caption: str,
    recorded: Callable[[str], Sequence[str]],
    words: Catalogue,
    notices: Iterable[Notice] = (),
    has_best: bool = True,
    has_kept: bool = True,
) -> ChoicesView:
    """Return what a view says of choices of any kind; further `notices` stand before what is exact.

    `rule` says why the first choice is the first, `recorded` gives the metrics of a run.
    """
    summary, decimals = survey.summary, decimals_for([])
    noun: Literal["fit", "run"] = "fit" if survey.several else "run"
    worst = ["" if each is None else fit_title(*each, several=each[0] in survey.several) for each in survey.worst]
    own = [sum(each.choice == number for each in summary.left_out) for number in range(len(names))]
    drawn, several = survey.drawn, survey.several
    runs = Runs(
        drawn=drawn,
        titles=tuple(fit_title(fit.run, fit.fit, several=fit.run in several) for fit in drawn.curves),
        coded=coded_answers(drawn.answers, drawn.answered, decimals, words.say("fact.unknown")),
        chart=curves_of(drawn.curves, survey.mode, words),
        choice=survey.first,
        noun=noun,
        lowest_head=words.say(f"column.of.{extreme(survey.mode)}", monitor=monitor),
        caption=caption,
        drawn_remark=drawn_remark(summary.answered, len(drawn.curves), noun, kind, words),
        words=words,
        has_best=has_best,
        has_kept=has_kept,
    )
    trust = [*notices, trust_notice(runs, monitor, summary.semantics, words)] if runs.curves else []
    return ChoicesView(
        monitor=monitor,
        version=summary.semantics.name,
        subtitle=subtitle,
        fits=summary.answered,
        choice=survey.first,
        rule=rule,
        names=tuple(names),
        answers=tuple(
            answer_of(each, worst[number], noun, words, own[number]) for number, each in enumerate(summary.summaries)
        ),
        templates=templates_of(kind, summary.answered, noun, words),
        facts=tuple(
            facts_of(each, survey.spread, number, worst[number], monitor, decimals, words)
            for number, each in enumerate(summary.summaries)
        ),
        plane=plane,
        plane_said=f"{words.say(f'choices.plane.{kind}s')} {interval_remark(survey.spread, survey.groups, words)}",
        notices=(*left_out_notices(summary.left_out, names, monitor, recorded, words), *trust),
        runs=runs,
    )


def page_of(
    kind: Literal["sweep", "compare"],
    question: str,
    views: Sequence[ChoicesView],
    *,
    sources: SourcePaths | None,
    logic: str,
    words: Catalogue,
    differences: Notice | None = None,
) -> ChoicesPage:
    """Return the page of some views."""
    start = next((number for number, view in enumerate(views) if view.fits), 0)
    return ChoicesPage(
        kind=kind,
        question=question,
        views=tuple(views),
        start=start,
        table=run_table([view.runs for view in views], views[start].runs),
        sources=sources.lines(words) if sources else (),
        logic=logic,
        words=words,
        differences=differences,
    )
