"""MedianStopping over several recordings: would a run have been stopped for being worse than the others?

Source: D. Golovin et al., "Google Vizier: A Service for Black-Box Optimization" (KDD 2017), section 3.2: stop at step t
when the best value so far is strictly worse than the median of the running averages of the others up to t. Decided
here: the others are other runs as they were recorded, never cut short themselves; those whose recording ends before t
do not take part; a running average over a NaN is the worst there is, and so is a best while all values are NaN.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.recording import Fit, Recording
from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks import MedianStopping
from kcb_replay.replay.callbacks.stopping import known_direction
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.outcomes.stopping import StoppingOutcome, best_of, regret_of
from kcb_replay.replay.source_limits import is_rounded
from kcb_replay.replay.validity import Label, Validity

if TYPE_CHECKING:
    import pandas as pd


Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """What the rule comes to for one fit of one run."""

    run: str
    fit: int
    epochs: int
    outcome: StoppingOutcome


@dataclass(frozen=True, slots=True)
class MedianStops:
    """One outcome per fit that has the metric, in the order of the recordings, and what was left out."""

    outcomes: tuple[RunOutcome, ...]
    left_out: tuple[LeftOut, ...]

    def to_dict(self) -> dict[str, object]:
        """Return a record per fit, and what was left out."""
        return {
            "schema": "kcb-replay/median/1",
            "outcomes": [
                {"run": each.run, "fit": each.fit, "epochs": each.epochs, **each.outcome.to_dict()}
                for each in self.outcomes
            ],
            "left_out": [{"run": each.run, "fit": each.fit, "reason": each.reason} for each in self.left_out],
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per fit."""
        import pandas as pd

        return pd.DataFrame.from_records(
            [
                {"run": each.run, "fit": each.fit, "epochs": each.epochs, **each.outcome.facts()}
                | {"validity": each.outcome.validity.label}
                for each in self.outcomes
            ]
        )


@dataclass(frozen=True, slots=True)
class _Curve:
    """The metric of one fit, and as a cost that should fall: `rows` are all epochs, `index` those that have it."""

    run: str
    fit: int
    rows: Integers
    index: Integers
    values: Floats
    cost: Floats
    label: Label

    @property
    def last(self) -> int:
        """The last recorded epoch."""
        return int(self.rows[-1])


def median_stopping(
    recordings: Iterable[Recording],
    monitor: str = "val_loss",
    *,
    mode: str = "auto",
    min_epochs: int = 1,
    min_runs: int = 3,
    restore_best_weights: bool = False,
) -> MedianStops:
    """Return for every fit where the median rule would have stopped it.

    It is asked from the `min_epochs`-th epoch on, where at least `min_runs` other runs got as far. Fits of the same run
    are not others. Raises `SettingError` where `mode="auto"` cannot tell the direction.
    """
    rule = MedianStopping(monitor, mode, min_epochs, min_runs, restore_best_weights)
    answers = median_answers(recordings, rule).values()
    return MedianStops(
        tuple(each for each in answers if isinstance(each, RunOutcome)),
        tuple(each for each in answers if isinstance(each, LeftOut)),
    )


def median_answers(
    recordings: Iterable[Recording], rule: MedianStopping
) -> dict[tuple[int, int], RunOutcome | LeftOut]:
    """Return what `rule` comes to, or why it cannot be asked, by the places of recording and fit.

    By place and not by name, for two recordings may have the same one.
    """
    mode = known_direction(rule.name, rule.monitor, rule.mode)
    answers: dict[tuple[int, int], RunOutcome | LeftOut] = {}
    curves: dict[tuple[int, int], _Curve] = {}
    for position, recording in enumerate(recordings):
        for number, fit in enumerate(recording.fits):
            curve = _curve(recording, number, fit, rule.monitor, mode)
            why = reason("left_out.not_recorded", monitor=rule.monitor)
            answers[position, number] = LeftOut(recording.name, number, why, f"{recording.name}: {why}.")
            if curve is not None:
                curves[position, number] = curve
    stops = _stops([position for position, _ in curves], list(curves.values()), rule)
    outcomes = {
        where: RunOutcome(curve.run, curve.fit, len(curve.rows), _outcome(curve, stop, rule, mode))
        for (where, curve), stop in zip(curves.items(), stops, strict=True)
    }
    return {**answers, **outcomes}


def _curve(recording: Recording, number: int, fit: Fit, monitor: str, mode: Direction) -> _Curve | None:
    series = fit.metrics.get(monitor)
    if series is None or not series.valid.any():
        return None
    index, values = fit.epochs[series.valid], series.values[series.valid]
    sampled = any(note.code == "sampled" and note.fit in (None, number) for note in recording.notes)
    label: Label = "sampled" if sampled else "rounded" if is_rounded(monitor, values.tolist()) else "exact"
    cost = values if mode == "min" else -values
    return _Curve(recording.name, number, fit.epochs, index, values, cost, label)


