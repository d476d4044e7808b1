"""The page of a comparison: stopping rules in one plane with the baseline, every run under every rule, all curves.

The baseline is "stop everything at epoch i": a rule that looks at the curves is worth its trouble below that line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.language.catalogue import catalogue
from kcb_replay.report.choices.answers import answer_of, direction_words, facts_of, known, templates_of
from kcb_replay.report.choices.frame import ChoicesPage, ChoicesView
from kcb_replay.report.choices.notices import (
    Notice,
    NoticeItem,
    SourcePaths,
    drawn_remark,
    interval_remark,
    left_out_notice,
    trust_notice,
)
from kcb_replay.report.choices.run_table import matrix_of, run_table, runs_of
from kcb_replay.report.drawing.choices import rule_names, rules_plane
from kcb_replay.report.rules import notes_of_comparison
from kcb_replay.text import decimals_for, fit_title, percent, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.recommend.survey import Survey
    from kcb_replay.replay.verdicts.rules import RuleComparison
    from kcb_replay.replay.verdicts.totals import ChoiceSummary
    from kcb_replay.report.choices.answers import Noun
    from kcb_replay.report.choices.run_table import Runs
    from kcb_replay.text import Decimals

__all__ = ["rules_page"]


def rules_page(
    comparison: RuleComparison,
    survey: Survey[Callback],
    *,
    sources: SourcePaths | None = None,
    recorded: Callable[[str], Sequence[str]],
    language: str = "en",
) -> ChoicesPage:
    """Return what the page says of rules compared on recordings; `recorded` gives the metrics of a run."""
    words, version = catalogue(language), survey.summary.semantics
    view = _view(comparison, survey, recorded, words)
    names = ", ".join(dict.fromkeys(rule.name for rule in comparison.rules))
    rules = len(comparison.rules)
    return ChoicesPage(
        kind="compare",
        question=words.say("choices.question_rules" if rules > 1 else "choices.question_rule", count=rules),
        monitors=(comparison.monitor,),
        versions=(version.name,),
        views=(view,),
        table=run_table([view.runs], view.runs),
        sources=sources.lines(words) if sources else (),
        logic=words.say("choices.logic_rules", rules=names, version=version.name),
        words=words,
    )


def _view(
    comparison: RuleComparison, survey: Survey[Callback], recorded: Callable[[str], Sequence[str]], words: Catalogue
) -> ChoicesView:
    decimals, monitor, summaries = decimals_for([]), comparison.monitor, comparison.per_rule()
    names, noun = rule_names(comparison.rules, monitor), _noun(survey)
    worst = ["" if each is None else fit_title(*each, several=each[0] in survey.several) for each in survey.worst]
    own = [sum(each.choice == number for each in survey.summary.left_out) for number in range(len(names))]
    runs = _runs(comparison, survey, decimals, words)
    fits = words.say(f"choices.{noun}", count=comparison.fits)
    intervals = interval_remark(survey.spread, survey.groups, words)
    return ChoicesView(
        monitor=monitor,
        version=survey.summary.semantics.name,
        subtitle=words.say(
            "choices.subtitle_rules", fits=fits, monitor=monitor, direction=direction_words(comparison.mode, words)
        ),
        fits=comparison.fits,
        choice=0,
        rule=words.say("choices.first_rule"),
        names=tuple(names),
        answers=tuple(
            answer_of(summary, worst[number], noun, words, own[number]) for number, summary in enumerate(summaries)
        ),
        templates=templates_of("rule", comparison.fits, noun, words),
        facts=tuple(
            facts_of(summary, survey.spread, number, worst[number], monitor, decimals, words)
            for number, summary in enumerate(summaries)
        ),
        plane=rules_plane(comparison, survey.spread, words),
        plane_said=f"{words.say('choices.plane.rules')} {intervals}",
        notices=tuple(_notices(comparison, survey, runs, names, recorded, words)),
        runs=runs,
        lines=tuple(
            _cells(summary, left_out, decimals, words) for summary, left_out in zip(summaries, own, strict=True)
        ),
        matrix=matrix_of(runs, names),
    )


def _noun(survey: Survey[Callback]) -> Noun:
    return "fit" if survey.several else "run"


def _runs(comparison: RuleComparison, survey: Survey[Callback], decimals: Decimals, words: Catalogue) -> Runs:
    noun, drawn = _noun(survey), len(survey.drawn.curves)
    return runs_of(
        survey.drawn,
        comparison.mode,
        several=survey.several,
        choice=0,
        noun=noun,
        decimals=decimals,
        monitor=comparison.monitor,
        caption=words.say("choices.runs.bar_rules"),
        drawn_remark=drawn_remark(comparison.fits, drawn, noun, "rule", words),
        has_best=False,
        words=words,
    )


def _cells(summary: ChoiceSummary, left_out: int, decimals: Decimals, words: Catalogue) -> tuple[str, ...]:
    """Return the line of a rule in the table of rules."""
    return (
        words.say(f"choices.rules.keeps_{summary.keeps}"),
        words.say("choices.rules.stopped_of", count=summary.stopped, fits=summary.fits),
        percent(summary.saving),
        known(summary.regret_mean, decimals, words),
        known(summary.regret_median, decimals, words),
        known(summary.regret_worst, decimals, words),
        whole(summary.undecided),
        whole(left_out),
    )


def _notices(
    comparison: RuleComparison,
    survey: Survey[Callback],
    runs: Runs,
    names: Sequence[str],
    recorded: Callable[[str], Sequence[str]],
    words: Catalogue,
) -> Iterator[Notice]:
    left_out = survey.summary.left_out
    everywhere = [each for each in left_out if each.choice is None]
    yield from left_out_notice(everywhere, comparison.monitor, recorded, words)
    for number, rule in enumerate(names):
        own = [each for each in left_out if each.choice == number]
        for notice in left_out_notice(own, comparison.monitor, recorded, words):
            yield Notice(words.say("choices.notice.of_rule", rule=rule, head=notice.head), notice.items)
    if runs.curves:
        notes = tuple(NoticeItem((), note) for note in notes_of_comparison(comparison, words))
        if notes:
            yield Notice(words.say("choices.notice.means_head"), notes)
        yield trust_notice(runs, comparison.monitor, survey.summary.semantics, words)
