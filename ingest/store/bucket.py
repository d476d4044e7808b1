"""One bucket of the store as it is read: a Parquet file with the rows and, in its footer, the catalogue of its runs.

Each reading uses one handle for catalogue and rows, so that a bucket that is replaced meanwhile cannot mix two states.
The rows of streams stand behind all others, in row groups of their own: whoever loads a run reads them when he asks for
them. Whatever reading fails with is a `StoreError` that names the file.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from kcb_replay.errors import StoreError
from kcb_replay.ingest.store.recordings import StoredSteps, ValueRows, columns_of, metrics_of, recording_of, stream_of
from kcb_replay.ingest.store.schema import DICTIONARY_COLUMNS, SCHEMA, RunEntry, catalogue_from_footer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from kcb_replay.ingest.recording import Recording, StepSeries

__all__ = ["Bucket", "damage_named", "opened", "read_entries", "read_metrics", "read_run"]

_VALUE_COLUMNS = ("fit", "metric", "epoch", "value", "wall_time")


class Bucket(NamedTuple):
    """An open bucket; rows are given as the first and the one after the last."""

    path: Path
    file: pq.ParquetFile

    def entries(self) -> dict[str, RunEntry]:
        """Return the catalogue."""
        with damage_named(self.path):
            return catalogue_from_footer(self.file.metadata.metadata, str(self.path))

    def rows(self, rows: tuple[int, int], columns: Sequence[str] = SCHEMA.names) -> pa.Table:
        """Return rows; only their row groups are read."""
        tables = list(self.row_groups(rows, columns))
        return pa.concat_tables(tables) if tables else SCHEMA.empty_table().select(columns)

    def row_groups(self, rows: tuple[int, int], columns: Sequence[str] = SCHEMA.names) -> Iterator[pa.Table]:
        """Yield rows row group by row group."""
        first, end = rows
        start = 0
        for number in range(self.file.num_row_groups):
            stop = start + self.file.metadata.row_group(number).num_rows
            if start < end and stop > first:
                with damage_named(self.path):
                    group = self.file.read_row_group(number, columns=columns)
                    # One that is not found is left out without a word.
                    if group.num_columns != len(columns):
                        raise ValueError(f"row group {number} lacks a column")
                yield group.slice(max(first - start, 0), min(end, stop) - max(first, start))
            start = stop


@contextmanager
def opened(path: Path) -> Iterator[Bucket]:
    """Open a bucket; raises `FileNotFoundError` where there is none."""
    with damage_named(path):
        try:
            file = pq.ParquetFile(path, read_dictionary=DICTIONARY_COLUMNS, page_checksum_verification=True)
        except KeyError:
            # Other columns than ours: the footer says whose they are, or of which version.
            with pq.ParquetFile(path) as foreign:
                catalogue_from_footer(foreign.metadata.metadata, str(path))
            raise
    with file:
        yield Bucket(path, file)


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


def read_entries(path: Path) -> dict[str, RunEntry]:
    """Return the catalogue of a bucket, empty when there is no such file."""
    try:
        with opened(path) as bucket:
            return bucket.entries()
    except FileNotFoundError:
        return {}


def read_run(path: Path, name: str) -> Recording | None:
    """Return a run of a bucket, None when it is not there; its streams are read when they are asked for."""
    try:
        with opened(path) as bucket:
            entry = bucket.entries().get(name)
            if entry is None:
                return None
            rows = bucket.rows(entry.rows, columns_of(entry))
            with damage_named(path):
                return recording_of(entry, rows, _steps_of(path, entry))
    except FileNotFoundError:
        return None


def read_metrics(path: Path, metrics: Collection[str], wanted: Callable[[str], bool]) -> Iterator[Recording]:
    """Yield the runs of a bucket whose names are `wanted`, with these metrics only and without streams and messages."""
    try:
        with opened(path) as bucket:
            entries = bucket.entries()
            end = max((entry.rows[1] for entry in entries.values()), default=0)
            rows = ValueRows.of(bucket.rows((0, end), _VALUE_COLUMNS), shared=True)
    except FileNotFoundError:
        return
    for entry in entries.values():
        if wanted(entry.name):
            first, end = entry.rows
            yield metrics_of(entry, rows.between(first, end - entry.message_count), metrics)


def _steps_of(path: Path, entry: RunEntry) -> list[Mapping[str, StepSeries]]:
    """Return the streams of each fit, still to be read: they stand in the store in the order of the catalogue."""
    steps: list[Mapping[str, StepSeries]] = []
    before = 0
    for number, fit in enumerate(entry.fits):
        read: dict[str, Callable[[], StepSeries]] = {}
        for position, stream in enumerate(fit.streams):
            read[stream.name] = partial(_read_stream, path, entry, (number, position), before)
            before += stream.steps
        steps.append(MappingProxyType(StoredSteps(read)))
    return steps


def _read_stream(path: Path, loaded: RunEntry, position: tuple[int, int], before: int) -> StepSeries:
    """Read a stream of a run that was loaded before; refuses when the run has changed in between."""
    try:
        with opened(path) as bucket:
            entry = bucket.entries().get(loaded.name)
            if entry is not None and (entry.sources, entry.fits) == (loaded.sources, loaded.fits):
                stream = entry.fits[position[0]].streams[position[1]]
                first = entry.step_rows[0] + before
                rows = bucket.rows((first, first + stream.steps), ["step", "step_value", "wall_time"])
                with damage_named(path):
                    return stream_of(stream, rows)
    except FileNotFoundError:
        pass
    raise StoreError(f"{loaded.name} has changed in the store since it was loaded. Load it again to read its streams.")
