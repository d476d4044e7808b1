"""Verdicts: what every choice comes to on every fit, in one table.

A choice is a setting of a callback, or a stopping rule. Verdicts stream as blocks of some fits, and the whole of a
sweep or a comparison is the same table with all blocks; what it holds of stopping choices is in `answers`.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.display import Displayed
from kcb_replay.replay.callbacks import Callback, EarlyStopping
from kcb_replay.replay.verdicts.answers import LABELS, Answers, MetricValues, StopRows, answers_of, label_number
from kcb_replay.replay.verdicts.records import argument_columns, epoch_columns, frame_of, looked_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa

    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.left_out import LeftOut
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.totals import ChoiceSummary, Summary, Totals

__all__ = ["FitFacts", "RecordedCurve", "StoppingBlock", "StoppingVerdicts", "Sweep", "Verdicts", "VerdictsBlock"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.signedinteger[Any]]
Mask: TypeAlias = NDArray[np.bool_]
Rows: TypeAlias = NDArray[np.int32]
# Answers that are worked out at once: their numbers stay in the cache of a core.
_AT_ONCE = 2**16
_ARGUMENTS = ("monitor", "mode", "patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights")


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


_Choice = TypeVar("_Choice", bound=Callback)
_Block = TypeVar("_Block", bound=VerdictsBlock[Any])


@dataclass(frozen=True, eq=False)
class Verdicts(Displayed, Generic[_Choice, _Block]):
    """Every choice on every fit, in blocks of fits; where `answered` is false (no monitor, say) there is no answer."""

    choices: tuple[_Choice, ...]
    blocks: tuple[_Block, ...]
    semantics: Semantics

    @property
    def settings(self) -> tuple[_Choice, ...]:
        """The choices."""
        return self.choices

    @cached_property
    def fits(self) -> tuple[FitFacts, ...]:
        """Every fit that was asked."""
        return tuple(fit for block in self.blocks for fit in block.fits)

    @cached_property
    def answered(self) -> Mask:
        """Where there is an answer, of shape (choices, fits)."""
        nothing = np.zeros((len(self.choices), 0), np.bool_)
        return np.concatenate([nothing, *(block.answered for block in self.blocks)], axis=1)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The fits that could not be asked, once for each reason."""
        return tuple(item for block in self.blocks for item in block.left_out)

    def to_arrow(self) -> pa.Table:
        """Return one row per choice and fit, under the names of `simulate --json`; null where there is nothing."""
        import pyarrow as pa

        number, place = np.nonzero(self.answered)
        return pa.table(dict(self._columns(number, place)))

    def records(self) -> Iterator[dict[str, object]]:
        """Yield one record per choice and fit, under the names of `simulate --json`; null where there is nothing."""
        for batch in self.to_arrow().to_batches():
            yield from batch.to_pylist()

    def to_dict(self) -> dict[str, object]:
        """Return a record per choice and fit, and what was left out; null where there is nothing."""
        return {
            "schema": "kcb-replay/sweep-rows/1",
            "semantics": self.semantics.name,
            "rows": self.to_arrow().to_pylist(),
            "left_out": [item.to_dict() for item in self.left_out],
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per choice and fit; epochs are `Int64`, for there may be none."""
        return frame_of(self.to_arrow())

    def to_parquet(self, path: str | Path) -> None:
        """Write one row per choice and fit to a Parquet file."""
        import pyarrow.parquet as pq

        pq.write_table(self.to_arrow(), path)

    def to_csv(self, path: str | Path) -> None:
        """Write one row per choice and fit to a CSV file."""
        from pyarrow import csv

        csv.write_csv(self.to_arrow(), path)

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.choices)} settings over {len(self.fits)} fits, {self.semantics.name}>"

    def _columns(self, number: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[tuple[str, pa.Array]]:
        raise NotImplementedError


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


@dataclass(frozen=True, eq=False, repr=False)
class StoppingVerdicts(Verdicts[_Choice, StoppingBlock]):
    """Verdicts on stopping choices: settings of EarlyStopping, or stopping rules.

    The answers of all choices at once take some hundred bytes each; totals and rows are worked out in pieces.
    """

    @cached_property
    def answers(self) -> Answers:
        """The answers, whose arrays have shape (choices, fits)."""
        nothing = Answers.none((len(self.choices), 0))
        parts = [
            Answers.joined([answers for _, answers in block.pieces()], axis=0) for block in self.blocks if block.fits
        ]
        return Answers.joined([nothing, *parts], axis=1)

    @property
    def mode(self) -> Direction | None:
        """Whether the metric should fall or rise, None where no fit has it."""
        signs = [values.sign for block in self.blocks for values in block.metrics.values()]
        return None if not signs else "max" if signs[0] < 0 else "min"

    @cached_property
    def curves(self) -> tuple[RecordedCurve, ...]:
        """What all choices are judged by, of every fit: they must have one metric in common."""
        return tuple(curve for block in self.blocks if block.fits for curve in block.curves())

    def totals(self) -> Totals[_Choice]:
        """Return what the choices come to over all fits."""
        from kcb_replay.replay.verdicts.totals import Totals, collect

        totals = Totals(self.choices)
        collect([self], [totals])
        return totals

    def summary(self) -> Summary[_Choice, ChoiceSummary]:
        """Return what the choices come to, and how much was asked."""
        return self.totals().summary(self.semantics)


@dataclass(frozen=True, eq=False, repr=False)
class Sweep(StoppingVerdicts[EarlyStopping]):
    """Every setting of EarlyStopping on every fit."""

    def per_setting(self) -> list[ChoiceSummary]:
        """Return one summary per setting, in their order."""
        return self.totals().summaries()

    def _columns(self, number: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[tuple[str, pa.Array]]:
        import pyarrow as pa

        answers, at = self.answers, (number, place)
        for name in ("run", "fit", "epochs"):
            yield name, looked_up([getattr(fit, name) for fit in self.fits], place)
        yield "semantics", looked_up([self.semantics.name], np.zeros(len(number), np.intp))
        yield from argument_columns(self.choices, _ARGUMENTS, number)
        yield "fired", pa.array(~answers.undecided[at])
        yield "undecided", pa.array(answers.undecided[at])
        for name in ("stop", "best", "kept"):
            yield from epoch_columns(name, getattr(answers, f"{name}_index")[at])
        yield "saved_epochs", pa.array(answers.saved[at])
        for name, known in (("best_value", answers.has_best), ("kept_value", answers.has_kept)):
            yield name, pa.array(getattr(answers, name)[at], mask=~known[at])
        for name in ("saved_seconds", "regret", "also_regret", "by_chance"):
            values = getattr(answers, name)[at]
            yield name, pa.array(values, mask=np.isnan(values))
        # Of two words the first is the label, the other one has its own column.
        yield "validity", looked_up([label.split(",")[0] for label in LABELS], answers.label[at])
