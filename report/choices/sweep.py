"""The page of a sweep: all settings of EarlyStopping in a grid and a plane, by any monitor, under any Keras version.

Shown first is the recommended setting; where none is recommended, the one that saves most among those whose mean regret
is small. Nothing is recommended here that `kcb.recommend` refuses to: that rule only chooses where to begin to look.
Also what the Keras version changes: how many answers, and for some of them by which behaviour.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import SettingError
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.recommend.result import keras_code
from kcb_replay.replay.recommend.survey import Survey, question_of, surveys_of
from kcb_replay.replay.replay import simulate
from kcb_replay.replay.verdicts.collect import Collector
from kcb_replay.report.choices.answers import (
    Notice,
    NoticeItem,
    SourcePaths,
    direction_words,
    regret_explained,
    title_of,
)
from kcb_replay.report.choices.frame import ChoicesPage, ChoicesView, page_of, view_of
from kcb_replay.report.choices.run_table import Runs
from kcb_replay.report.drawing.choices import sweep_grid, sweep_plane
from kcb_replay.report.drawing.grid import setting_names
from kcb_replay.report.simulation_notes import SimulationNotes
from kcb_replay.text import decimals_for


@dataclass(frozen=True, slots=True)
class Limit:
    """The largest mean regret that the first setting may have: a share of the mean best value, or a regret itself."""

    share: float | None = None
    regret: float | None = None
    is_asked_for: bool = False

    @classmethod
    def from_text(cls, text: str) -> Limit:
        """Return what `1%` or `0.002` says. Raises `SettingError` for anything else."""
        try:
            number = float(text.removesuffix("%"))
        except ValueError:
            number = math.nan
        if not 0 <= number < math.inf:
            raise SettingError(f"{text!r} is no limit for the mean regret. Give a share as 1%, or a regret as 0.002.")
        if text.endswith("%"):
            return cls(share=number / 100, is_asked_for=True)
        return cls(regret=number, is_asked_for=True)


DEFAULT_LIMIT = Limit(share=0.01)


def _no_metrics(_run: str) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepQuestion:
    """What is asked: settings, each for one or several monitors, under one or several versions.

    `also` is a second metric that is not monitored. `limit` is the largest mean regret that the first setting may have,
    `draw_all` draws more than 500 runs, and `recorded` gives the metrics of a run, for the flag that helps where the
    monitor is not among them.
    """

    settings: Sequence[EarlyStopping]
    monitors: Sequence[str]
    versions: Sequence[Semantics]
    also: str | None = None
    limit: Limit = DEFAULT_LIMIT
    draw_all: bool = False
    recorded: Callable[[str], Sequence[str]] = _no_metrics
    language: str = "en"


def sweep_surveys(
    recordings: Callable[[], Iterable[Recording]],
    question: SweepQuestion,
    *,
    collectors: tuple[Collector[Any, Any], ...] = (),
) -> list[Survey[EarlyStopping]]:
    """Sweep all settings in one pass, in the order of monitors, for each of them that of versions.

    Where there are more runs than are drawn, a second pass is over those that are. The `collectors` see the first one.
    """
    words = catalogue(question.language)
    return surveys_of(
        recordings,
        [
            question_of(
                [replace(setting, monitor=monitor) for setting in question.settings],
                version,
                also=question.also,
                collectors=collectors,
            )
            for monitor, version in product(question.monitors, question.versions)
        ],
        first=lambda survey: _default_setting(survey, question.limit, words)[0],
        draw_all=question.draw_all,
    )


def sweep_page(
    surveys: Sequence[Survey[EarlyStopping]], question: SweepQuestion, sources: SourcePaths | None = None
) -> ChoicesPage:
    """Return what the page says; a page without any run says what was left out."""
    words = catalogue(question.language)
    views = [_view(survey, question, words) for survey in surveys]
    return page_of(
        "sweep",
        title_of(surveys, words),
        views,
        sources=sources,
        logic=words.say("choices.logic", versions=", ".join(version.name for version in question.versions)),
        words=words,
        differences=_version_notice(views, [survey.summary.choices for survey in surveys], words),
    )


def _view(survey: Survey[EarlyStopping], question: SweepQuestion, words: Catalogue) -> ChoicesView:
    summary, settings = survey.summary, survey.summary.choices
    view = view_of(
        survey,
        "setting",
        names=setting_names(settings),
        monitor=settings[0].monitor,
        rule=_default_setting(survey, question.limit, words)[1],
        subtitle=_subtitle(survey, words),
        plane=sweep_plane(summary, survey.spread, words),
        caption=f"{words.say('choices.runs.bar_settings')} {regret_explained(settings, survey.mode, words)}",
        recorded=question.recorded,
        words=words,
        has_kept=not all(setting.restore_best_weights for setting in settings),
    )
    return replace(
        view,
        grid=sweep_grid(summary, words),
        codes=tuple(map(keras_code, settings)),
        advice=survey.recommendation,
    )


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


def _default_setting(survey: Survey[EarlyStopping], limit: Limit, words: Catalogue) -> tuple[int, str]:
    """Return the number of the setting that is shown first, and why it is that."""
    recommended = survey.recommendation and survey.recommendation.setting
    if recommended is not None and not limit.is_asked_for:
        number = survey.summary.choices.index(recommended)
        return number, words.say("choices.first_recommended")
    summaries = survey.summary.summaries
    allowed, limit_text = _allowed(survey, limit, words)
    within = [number for number in survey.summary.distinct if summaries[number].regret_mean <= allowed]
    if within:
        best = max(within, key=lambda number: (summaries[number].saving, -summaries[number].regret_mean))
        return best, words.say("choices.first_within", limit=limit_text)
    known = [number for number in survey.summary.distinct if not math.isnan(summaries[number].regret_mean)]
    if not known:
        return 0, words.say("choices.first_unknown")
    least = min(known, key=lambda number: summaries[number].regret_mean)
    return least, words.say("choices.first_least", limit=limit_text)


def _allowed(survey: Survey[EarlyStopping], limit: Limit, words: Catalogue) -> tuple[float, str]:
    if limit.regret is not None:
        return limit.regret, f"{limit.regret:g}"
    share = limit.share or 0.0
    allowed, monitor = share * abs(survey.lowest_mean), survey.summary.choices[0].monitor
    values = {"share": f"{100 * share:g}%", "monitor": monitor, "regret": decimals_for([]).show(allowed)}
    return allowed, words.say("choices.limit_share", **values)


# Each of them is replayed to find the reason.
_MOST_EXPLAINED = 3


def _version_notice(
    views: Sequence[ChoicesView], settings: Sequence[Sequence[EarlyStopping]], words: Catalogue
) -> Notice | None:
    """Return where views of the same monitor under different versions part; `settings` are those of each view."""
    items: list[NoticeItem] = []
    for (first, own), (second, _) in pairwise(zip(views, settings, strict=True)):
        if first.monitor == second.monitor and first.runs.curves and second.runs.curves:
            items += _items(first, second, own, words)
    return Notice(words.say("choices.notice.versions_head"), tuple(items)) if items else None


def _items(
    first: ChoicesView, second: ChoicesView, settings: Sequence[EarlyStopping], words: Catalogue
) -> Iterator[NoticeItem]:
    differ, places = _differing(first.runs, second.runs)
    count = int(differ.sum())
    values = {"first": first.version, "second": second.version, "answers": differ.size, "monitor": first.monitor}
    key = "versions_differ" if count else "versions_alike"
    yield NoticeItem((), words.say(f"choices.notice.{key}", count=count, **values))
    if not count:
        return
    # The setting with most differences explains most of them.
    setting = int(differ.sum(axis=1).argmax())
    chosen = [places[place] for place in np.flatnonzero(differ[setting])[:_MOST_EXPLAINED]]
    alone = [_recording(first.runs, place, first.monitor) for place in chosen]
    simulation = simulate(alone, [[settings[setting]]], semantics=f"{first.version},{second.version}")
    for sentence in SimulationNotes.of(simulation).difference_sentences():
        yield NoticeItem((), words.say("choices.notice.versions_why", setting=first.names[setting], why=sentence))


def _recording(runs: Runs, place: int, monitor: str) -> Recording:
    """Return the metric of one fit as a recording of its own: the rule looks at nothing else."""
    fit = runs.curves[place]
    series = Series(fit.values, fit.valid, tag=monitor, source=fit.run)
    return Recording(runs.titles[place], (), (Fit(fit.epochs, {monitor: series}),), ())


def _differing(first: Runs, second: Runs) -> tuple[NDArray[np.bool_], list[int]]:
    """Return where answers differ (choices, common fits), and the places of the common fits in `first`."""
    second_place = {title: place for place, title in enumerate(second.titles)}
    common = [place for place, title in enumerate(first.titles) if title in second_place]
    others = [second_place[first.titles[place]] for place in common]
    differ = first.drawn.answered[:, common] != second.drawn.answered[:, others]
    for name in ("stop_index", "kept_index"):
        differ |= getattr(first.drawn.answers, name)[:, common] != getattr(second.drawn.answers, name)[:, others]
    return differ, common
