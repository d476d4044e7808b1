"""One bucket of the store: a Parquet file with the rows and, in its footer, the catalogue of its runs.

A bucket is only ever replaced as a whole: written beside, synced, renamed. Who replaces one holds its lock.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from kcb_replay.errors import StoreError
from kcb_replay.ingest.rows import entry_of, recording_of, rows_of
from kcb_replay.ingest.schema import (
    DICTIONARY_COLUMNS,
    FOOTER_KEY,
    PARQUET_ENCODING,
    VERSION,
    entry_from_json,
    require_version,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.schema import RefusedSource, RunEntry

__all__ = ["StoredRun", "read_entries", "read_run", "replace_runs", "sync_folder"]

_ROW_GROUP = 1_000_000


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A recording to be stored, and the files of its folder that could not be read."""

    recording: Recording
    refused: tuple[RefusedSource, ...] = ()


def read_entries(path: Path) -> dict[str, RunEntry]:
    """Return the catalogue of a bucket, empty when there is no such file."""
    try:
        with _opened(path) as file:
            return _entries(file, path)
    except FileNotFoundError:
        return {}


def read_run(path: Path, name: str) -> Recording | None:
    """Return a run of a bucket, None when it is not there."""
    try:
        # One handle for both, so that a bucket replaced meanwhile cannot mix two states.
        with _opened(path, read_dictionary=DICTIONARY_COLUMNS) as file:
            entry = _entries(file, path).get(name)
            return None if entry is None else recording_of(entry, _rows(file, entry))
    except FileNotFoundError:
        return None


def replace_runs(path: Path, runs: Iterable[StoredRun], *, temporary: Path) -> list[str]:
    """Write `runs` into the bucket at `path`, instead of those of the same names, in one rename.

    `temporary` is a file name on the same file system. Whatever fails, the bucket stays as it was. A stored run that
    shares no source with the new one of its name is another run: it is kept, and the name of the new one returned.
    """
    new = {run.recording.name: run for run in runs}
    tables: dict[str, tuple[RunEntry, pa.Table]] = {}
    if path.exists():
        with _opened(path) as file:
            kept = [entry for entry in _entries(file, path).values() if not _is_replaced(entry, new)]
            if kept:
                rows = file.read()
                tables = {entry.name: (entry, rows.slice(*_offset_and_length(entry))) for entry in kept}
    others = [name for name in new if name in tables]
    for name in new.keys() - tables.keys():
        run = new[name]
        tables[name] = entry_of(run.recording, run.refused), rows_of(run.recording)
    try:
        _write(temporary, [tables[name] for name in sorted(tables)])
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return others


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_replaced(entry: RunEntry, new: Mapping[str, StoredRun]) -> bool:
    run = new.get(entry.name)
    if run is None:
        return False
    paths = {source.path for source in run.recording.sources}
    return any(source.path in paths for source in entry.sources) or not entry.sources


def _offset_and_length(entry: RunEntry) -> tuple[int, int]:
    first, end = entry.rows
    return first, end - first


@contextmanager
def _opened(path: Path, *, read_dictionary: Sequence[str] | None = None) -> Iterator[pq.ParquetFile]:
    """Open a bucket; whatever reading it then fails with is a `StoreError` that names it."""
    try:
        with pq.ParquetFile(path, read_dictionary=read_dictionary, page_checksum_verification=True) as file:
            yield file
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise StoreError(
            f"{path} is not readable as Parquet: {error}. Restore it, or delete it and ingest its runs again."
        ) from error


def _write(path: Path, runs: list[tuple[RunEntry, pa.Table]]) -> None:
    entries: dict[str, object] = {}
    first = 0
    for entry, rows in runs:
        entries[entry.name] = replace(entry, rows=(first, first + len(rows))).to_json()
        first += len(rows)
    footer = json.dumps({"version": VERSION, "runs": entries}, separators=(",", ":"))
    table = pa.concat_tables([rows for _, rows in runs]).replace_schema_metadata({FOOTER_KEY: footer.encode()})
    with path.open("wb") as file:
        pq.write_table(
            table,
            file,
            row_group_size=_ROW_GROUP,
            compression="zstd",
            compression_level=3,
            use_dictionary=DICTIONARY_COLUMNS,
            column_encoding=PARQUET_ENCODING,
            write_page_checksum=True,
        )
        file.flush()
        os.fsync(file.fileno())


def _entries(file: pq.ParquetFile, path: Path) -> dict[str, RunEntry]:
    metadata = (file.schema_arrow.metadata or {}).get(FOOTER_KEY)
    if metadata is None:
        raise StoreError(f"{path} holds no catalogue: it was not written by kcb-replay. Move it out of the store.")
    footer = json.loads(metadata)
    require_version(footer["version"], str(path))
    return {name: entry_from_json(name, entry) for name, entry in footer["runs"].items()}


def _rows(file: pq.ParquetFile, entry: RunEntry) -> pa.Table:
    """Read only the row groups that hold the run."""
    first, end = entry.rows
    groups, skipped, start = [], 0, 0
    for number in range(file.num_row_groups):
        stop = start + file.metadata.row_group(number).num_rows
        if start < end and stop > first:
            groups.append(number)
        elif stop <= first:
            skipped = stop
        start = stop
    return file.read_row_groups(groups).slice(first - skipped, end - first)
