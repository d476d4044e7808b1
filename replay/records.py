"""Answers as records and rows, in which nothing is null, and NaN is a value that was recorded."""

from __future__ import annotations

from math import isnan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd
    import pyarrow as pa

__all__ = ["frame_of", "without_nan"]


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
