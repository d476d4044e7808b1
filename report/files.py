"""Write a file, or rows some fits at a time, so that nobody ever sees half of it: beside its place, then renamed.

Refuses nothing by itself; a folder that is missing or closed becomes an error that says what to do.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kcb_replay.errors import KcbReplayError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pyarrow as pa

    from kcb_replay.replay.verdicts.table import Verdicts

    _Block = TypeVar("_Block", bound="Verdicts[Any, Any]")

__all__ = ["require_place", "require_rows_file", "write_whole", "written_rows"]


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in the folder of `path`, then put it in place in one step.

    The temporary file has the suffix of `path`. Raises `KcbReplayError` when the folder does not exist or cannot be
    written; whatever `write` raises passes through. No temporary file is left behind in either case.
    """
    require_place(path)
    try:
        temporary = _temporary_beside(path)
        try:
            write(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise KcbReplayError(f"{path} cannot be written: {reason}. Choose another place, or free this one.") from error


def require_place(path: Path) -> None:
    """Raise `KcbReplayError` where no file can be written to `path`: asked before the work, not only behind it."""
    folder = path.parent
    if not folder.exists():
        raise KcbReplayError(f"{path} cannot be written: the folder {folder} does not exist. Make it first.")
    if not folder.is_dir():
        raise KcbReplayError(f"{path} cannot be written: {folder} is a file, not a folder. Choose another place.")
    if path.is_dir():
        raise KcbReplayError(f"{path} is a folder. Give the name of the file to write in it.")
    if not os.access(folder, os.W_OK):
        raise KcbReplayError(f"{path} cannot be written: {folder} is closed to writing. Choose another place.")


def _temporary_beside(path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=".kcb-", suffix=path.suffix, dir=path.parent)
    try:
        # mkstemp makes a private file; the result should be as readable as any other new file.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
    finally:
        os.close(handle)
    return Path(name)


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
                writer = writer or stack.enter_context(_rows_writer(half, path.suffix.lower(), rows.schema))
                writer.write_table(rows)
                yield block
        if writer is not None:
            half.replace(path)
    except OSError as error:
        raise KcbReplayError(f"{path} cannot be written: {error.strerror or error}. Choose another file.") from None
    finally:
        half.unlink(missing_ok=True)


def _rows_writer(path: Path, ending: str, schema: pa.Schema) -> pa.csv.CSVWriter:
    if ending == ".csv":
        from pyarrow import csv

        return csv.CSVWriter(path, schema)
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema)
