"""Stopping rules side by side: what each saves and costs over all recordings, against stopping all at one epoch.

The baseline is that of R. Egele et al. (2024): a rule that looks at the curves is worth its trouble where it gives away
less than "stop everything at epoch i" does for the same share of epochs. Refuses callbacks that are no stopping rules.
All rules are judged by the same metric, whatever they monitor themselves.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import MonitorNotRecordedError, NotReplayableError, SettingError
from kcb_replay.ingest.display import Displayed
from kcb_replay.replay.callbacks import CALLBACKS
from kcb_replay.replay.callbacks.stopping import known_direction
from kcb_replay.replay.directions import assumed_direction, is_assumed
from kcb_replay.replay.median import median_answers
from kcb_replay.replay.monitors import assumed_metrics
from kcb_replay.replay.outcomes.stopping import best_of, regret_of
from kcb_replay.replay.replay import replay
from kcb_replay.replay.semantics import DEFAULT, semantics as resolve
from kcb_replay.replay.simulation import LeftOut
from kcb_replay.replay.stream import stream_of
from kcb_replay.replay.verdicts.lanes.improvements import unwarned
from kcb_replay.replay.verdicts.records import without_nan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd

    from kcb_replay.ingest.recording import Fit, Recording
    from kcb_replay.replay.callbacks import Callback, MedianStopping
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label

__all__ = [
    "BaselinePoint",
    "Judged",
    "Keeps",
    "RuleAnswer",
    "RuleComparison",
    "RuleSummary",
    "baseline",
    "compare_rules",
    "keeps",
]

Json: TypeAlias = dict[str, object]


# The places of a recording and of a fit in it: two recordings may have the same name.
_Place: TypeAlias = tuple[int, int]


Keeps: TypeAlias = Literal["last", "best"]


@dataclass(frozen=True, slots=True)
class RuleAnswer:
    """What one rule comes to for one fit; `regret` is by the metric that all are judged by, None where unknown."""

    rule: int
    run: str
    fit: int
    epochs: int
    epochs_run: int
    stop_index: int | None
    kept_index: int | None
    regret: float | None
    validity: Label

    @property
    def share(self) -> float:
        """The share of the recorded epochs that run."""
        return self.epochs_run / self.epochs


@dataclass(frozen=True, slots=True)
class RuleSummary:
    """What one rule comes to over all fits that it can be asked of.

    `share` is the mean share of recorded epochs that run, `regret_*` are in units of the metric. Of an `undecided` fit
    the recording ends before the stop: share and regret are those of running to its end. `unknown` fits keep an epoch
    without a number, and are in no regret; `left_out` ones are in nothing. NaN where there is no fit.
    """

    rule: Callback
    keeps: Keeps
    fits: int
    stopped: int
    undecided: int
    left_out: int
    unknown: int
    share: float
    regret_mean: float
    regret_median: float
    regret_worst: float


@dataclass(frozen=True, slots=True)
class LeftOutFit:
    """A fit that a rule could not be asked of, and why; `rule` is None where that is so for all."""

    rule: int | None
    run: str
    fit: int
    reason: str


@dataclass(frozen=True, eq=False)
class RuleComparison(Displayed):
    """Every rule on every fit, and the baseline; `mode` says whether `monitor` should fall or rise.

    `assumed_metrics` are those of which that is only taken from the name.
    """

    rules: tuple[Callback, ...]
    monitor: str
    mode: Direction
    fits: int
    answers: tuple[RuleAnswer, ...]
    left_out: tuple[LeftOutFit, ...]
    baseline: tuple[BaselinePoint, ...]
    assumed_metrics: tuple[str, ...] = ()

    def per_rule(self) -> list[RuleSummary]:
        """Return one summary per rule, in their order."""
        return [self._summary(number) for number in range(len(self.rules))]

    def records(self) -> Iterator[Json]:
        """Yield one record per rule and fit."""
        for each in self.answers:
            yield {
                "rule": str(self.rules[each.rule]),
                "run": each.run,
                "fit": each.fit,
                "epochs": each.epochs,
                "epochs_run": each.epochs_run,
                "share": each.share,
                **_both("stop", each.stop_index),
                **_both("kept", each.kept_index),
                "regret": each.regret,
                "undecided": each.stop_index is None,
                "validity": each.validity,
            }

    def summary_records(self) -> list[Json]:
        """Return one record per rule; null where no fit has a number."""
        return [_summary_record(each) for each in self.per_rule()]

    def to_dict(self) -> Json:
        """Return the document of `kcb-replay compare --json`."""
        return {
            "schema": "kcb-replay/compare/1",
            "monitor": self.monitor,
            "mode": self.mode,
            "assumed": [str(assumed_direction(metric, None)) for metric in self.assumed_metrics],
            "fits": self.fits,
            "rules": self.summary_records(),
            "baseline": [point.to_dict() for point in self.baseline],
            "answers": list(self.records()),
            "left_out": [
                {
                    "rule": None if each.rule is None else str(self.rules[each.rule]),
                    "run": each.run,
                    "fit": each.fit,
                    "reason": each.reason,
                }
                for each in self.left_out
            ],
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per rule and fit."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.records()))

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.rules)} rules over {self.fits} fits by {self.monitor}>"

    @unwarned
    def _summary(self, number: int) -> RuleSummary:
        answers = [each for each in self.answers if each.rule == number]
        regrets = [each.regret for each in answers if each.regret is not None]
        nothing = float("nan")
        return RuleSummary(
            rule=self.rules[number],
            keeps=keeps(self.rules[number]),
            fits=len(answers),
            stopped=sum(each.stop_index is not None for each in answers),
            undecided=sum(each.stop_index is None for each in answers),
            left_out=sum(each.rule in (None, number) for each in self.left_out),
            unknown=len(answers) - len(regrets),
            share=float(np.mean([each.share for each in answers])) if answers else nothing,
            regret_mean=float(np.mean(regrets)) if regrets else nothing,
            regret_median=float(np.median(regrets)) if regrets else nothing,
            regret_worst=max(regrets, default=nothing),
        )


def _summary_record(summary: RuleSummary) -> Json:
    numbers = {item.name: getattr(summary, item.name) for item in fields(summary) if item.name != "rule"}
    return {"rule": str(summary.rule), **without_nan(numbers)}


def keeps(rule: Callback) -> Keeps:
    """Return which weights one ends up with."""
    return "best" if getattr(rule, "restore_best_weights", False) else "last"


def compare_rules(
    recordings: Iterable[Recording],
    rules: Sequence[Callback],
    *,
    monitor: str = "val_loss",
    mode: str = "auto",
    semantics: str | Semantics | None = None,
) -> RuleComparison:
    """Ask every rule of every fit, and judge what is kept by `monitor`.

    A fit without `monitor` is left out for all rules, one that a rule cannot be asked of for that rule. Raises
    `SettingError` for an empty list, a callback that is no stopping rule, or where `mode="auto"` cannot tell.
    """
    _require_rules(rules)
    direction = known_direction("compare", monitor, mode)
    loaded = list(recordings)
    judged, left_out = _judged(loaded, monitor, direction)
    answers: list[RuleAnswer] = []
    for number, rule in enumerate(rules):
        for where, outcome in _outcomes(loaded, rule, semantics):
            fit = judged.get(where)
            if fit is not None and isinstance(outcome, str):
                left_out.append(LeftOutFit(number, fit.run, fit.fit, outcome))
            elif fit is not None and not isinstance(outcome, str):
                answers.append(_answer(number, fit, outcome, direction))
    points = baseline(list(judged.values()), direction, list(dict.fromkeys(map(keeps, rules))))
    return RuleComparison(
        tuple(rules),
        monitor,
        direction,
        len(judged),
        tuple(answers),
        tuple(left_out),
        tuple(points),
        _assumed(rules, monitor, mode, semantics, hypothetical=any(_is_hypothetical(each) for each in answers)),
    )


def _assumed(
    rules: Sequence[Callback], monitor: str, mode: str, semantics: str | Semantics | None, *, hypothetical: bool
) -> tuple[str, ...]:
    """Return the metrics whose direction is assumed: the one that all are judged by, and those that rules watch."""
    judged = [monitor] if mode == "auto" and is_assumed(monitor) else []
    version = resolve(DEFAULT if semantics in (None, "auto") else semantics)
    asked = assumed_metrics(rules, version, None if hypothetical else ())
    return tuple(dict.fromkeys([*judged, *asked]))


def _require_rules(rules: Sequence[Callback]) -> None:
    known = ", ".join(kind.name for kind in CALLBACKS.values() if kind.purpose == "stops")
    if not rules:
        raise SettingError(f"There is no rule to compare. Give at least one of {known}.")
    for rule in rules:
        if not rule.is_stopping_rule:
            raise SettingError(f"{rule.name} is no stopping rule that can be compared. Known: {known}.")


def _judged(
    recordings: Iterable[Recording], monitor: str, mode: Direction
) -> tuple[dict[_Place, Judged], list[LeftOutFit]]:
    """Return what every fit is judged by, and the fits that hold nothing to judge by."""
    judged, left_out = {}, []
    for place, recording in enumerate(recordings):
        for number, fit in enumerate(recording.fits):
            series = fit.metrics.get(monitor)
            values: Mapping[int, float] = {}
            if series is not None:
                values = dict(zip(fit.epochs[series.valid].tolist(), series.values[series.valid].tolist(), strict=True))
            lowest = best_of(values, mode)
            if lowest is None:
                reason = f"{monitor} is never a number" if values else _not_recorded(monitor, fit)
                left_out.append(LeftOutFit(None, recording.name, number, reason))
            else:
                judged[place, number] = Judged(recording.name, number, fit.epochs, values, values[lowest])
    return judged, left_out


def _is_hypothetical(answer: RuleAnswer) -> bool:
    return answer.validity == "hypothetical"


def _not_recorded(monitor: str, fit: Fit) -> str:
    names = sorted(stream_of(fit).names)
    return MonitorNotRecordedError(monitor, "", names).reason


def _outcomes(
    recordings: Sequence[Recording], rule: Callback, semantics: str | Semantics | None
) -> Iterator[tuple[_Place, Outcome | str]]:
    """Yield what a rule comes to for every fit, or why it cannot be asked."""
    if rule.compares_runs:
        for where, found in median_answers(recordings, cast("MedianStopping", rule)).items():
            yield where, found.reason if isinstance(found, LeftOut) else found.outcome
        return
    for place, recording in enumerate(recordings):
        for number in range(len(recording.fits)):
            yield (place, number), _replayed(recording, number, rule, semantics)


def _replayed(recording: Recording, number: int, rule: Callback, semantics: str | Semantics | None) -> Outcome | str:
    try:
        (outcome,) = replay(recording, [rule], fit=number, semantics=semantics).outcomes
    except NotReplayableError as error:
        return error.reason
    return outcome


def _answer(number: int, fit: Judged, outcome: Outcome, mode: Direction) -> RuleAnswer:
    kept = None if outcome.kept_index is None else fit.values.get(outcome.kept_index)
    return RuleAnswer(
        rule=number,
        run=fit.run,
        fit=fit.fit,
        epochs=len(fit.epochs),
        epochs_run=len(fit.epochs) - outcome.saved_epochs,
        stop_index=outcome.stop_index,
        kept_index=outcome.kept_index,
        regret=None if kept is None else regret_of(kept, fit.lowest, mode),
        validity=outcome.validity.label,
    )


def _both(name: str, index: int | None) -> Json:
    return {f"{name}_index": index, f"{name}_epoch": None if index is None else index + 1}


Floats: TypeAlias = NDArray[np.float64]


# A curve of more points looks the same.
_MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Judged:
    """The metric by which one fit is judged: its value per 0-based epoch that has one, and the best of all."""

    run: str
    fit: int
    epochs: NDArray[np.int64]
    values: Mapping[int, float]
    lowest: float


@dataclass(frozen=True, slots=True)
class BaselinePoint:
    """Stop everything after epoch `epoch` (from 1), keeping the last or the best weights.

    The regret is the mean over the fits that keep an epoch with a number; NaN where none does.
    """

    keeps: str
    epoch: int
    share: float
    regret_mean: float
    unknown: int

    def to_dict(self) -> dict[str, object]:
        """Return the point as a record."""
        return without_nan(asdict(self))


@unwarned
def baseline(fits: Sequence[Judged], mode: Direction, kept: Sequence[str]) -> list[BaselinePoint]:
    """Return the points of one curve for each of `kept` ("last", "best"), at most 200 each."""
    if not fits:
        return []
    epochs = _epochs(max(int(fit.epochs[-1]) + 1 for fit in fits))
    rows = [np.minimum(np.searchsorted(fit.epochs + 1, epochs), len(fit.epochs) - 1) for fit in fits]
    share = np.mean([(row + 1) / len(fit.epochs) for row, fit in zip(rows, fits, strict=True)], axis=0)
    points = []
    for keeps in kept:
        regrets = np.stack([_regrets(fit, mode, keeps)[row] for row, fit in zip(rows, fits, strict=True)])
        known = ~np.isnan(regrets)
        count = known.sum(axis=0)
        total = np.where(known, regrets, 0.0).sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), math.nan)
        unknown = len(fits) - count
        points += [
            BaselinePoint(keeps, int(epoch), float(share[n]), float(mean[n]), int(unknown[n]))
            for n, epoch in enumerate(epochs.tolist())
        ]
    return points


def _epochs(longest: int) -> NDArray[np.int64]:
    if longest <= _MOST_POINTS:
        return np.arange(1, longest + 1)
    # Close together where curves fall.
    return np.unique(np.geomspace(1, longest, _MOST_POINTS).round().astype(np.int64))


def _regrets(fit: Judged, mode: Direction, keeps: str) -> Floats:
    """Return the regret after each recorded epoch, NaN where what is kept has no number."""
    values = [fit.values.get(index, math.nan) for index in fit.epochs.tolist()]
    if keeps == "best":
        # NaN never takes the place of a number.
        better = np.fmin if mode == "min" else np.fmax
        values = better.accumulate(values).tolist()
    regrets = (regret_of(value, fit.lowest, mode) for value in values)
    return np.array([math.nan if regret is None else regret for regret in regrets])
