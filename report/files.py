"""Write a file, or rows some fits at a time, so that nobody ever sees half of it: beside its place, then renamed.

Where it may be written is decided in `output_place`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from kcb_replay.errors import KcbReplayError, SettingError
from kcb_replay.replay.verdicts.table import Verdicts
from kcb_replay.report.output_place import ROWS_MARK, output_place

if TYPE_CHECKING:
    import pyarrow as pa

    _Block = TypeVar("_Block", bound="Verdicts[Any, Any]")


_UNITS = {"MB": 1_000_000, "KB": 1_000, "B": 1}
_ENDINGS = (".parquet", ".csv")


def size_from_text(text: str) -> int:
    """Return the bytes that `2MB`, `500kB` or `800000` stand for. Raises `SettingError` for anything else."""
    number, factor = text.strip().upper(), 1
    for unit, value in _UNITS.items():
        if number.endswith(unit):
            number, factor = number.removesuffix(unit), value
            break
    try:
        size = float(number) * factor
    except ValueError:
        size = 0.0
    if not 1 <= size < 1e12:
        raise SettingError(f"{text!r} is no size. Give one as 2MB or 500kB.")
    return int(size)


def require_size(html: str, most: int, path: Path) -> None:
    """Raise `KcbReplayError` for a page that is larger than `most` bytes, and say what makes it smaller."""
    size = len(html.encode())
    if size <= most:
        return
    enough = -(-size // 100_000) / 10
    raise KcbReplayError(
        f"{path} was not written: it would take {size / 1e6:.1f} MB, more than --max-size {most / 1e6:g}MB."
        f" Name fewer runs, ask for fewer settings, leave out --all, or give --max-size {enough:g}MB."
    )


def write_whole(path: Path, write: Callable[[Path], None], *, force: bool = False) -> None:
    """Let `write` fill a temporary file in the folder of `path`, then put it in place in one step.

    The temporary file has the suffix of `path`. Raises `KcbReplayError` where `output_place` refuses, and when the file
    cannot be written; whatever `write` raises passes through. No temporary file is left behind in either case.
    """
    place = output_place(path, force=force)
    try:
        temporary = _temporary_beside(place)
        try:
            write(temporary)
            temporary.replace(place)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise KcbReplayError(f"{path} cannot be written: {reason}. Choose another place, or free this one.") from error


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


def require_rows_file(path: Path) -> None:
    """Raise `SettingError` unless the file is of a kind that can be written."""
    if path.suffix.lower() not in _ENDINGS:
        raise SettingError(f"{path} is neither a .parquet nor a .csv file.")


@contextmanager
def rows_file(path: Path, *, force: bool = False) -> Iterator[Callable[[Verdicts[Any, Any]], None]]:
    """Give a function that writes the rows of verdicts; the file appears when all are written.

    Raises `KcbReplayError` where `output_place` refuses, and when the file cannot be written.
    """
    place = output_place(path, force=force)
    half = place.with_name(f".{place.name}.part")
    writers: list[Any] = []

    def write(verdicts: Verdicts[Any, Any]) -> None:
        rows = verdicts.to_arrow()
        if not writers:
            writers.append(stack.enter_context(_rows_writer(half, path.suffix.lower(), rows.schema)))
        writers[0].write_table(rows)

    try:
        with ExitStack() as stack:
            yield write
        if writers:
            half.replace(place)
    except OSError as error:
        raise KcbReplayError(f"{path} cannot be written: {error.strerror or error}. Choose another file.") from None
    finally:
        half.unlink(missing_ok=True)


def written_rows(blocks: Iterable[_Block], path: Path, *, force: bool = False) -> Iterator[_Block]:
    """Yield the sweeps and write the rows of each, see `rows_file`."""
    with rows_file(path, force=force) as write:
        for block in blocks:
            write(block)
            yield block


def _rows_writer(path: Path, ending: str, schema: pa.Schema) -> pa.csv.CSVWriter:
    if ending == ".csv":
        from pyarrow import csv

        return csv.CSVWriter(path, schema)
    import pyarrow.parquet as pq

    return pq.ParquetWriter(path, schema.with_metadata({**(schema.metadata or {}), "writer": ROWS_MARK}))
