"""The page of a sweep: all settings of EarlyStopping in a grid and a plane, by any monitor, under any Keras version."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.language.catalogue import catalogue
from kcb_replay.replay.recommend.result import keras_code
from kcb_replay.replay.recommend.survey import question_of as asked, surveys_of
from kcb_replay.report.choices.answers import (
    answer_of,
    direction_words,
    facts_of,
    known,
    question_of,
    regret_explained,
    templates_of,
)
from kcb_replay.report.choices.default_setting import DEFAULT_LIMIT, default_setting
from kcb_replay.report.choices.frame import Advice, ChoicesPage, ChoicesView, GridCells
from kcb_replay.report.choices.notices import (
    SourcePaths,
    drawn_remark,
    interval_remark,
    left_out_notice,
    trust_notice,
)
from kcb_replay.report.choices.run_table import run_table, runs_of
from kcb_replay.report.choices.version_differences import version_notice
from kcb_replay.report.drawing.choices import acting_like, sweep_plane
from kcb_replay.report.drawing.grid import grid_of, setting_names
from kcb_replay.report.drawing.scales import is_by_rank
from kcb_replay.text import decimals_for, fit_title, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.recommend.survey import Survey
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.report.choices.answers import Noun
    from kcb_replay.report.choices.default_setting import Limit
    from kcb_replay.report.choices.notices import Notice
    from kcb_replay.report.choices.run_table import Runs
    from kcb_replay.report.drawing.grid import SettingsGrid
    from kcb_replay.text import Decimals

    Recordings: TypeAlias = Callable[[], Iterable[Recording]]

__all__ = ["SweepQuestion", "sweep_page"]


def _no_metrics(_run: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepQuestion:
    """What is asked: settings, each for one or several monitors, under one or several versions.

    `limit` is the largest mean regret that the first setting may have, `draw_all` draws more than 500 runs, and
    `recorded` gives the metrics of a run, for the flag that helps where the monitor is not among them.
    """

    settings: Sequence[EarlyStopping]
    monitors: Sequence[str]
    versions: Sequence[Semantics]
    limit: Limit = DEFAULT_LIMIT
    draw_all: bool = False
    recorded: Callable[[str], Sequence[str]] = _no_metrics
    language: str = "en"


def sweep_page(recordings: Recordings, question: SweepQuestion) -> ChoicesPage:
    """Return what the page says; a page without any run says what was left out."""
    words, decimals, paths = catalogue(question.language), decimals_for([]), SourcePaths()
    questions = [
        asked([replace(setting, monitor=monitor) for setting in question.settings], version)
        for monitor, version in product(question.monitors, question.versions)
    ]
    surveys = surveys_of(
        paths.noting(recordings),
        questions,
        first=lambda survey: default_setting(survey, question.limit, decimals, words).number,
        draw_all=question.draw_all,
    )
    views = [_view(survey, question, decimals, words) for survey in surveys]
    start = next((view for view in views if view.fits), views[0])
    return ChoicesPage(
        kind="sweep",
        question=question_of(max(view.fits for view in views), start.runs.noun, words),
        monitors=tuple(question.monitors),
        versions=tuple(version.name for version in question.versions),
        views=tuple(views),
        table=run_table([view.runs for view in views], start.runs),
        sources=paths.lines(words),
        logic=words.say("choices.logic", versions=", ".join(version.name for version in question.versions)),
        words=words,
        differences=version_notice(views, [each.choices for each in questions], words),
    )


def _view(survey: Survey[EarlyStopping], question: SweepQuestion, decimals: Decimals, words: Catalogue) -> ChoicesView:
    summary, settings = survey.summary, survey.summary.choices
    monitor, summaries, names = settings[0].monitor, summary.summaries, setting_names(settings)
    noun: Noun = "fit" if survey.several else "run"
    worst = ["" if each is None else fit_title(*each, several=each[0] in survey.several) for each in survey.worst]
    first = default_setting(survey, question.limit, decimals, words)
    runs = _runs(survey, first.number, noun, decimals, words)
    intervals = interval_remark(survey.spread, survey.groups, words)
    return ChoicesView(
        monitor=monitor,
        version=summary.semantics.name,
        subtitle=_subtitle(survey, words),
        fits=summary.answered,
        choice=first.number,
        rule=first.rule,
        names=tuple(names),
        answers=tuple(answer_of(*pair, noun, words) for pair in zip(summaries, worst, strict=True)),
        templates=templates_of("setting", summary.answered, noun, words),
        facts=tuple(
            facts_of(each, survey.spread, number, worst[number], monitor, decimals, words)
            for number, each in enumerate(summaries)
        ),
        plane=sweep_plane(summary, survey.spread, words),
        plane_said=f"{words.say('choices.plane.settings')} {intervals}",
        notices=tuple(_notices(survey, runs, question, words)),
        runs=runs,
        cells=_cells(grid_of(settings, summaries, acting_like(summary, summary.front)), decimals, words),
        codes=tuple(map(keras_code, settings)),
        advice=_advice(survey, words),
    )


def _runs(survey: Survey[EarlyStopping], first: int, noun: Noun, decimals: Decimals, words: Catalogue) -> Runs:
    settings, answered = survey.summary.choices, survey.summary.answered
    explained = regret_explained(settings, survey.mode, words)
    return runs_of(
        survey.drawn,
        survey.mode,
        several=survey.several,
        choice=first,
        noun=noun,
        decimals=decimals,
        monitor=settings[0].monitor,
        caption=f"{words.say('choices.runs.bar_settings')} {explained}",
        drawn_remark=drawn_remark(answered, len(survey.drawn.curves), noun, "setting", words),
        has_kept=not all(setting.restore_best_weights for setting in settings),
        words=words,
    )


def _notices(survey: Survey[EarlyStopping], runs: Runs, question: SweepQuestion, words: Catalogue) -> Iterator[Notice]:
    monitor = survey.summary.choices[0].monitor
    yield from left_out_notice(survey.summary.left_out, monitor, question.recorded, words)
    if runs.curves:
        yield trust_notice(runs, monitor, survey.summary.semantics, words)


def _subtitle(survey: Survey[EarlyStopping], words: Catalogue) -> str:
    summary = survey.summary
    return words.say(
        "choices.subtitle",
        epochs=words.say("choices.epoch", count=summary.epochs),
        monitor=summary.choices[0].monitor,
        direction=direction_words(survey.mode, words),
        settings=len(summary.choices),
        replays=sum(each.fits for each in summary.summaries),
        version=summary.semantics.name,
    )


def _cells(grid: SettingsGrid, decimals: Decimals, words: Catalogue) -> GridCells:
    by_rank = f" {words.say('grid.by_rank')}" if is_by_rank(grid.regret) else ""
    marked = [("framed", bool(grid.front)), ("undecided", any(grid.undecided))]
    return GridCells(
        grid=grid,
        regret=tuple(known(regret, decimals, words) for regret in grid.regret),
        saving=tuple("?" if math.isnan(saving) else percent(saving) for saving in grid.saving),
        doubts=tuple(
            words.say("choices.grid.doubt", undecided=undecided, fits=fits) if undecided else ""
            for undecided, fits in zip(grid.undecided, grid.fits, strict=True)
        ),
        by_rank=by_rank,
        notes=tuple(words.say(f"grid.{name}") for name, is_there in marked if is_there),
    )


def _advice(survey: Survey[EarlyStopping], words: Catalogue) -> Advice | None:
    answer = survey.recommendation
    if answer is None:
        return None
    return Advice(words.why(answer.sentence), (*map(words.why, answer.certainty), *answer.notes), answer.code or "")
