"""Blocks of verdicts: every choice on some fits, which is what streams, and what is held of a fit for its page.

What the answers of a block hold is in `answers`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.validity import Label
from kcb_replay.replay.verdicts.answers import Answers, MetricValues, StopRows, answers_of, label_number

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.signedinteger[Any]]
Mask: TypeAlias = NDArray[np.bool_]
Rows: TypeAlias = NDArray[np.int32]
# Answers that are worked out at once: their numbers stay in the cache of a core.
_AT_ONCE = 2**16


@dataclass(frozen=True, slots=True)
class FitFacts:
    """A fit that was asked: `label` is what its source allows of any answer, `exact` where it holds everything.

    `seconds` is how long it took, NaN where that is not known. `initial_lr` is the learning rate that every setting of
    ReduceLROnPlateau starts from, assumed where none is recorded and none was given; NaN for other callbacks.
    """

    run: str
    fit: int
    epochs: int
    label: Label
    seconds: float = math.nan
    initial_lr: float = math.nan
    initial_lr_assumed: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class RecordedCurve:
    """The judged metric of one fit, as it is drawn: its epochs (0-based) and values, and the best one of them all.

    `valid` is false where an epoch has no value; `lowest_index` is None where none is a number.
    """

    run: str
    fit: int
    epochs: Integers
    values: Floats
    valid: Mask
    lowest_index: int | None
    lowest_value: float | None

    @property
    def first_epoch(self) -> int:
        """The first recorded epoch, from 1."""
        return int(self.epochs[0]) + 1

    @property
    def last_epoch(self) -> int:
        """The last recorded epoch, from 1."""
        return int(self.epochs[-1]) + 1


_Answers_co = TypeVar("_Answers_co", covariant=True)


class VerdictsBlock(Protocol[_Answers_co]):
    """Every choice on some fits; `answered` (choices, fits) is false where there is no answer.

    `pieces` yields answers on all fits of the block.
    """

    @property
    def fits(self) -> tuple[FitFacts, ...]:
        """The fits."""
        ...

    @property
    def answered(self) -> Mask:
        """Where there is an answer, of shape (choices, fits)."""
        ...

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The fits that could not be asked."""
        ...

    def pieces(self) -> Iterator[tuple[slice, _Answers_co]]:
        """Yield the answers of some choices after the other."""
        ...


@dataclass(frozen=True, eq=False)
class StoppingBlock:
    """Every stopping choice on some of the fits: the rows found, and what they are worth by monitor and mode.

    Stopping rules are all judged by one metric, whatever they monitor: its monitor and mode are then `judged_by`, and
    `labels` are those of single replays. What the engine answered and rows cannot say is in `by_engine`: per number of
    a choice, the places of fits and the numbers that stand there.
    """

    choices: Sequence[Callback]
    fits: tuple[FitFacts, ...]
    rows: StopRows
    answered: Mask
    metrics: Mapping[tuple[str, str], MetricValues]
    left_out: tuple[LeftOut, ...] = ()
    by_engine: Mapping[int, Mapping[int, Mapping[str, float]]] = field(default_factory=dict)
    judged_by: tuple[str, str] | None = None
    labels: NDArray[np.int8] | None = None

    @cached_property
    def lengths(self) -> Integers:
        """How many epochs each fit has (fits,)."""
        return np.array([fit.epochs for fit in self.fits], np.int64)

    @cached_property
    def seconds(self) -> Floats:
        """How long each fit took (fits,), NaN where that is not known."""
        return np.array([fit.seconds for fit in self.fits], np.float64)

    def metric_of(self, number: int) -> MetricValues | None:
        """Return the metric that a choice is judged by, None where no fit has it."""
        return self.metrics.get(self._key(number))

    def pieces(self) -> Iterator[tuple[slice, Answers]]:
        """Yield the answers of some choices after the other, all fits of each."""
        if not self.fits:
            return
        several = max(1, _AT_ONCE // len(self.fits))
        for _, same in itertools.groupby(range(len(self.choices)), self._key):
            together = list(same)
            for first in range(0, len(together), several):
                some = together[first : first + several]
                chosen = slice(some[0], some[-1] + 1)
                yield chosen, self._answers(chosen)

    def of_fits(self, places: Sequence[int]) -> StoppingBlock:
        """Return the same choices on some of the fits, without what was left out."""
        order = {place: number for number, place in enumerate(places)}
        by_engine = {
            choice: {order[place]: values for place, values in of_choice.items() if place in order}
            for choice, of_choice in self.by_engine.items()
        }
        return StoppingBlock(
            choices=self.choices,
            fits=tuple(self.fits[place] for place in places),
            rows=self.rows.of_fits(places),
            answered=self.answered[:, places],
            metrics={key: values.of_fits(places) for key, values in self.metrics.items()},
            by_engine=by_engine,
            judged_by=self.judged_by,
            labels=None if self.labels is None else self.labels[:, places],
        )

    def curves(self) -> Iterator[RecordedCurve]:
        """Yield the metric of each fit, which all choices must have in common."""
        (values,) = self.metrics.values()
        block, bests = values.block, values.block.best_row(values.sign).tolist()
        for number, (fit, best) in enumerate(zip(self.fits, bests, strict=True)):
            rows = slice(0, int(block.lengths[number]))
            epochs, recorded = block.epochs[rows, number], block.values[rows, number]
            yield RecordedCurve(
                run=fit.run,
                fit=fit.fit,
                epochs=epochs,
                values=recorded,
                valid=block.valid[rows, number],
                lowest_index=None if best < 0 else int(epochs[best]),
                lowest_value=None if best < 0 else float(recorded[best]),
            )

    def _key(self, number: int) -> tuple[str, str]:
        choice: Any = self.choices[number]
        return self.judged_by or (choice.monitor, choice.mode)

    def _answers(self, chosen: slice) -> Answers:
        values = self.metric_of(chosen.start)
        if values is None:
            return Answers.none((chosen.stop - chosen.start, len(self.fits)))
        labels = self._labels(chosen)
        answers = answers_of(values, self.choices[chosen], self.rows.of(chosen), labels, judged=self.judged_by is None)
        for number in range(chosen.start, chosen.stop):
            for place, numbers in self.by_engine.get(number, {}).items():
                for name, value in numbers.items():
                    getattr(answers, name)[number - chosen.start, place] = value
        return answers

    @cached_property
    def _fit_labels(self) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
        own, weaker = (
            np.array([label_number(fit.label, undecided=undecided) for fit in self.fits], np.int8)
            for undecided in (False, True)
        )
        return own, weaker

    def _labels(self, chosen: slice) -> NDArray[np.int8]:
        if self.labels is not None:
            return self.labels[chosen]
        own, weaker = self._fit_labels
        return np.where(self.rows.stop[chosen] < 0, weaker, own)
