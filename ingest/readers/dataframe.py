"""Read DataFrames of metrics that were saved as Parquet or Feather, a row an epoch.

A file is taken only where its schema has the columns of a training, for Parquet holds much else; a larger one than is
looked at before it is read must be named with its format. Columns that are no numbers are left out by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from kcb_replay.ingest.frames import Cell, Frame, are_columns_of_epochs, fits_of
from kcb_replay.ingest.readers.base import LogReader

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Fit
    from kcb_replay.ingest.table import Log

_PARQUET, _FEATHER = b"PAR1", b"ARROW1"
_WHAT = "a DataFrame of metrics in Parquet or Feather"
# Cells that are read: a table of Python's numbers takes a hundred bytes each.
_MOST_CELLS = 4_000_000


def _looks_like(_: str, head: bytes) -> bool:
    """Tell from the beginning of a Feather file, or from a whole Parquet file, whether it has columns of epochs."""
    if not head.startswith(_FEATHER) and not head.endswith(_PARQUET):
        return False
    try:
        return are_columns_of_epochs(_names(_schema(head)))
    except (pa.ArrowException, OSError, ValueError):
        return False


def _schema(part: bytes) -> pa.Schema:
    if part.startswith(_FEATHER):
        # Behind its mark, a file is a stream.
        return pa.ipc.read_schema(pa.BufferReader(part[8:]))
    from pyarrow import parquet

    return parquet.read_schema(pa.BufferReader(part))


def _names(schema: pa.Schema) -> list[str]:
    """Return the names of columns; the index that pandas saves has one of its own."""
    return ["" if name.startswith("__index_level_") else name for name in schema.names]


def _fits_in(content: bytes, log: Log) -> tuple[Fit, ...]:
    try:
        table = _table(content, log)
        names = _names(table.schema)
        if not are_columns_of_epochs(names):
            raise log.refusal("has no columns of a training")
        columns = [[_cell(value) for value in column.to_pylist()] for column in table.columns]
    except (pa.ArrowException, OSError, ValueError) as error:
        raise log.refusal(f"is no whole file of Parquet or Feather: {type(error).__name__}") from None
    rows: list[Sequence[Cell]] = list(zip(*columns, strict=True))
    return fits_of([Frame(tuple(names), rows, [row + 1 for row in range(len(rows))])] if rows else [], log)


DATAFRAME = LogReader(
    format="dataframe",
    what=_WHAT,
    rank=25,
    suffixes=(".parquet", ".pq", ".feather", ".arrow"),
    looks_like=_looks_like,
    fits_in=_fits_in,
)


def _table(content: bytes, log: Log) -> pa.Table:
    if content.startswith(_FEATHER):
        table = pa.ipc.open_file(pa.BufferReader(content)).read_all()
        _require_few(table.num_rows, table.num_columns, log)
        return table
    from pyarrow import parquet

    file = parquet.ParquetFile(pa.BufferReader(content), page_checksum_verification=True)
    _require_few(file.metadata.num_rows, file.metadata.num_columns, log)
    return file.read(use_threads=False)


def _require_few(rows: int, columns: int, log: Log) -> None:
    if rows * columns > _MOST_CELLS:
        raise log.refusal(f"has {rows:,} rows of {columns:,} columns, more than {_MOST_CELLS:,} cells")


def _cell(value: object) -> Cell:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return str(value)
