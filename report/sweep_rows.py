"""A row per fit and setting in a Parquet or CSV file, written some fits at a time."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from kcb_replay.errors import KcbReplayError, SettingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pyarrow as pa

    from kcb_replay.replay.verdicts.records import Rows

    _Block = TypeVar("_Block", bound=Rows)

__all__ = ["require_rows_file", "written_rows"]

_ENDINGS = (".parquet", ".csv")


def require_rows_file(path: Path) -> None:
    """Raise `SettingError` unless the file is of a kind that can be written."""
    if path.suffix.lower() not in _ENDINGS:
        raise SettingError(f"{path} is neither a .parquet nor a .csv file.")


def written_rows(blocks: Iterable[_Block], path: Path) -> Iterator[_Block]:
    """Yield the sweeps and write the rows of each; the file appears when all are written.

    Raises `KcbReplayError` when it cannot be written.
    """
    half = path.with_name(f".{path.name}.part")
    try:
        with ExitStack() as stack:
            writer = None
            for block in blocks:
                rows = block.to_arrow()
                writer = writer or stack.enter_context(_writer(half, path.suffix.lower(), rows.schema))
                writer.write_table(rows)
                yield block
        if writer is not None:
            half.replace(path)
    except OSError as error:
        raise KcbReplayError(f"{path} cannot be written: {error.strerror or error}. Choose another file.") from None
    finally:
        half.unlink(missing_ok=True)


def _writer(path: Path, ending: str, schema: pa.Schema) -> pa.csv.CSVWriter:
    if ending == ".csv":
        from pyarrow import csv

        return csv.CSVWriter(path, schema)
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema)
