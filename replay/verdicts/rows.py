"""A sweep as rows, one per setting and fit, column by column: records of Python would take a hundred times as long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from kcb_replay.ingest.display import Displayed
from kcb_replay.replay.records import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.verdicts.table import LeftOutFit

__all__ = ["Rows", "argument_columns", "epoch_columns", "looked_up"]


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
