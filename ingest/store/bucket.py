"""One bucket of the store: a Parquet file with the rows and, in its footer, the catalogue of its runs.

A bucket is only ever replaced as a whole: written beside, synced, renamed. Who replaces one holds its lock. The rows of
streams stand behind all others, in row groups of their own; they are copied without being held in memory, and whoever
loads a run reads them when he asks for them.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kcb_replay.errors import StoreError
from kcb_replay.ingest.arrow import texts
from kcb_replay.ingest.recording import Recording
from kcb_replay.ingest.store.rows import (
    StoredSteps,
    columns_of,
    entry_of,
    recording_of,
    row_count,
    rows_of,
    step_rows_of,
    stream_of,
)
from kcb_replay.ingest.store.schema import (
    DICTIONARY_COLUMNS,
    PARQUET_ENCODING,
    SCHEMA,
    RunEntry,
    catalogue_from_footer,
    footer_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from kcb_replay.ingest.recording import StepSeries
    from kcb_replay.ingest.store.schema import RefusedSource

__all__ = [
    "Content",
    "StoredRun",
    "content_of",
    "damage_named",
    "opened",
    "read_entries",
    "read_rows",
    "read_run",
    "renamed",
    "rewrite",
    "sync_folder",
]

_ROW_GROUP = 1_000_000
# Of streams, which are copied row group by row group: small enough that this takes little memory.
_STEP_GROUP = 250_000


@dataclass(frozen=True, slots=True)
class StoredRun:
    """A recording to be stored, and the files of its folder that could not be read."""

    recording: Recording
    refused: tuple[RefusedSource, ...] = ()


class Content(NamedTuple):
    """What a bucket holds of one run: a way to read its rows, or the recording of which they will be made.

    `step_rows` reads the rows of its streams piece by piece.
    """

    entry: RunEntry
    rows: Callable[[], pa.Table] | Recording
    step_rows: Callable[[], Iterable[pa.Table]]


def content_of(run: StoredRun, tags: tuple[str, ...] = ()) -> Content:
    """Return what a bucket will hold of a run."""
    recording = run.recording
    return Content(entry_of(recording, run.refused, tags), recording, partial(step_rows_of, [recording]))


def renamed(content: Content, name: str) -> Content:
    """Return the same run under another name."""

    def named(rows: pa.Table) -> pa.Table:
        return rows.set_column(0, SCHEMA.field("run"), texts(np.zeros(len(rows), np.int32), [name]))

    rows = content.rows
    return Content(
        replace(content.entry, name=name),
        replace(rows, name=name) if isinstance(rows, Recording) else lambda: named(rows()),
        lambda: (named(rows) for rows in content.step_rows()),
    )


def read_entries(path: Path) -> dict[str, RunEntry]:
    """Return the catalogue of a bucket, empty when there is no such file."""
    try:
        with opened(path) as file:
            return _entries(file, path)
    except FileNotFoundError:
        return {}


def read_run(path: Path, name: str) -> Recording | None:
    """Return a run of a bucket, None when it is not there; its streams are read when they are asked for."""
    try:
        # One handle for both, so that a bucket replaced meanwhile cannot mix two states.
        with opened(path) as file:
            entry = _entries(file, path).get(name)
            if entry is None:
                return None
            rows = read_rows(file, path, entry.rows, columns_of(entry))
            with damage_named(path):
                return recording_of(entry, rows, _steps_of(path, entry))
    except FileNotFoundError:
        return None


def rewrite(path: Path, change: Callable[[dict[str, Content]], dict[str, Content]], *, temporary: Path) -> None:
    """Replace the bucket at `path` by what `change` makes of its runs, in one rename.

    `temporary` is a file name on the same file system. Whatever fails, the bucket stays as it was; one that holds no
    run any more is deleted.
    """
    try:
        with opened(path) if path.exists() else _nothing() as file:
            contents = change({} if file is None else _contents(file, path))
            if contents:
                _write(temporary, [contents[name] for name in sorted(contents)])
        if contents:
            temporary.replace(path)
        else:
            path.unlink(missing_ok=True)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


@contextmanager
def opened(path: Path) -> Iterator[pq.ParquetFile]:
    """Open a bucket; a file that is no Parquet is a `StoreError` that names it."""
    with damage_named(path):
        try:
            file = pq.ParquetFile(path, read_dictionary=DICTIONARY_COLUMNS, page_checksum_verification=True)
        except KeyError:
            # Other columns than ours: the footer says whose they are, or of which version.
            with pq.ParquetFile(path) as foreign:
                catalogue_from_footer(foreign.metadata.metadata, str(path))
            raise
    with file:
        yield file


def read_rows(
    file: pq.ParquetFile, path: Path, rows: tuple[int, int], columns: Sequence[str] = SCHEMA.names
) -> pa.Table:
    """Return rows of a bucket, the first and the one after the last given; only their row groups are read."""
    tables = list(_pieces(file, path, rows, columns))
    return pa.concat_tables(tables) if tables else SCHEMA.empty_table().select(columns)


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _nothing() -> Iterator[None]:
    yield None


@contextmanager
def damage_named(path: Path) -> Iterator[None]:
    """Turn whatever reading a bucket fails with into a `StoreError` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (pa.ArrowException, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        if isinstance(error, OSError) and error.errno:
            # The system refused; nothing is known to be wrong with the file.
            reason = os.strerror(error.errno)
            raise StoreError(f"{path} cannot be read: {reason}. Check its permissions and its disk.") from error
        raise StoreError(
            f"{path} is not readable as Parquet: {str(error).rstrip('.')}."
            " Restore it, or delete it and ingest its runs again."
        ) from error


def _entries(file: pq.ParquetFile, path: Path) -> dict[str, RunEntry]:
    with damage_named(path):
        return catalogue_from_footer(file.metadata.metadata, str(path))


def _contents(file: pq.ParquetFile, path: Path) -> dict[str, Content]:
    entries = _entries(file, path)
    end = max((entry.rows[1] for entry in entries.values()), default=0)
    # Read once, and not at all where each run is about to be replaced.
    all_rows = cache(lambda: read_rows(file, path, (0, end)))

    def rows_of_run(first: int, end: int) -> pa.Table:
        return all_rows().slice(first, end - first)

    return {
        name: Content(entry, partial(rows_of_run, *entry.rows), partial(_pieces, file, path, entry.step_rows))
        for name, entry in entries.items()
    }


def _pieces(
    file: pq.ParquetFile, path: Path, rows: tuple[int, int], columns: Sequence[str] = SCHEMA.names
) -> Iterator[pa.Table]:
    """Yield rows of a bucket row group by row group."""
    first, end = rows
    start = 0
    for number in range(file.num_row_groups):
        stop = start + file.metadata.row_group(number).num_rows
        if start < end and stop > first:
            with damage_named(path):
                group = file.read_row_group(number, columns=columns)
                # One that is not found is left out without a word.
                if group.num_columns != len(columns):
                    raise ValueError(f"row group {number} lacks a column")
            yield group.slice(max(first - start, 0), min(end, stop) - max(first, start))
        start = stop


def _steps_of(path: Path, entry: RunEntry) -> list[Mapping[str, StepSeries]]:
    steps: list[Mapping[str, StepSeries]] = []
    for fit in entry.fits:
        read: dict[str, Callable[[], StepSeries]] = {}
        for number, stream in enumerate(fit.streams):
            read[stream.name] = partial(_read_stream, path, entry, (len(steps), number))
        steps.append(MappingProxyType(StoredSteps(read)))
    return steps


def _read_stream(path: Path, loaded: RunEntry, place: tuple[int, int]) -> StepSeries:
    """Read a stream of a run that was loaded before; refuses when the run has changed in between."""
    try:
        with opened(path) as file:
            entry = _entries(file, path).get(loaded.name)
            if entry is not None and _same_recording(entry, loaded):
                return _stream(file, path, entry, place)
    except FileNotFoundError:
        pass
    raise StoreError(f"{loaded.name} has changed in the store since it was loaded. Load it again to read its streams.")


def _stream(file: pq.ParquetFile, path: Path, entry: RunEntry, place: tuple[int, int]) -> StepSeries:
    fit, number = place
    before = [stream.steps for other in entry.fits[:fit] for stream in other.streams]
    before += [stream.steps for stream in entry.fits[fit].streams[:number]]
    first = entry.step_rows[0] + sum(before)
    stream = entry.fits[fit].streams[number]
    rows = read_rows(file, path, (first, first + stream.steps), ["step", "step_value", "wall_time"])
    with damage_named(path):
        return stream_of(stream, rows)


def _same_recording(one: RunEntry, two: RunEntry) -> bool:
    return (one.sources, one.fits) == (two.sources, two.fits)


def _write(path: Path, contents: Sequence[Content]) -> None:
    with path.open("wb") as file:
        with pq.ParquetWriter(
            file,
            SCHEMA,
            compression="zstd",
            compression_level=3,
            use_dictionary=DICTIONARY_COLUMNS,
            column_encoding=PARQUET_ENCODING,
            write_page_checksum=True,
            # The Arrow schema would tell strangers that text is categories; the metadata it carries is added instead.
            store_schema=False,
        ) as writer:
            for rows in _row_groups(contents):
                writer.write_table(rows, row_group_size=_ROW_GROUP)
            writer.add_key_value_metadata(footer_of(_placed(contents)))
        file.flush()
        os.fsync(file.fileno())


def _placed(contents: Sequence[Content]) -> Iterator[RunEntry]:
    """Yield the entries with their places: the rows of all runs, then those of all their streams."""
    lengths = [_length(content) for content in contents]
    row, step_row = 0, sum(lengths)
    for (entry, _, _), length in zip(contents, lengths, strict=True):
        steps = sum(stream.steps for fit in entry.fits for stream in fit.streams)
        yield replace(entry, rows=(row, row + length), step_rows=(step_row, step_row + steps))
        row, step_row = row + length, step_row + steps


def _length(content: Content) -> int:
    first, end = content.entry.rows
    return row_count(content.rows) if isinstance(content.rows, Recording) else end - first


def _row_groups(contents: Sequence[Content]) -> Iterator[pa.Table]:
    """Yield all rows in pieces of about a row group, so that neither they nor streams are all in memory."""
    yield from _gathered(_value_tables(contents), _ROW_GROUP)
    yield from map(_coded, _gathered(_step_tables(contents), _STEP_GROUP))


def _value_tables(contents: Iterable[Content]) -> Iterator[pa.Table]:
    """Yield the rows of the runs in order, neighbours together."""
    for are_new, some in groupby((content.rows for content in contents), _are_new):
        if are_new:
            yield from rows_of(rows for rows in some if isinstance(rows, Recording))
        else:
            yield _coded(pa.concat_tables(rows() for rows in some if not isinstance(rows, Recording)))


def _step_tables(contents: Iterable[Content]) -> Iterator[pa.Table]:
    """Yield the rows of the streams of the runs in order, those of new neighbours together."""
    for are_new, some in groupby(contents, lambda content: _are_new(content.rows)):
        if are_new:
            yield from step_rows_of(content.rows for content in some if isinstance(content.rows, Recording))
        else:
            yield from (rows for content in some for rows in content.step_rows())


def _are_new(rows: Callable[[], pa.Table] | Recording) -> bool:
    return isinstance(rows, Recording)


def _gathered(tables: Iterable[pa.Table], enough: int) -> Iterator[pa.Table]:
    gathered: list[pa.Table] = []
    rows = 0
    for table in tables:
        gathered.append(table)
        rows += len(table)
        if rows >= enough:
            yield _joined(gathered)
            gathered, rows = [], 0
    if gathered:
        yield _joined(gathered)


def _joined(tables: Sequence[pa.Table]) -> pa.Table:
    return pa.concat_tables(tables).unify_dictionaries() if len(tables) > 1 else tables[0]


def _coded(rows: pa.Table) -> pa.Table:
    """Return stored rows with one dictionary per text column that holds only the words in use."""
    columns = [
        column.cast(pa.string()).dictionary_encode() if field.name in DICTIONARY_COLUMNS else column
        for field, column in zip(SCHEMA, rows.columns, strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
