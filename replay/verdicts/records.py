"""Verdicts as rows, one per choice and fit, column by column: records of Python would take a hundred times as long.

In them nothing is null, and NaN is a value that was recorded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray


# Arguments that may be fractions are float64 whatever was given.
_FRACTIONS = ("min_delta", "baseline", "factor", "min_lr", "epsilon")


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


def epoch_columns(name: str, index: NDArray[np.signedinteger[Any]]) -> Iterator[tuple[str, pa.Array]]:
    """Yield epochs in both ways of counting, null where the index is -1."""
    import pyarrow as pa

    yield f"{name}_index", pa.array(index, mask=index < 0)
    yield f"{name}_epoch", pa.array(index + 1, mask=index < 0)


def looked_up(words: Sequence[Any], places: NDArray[Any], kind: pa.DataType | None = None) -> pa.Array:
    """Return the words at places."""
    import pyarrow as pa

    return pa.array(words, kind).take(pa.array(places))


def argument_columns(
    settings: Sequence[object], names: Sequence[str], numbers: NDArray[np.intp]
) -> Iterator[tuple[str, pa.Array]]:
    """Yield the arguments of settings."""
    import pyarrow as pa

    for name in names:
        kind = pa.float64() if name in _FRACTIONS else None
        yield name, looked_up([getattr(setting, name) for setting in settings], numbers, kind)
