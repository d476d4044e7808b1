"""`kcb.recommend`: the setting that saves most with its regret bounded, and how far that can be believed.

Definitions: a run fails under a setting when the epoch it keeps gives away more than the tolerance against the best of
its recording. A setting is bounded when, with 95 % confidence (Clopper-Pearson), no more than `max_failures` of runs
fail. `choice` picks among those. The choice is made again without each group, and on resampled groups, whole.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import SettingError
from kcb_replay.ingest.coercion import Trainings, recordings_from
from kcb_replay.ingest.recording import Recording
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.directions import assumed_direction
from kcb_replay.replay.grid import settings_grid
from kcb_replay.replay.recommend.choice import NONE, chosen, fewest_runs, upper_bound
from kcb_replay.replay.recommend.evidence import (
    FEWEST_GROUPS,
    RESAMPLES,
    Evidence,
    FitsSeen,
    evidence_in,
    folded,
    grouping,
    interval,
    resampled,
)
from kcb_replay.replay.recommend.result import Difference, Recommendation
from kcb_replay.replay.semantics import DEFAULT, semantics as resolve
from kcb_replay.replay.verdicts.collect import collect
from kcb_replay.replay.verdicts.lanes.improvements import unwarned
from kcb_replay.replay.verdicts.stopping import swept_blocks
from kcb_replay.replay.verdicts.totals import ChoiceSummary, SweepSummary, Totals, front_of

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.intp]
_At: TypeAlias = tuple["slice | Integers", "int | Integers"]
_MOST_UNDECIDED = 0.5
# So many recordings that end equally long after their best epoch were ended by a patience of that length.
_PILED_UP = 0.5
_FEWEST_PILED = 5
_MANY_IMPROVING = 0.25


def recommend(
    recordings: Trainings,
    *,
    current: EarlyStopping | None = None,
    tolerance: float | None = None,
    max_failures: float = 0.2,
    group_by: str = "folder",
    semantics: str | Semantics = DEFAULT,
    **arguments: object,
) -> Recommendation:
    """Recommend a setting of EarlyStopping for the runs of a store or a list, or say why none can be recommended.

    `arguments` are those of EarlyStopping, values or lists of them; without any, patience from 1 to 50 with
    `restore_best_weights=True`. `tolerance` is the regret, in units of the monitored metric, that is nothing to worry
    about; by default the typical jump of the metric from one epoch to the next. `max_failures` is the share of runs
    that may give away more, at 95 % confidence. `group_by` says which runs belong together ("run", "folder" or a
    regular expression on their names); `current` is compared with the recommended setting, run by run.

    Raises `SettingError` for settings that cannot be swept or values out of range.
    """
    metrics = {str(arguments.get("monitor", EarlyStopping().monitor))}
    return recommended(
        recordings_from(recordings, metrics=metrics),
        current=current,
        tolerance=tolerance,
        max_failures=max_failures,
        group_by=group_by,
        semantics=semantics,
        **arguments,
    )


def recommended(
    recordings: Iterable[Recording],
    *,
    current: EarlyStopping | None = None,
    tolerance: float | None = None,
    max_failures: float = 0.2,
    group_by: str = "folder",
    semantics: str | Semantics = DEFAULT,
    **arguments: object,
) -> Recommendation:
    """Recommend as `recommend` does, from recordings that are read once and never held all at once."""
    _require(tolerance, max_failures)
    settings = _settings(arguments, current)
    version, totals, fits = resolve(semantics), Totals(settings), FitsSeen()
    group_of = grouping(group_by)
    collect(swept_blocks(recordings, settings, version), [totals, fits])
    summary = totals.summary(version)
    worth = fits.noise() if tolerance is None else tolerance
    groups = fits.groups(group_of)
    fold = folded(len(groups))
    evidence = evidence_in(totals, fits, lambda run: fold(group_of(run)), tolerance=worth)
    return recommendation_of(
        summary,
        evidence,
        fits,
        len(groups),
        worth,
        tolerance_is_noise=tolerance is None,
        max_failures=max_failures,
        current=current,
    )


def recommendation_of(
    summary: SweepSummary,
    evidence: Evidence,
    fits: FitsSeen,
    groups: int,
    tolerance: float,
    *,
    tolerance_is_noise: bool = True,
    max_failures: float = 0.2,
    current: EarlyStopping | None = None,
) -> Recommendation:
    """Recommend one of the settings, or say why none can be recommended; the last one is the `current`, if there is."""
    answer = Recommendation(
        setting=None,
        why_refused=None,
        overall=summary,
        groups=groups,
        tolerance=tolerance,
        tolerance_is_noise=tolerance_is_noise,
        max_failures=max_failures,
        remarks=tuple(_remarks(summary, evidence, fits)),
    )
    refusal = _refusal(groups, evidence, max_failures)
    if refusal is not None:
        return replace(answer, why_refused=refusal)
    return _Judge(summary, current, evidence, max_failures).judged(answer)


def _require(tolerance: float | None, max_failures: float) -> None:
    if tolerance is not None and not tolerance >= 0:
        raise SettingError(f"tolerance must not be below 0, not {tolerance}.")
    if not 0 < max_failures < 1:
        raise SettingError(f"max_failures must lie between 0 and 1, not be {max_failures}.")


def _settings(arguments: dict[str, object], current: EarlyStopping | None) -> list[EarlyStopping]:
    """Return the settings to choose from, and behind them the one in use."""
    settings = settings_grid(EarlyStopping, {"patience": range(1, 51), "restore_best_weights": True, **arguments})
    monitors = {(setting.monitor, setting.mode) for setting in settings}
    if len(monitors) > 1:
        raise SettingError("Regrets in different metrics cannot be compared. Give one monitor and one mode.")
    if current is not None and (current.monitor, current.mode) not in monitors:
        raise SettingError(
            f"The setting in use watches {current.monitor}, the others {settings[0].monitor}: their regrets cannot be"
            f" compared. Give monitor={current.monitor!r}."
        )
    return settings if current is None else [*settings, current]


def _remarks(summary: SweepSummary, evidence: Evidence, fits: FitsSeen) -> Iterator[Reason]:
    """Yield a remark on each thing that makes the runs hard to judge."""
    for metric in summary.assumed_metrics:
        yield reason("survey.hypothetical", assumed=assumed_direction(metric, None))
    answered = fits.of_all("answered")
    since_best, epochs = fits.of_all("since_best")[answered], fits.of_all("epochs")[answered]
    count = len(since_best)
    piled = Counter(int(wait) for wait in since_best.tolist() if wait > 1)
    ended, wait = max(((ended, wait) for wait, ended in piled.items()), default=(0, 0))
    if ended >= max(_FEWEST_PILED, _PILED_UP * count):
        yield reason("survey.piled_up", count=ended, fits=count, wait=wait)
    improving = int(((since_best >= 0) & (since_best < 0.1 * epochs)).sum())
    if improving > _MANY_IMPROVING * count:
        yield reason("survey.improving", count=improving, fits=count)
    labels = Counter(label for label, is_answered in zip(fits.labels, answered.tolist(), strict=True) if is_answered)
    for label in ("sampled", "rounded"):
        if labels[label]:
            yield reason(f"survey.{label}", count=labels[label], fits=count)
    if evidence.uncounted:
        yield reason("survey.uncounted", count=evidence.uncounted, monitor=summary.choices[0].monitor)


def _refusal(groups: int, evidence: Evidence, max_failures: float) -> Reason | None:
    """Return why nothing can be recommended whatever the settings, None where something may be."""
    fits, needed = int(evidence.fits.sum()), fewest_runs(max_failures)
    if not fits:
        return reason("refused.no_values")
    if fits < needed:
        share = upper_bound(0, fits)
        return reason(
            "refused.too_few_runs",
            fits=fits,
            share=share,
            needed=needed,
            max_failures=max_failures,
            accept=math.ceil(share * 100) / 100,
        )
    return reason("refused.too_few_groups", groups=groups, needed=FEWEST_GROUPS) if groups < FEWEST_GROUPS else None


class _Judge:
    """The choice among settings that act differently, and its repetition without groups and on resampled ones."""

    def __init__(
        self,
        summary: SweepSummary,
        current: EarlyStopping | None,
        evidence: Evidence,
        max_failures: float,
    ) -> None:
        self._settings, self._current = summary.choices, current
        self._alike = {group[0]: group for group in summary.alike}
        self._max_failures = max_failures
        self._whole = evidence
        to_choose_from = len(summary.choices) - (current is not None)
        self._kept = np.array([number for number in summary.distinct if number < to_choose_from])
        self._evidence = evidence.of(self._kept)
        # Rather the larger patience, then the smaller min_delta.
        ranked = sorted(range(len(self._kept)), key=lambda place: _caution(summary.choices[int(self._kept[place])]))
        self._preference = np.empty(len(ranked), np.intp)
        self._preference[ranked] = np.arange(len(ranked))

    @unwarned
    def judged(self, answer: Recommendation) -> Recommendation:
        """Return the answer with a setting, or with the reason why there is none."""
        once = np.ones((1, len(self._evidence.groups)))
        (place,) = self._chosen(once).tolist()
        if place == NONE:
            return replace(answer, why_refused=self._none_bounded())
        number = int(self._kept[place])
        performance = self._performance(number)
        if performance.undecided > _MOST_UNDECIDED * performance.fits:
            undecided = performance.undecided / performance.fits
            return replace(answer, why_refused=self._mostly_undecided(number, undecided))
        return self._with_certainty(self._with_honesty(self._chosen_one(answer, number)), place)

    def _chosen(self, weights: Floats) -> Integers:
        return chosen(self._evidence, weights, self._preference, max_failures=self._max_failures)

    def _chosen_one(self, answer: Recommendation, number: int) -> Recommendation:
        performance = self._performance(number)
        return replace(
            answer,
            setting=self._settings[number],
            in_sample=performance,
            failure_bound=upper_bound(performance.failures, performance.fits),
            alike=tuple(self._settings[other] for other in self._alike[number] if other != number),
        )

    def _with_honesty(self, answer: Recommendation) -> Recommendation:
        """Choose without each group, and see what that choice does there."""
        groups = len(self._evidence.groups)
        places = self._chosen(1 - np.eye(groups))
        # Where nothing is bounded nobody would stop early: nothing is saved, and nothing given away.
        chose = np.flatnonzero(places != NONE)
        at = (chose, places[chose])
        held_out = _performance(self._evidence, at)
        return replace(answer, held_out=held_out, held_out_refused=groups - len(chose))

    def _with_certainty(self, answer: Recommendation, place: int) -> Recommendation:
        """Choose again from resampled groups."""
        groups = len(self._evidence.groups)
        weights = resampled(groups)
        fits = (weights @ self._evidence.fits)[:, np.newaxis]
        saving, regret = (weights @ self._evidence.saving) / fits, (weights @ self._evidence.regret) / fits
        places = self._chosen(weights)
        patiences = [self._settings[int(self._kept[each])].patience for each in places.tolist() if each != NONE]
        on_front = [front_of(one, two)[place] for one, two in zip(saving, regret, strict=True)]
        return replace(
            answer,
            saving_interval=interval(saving[:, place]),
            regret_interval=interval(regret[:, place]),
            resamples=RESAMPLES,
            chosen_share=float((places == place).mean()),
            front_share=float(np.mean(on_front)),
            refused_share=float((places == NONE).mean()),
            patience_interval=interval(np.array(patiences)) if patiences else None,
            current=self._difference(int(self._kept[place]), weights, fits[:, 0]),
        )

    def _difference(self, number: int, weights: Floats, fits: Floats) -> Difference | None:
        if self._current is None:
            return None
        saving = self._whole.saving[:, number] - self._whole.saving[:, -1]
        regret = self._whole.regret[:, number] - self._whole.regret[:, -1]
        count = self._whole.fits.sum()
        return Difference(
            setting=self._current,
            performance=self._performance(len(self._settings) - 1),
            saving=float(saving.sum() / count),
            saving_interval=interval(weights @ saving / fits),
            regret=float(regret.sum() / count),
            regret_interval=interval(weights @ regret / fits),
        )

    def _performance(self, number: int) -> ChoiceSummary:
        return _performance(self._whole, (slice(None), number), self._settings[number])

    def _none_bounded(self) -> Reason:
        failures, fits = self._evidence.failures.sum(axis=0), int(self._evidence.fits.sum())
        fewest = int(failures.min())
        best = self._settings[self._kept[int(failures.argmin())]]
        return reason(
            "refused.none_bounded",
            patience=best.patience,
            failures=fewest,
            fits=fits,
            share=upper_bound(fewest, fits),
            max_failures=self._max_failures,
        )

    def _mostly_undecided(self, number: int, undecided: float) -> Reason:
        return reason("refused.mostly_undecided", patience=self._settings[number].patience, share=undecided)


def _performance(evidence: Evidence, at: _At, choice: EarlyStopping | None = None) -> ChoiceSummary:
    """Return what the choice of each group comes to there, over the fits of which the regret is known."""
    fits = float(evidence.fits.sum())
    return ChoiceSummary(
        choice=choice,
        fits=int(fits),
        saving=float(evidence.saving[at].sum()) / fits,
        regret_mean=float(evidence.regret[at].sum()) / fits,
        failures=int(evidence.failures[at].sum()),
        undecided=int(evidence.undecided[at].sum()),
    )


def _caution(setting: EarlyStopping) -> tuple[float, float]:
    return (setting.patience, -abs(setting.min_delta))
