"""Replace a bucket by what is to be in it: written beside, synced, renamed.

A bucket is only ever replaced as a whole; who replaces one holds its lock. The rows of runs that stay are copied, those
of streams without being held in memory.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from dataclasses import replace
from functools import cache, partial
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kcb_replay.ingest.arrow import texts
from kcb_replay.ingest.recording import Recording
from kcb_replay.ingest.store.bucket import Bucket, opened
from kcb_replay.ingest.store.rows import entry_of, row_count, rows_of, step_rows_of
from kcb_replay.ingest.store.schema import (
    DICTIONARY_COLUMNS,
    PARQUET_ENCODING,
    SCHEMA,
    RefusedSource,
    RunEntry,
    footer_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path


_ROW_GROUP = 1_000_000
# Of streams, which are copied row group by row group: small enough that this takes little memory.
_STEP_GROUP = 250_000


class Content(NamedTuple):
    """What a bucket holds of one run: a way to read its rows, or the recording of which they will be made.

    `step_rows` reads the rows of its streams piece by piece.
    """

    entry: RunEntry
    rows: Callable[[], pa.Table] | Recording
    step_rows: Callable[[], Iterable[pa.Table]]


def content_of(recording: Recording, refused: tuple[RefusedSource, ...], tags: tuple[str, ...] = ()) -> Content:
    """Return what a bucket will hold of a new run, and of the files of its folder that could not be read."""
    return Content(entry_of(recording, refused, tags), recording, partial(step_rows_of, [recording]))


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


def rewrite(path: Path, change: Callable[[dict[str, Content]], dict[str, Content]], *, temporary: Path) -> None:
    """Replace the bucket at `path` by what `change` makes of its runs, in one rename.

    `temporary` is a file name on the same file system. Whatever fails, the bucket stays as it was; one that holds no
    run any more is deleted.
    """
    try:
        with ExitStack() as stack:
            contents = change(_contents(stack.enter_context(opened(path))) if path.exists() else {})
            if contents:
                _write(temporary, [contents[name] for name in sorted(contents)])
        if contents:
            temporary.replace(path)
        else:
            path.unlink(missing_ok=True)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make the renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _contents(bucket: Bucket) -> dict[str, Content]:
    entries = bucket.entries()
    end = max((entry.rows[1] for entry in entries.values()), default=0)
    # Read once, and not at all where each run is about to be replaced.
    all_rows = cache(lambda: bucket.rows((0, end)))

    def rows_of_run(first: int, end: int) -> pa.Table:
        return all_rows().slice(first, end - first)

    return {
        name: Content(entry, partial(rows_of_run, *entry.rows), partial(bucket.row_groups, entry.step_rows))
        for name, entry in entries.items()
    }


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
