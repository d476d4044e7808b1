"""What stopping rules do to the runs that are drawn, and how far their means would vary with other groups of runs."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.replay.outcomes.stopping import best_of
from kcb_replay.replay.recommend.evidence import Evidence, folded, grouping, spread_of
from kcb_replay.report.choices.acts import Acts, DrawnFit, label_place, titles_of
from kcb_replay.report.choices.sample import drawn_places

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.recommend.evidence import Spread
    from kcb_replay.replay.verdicts.rules import RuleAnswer, RuleComparison

__all__ = ["rules_acts", "rules_spread"]

_GROUPS = "folder"


def rules_acts(found: RuleComparison, recordings: Iterable[Recording], *, draw_all: bool) -> Acts:
    """Return what every rule does to the fits that are drawn: of many, those that the first rule costs most."""
    fits = list(_fits(recordings, found.monitor, found.mode))
    answers = _answers(found)
    regrets = [_regret(answers[fit.run, fit.fit].get(0)) for fit in fits]
    drawn = [fits[place] for place in drawn_places(regrets, draw_all=draw_all)]
    columns = [_column(answers[fit.run, fit.fit], len(found.rules)) for fit in drawn]
    shape = (len(found.rules), len(drawn))
    stop, kept, saved, label, answered = (
        np.array([column[part] for column in columns], np.int64).reshape(shape[::-1]).T for part in range(5)
    )
    regret = np.array([[_regret(answers[fit.run, fit.fit].get(n)) for fit in drawn] for n in range(len(found.rules))])
    return Acts(
        fits=tuple(drawn),
        answered=answered.astype(np.bool_),
        stop=stop,
        best=np.full(shape, -1, np.int64),
        kept=kept,
        saved=saved,
        regret=regret.reshape(shape),
        label=label,
    )


def rules_spread(found: RuleComparison) -> tuple[Spread | None, int]:
    """Return the intervals of all rules over the fits that every rule answers, and how many groups those are of."""
    group_of = grouping(_GROUPS)
    rules = range(len(found.rules))
    fold = folded(len({group_of(each.run) for each in found.answers}))
    sums: dict[str, list[np.ndarray]] = {}
    for (run, _), answers in _answers(found).items():
        known = [answers[rule] for rule in rules if rule in answers and answers[rule].regret is not None]
        if len(known) < len(found.rules):
            continue
        numbers = np.array([[1 - each.share, each.regret, each.stop_index is None] for each in known], np.float64)
        sums.setdefault(fold(group_of(run)), []).append(numbers)
    names = sorted(sums)
    if not names:
        return None, 0
    totals = np.stack([np.sum(sums[name], axis=0) for name in names])
    counts = np.array([len(sums[name]) for name in names], np.float64)
    nothing = np.zeros(totals.shape[:2])
    evidence = Evidence(tuple(names), counts, totals[:, :, 0], totals[:, :, 1], nothing, totals[:, :, 2])
    return spread_of(evidence), len(names)


def _answers(found: RuleComparison) -> Mapping[tuple[str, int], dict[int, RuleAnswer]]:
    """Return the answer of each rule by fit."""
    answers: dict[tuple[str, int], dict[int, RuleAnswer]] = defaultdict(dict)
    for each in found.answers:
        answers[each.run, each.fit][each.rule] = each
    return answers


def _column(answers: Mapping[int, RuleAnswer], rules: int) -> list[list[int]]:
    """Return stop, kept, saved, label and whether there is an answer, of each rule for one fit."""
    found = [answers.get(rule) for rule in range(rules)]
    return [
        [-1 if each is None or each.stop_index is None else each.stop_index for each in found],
        [-1 if each is None or each.kept_index is None else each.kept_index for each in found],
        [0 if each is None else each.epochs - each.epochs_run for each in found],
        [0 if each is None else label_place(each.validity, undecided=each.stop_index is None) for each in found],
        [each is not None for each in found],
    ]


def _regret(answer: RuleAnswer | None) -> float:
    return float("nan") if answer is None or answer.regret is None else answer.regret


def _fits(recordings: Iterable[Recording], monitor: str, mode: Direction) -> Sequence[DrawnFit]:
    """Return the fits that can be judged."""
    held = list(recordings)
    places = [(each.name, number) for each in held for number in range(len(each.fits))]
    titles = dict(zip(places, titles_of(places), strict=True))
    fits = []
    for each in held:
        for number, fit in enumerate(each.fits):
            series = fit.metrics.get(monitor)
            if series is None:
                continue
            values = dict(zip(fit.epochs[series.valid].tolist(), series.values[series.valid].tolist(), strict=True))
            lowest = best_of(values, mode)
            if lowest is not None:
                fits.append(
                    DrawnFit(
                        run=each.name,
                        fit=number,
                        title=titles[each.name, number],
                        epochs=fit.epochs,
                        values=np.where(series.valid, series.values, 0.0),
                        valid=series.valid,
                        lowest_index=lowest,
                        lowest_value=values[lowest],
                    )
                )
    return fits
