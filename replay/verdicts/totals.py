"""What each choice comes to over all fits, added up some fits at a time, in one pass of any number of collectors.

Medians need every number, so some are kept: see `Spool`.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback, EarlyStopping
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.monitors import assumed_metrics
from kcb_replay.replay.validity import Label
from kcb_replay.replay.verdicts.answers import Answers
from kcb_replay.replay.verdicts.blocks import StoppingBlock, VerdictsBlock
from kcb_replay.replay.verdicts.collect import Collector, HasBlocks, collect
from kcb_replay.replay.verdicts.lanes.improvements import unwarned
from kcb_replay.replay.verdicts.records import without_nan
from kcb_replay.replay.verdicts.spool import Spool
from kcb_replay.replay.verdicts.survival import stop_epochs

Floats: TypeAlias = NDArray[np.float64]
# A recording whose best epoch is among so many of its last was still improving, whatever the patience.
_LAST_TENTH = 0.1

_Choice = TypeVar("_Choice", bound=Callback)
_Block = TypeVar("_Block", bound="VerdictsBlock[Any]")
_Answers = TypeVar("_Answers")
_Of = TypeVar("_Of")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceSummary:
    """What one choice, a setting or a stopping rule, comes to over all fits; None where each group has its own.

    `saving` is the mean share of recorded epochs that would not have run, `saving_seconds` that of the recorded time
    over the fits with wall times. `regret_*` are in units of the metric, NaN where no fit has one; `noise` is
    the mean of what the metric jumps from epoch to epoch, a measure for regret; `also_regret` is the mean of the metric
    that was not monitored. `stop_epoch_*` are those of `StopEpochs`; `by_chance` is the mean chance that a stop would
    have come on a plateau of nothing but noise, see `Answers`.

    `undecided` counts the fits whose recording ends before the stop: they count with the regret of the whole recording,
    `regret_decided` is the mean without them, and the truth may lie beyond both. `improving` is the share of fits that
    still improved when they ended, whose regret is a lower bound. `unknown` counts the fits that keep an epoch without
    a number, and are in no regret; `failures` those that give away more than a tolerance, where one was given.
    """

    choice: Callback | None
    fits: int
    stopped: int = 0
    saving: float = math.nan
    saving_seconds: float = math.nan
    regret_mean: float = math.nan
    regret_decided: float = math.nan
    regret_median: float = math.nan
    regret_worst: float = math.nan
    noise: float = math.nan
    also_regret: float = math.nan
    undecided: int = 0
    improving: float = math.nan
    unknown: int = 0
    by_chance: float = math.nan
    stop_epoch_median: float = math.nan
    stop_epoch_mean: float = math.nan
    stop_epoch_horizon: int = 0
    failures: int = 0

    @property
    def keeps(self) -> str:
        """Which weights one ends up with: the "best" or the "last" ones."""
        return "best" if getattr(self.choice, "restore_best_weights", False) else "last"

    def numbers(self) -> dict[str, object]:
        """Return everything but the choice as a record; null for what no fit has."""
        return numbers_of(self)


@dataclass(frozen=True, slots=True)
class Summary(Generic[_Choice, _Of]):
    """One summary per choice, which of them act alike on every fit, and how much was asked.

    `front` are the numbers of the choices that nothing beats, least regret first; `fits` counts what was asked,
    `answered` the fits of which some choice could be asked, `epochs` theirs. `labels` says of how many of these the
    source holds everything ("exact"), rounded values or not all points; how many answers are undecided is in the
    summaries. `initial_lr_assumed` counts those whose learning rate is Keras's default for want of another.
    """

    choices: tuple[_Choice, ...]
    semantics: Semantics
    summaries: tuple[_Of, ...]
    alike: tuple[tuple[int, ...], ...]
    front: tuple[int, ...]
    fits: int
    epochs: int
    answered: int
    left_out: tuple[LeftOut, ...]
    labels: Mapping[Label, int] = field(default_factory=dict)
    initial_lr_assumed: int = 0

    @property
    def assumed_metrics(self) -> tuple[str, ...]:
        """The metrics whose direction is taken from their names, where the version would have asked the model."""
        return assumed_metrics(self.choices, self.semantics, None if self.labels.get("hypothetical") else ())

    @property
    def distinct(self) -> tuple[int, ...]:
        """One choice of each that act alike."""
        return tuple(group[0] for group in self.alike)


# That of a sweep of EarlyStopping.
SweepSummary: TypeAlias = Summary[EarlyStopping, ChoiceSummary]


class CountedTotals(Collector[_Block, _Answers], Generic[_Choice, _Block, _Answers]):
    """How much was asked: fits, those with an answer, their epochs and labels, and what was left out."""

    def __init__(self, choices: Sequence[_Choice]) -> None:
        self.choices = choices
        self._fits = self._epochs = self._answered = self._assumed = 0
        self._left_out: list[LeftOut] = []
        self._labels: Counter[Label] = Counter()

    def begin(self, block: _Block) -> None:
        """Count the fits of a block."""
        answered = np.flatnonzero(np.any(block.answered, axis=0)).tolist()
        self._fits += len(block.fits)
        self._answered += len(answered)
        self._epochs += sum(block.fits[place].epochs for place in answered)
        self._assumed += sum(block.fits[place].initial_lr_assumed for place in answered)
        self._labels.update(block.fits[place].label for place in answered)
        self._left_out += block.left_out

    def summary_with(
        self,
        version: Semantics,
        summaries: Sequence[_Of],
        alike: Sequence[tuple[int, ...]] = (),
        on_front: Sequence[int] = (),
    ) -> Summary[_Choice, _Of]:
        """Return the summaries of the choices, and how much was asked."""
        return Summary(
            choices=tuple(self.choices),
            semantics=version,
            summaries=tuple(summaries),
            alike=tuple(alike),
            front=tuple(on_front),
            fits=self._fits,
            epochs=self._epochs,
            answered=self._answered,
            left_out=tuple(self._left_out),
            labels=dict(self._labels),
            initial_lr_assumed=self._assumed,
        )


class Totals(CountedTotals[_Choice, "StoppingBlock", "Answers"]):
    """The sums of each stopping choice, to which further fits are added."""

    def __init__(self, choices: Sequence[_Choice]) -> None:
        super().__init__(choices)
        count = len(choices)
        self._counts = {name: np.zeros(count, np.int64) for name in ("fits", "stopped", "improving", "unknown")}
        self._worst = np.full(count, -np.inf)
        self._means = {name: _Mean(count) for name in _MEANS}
        self._acts = [hashlib.blake2b(digest_size=16) for _ in choices]
        self._patience = np.array(
            [getattr(choice, "patience", 0) if choice.has_patience else 0 for choice in choices], np.float64
        )
        self._regrets, self._ran = Spool(count, np.float64), Spool(count, np.int32)

    def begin(self, block: StoppingBlock) -> None:
        """Count the fits of a block, and note how each choice acts on them."""
        super().begin(block)
        self._regrets.begin(len(block.fits))
        self._ran.begin(len(block.fits))
        for number, act in enumerate(self._acts):
            for rows in (block.rows.stop, block.rows.kept, block.answered):
                act.update(np.ascontiguousarray(rows[number]).data)

    @unwarned
    def add(self, block: StoppingBlock, chosen: slice, answers: Answers) -> None:
        """Add what some choices did with the fits of a block."""
        answered, lengths, values = block.answered[chosen], block.lengths, block.metric_of(chosen.start)
        noise, since_best = (np.nan, np.array(-1)) if values is None else (values.block.noise, values.since_best)
        patience = self._patience[chosen, np.newaxis]
        improving = (since_best >= 0) & (since_best < np.maximum(patience, _LAST_TENTH * lengths))
        regret = np.where(answered, answers.regret, np.nan)
        counted = {
            "fits": answered,
            "stopped": answered & ~answers.undecided,
            "improving": answered & improving,
            "unknown": answered & np.isnan(regret),
        }
        for name, counts in counted.items():
            self._counts[name][chosen] += counts.sum(axis=1)
        with np.errstate(divide="ignore"):
            numbers = {
                "saving": answers.saved / lengths,
                "saving_seconds": answers.saved_seconds / block.seconds,
                "regret_mean": answers.regret,
                "regret_decided": np.where(answers.undecided, np.nan, answers.regret),
                "noise": np.broadcast_to(noise, answered.shape),
                "also_regret": answers.also_regret,
                "by_chance": answers.by_chance,
            }
        for name, each in numbers.items():
            self._means[name].add(chosen, each, answered)
        self._worst[chosen] = np.fmax(self._worst[chosen], np.fmax.reduce(regret, axis=1, initial=-np.inf))
        self._regrets.add(regret)
        ran = lengths - answers.saved
        self._ran.add(np.where(answered, np.where(answers.undecided, -ran, ran), 0))

    @unwarned
    def summaries(self) -> list[ChoiceSummary]:
        """Return one summary per choice, in their order."""
        counts, means = self._counts, {name: mean.values() for name, mean in self._means.items()}
        medians = np.concatenate([np.zeros(0), *map(_medians, self._regrets.pieces())])
        stops = [stop_epochs(ran) for piece in self._ran.pieces() for ran in piece]
        improving = over(counts["improving"], counts["fits"])
        numbers: list[dict[str, Any]] = [
            {name: float(values[number]) for name, values in means.items()} for number in range(len(self.choices))
        ]
        return [
            ChoiceSummary(
                choice=choice,
                fits=int(counts["fits"][number]),
                stopped=int(counts["stopped"][number]),
                undecided=int(counts["fits"][number] - counts["stopped"][number]),
                unknown=int(counts["unknown"][number]),
                improving=float(improving[number]),
                regret_median=float(medians[number]),
                regret_worst=float("nan") if self._worst[number] == -np.inf else float(self._worst[number]),
                stop_epoch_median=stops[number].median,
                stop_epoch_mean=stops[number].restricted_mean,
                stop_epoch_horizon=stops[number].horizon,
                **numbers[number],
            )
            for number, choice in enumerate(self.choices)
        ]

    def alike(self) -> list[tuple[int, ...]]:
        """Return the numbers of the choices, those together that act alike on every fit: same stop, same weights."""
        groups: dict[bytes, list[int]] = {}
        for number, act in enumerate(self._acts):
            groups.setdefault(act.digest(), []).append(number)
        return [tuple(group) for group in groups.values()]

    def summary(self, version: Semantics) -> Summary[_Choice, ChoiceSummary]:
        """Return what all choices come to, and how much was asked."""
        summaries, alike = self.summaries(), self.alike()
        return self.summary_with(version, summaries, alike, front(summaries, [group[0] for group in alike]))

    def regrets_of(self, number: int) -> Floats:
        """Return the regret of one choice on every fit (fits,), NaN where it is unknown or there is no answer."""
        return self._regrets.of(number)

    def by_fit(self) -> Iterator[tuple[slice, Floats, NDArray[np.int32]]]:
        """Yield regrets, and epochs run (0: no answer, negative: undecided), of some choices on all fits."""
        step = self._regrets.step
        pieces = zip(self._regrets.pieces(step), self._ran.pieces(step), strict=True)
        for number, (regrets, ran) in enumerate(pieces):
            yield slice(number * step, number * step + len(regrets)), regrets, ran


_MEANS = ("saving", "saving_seconds", "regret_mean", "regret_decided", "noise", "also_regret", "by_chance")


def summary_of(
    stream: Iterable[HasBlocks], choices: Sequence[_Choice], version: Semantics
) -> Summary[_Choice, ChoiceSummary]:
    """Add up the verdicts on some fits after the other; each is dropped before the next one is asked for."""
    totals = Totals(choices)
    collect(stream, [totals])
    return totals.summary(version)


def front(summaries: Sequence[ChoiceSummary], distinct: Iterable[int]) -> list[int]:
    """Return the numbers of the choices on the Pareto front, least regret first.

    None on it saves more at no more regret than another, or costs less at no less saving. `distinct` are those to
    choose from, one of each that act alike. A choice without any regret that is known is on no front.
    """
    known = [number for number in distinct if not math.isnan(summaries[number].regret_mean)]
    saving, regret = (np.array([getattr(summaries[n], name) for n in known]) for name in ("saving", "regret_mean"))
    on_front = front_of(saving, regret)
    return sorted(
        (n for n, is_on in zip(known, on_front, strict=True) if is_on), key=lambda n: summaries[n].regret_mean
    )


def front_of(saving: Floats, regret: Floats) -> NDArray[np.bool_]:
    """Return which choices (choices,) nothing beats in both saving and regret, the first one of equals."""
    order = np.lexsort((-saving, regret))
    # With rising regret only what saves more than all before it is worth it.
    best_so_far = np.maximum.accumulate(np.concatenate([[-np.inf], saving[order][:-1]]))
    on_front = np.zeros(len(saving), np.bool_)
    on_front[order] = saving[order] > best_so_far
    return on_front


class _Mean:
    """The mean of each choice over the fits that have a number."""

    def __init__(self, choices: int) -> None:
        self._sum, self._count = np.zeros(choices), np.zeros(choices, np.int64)

    def add(self, chosen: slice, numbers: Floats, answered: NDArray[np.bool_]) -> None:
        known = answered & ~np.isnan(numbers)
        self._sum[chosen] += np.where(known, numbers, 0.0).sum(axis=1)
        self._count[chosen] += known.sum(axis=1)

    def values(self) -> Floats:
        return over(self._sum, self._count)


def _medians(rows: Floats) -> Floats:
    """Return the median of each row (choices, fits) without its NaN, NaN where there is nothing else."""
    medians = np.full(len(rows), np.nan)
    counts = (~np.isnan(rows)).sum(axis=1)
    for count in np.unique(counts[counts > 0]).tolist():
        chosen = counts == count
        low, high = (count - 1) // 2, count // 2
        # NaN comes last.
        middle = np.partition(rows[chosen], sorted({low, high}), axis=1)
        medians[chosen] = (middle[:, low] + middle[:, high]) / 2
    return medians


def over(total: NDArray[Any], count: NDArray[np.int64]) -> Floats:
    """Return total over count, NaN where nothing was counted."""
    mean: Floats = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return mean


_UNLISTED = ("choice", "failures")


def numbers_of(summary: Any) -> dict[str, object]:
    """Return the numbers of a summary as a record; null for what no fit has."""
    names = (item.name for item in fields(summary) if item.name not in _UNLISTED)
    return without_nan({name: getattr(summary, name) for name in names})
