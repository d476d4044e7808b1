"""The result of a sweep of EarlyStopping: one answer per setting and fit."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.verdicts.answers import answers_of, no_answers, side_by_side
from kcb_replay.replay.verdicts.records import Rows
from kcb_replay.replay.verdicts.totals import SettingSummary, Totals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.answers import Answers, MetricValues, StopRows

__all__ = ["FitFacts", "LeftOutFit", "Part", "Sweep", "SweptFit"]

Json: TypeAlias = dict[str, object]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
# Answers that are worked out at once: their numbers stay in the cache of a core.
_AT_ONCE = 2**16


@dataclass(frozen=True, slots=True)
class SweptFit:
    """A fit that was swept: `label` is what its source allows of any answer, `exact` where it holds everything."""

    run: str
    fit: int
    epochs: int
    label: Label
    seconds: float = float("nan")


@dataclass(frozen=True, slots=True)
class LeftOutFit:
    """A fit that could not be swept with some settings, and why."""

    run: str
    fit: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class FitFacts:
    """What one metric of each fit shows whatever the setting, of shape (fits,).

    `noise` is how far it jumps from epoch to epoch, `since_best` the number of epochs recorded after its best one, -1
    where no value is a number.
    """

    noise: Floats
    since_best: Integers


@dataclass(frozen=True, eq=False)
class Part:
    """Every setting on some of the fits: the rows found, and what they are worth by monitor and mode.

    `answered` (settings, fits) is false where there is no answer. What the engine answered and rows cannot say is in
    `by_engine`: per number of a setting, the places of fits and the numbers that stand there.
    """

    settings: Sequence[EarlyStopping]
    fits: tuple[SweptFit, ...]
    found: StopRows
    answered: Mask
    prices: Mapping[tuple[str, str], MetricValues]
    by_engine: Mapping[int, Mapping[int, Mapping[str, float]]]

    @cached_property
    def lengths(self) -> Integers:
        """How many epochs each fit has (fits,)."""
        return np.array([fit.epochs for fit in self.fits], np.int64)

    @cached_property
    def seconds(self) -> Floats:
        """How long each fit took (fits,), NaN where that is not known."""
        return np.array([fit.seconds for fit in self.fits], np.float64)

    def chunks(self) -> Iterator[tuple[slice, Answers]]:
        """Yield the answers of some settings after the other, all fits of each."""
        several = max(1, _AT_ONCE // max(len(self.fits), 1))
        numbers = range(len(self.settings))
        for key, same in itertools.groupby(numbers, lambda number: _key(self.settings[number])):
            together = list(same)
            for first in range(0, len(together), several):
                some = together[first : first + several]
                chosen = slice(some[0], some[-1] + 1)
                yield chosen, self._answers(key, chosen)

    def facts(self, chosen: slice) -> FitFacts:
        """Return what the metric of some settings shows that are yielded together."""
        key = _key(self.settings[chosen.start])
        if key not in self.prices:
            return FitFacts(np.full(len(self.fits), np.nan), np.full(len(self.fits), -1))
        return _joined_facts([self.prices[key]])

    def _answers(self, key: tuple[str, str], chosen: slice) -> Answers:
        found = self.found
        if key not in self.prices:
            return no_answers((chosen.stop - chosen.start, len(self.fits)))
        answers = answers_of(self.prices[key], self.settings[chosen], found.of(chosen))
        for number in range(chosen.start, chosen.stop):
            for place, values in self.by_engine.get(number, {}).items():
                for name, value in values.items():
                    getattr(answers, name)[number - chosen.start, place] = value
        return answers


@dataclass(frozen=True, eq=False)
class Sweep(Rows):
    """Every setting on every fit; where `answered` (settings, fits) is false (no monitor, say) there is no answer.

    `facts` are by monitor and mode. The answers of all settings at once take some hundred bytes each; `per_setting`
    and the rows are worked out in pieces.
    """

    settings: tuple[EarlyStopping, ...]
    parts: tuple[Part, ...]
    semantics: Semantics
    left_out: tuple[LeftOutFit, ...]

    @cached_property
    def fits(self) -> tuple[SweptFit, ...]:
        """Every fit that was asked."""
        return tuple(fit for part in self.parts for fit in part.fits)

    @cached_property
    def answered(self) -> Mask:
        """Where there is an answer, of shape (settings, fits)."""
        nothing = np.zeros((len(self.settings), 0), np.bool_)
        return np.concatenate([nothing, *(part.answered for part in self.parts)], axis=1)

    @cached_property
    def answers(self) -> Answers:
        """The answers, whose arrays have shape (settings, fits)."""
        parts = [side_by_side([answers for _, answers in part.chunks()], axis=0) for part in self.parts]
        return side_by_side([no_answers((len(self.settings), 0)), *parts], axis=1)

    @cached_property
    def facts(self) -> Mapping[tuple[str, str], FitFacts]:
        """What the metrics of the fits show, by monitor and mode."""
        keys = dict.fromkeys(key for part in self.parts for key in part.prices)
        return {key: _joined_facts([part.prices[key] for part in self.parts]) for key in keys}

    def per_setting(self) -> list[SettingSummary]:
        """Return one summary per setting, in their order."""
        return self.totals().summaries()

    def totals(self) -> Totals:
        """Return what the settings come to over all fits."""
        totals = Totals(self.settings)
        totals.add(self)
        return totals

    def to_arrow(self) -> pa.Table:
        """Return one row per setting and fit; null where there is nothing."""
        from kcb_replay.replay.verdicts.records import table_of

        return table_of(self)

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.settings)} settings over {len(self.fits)} fits, {self.semantics.name}>"


def _key(setting: EarlyStopping) -> tuple[str, str]:
    return setting.monitor, setting.mode


def _joined_facts(prices: Sequence[MetricValues]) -> FitFacts:
    noise = [each.block.noise for each in prices]
    since_best = [_since_best(each) for each in prices]
    return FitFacts(np.concatenate(noise), np.concatenate(since_best))


def _since_best(prices: MetricValues) -> Integers:
    best = prices.block.best_row(prices.sign)
    return np.where(best < 0, -1, prices.block.lengths - 1 - best)
