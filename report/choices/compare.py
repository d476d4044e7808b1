"""The page of a comparison: stopping rules in one plane with the baseline, every run under every rule, all curves.

The baseline is "stop everything at epoch i": a rule that looks at the curves is worth its trouble below that line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from kcb_replay.language.catalogue import catalogue
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.recommend.survey import Survey
from kcb_replay.replay.verdicts.rules import RuleComparison
from kcb_replay.report.choices.answers import Notice, NoticeItem, SourcePaths, direction_words
from kcb_replay.report.choices.frame import ChoicesPage, page_of, view_of
from kcb_replay.report.choices.run_table import matrix_of
from kcb_replay.report.choices_table import notes_of_comparison
from kcb_replay.report.columns.choices import RULE_PAGE_COLUMNS, choice_rows
from kcb_replay.report.columns.column import Writing, texts_of
from kcb_replay.report.drawing.choices import rule_names, rules_plane


def rules_page(
    comparison: RuleComparison,
    survey: Survey[Callback],
    *,
    recorded: Callable[[str], Sequence[str]],
    sources: SourcePaths | None = None,
    language: str = "en",
) -> ChoicesPage:
    """Return what the page says of rules compared on recordings; `recorded` gives the metrics of a run."""
    words, monitor, rules = catalogue(language), comparison.monitor, len(comparison.rules)
    names = rule_names(comparison.rules, monitor)
    fits = words.say(f"choices.{'fit' if survey.several else 'run'}", count=comparison.fits)
    means = tuple(NoticeItem((), words.why(note)) for note in notes_of_comparison(comparison))
    view = view_of(
        survey,
        "rule",
        names=names,
        monitor=monitor,
        rule=words.say("choices.first_rule"),
        subtitle=words.say(
            "choices.subtitle_rules", fits=fits, monitor=monitor, direction=direction_words(comparison.mode, words)
        ),
        plane=rules_plane(comparison, survey.spread, words),
        caption=words.say("choices.runs.bar_rules"),
        recorded=recorded,
        words=words,
        notices=[Notice(words.say("choices.notice.means_head"), means)] if means else [],
        has_best=False,
    )
    kinds = ", ".join(dict.fromkeys(rule.name for rule in comparison.rules))
    lines = texts_of(RULE_PAGE_COLUMNS, choice_rows(survey.summary), Writing(words=words))
    return page_of(
        "compare",
        words.say("choices.question_rules" if rules > 1 else "choices.question_rule", count=rules),
        [replace(view, lines=lines, matrix=matrix_of(view.runs, names))],
        sources=sources,
        logic=words.say("choices.logic_rules", rules=kinds, version=view.version),
        words=words,
    )