@dataclass(frozen=True, slots=True)
class _Stop:
    """Where a curve is stopped, and against what; `judged` counts the epochs at which enough others took part."""

    index: int | None = None
    best: float = math.nan
    median: float = math.nan
    others: int = 0
    judged: int = 0


def _stops(runs: Sequence[int], curves: Sequence[_Curve], rule: MedianStopping) -> list[_Stop]:
    """Ask every curve, epoch by epoch, against those of other runs."""
    if not curves:
        return []
    union = np.unique(np.concatenate([curve.index for curve in curves]))
    averages = np.stack([_averages(curve, union) for curve in curves])
    of_run = np.asarray(runs)
    ranked = [np.sort(column[~np.isnan(column)]).tolist() for column in averages.T]
    stops = []
    for run, curve in zip(runs, curves, strict=True):
        columns = np.searchsorted(union, curve.index)
        own = averages[of_run == run][:, columns].T.tolist()
        judged = zip(curve.index.tolist(), columns.tolist(), _best_so_far(curve), own, strict=True)
        stops.append(_stop_of([(t, ranked[u], best, mine) for t, u, best, mine in judged], rule))
    return stops


def _stop_of(judged: Iterable[tuple[int, list[float], float, list[float]]], rule: MedianStopping) -> _Stop:
    """Return the first epoch at which the best is worse than the median of those averages that are not its own."""
    count = 0
    for index, ranked, best, own in judged:
        mine = sorted(value for value in own if not math.isnan(value))
        others = len(ranked) - len(mine)
        if index + 1 < rule.min_epochs or others < rule.min_runs:
            continue
        count += 1
        median = _median_without(ranked, mine)
        if best > median:
            return _Stop(index, best, median, others, count)
    return _Stop(judged=count)


def _averages(curve: _Curve, union: Integers) -> Floats:
    """Return the running average at every epoch of the union, NaN before the first value and after the recording."""
    with np.errstate(invalid="ignore", over="ignore"):
        means = np.cumsum(curve.cost) / np.arange(1, len(curve.cost) + 1)
    means[np.isnan(means)] = math.inf
    rows = np.searchsorted(curve.index, union, side="right") - 1
    absent = (rows < 0) | (union > curve.last)
    return np.where(absent, math.nan, means[np.maximum(rows, 0)])


def _best_so_far(curve: _Curve) -> list[float]:
    best: list[float] = np.minimum.accumulate(np.where(np.isnan(curve.cost), math.inf, curve.cost)).tolist()
    return best


def _median_without(ranked: Sequence[float], removed: Sequence[float]) -> float:
    """Return the median of sorted numbers without some of them, which are sorted, too."""
    gone = [bisect.bisect_left(ranked, value) + removed[:number].count(value) for number, value in enumerate(removed)]

    def at(rank: int) -> float:
        for each in gone:
            rank += each <= rank
        return ranked[rank]

    count = len(ranked) - len(removed)
    low, high = at((count - 1) // 2), at(count // 2)
    return low if low == high else (low + high) / 2


def _outcome(curve: _Curve, stop: _Stop, rule: MedianStopping, mode: Direction) -> StoppingOutcome:
    values = dict(zip(curve.index.tolist(), curve.values.tolist(), strict=True))
    last = curve.last if stop.index is None else stop.index
    best = best_of({index: value for index, value in values.items() if index <= last}, mode)
    kept = best if rule.restore_best_weights and best is not None else last
    kept_value, lowest = values.get(kept), best_of(values, mode)
    return StoppingOutcome(
        settings=rule,
        mode=mode,
        stop_index=stop.index,
        best_index=best,
        best_value=None if best is None else values[best],
        kept_index=kept,
        kept_value=kept_value,
        lowest_index=lowest,
        lowest_value=None if lowest is None else values[lowest],
        saved_epochs=int((curve.rows > last).sum()),
        regret=None if lowest is None or kept_value is None else regret_of(kept_value, values[lowest], mode),
        validity=_validity(curve, stop, rule, mode),
    )


def _validity(curve: _Curve, stop: _Stop, rule: MedianStopping, mode: Direction) -> Validity:
    if stop.index is not None:
        sign = 1 if mode == "min" else -1
        why = reason(
            "validity.median_better",
            epoch=stop.index + 1,
            best=sign * stop.best,
            median=sign * stop.median,
            others=stop.others,
        )
        return Validity(curve.label, why)
    if stop.judged:
        why = reason("validity.no_median_better", epoch=curve.last + 1)
    else:
        why = reason("validity.too_few_runs", epoch=rule.min_epochs, runs=rule.min_runs)
    label: Label = "undecided" if curve.label == "exact" else curve.label
    earliest = max(curve.last + 1, rule.min_epochs - 1)
    return Validity(label, why, earliest_stop_index=earliest, undecided=True)
