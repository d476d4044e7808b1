"""Verdicts: what every choice comes to on every fit, in one table.

A choice is a setting of a callback, or a stopping rule. Verdicts stream as blocks of some fits, and the whole of a
sweep or a comparison is the same table with all blocks; what it holds of stopping choices is in `answers`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.display import Displayed
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback, EarlyStopping
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.left_out import LeftOut
from kcb_replay.replay.verdicts.answers import LABELS, Answers
from kcb_replay.replay.verdicts.blocks import FitFacts, RecordedCurve, StoppingBlock, VerdictsBlock
from kcb_replay.replay.verdicts.records import argument_columns, epoch_columns, frame_of, looked_up
from kcb_replay.replay.verdicts.totals import ChoiceSummary, Summary, Totals

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa


Mask: TypeAlias = NDArray[np.bool_]
_ARGUMENTS = ("monitor", "mode", "patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights")
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
        from kcb_replay.replay.verdicts.collect import collect
        from kcb_replay.replay.verdicts.totals import Totals

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
