"""Verdicts as rows, one per choice and fit, column by column: records of Python would take a hundred times as long.

In them nothing is null, and NaN is a value that was recorded.
"""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING, Any

import numpy as np

from kcb_replay.ingest.display import Displayed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.verdicts.table import LeftOutFit, Sweep

__all__ = ["Rows", "argument_columns", "epoch_columns", "frame_of", "looked_up", "table_of", "without_nan"]


def without_nan(numbers: Mapping[str, object]) -> dict[str, object]:
    """Return the numbers of a summary; null for those that no fit has, which a summary holds as NaN."""
    return {name: None if isinstance(each, float) and isnan(each) else each for name, each in numbers.items()}


def frame_of(table: pa.Table) -> pd.DataFrame:
    """Return a table as a DataFrame, in which epochs are whole numbers and a missing value is not NaN.

    NumPy has no null, so epochs become `Int64`, and values of metrics keep the type that they have in Arrow.
    """
    import pandas as pd

    frame: pd.DataFrame = table.to_pandas()
    for name in table.column_names:
        if name.endswith(("_index", "_epoch")):
            frame[name] = frame[name].astype("Int64")
        elif name.endswith("_value"):
            frame[name] = pd.Series(pd.arrays.ArrowExtensionArray(table[name]), index=frame.index)
    return frame


class Rows(Displayed):
    """A sweep, which has rows: as Arrow, pandas, records, Parquet or CSV."""

    semantics: Semantics
    left_out: tuple[LeftOutFit, ...]

    def to_arrow(self) -> pa.Table:
        """Return one row per setting and fit; null where there is nothing."""
        raise NotImplementedError

    def records(self) -> Iterator[dict[str, object]]:
        """Yield one record per setting and fit, under the names of `simulate --json`; null where there is nothing."""
        for batch in self.to_arrow().to_batches():
            yield from batch.to_pylist()

    def to_dict(self) -> dict[str, object]:
        """Return a record per setting and fit, and what was left out; null where there is nothing."""
        left_out = [{"run": item.run, "fit": item.fit, "reason": item.reason} for item in self.left_out]
        return {
            "schema": "kcb-replay/sweep-rows/1",
            "semantics": self.semantics.name,
            "rows": self.to_arrow().to_pylist(),
            "left_out": left_out,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per setting and fit; epochs are `Int64`, for there may be none."""
        return frame_of(self.to_arrow())

    def to_parquet(self, path: str | Path) -> None:
        """Write one row per setting and fit to a Parquet file."""
        import pyarrow.parquet as pq

        pq.write_table(self.to_arrow(), path)

    def to_csv(self, path: str | Path) -> None:
        """Write one row per setting and fit to a CSV file."""
        from pyarrow import csv

        csv.write_csv(self.to_arrow(), path)


def epoch_columns(name: str, index: NDArray[np.int64]) -> Iterator[tuple[str, pa.Array]]:
    """Yield epochs in both ways of counting, null where the index is -1."""
    import pyarrow as pa

    yield f"{name}_index", pa.array(index, mask=index < 0)
    yield f"{name}_epoch", pa.array(index + 1, mask=index < 0)


def looked_up(words: Sequence[Any], places: NDArray[np.intp], kind: pa.DataType | None = None) -> pa.Array:
    """Return the words at places."""
    import pyarrow as pa

    return pa.array(words, kind).take(pa.array(places))


def argument_columns(
    settings: Sequence[object], names: Sequence[str], numbers: NDArray[np.intp]
) -> Iterator[tuple[str, pa.Array]]:
    """Yield the arguments of settings; those that may be fractions are float64 whatever was given."""
    import pyarrow as pa

    for name in names:
        kind = pa.float64() if name in _FRACTIONS else None
        yield name, looked_up([getattr(setting, name) for setting in settings], numbers, kind)


_FRACTIONS = ("min_delta", "baseline", "factor", "min_lr", "epsilon")


_ARGUMENTS = ("monitor", "mode", "patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights")


def table_of(sweep: Sweep) -> pa.Table:
    """Return one row per setting and fit that has an answer, under the names of `simulate --json`.

    A value is null where none is recorded, and NaN where NaN is; `undecided` says so whatever else limits the answer.
    """
    import pyarrow as pa

    number, place = np.nonzero(sweep.answered)
    return pa.table(dict(_columns(sweep, number, place)))


def _columns(sweep: Sweep, number: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[tuple[str, pa.Array]]:
    import pyarrow as pa

    fits, settings, answers = sweep.fits, sweep.settings, sweep.answers
    for name in ("run", "fit", "epochs"):
        yield name, looked_up([getattr(fit, name) for fit in fits], place)
    yield "semantics", looked_up([sweep.semantics.name], np.zeros(len(number), np.intp))
    yield from argument_columns(settings, _ARGUMENTS, number)
    undecided = answers.undecided[number, place]
    yield "fired", pa.array(~undecided)
    yield "undecided", pa.array(undecided)
    for name in ("stop", "best", "kept"):
        yield from epoch_columns(name, getattr(answers, f"{name}_index")[number, place])
    yield "saved_epochs", pa.array(answers.saved[number, place])
    for name, known in (("best_value", answers.has_best), ("kept_value", answers.has_kept)):
        yield name, pa.array(getattr(answers, name)[number, place], mask=~known[number, place])
    for name in ("saved_seconds", "regret", "also_regret", "by_chance"):
        values = getattr(answers, name)[number, place]
        yield name, pa.array(values, mask=np.isnan(values))
    labels = [fit.label for fit in fits]
    weaker = ["undecided" if label == "exact" else label for label in labels]
    yield "validity", looked_up([*labels, *weaker], np.where(undecided, place + len(labels), place))
