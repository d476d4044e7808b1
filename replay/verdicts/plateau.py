"""Verdicts on ReduceLROnPlateau: when each setting would have reduced the learning rate of each fit, and how often."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import ReduceLROnPlateau
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.verdicts.blocks import FitFacts
from kcb_replay.replay.verdicts.collect import collect
from kcb_replay.replay.verdicts.records import argument_columns, epoch_columns, looked_up
from kcb_replay.replay.verdicts.table import Verdicts
from kcb_replay.replay.verdicts.totals import CountedTotals, Summary, numbers_of, over

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
PLATEAU_ARGUMENTS = ("monitor", "mode", "patience", "factor", "cooldown", "min_delta", "min_lr", "epsilon")


@dataclass(frozen=True, slots=True)
class ReducingAnswers:
    """One answer per setting and fit, all of shape (settings, fits).

    Epochs are 0-based, -1 where there is none. `drops` counts the reductions, of which the first `exact_drops` come
    before the replayed rate parts from the recorded one; the metrics that the others are decided by are of a training
    that went on with another rate. `hypothetical` where it parts before the recording ends, `valid_through_index` is
    the last epoch before (-1: none). `premature` where the fit was still to reach its best epoch, as it was recorded,
    when the first reduction comes.
    """

    drops: Integers
    exact_drops: Integers
    first_drop_index: Integers
    last_drop_index: Integers
    final_lr: Floats
    hypothetical: Mask
    valid_through_index: Integers
    premature: Mask

    @classmethod
    def none(cls, shape: tuple[int, int]) -> ReducingAnswers:
        """Return answers to be filled: nothing anywhere."""
        return cls(
            drops=np.zeros(shape, np.int64),
            exact_drops=np.zeros(shape, np.int64),
            first_drop_index=np.full(shape, -1),
            last_drop_index=np.full(shape, -1),
            final_lr=np.full(shape, np.nan),
            hypothetical=np.zeros(shape, np.bool_),
            valid_through_index=np.full(shape, -1),
            premature=np.zeros(shape, np.bool_),
        )


@dataclass(frozen=True, eq=False)
class ReducingBlock:
    """Every setting of ReduceLROnPlateau on some of the fits."""

    fits: tuple[FitFacts, ...]
    answers: ReducingAnswers
    answered: Mask
    left_out: tuple[LeftOut, ...]

    def pieces(self) -> Iterator[tuple[slice, ReducingAnswers]]:
        """Yield the answers of all settings."""
        yield slice(None), self.answers


@dataclass(frozen=True, eq=False, repr=False)
class PlateauSweep(Verdicts[ReduceLROnPlateau, ReducingBlock]):
    """Every setting of ReduceLROnPlateau on every fit."""

    @cached_property
    def answers(self) -> ReducingAnswers:
        """The answers, whose arrays have shape (settings, fits)."""
        parts = [ReducingAnswers.none((len(self.choices), 0)), *(block.answers for block in self.blocks)]
        return ReducingAnswers(
            **{
                item.name: np.concatenate([getattr(part, item.name) for part in parts], axis=1)
                for item in fields(ReducingAnswers)
            }
        )

    def per_setting(self) -> list[ReducingSummary]:
        """Return one summary per setting, in their order."""
        return self.totals().summaries()

    def totals(self) -> ReducingTotals:
        """Return what the settings come to over all fits."""
        totals = ReducingTotals(self.choices)
        collect([self], [totals])
        return totals

    def summary(self) -> PlateauSummary:
        """Return what the settings come to, and how much was asked."""
        return self.totals().summary(self.semantics)

    def _columns(self, number: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[tuple[str, Any]]:
        import pyarrow as pa

        answers, at = self.answers, (number, place)
        for name in ("run", "fit", "epochs", "initial_lr"):
            yield name, looked_up([getattr(fit, name) for fit in self.fits], place)
        yield "semantics", looked_up([self.semantics.name], np.zeros(len(number), np.intp))
        yield from argument_columns(self.choices, PLATEAU_ARGUMENTS, number)
        yield "fired", pa.array(answers.drops[at] > 0)
        yield "undecided", pa.array(answers.drops[at] == 0)
        for name in ("drops", "exact_drops"):
            yield name, pa.array(getattr(answers, name)[at])
        yield from epoch_columns("first_drop", answers.first_drop_index[at])
        yield from epoch_columns("last_drop", answers.last_drop_index[at])
        yield "final_lr", pa.array(answers.final_lr[at])
        yield "premature", pa.array(answers.premature[at])
        yield "validity", pa.array(self._labels(number, place))
        yield from epoch_columns("valid_through", answers.valid_through_index[at])

    def _labels(self, number: NDArray[np.intp], place: NDArray[np.intp]) -> NDArray[np.str_]:
        of_fit = np.array([str(fit.label) for fit in self.fits] or [""])[place]
        beyond = self.answers.hypothetical[number, place]
        of_answer = np.where(beyond, "hypothetical", np.where(self.answers.drops[number, place] > 0, "", "undecided"))
        return np.where((of_fit == "exact") & (of_answer != ""), of_answer, of_fit)


@dataclass(frozen=True, slots=True)
class ReducingSummary:
    """What one setting comes to over all fits; shares and means are NaN where there is no fit to take them of.

    `reduced` counts the fits with a reduction; of those, `first_drop_epoch` (from 1) is the mean epoch of the first
    one, and `premature` the share in which the best epoch of the recording was still to come. `undecided` counts the
    fits without a reduction before the recording ends, whatever else limits the answer. `drops` is the mean number of
    reductions over all fits. `exact` and `hypothetical` are shares of all fits: every reduction is as a source that
    holds everything shows it; the rate parts from the recorded one, and what comes then is decided by metrics of
    another training.
    """

    choice: ReduceLROnPlateau
    fits: int
    reduced: int
    undecided: int
    drops: float
    first_drop_epoch: float
    premature: float
    exact: float
    hypothetical: float

    def numbers(self) -> dict[str, object]:
        """Return everything but the choice as a record; null for what no fit has."""
        return numbers_of(self)


PlateauSummary: TypeAlias = Summary[ReduceLROnPlateau, ReducingSummary]


class ReducingTotals(CountedTotals[ReduceLROnPlateau, ReducingBlock, ReducingAnswers]):
    """The sums of each setting of ReduceLROnPlateau, to which further fits are added."""

    def __init__(self, choices: Sequence[ReduceLROnPlateau]) -> None:
        super().__init__(choices)
        self._sums = {name: np.zeros(len(choices), np.int64) for name in ("fits", "reduced", "undecided", *_MEAN_OVER)}

    def add(self, block: ReducingBlock, chosen: slice, answers: ReducingAnswers) -> None:
        """Add what the settings did with the fits of a block."""
        answered = block.answered[chosen]
        reduced = answered & (answers.drops > 0)
        whole = np.array([fit.label == "exact" for fit in block.fits], np.bool_)
        counted = {
            "fits": answered,
            "reduced": reduced,
            "undecided": answered & (answers.drops == 0),
            "drops": answers.drops * answered,
            "first_drop_epoch": np.where(reduced, answers.first_drop_index + 1, 0),
            "premature": reduced & answers.premature,
            "exact": reduced & ~answers.hypothetical & whole,
            "hypothetical": answered & answers.hypothetical,
        }
        for name, values in counted.items():
            self._sums[name][chosen] += values.sum(axis=1)

    def summaries(self) -> list[ReducingSummary]:
        """Return one summary per setting, in their order."""
        sums = self._sums
        means = {name: over(sums[name], sums[of]) for name, of in _MEAN_OVER.items()}
        return [
            ReducingSummary(
                choice=choice,
                fits=int(sums["fits"][number]),
                reduced=int(sums["reduced"][number]),
                undecided=int(sums["undecided"][number]),
                **{name: float(values[number]) for name, values in means.items()},
            )
            for number, choice in enumerate(self.choices)
        ]

    def summary(self, version: Semantics) -> PlateauSummary:
        """Return what all settings come to, and how much was asked."""
        return self.summary_with(version, self.summaries())


# Each over what it is a mean of.
_MEAN_OVER = {
    "drops": "fits",
    "first_drop_epoch": "reduced",
    "premature": "reduced",
    "exact": "fits",
    "hypothetical": "fits",
}


def summary_of_plateaus(
    stream: Iterable[PlateauSweep], settings: Sequence[ReduceLROnPlateau], version: Semantics
) -> PlateauSummary:
    """Add up the verdicts on some fits after the other; each is dropped before the next one is asked for."""
    totals = ReducingTotals(settings)
    collect(stream, [totals])
    return totals.summary(version)
