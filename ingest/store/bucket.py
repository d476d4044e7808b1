"""One bucket of the store as it is read: a Parquet file with rows and, in its footer, the catalogue of its runs.

Each reading uses one handle for catalogue and rows, so that a bucket that is replaced meanwhile cannot mix two states.
The rows of streams stand behind all others, in row groups of their own: whoever loads a run reads them when he asks for
them. Whatever reading fails with is a `StoreError` that names the file.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from kcb_replay.errors import StoreError
from kcb_replay.ingest.arrow import codes_and_words, numbers_of, validity_of
from kcb_replay.ingest.recording import Fit, Floats, Integers, Mask, Message, Recording, Series, StepSeries
from kcb_replay.ingest.store.schema import (
    DICTIONARY_COLUMNS,
    SCHEMA,
    RunEntry,
    StreamEntry,
    catalogue_from_footer,
    digests_from_footer,
)

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from kcb_replay.ingest.copies import Digests


_VALUE_COLUMNS = ("fit", "metric", "epoch", "value", "wall_time")


class _ValueRows(NamedTuple):
    """Rows of values as arrays: `code` says which of `words` the metric is, `times` the wall times.

    What is kept of rows that are `shared` with other runs is copied, so that these do not stay in memory.
    """

    fit: NDArray[np.int32]
    code: NDArray[np.generic]
    words: Mapping[str, int]
    epoch: Integers
    value: Floats
    times: tuple[Floats, Mask] | None
    shared: bool

    @classmethod
    def of(cls, rows: pa.Table, *, shared: bool) -> _ValueRows:
        """Return rows whose text columns were read as dictionaries."""
        codes, words = codes_and_words(rows.column("metric"))
        times = rows.column("wall_time") if "wall_time" in rows.column_names else None
        return cls(
            fit=numbers_of(rows.column("fit"), np.int32),
            code=codes,
            words={word: code for code, word in enumerate(words)},
            epoch=numbers_of(rows.column("epoch"), np.int64),
            value=numbers_of(rows.column("value"), np.float64),
            times=None if times is None else (numbers_of(times, np.float64), validity_of(times)),
            shared=shared,
        )

    def between(self, first: int, end: int) -> _ValueRows:
        """Return some of the rows."""
        part = slice(first, end)
        times = None if self.times is None else (self.times[0][part], self.times[1][part])
        return _ValueRows(
            self.fit[part], self.code[part], self.words, self.epoch[part], self.value[part], times, self.shared
        )

    def series(self, chosen: Mask, values: Floats, index: Integers, tag: str, source: str) -> Series:
        """Return the chosen of `values`, which belong to these rows, as a series over the epochs of `index`."""
        rows = _together(chosen)
        epochs, kept = self.epoch[rows], values[rows]
        if np.array_equal(index, epochs):
            return Series(kept.copy() if self.shared else kept, np.ones(len(index), np.bool_), tag, source)
        placed, valid = np.zeros(len(index)), np.zeros(len(index), np.bool_)
        positions = np.searchsorted(index, epochs)
        placed[positions], valid[positions] = kept, True
        return Series(placed, valid, tag, source)


def _columns_of(entry: RunEntry) -> tuple[str, ...]:
    """Return the columns of which `recording_of` makes a run; the catalogue knows the rest."""
    timed = ("wall_time",) if any(fit.wall_time for fit in entry.fits) else ()
    messages = ("source", "message_kind", "message", "message_epoch", "message_value") if entry.message_count else ()
    return ("fit", "metric", "epoch", "value", *timed, *messages)


def recording_of(entry: RunEntry, rows: pa.Table, steps: Sequence[Mapping[str, StepSeries]]) -> Recording:
    """Return the recording whose rows these are; the text columns were read as dictionaries, `steps` are per fit."""
    count = len(rows) - entry.message_count
    messages = _messages_of(rows.slice(count))
    values = _ValueRows.of(rows.slice(0, count), shared=False)
    fits = []
    for number, fit in enumerate(entry.fits):
        index, series, wall_time = _columns_of_fit(entry, number, values, None)
        fits.append(Fit(index, series, wall_time, steps[number], tuple(islice(messages, fit.messages))))
    return Recording(entry.name, entry.sources, tuple(fits), entry.notes)


def _metrics_of(entry: RunEntry, rows: _ValueRows, metrics: Collection[str] | None) -> Recording:
    """Return a run with these metrics only, without streams and messages; `rows` are those of its values."""
    fits = []
    for number, fit in enumerate(entry.fits):
        unloaded = tuple(metric for metric, *_ in fit.columns if metrics is not None and metric not in metrics)
        # All that is loaded tells the fit from others by itself.
        digests = fit.digest_by_metric() if unloaded else None
        fits.append(Fit(*_columns_of_fit(entry, number, rows, metrics), unloaded=unloaded, digests=digests))
    return Recording(entry.name, entry.sources, tuple(fits), entry.notes)


def stream_of(entry: StreamEntry, rows: pa.Table) -> StepSeries:
    """Return the stream whose rows these are."""
    return StepSeries(
        steps=numbers_of(rows.column("step"), np.int64),
        values=numbers_of(rows.column("step_value"), np.float64),
        unit=entry.unit,
        tag=entry.tag,
        source=entry.source,
        wall_time=numbers_of(rows.column("wall_time"), np.float64) if entry.timed else None,
    )


class _StoredSteps(Mapping[str, StepSeries]):
    """The streams of one fit by name, named at once; `read[name]` reads a stream, which is done once."""

    def __init__(self, read: Mapping[str, Callable[[], StepSeries]]) -> None:
        self._read = dict(read)
        self._series: dict[str, StepSeries] = {}

    def __getitem__(self, name: str) -> StepSeries:
        if name not in self._series:
            self._series[name] = self._read[name]()
        return self._series[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read)

    def __len__(self) -> int:
        return len(self._read)

    def __contains__(self, name: object) -> bool:
        return name in self._read


def _columns_of_fit(
    entry: RunEntry, number: int, rows: _ValueRows, metrics: Collection[str] | None
) -> tuple[Integers, dict[str, Series], Series | None]:
    """Return the epochs of a fit, its metrics (all for None) and its wall times."""
    fit = entry.fits[number]
    index, in_fit = fit.epoch_column(), rows.fit == number
    series = {}
    for metric, tag, source in fit.columns:
        if metrics is None or metric in metrics:
            # A metric without any value has no rows.
            chosen = in_fit & (rows.code == rows.words.get(metric, -1))
            series[metric] = rows.series(chosen, rows.value, index, tag, source)
    wall_time = None
    if fit.wall_time is not None and rows.times is not None:
        times, timed = rows.times
        wall_time = rows.series(in_fit & timed, times, index, *fit.wall_time)
    return index, series, wall_time


def _messages_of(rows: pa.Table) -> Iterator[Message]:
    names = ("message_kind", "message", "source", "message_epoch", "message_value")
    return map(Message, *(rows.column(name).to_pylist() for name in names)) if len(rows) else iter(())


def _together(chosen: Mask) -> slice | Mask:
    """Return the rows of a series as a slice, which copies nothing, where they stand together as they should."""
    count = int(np.count_nonzero(chosen))
    first = int(chosen.argmax()) if count else 0
    return slice(first, first + count) if chosen[first : first + count].all() else chosen


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


def read_digests(path: Path) -> dict[str, Digests]:
    """Return what tells each run of a bucket from others, for less than the whole catalogue takes."""
    try:
        with opened(path) as bucket, damage_named(path):
            return digests_from_footer(bucket.file.metadata.metadata, str(path))
    except FileNotFoundError:
        return {}


def read_run(path: Path, name: str) -> Recording | None:
    """Return a run of a bucket, None when it is not there; its streams are read when they are asked for."""
    try:
        with opened(path) as bucket:
            entry = bucket.entries().get(name)
            if entry is None:
                return None
            rows = bucket.rows(entry.rows, _columns_of(entry))
            with damage_named(path):
                return recording_of(entry, rows, _steps_of(path, entry))
    except FileNotFoundError:
        return None


def read_metrics(path: Path, metrics: Collection[str] | None, wanted: Callable[[str], bool]) -> Iterator[Recording]:
    """Yield the runs of a bucket whose names are `wanted`, with these metrics only and without streams and messages."""
    try:
        with opened(path) as bucket:
            entries = bucket.entries()
            end = max((entry.rows[1] for entry in entries.values()), default=0)
            rows = _ValueRows.of(bucket.rows((0, end), _VALUE_COLUMNS), shared=True)
    except FileNotFoundError:
        return
    for entry in entries.values():
        if wanted(entry.name):
            first, end = entry.rows
            yield _metrics_of(entry, rows.between(first, end - entry.message_count), metrics)


def _steps_of(path: Path, entry: RunEntry) -> list[Mapping[str, StepSeries]]:
    """Return the streams of each fit, still to be read: they stand in the store in the order of the catalogue."""
    steps: list[Mapping[str, StepSeries]] = []
    before = 0
    for number, fit in enumerate(entry.fits):
        read: dict[str, Callable[[], StepSeries]] = {}
        for position, stream in enumerate(fit.streams):
            read[stream.name] = partial(_read_stream, path, entry, (number, position), before)
            before += stream.steps
        steps.append(MappingProxyType(_StoredSteps(read)))
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
