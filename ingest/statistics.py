"""Verify the statistics of a bucket: the smallest and largest value by which other tools skip row groups unread.

No checksum covers them. We never look at them ourselves, so that only whoever reads the Parquet would be misled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import pyarrow.parquet as pq

__all__ = ["misleading_column"]


def misleading_column(file: pq.ParquetFile) -> str:
    """Return the name of the first column whose statistics are not those of its values, "" when all are."""
    names: list[str] = file.schema_arrow.names
    for number in range(file.num_row_groups):
        group = file.read_row_group(number)
        for place, name in enumerate(names):
            found = file.metadata.row_group(number).column(place).statistics
            if found is not None and not _is_true(found, group.column(place)):
                return name
    return ""


def _is_true(found: pq.Statistics, column: pa.ChunkedArray) -> bool:
    if found.has_null_count and found.null_count != column.null_count:
        return False
    if not found.has_min_max:
        return True
    values = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    if pa.types.is_floating(values.type):
        # Writers leave NaN out of them.
        values = values.filter(pc.invert(pc.is_nan(values)))
    return bool(pc.min_max(values).as_py() == {"min": found.min, "max": found.max})
