"""Everything that a page of many runs is made from, out of one pass over the recordings.

The means are those of all fits. Curves and rows are drawn of 500 fits at most: beyond that, of the 200 that the choice
shown first costs most and of 300 others by lot, always the same, which takes a second pass over these alone. No pass
holds more than a block of fits, and the verdicts that are drawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.recording import Recording
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback, EarlyStopping
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.recommend.evidence import Evidence, FitsSeen, Spread, evidence_in, folded, grouping, spread_of
from kcb_replay.replay.recommend.recommend import recommendation_of
from kcb_replay.replay.recommend.result import Recommendation
from kcb_replay.replay.verdicts.blocks import StoppingBlock
from kcb_replay.replay.verdicts.by_engine import fits_at_once
from kcb_replay.replay.verdicts.collect import Collector, collect
from kcb_replay.replay.verdicts.lanes.series import MonitoredFit, monitored_fits
from kcb_replay.replay.verdicts.rules import RuleComparison, RuleQuestion
from kcb_replay.replay.verdicts.sample import MOST_DRAWN, drawn_places
from kcb_replay.replay.verdicts.stopping import require_second_metric, swept
from kcb_replay.replay.verdicts.table import StoppingVerdicts
from kcb_replay.replay.verdicts.totals import ChoiceSummary, Summary, Totals

Floats: TypeAlias = NDArray[np.float64]
# The name of a run, and the number of a fit in it.
FitKey: TypeAlias = tuple[str, int]
_Choice = TypeVar("_Choice", bound=Callback)
_GROUPS = "folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[_Choice]):
    """What is asked of every fit: choices that are judged by one metric, and how some fits are asked at a time.

    `recommend` returns the recommendation, None where none is asked for. The `collectors` see all
    verdicts as they pass.
    """

    choices: Sequence[_Choice]
    version: Semantics
    verdicts_on: Callable[[Sequence[MonitoredFit]], StoppingVerdicts[_Choice]]
    recommend: Callable[[Summary[_Choice, ChoiceSummary], Evidence, FitsSeen, int, float], Recommendation] | None
    collectors: tuple[Collector[Any, Any], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Survey(Generic[_Choice]):
    """What all fits come to under each choice, and the verdicts on those that are drawn.

    `mode` is None where no fit has the metric. `worst` (choices,) is the fit with the largest regret, None where none
    is known. `lowest_mean` is the mean over fits of the best value of the recording, NaN without one; `several` are the
    runs that hold more than one fit. `spread` is None where there are too few groups of runs, `recommendation` where
    none was asked for. `first` is the choice that is shown first.
    """

    summary: Summary[_Choice, ChoiceSummary]
    mode: Direction | None
    lowest_mean: float
    worst: tuple[FitKey | None, ...]
    several: frozenset[str]
    groups: int
    spread: Spread | None
    recommendation: Recommendation | None
    first: int
    drawn: StoppingVerdicts[_Choice]


def question_of(
    settings: Sequence[EarlyStopping],
    version: Semantics,
    *,
    also: str | None = None,
    collectors: tuple[Collector[Any, Any], ...] = (),
) -> Question[EarlyStopping]:
    """Return the question for the best of some settings; `also` is a second metric, which is not monitored."""
    require_second_metric(also)
    return Question(
        choices=settings,
        version=version,
        verdicts_on=lambda fits: swept(fits, settings, version, also=also),
        recommend=recommendation_of,
        collectors=collectors,
    )


def surveys_of(
    recordings: Callable[[], Iterable[Recording]],
    questions: Sequence[Question[_Choice]],
    *,
    first: Callable[[Survey[_Choice]], int],
    draw_all: bool = False,
) -> list[Survey[_Choice]]:
    """Ask all questions in one pass over the recordings.

    `first` returns the choice that is shown first; the survey that it sees has no drawn fits yet. Where there are more
    fits than are drawn, a second pass is over the drawn ones alone.
    """
    views = [_View(question, math.inf if draw_all else MOST_DRAWN) for question in questions]
    for fits in fits_at_once(monitored_fits(recordings()), sum(len(question.choices) for question in questions)):
        for view in views:
            view.see(fits)
    surveys = [view.survey() for view in views]
    surveys = [replace(survey, first=first(survey)) for survey in surveys]
    chosen = [view.chosen(survey.first) for view, survey in zip(views, surveys, strict=True)]
    if any(keys is not None for keys in chosen):
        _draw_again(recordings(), views, chosen)
    return [view.with_drawn(survey) for view, survey in zip(views, surveys, strict=True)]


def rules_surveyed(
    recordings: Callable[[], Iterable[Recording]], question: RuleQuestion, *, keep: bool = False, draw_all: bool = False
) -> tuple[RuleComparison, Survey[Callback]]:
    """Compare stopping rules in one pass over the recordings, or hold them all where a rule compares runs.

    With `keep` the comparison holds the verdicts on every fit, else on those that are drawn: of many, those that the
    first rule costs most.
    """
    loaded = question.loaded(recordings()) if question.compares_runs else None
    baseline, whole = question.baseline(), _Whole()
    own_question = Question(
        choices=question.rules,
        version=question.version,
        verdicts_on=question.verdicts_on,
        recommend=None,
        collectors=(baseline, whole) if keep else (baseline,),
    )
    (survey,) = surveys_of(
        recordings if loaded is None else lambda: loaded, [own_question], first=lambda _: 0, draw_all=draw_all
    )
    blocks = tuple(whole.blocks) if keep else survey.drawn.blocks
    verdicts = StoppingVerdicts(question.rules, blocks, question.version)
    return question.comparison(survey.summary, verdicts, baseline), survey


def _draw_again(
    recordings: Iterable[Recording], views: Sequence[_View[Any]], chosen: Sequence[Collection[FitKey] | None]
) -> None:
    """Ask again of the fits that are drawn, of each question its own."""
    wanted = {key for keys in chosen for key in keys or ()}
    for view, keys in zip(views, chosen, strict=True):
        view.drawn = view.drawn if keys is None else _Drawn(math.inf)
    fits = (fit for fit in monitored_fits(recordings) if (fit.run, fit.number) in wanted)
    for some in fits_at_once(fits, 1):
        for view, keys in zip(views, chosen, strict=True):
            if keys is not None:
                own = [fit for fit in some if (fit.run, fit.number) in keys]
                view.drawn.add(view.question.verdicts_on(own))


class _Whole(Collector["StoppingBlock", Any]):
    """All blocks of verdicts, as they pass."""

    def __init__(self) -> None:
        self.blocks: list[StoppingBlock] = []

    def begin(self, block: StoppingBlock) -> None:
        """Keep a block."""
        self.blocks.append(block)


class _Drawn(Generic[_Choice]):
    """The verdicts that are drawn, as long as the fits are few enough."""

    def __init__(self, most: float) -> None:
        self._most, self._count = most, 0
        self.blocks: list[StoppingBlock] = []

    @property
    def is_whole(self) -> bool:
        """Whether nothing had to be dropped."""
        return self._count <= self._most

    def add(self, verdicts: StoppingVerdicts[_Choice]) -> None:
        """Keep the verdicts on the fits that some choice has an answer for; drop all once they are too many."""
        for block in verdicts.blocks:
            places = np.flatnonzero(block.answered.any(axis=0)).tolist()
            self._count += len(places)
            self.blocks.append(block.of_fits(places))
        if not self.is_whole:
            self.blocks = []


class _View(Generic[_Choice]):
    """What one question gathers while its verdicts pass."""

    def __init__(self, question: Question[_Choice], most: float) -> None:
        self.question = question
        self.drawn: _Drawn[_Choice] = _Drawn(most)
        self._totals, self._fits = Totals(question.choices), FitsSeen()

    def see(self, fits: Sequence[MonitoredFit]) -> None:
        """Ask some fits."""
        verdicts = self.question.verdicts_on(fits)
        collect([verdicts], [self._totals, self._fits, *self.question.collectors])
        self.drawn.add(verdicts)

    def survey(self) -> Survey[_Choice]:
        """Return what all fits come to, without the drawn ones."""
        question, fits = self.question, self._fits
        summary, group_of, noise = self._totals.summary(question.version), grouping(_GROUPS), fits.noise()
        groups = fits.groups(group_of)
        fold = folded(len(groups))
        evidence = evidence_in(self._totals, fits, lambda run: fold(group_of(run)), tolerance=noise)
        recommend = question.recommend
        lowest = fits.of_all("lowest")
        known = lowest[np.isfinite(lowest)]
        return Survey(
            summary=summary,
            mode=fits.mode,
            lowest_mean=float(np.mean(known)) if len(known) else math.nan,
            worst=tuple(self._worst()),
            several=frozenset(run for run, number in zip(fits.runs, fits.numbers, strict=True) if number),
            groups=len(evidence.groups),
            spread=spread_of(evidence),
            recommendation=recommend(summary, evidence, fits, len(groups), noise) if recommend else None,
            first=0,
            drawn=StoppingVerdicts(tuple(question.choices), (), question.version),
        )

    def chosen(self, first: int) -> frozenset[FitKey] | None:
        """Return the fits to be drawn, None where all of them are there already."""
        if self.drawn.is_whole:
            return None
        numbers = np.flatnonzero(self._fits.of_all("asked"))
        places = numbers[drawn_places(self._totals.regrets_of(first)[numbers])]
        return frozenset(self._fits.key_of(place) for place in places.tolist())

    def with_drawn(self, survey: Survey[_Choice]) -> Survey[_Choice]:
        """Return the survey with its drawn fits."""
        drawn = StoppingVerdicts(survey.drawn.choices, tuple(self.drawn.blocks), survey.drawn.semantics)
        return replace(survey, drawn=drawn)

    def _worst(self) -> Iterator[FitKey | None]:
        for _, all_regrets, _ in self._totals.by_fit():
            for regrets in np.where(np.isnan(all_regrets), -np.inf, all_regrets):
                place = int(regrets.argmax()) if len(regrets) else -1
                yield None if place < 0 or regrets[place] == -np.inf else self._fits.key_of(place)
