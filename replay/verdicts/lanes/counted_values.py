"""The values that a callback counts, moved together: epochs without a value, or before it starts, are passed over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["CountedValues", "counted_of"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class CountedValues:
    """`values` (rows, lanes), of which the first `lengths` (lanes,) count; behind them is NaN.

    `rows` (rows, lanes) says in which row of the block each stood, None where each still stands in its own.
    """

    values: Floats
    lengths: Integers
    rows: Integers | None

    def in_block(self, row: Integers) -> Integers:
        """Return the rows of the block for rows of `values`, of shape (any, lanes); -1 stays -1."""
        if self.rows is None or not self.rows.size:
            return row
        return np.where(row < 0, -1, np.take_along_axis(self.rows, np.maximum(row, 0), axis=0))


def counted_of(values: Floats, counts: Mask) -> CountedValues:
    """Return the values (rows, lanes) that count."""
    lengths = counts.sum(axis=0)
    if (counts[1:] <= counts[:-1]).all():
        return CountedValues(values if counts.all() else np.where(counts, values, np.nan), lengths, None)
    place = np.cumsum(counts, axis=0) - 1
    row, lane = np.nonzero(counts)
    together, rows = np.full(values.shape, np.nan), np.zeros(values.shape, np.int64)
    together[place[row, lane], lane], rows[place[row, lane], lane] = values[row, lane], row
    return CountedValues(together, lengths, rows)
