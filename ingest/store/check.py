"""Verify a store: that every bucket can be read, holds what its catalogue says, and that every run is there once.

Nothing is repaired and no lock is taken, so that a read-only store can be checked, too, and one that is written to.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise, zip_longest
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from kcb_replay.errors import StoreError
from kcb_replay.ingest.arrow import numbers_of, validity_of
from kcb_replay.ingest.store.bucket import Bucket, damage_named, opened, recording_of, stream_of
from kcb_replay.ingest.store.layout import STORE_FILE, BucketLayout
from kcb_replay.ingest.store.rows import entry_of, rows_of, step_rows_of
from kcb_replay.ingest.store.schema import SCHEMA, FitEntry, RunEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pyarrow.parquet as pq

    from kcb_replay.ingest.recording import StepSeries
    from kcb_replay.ingest.store.folder import StoreFolder


_REMEDY = "Restore it, or delete it and ingest its runs again."


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong with a file of the store, and what to do about it."""

    file: str
    text: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """How much was verified, and what was found to be wrong."""

    buckets: int
    runs: int
    rows: int
    faults: tuple[Fault, ...]


def check(store: StoreFolder, *, progress: Callable[[int, int, str], None] | None = None) -> CheckReport:
    """Read every row of a store and report what is wrong; raises `StoreError` when there is no store."""
    report = _looked_at(store, progress)
    if report.faults:
        # Between two files a writer may have moved a run; what is wrong is so the next time, too.
        faults = _looked_at(store, progress).faults
        report = replace(report, faults=tuple(fault for fault in report.faults if fault in faults))
    return report


def _looked_at(store: StoreFolder, progress: Callable[[int, int, str], None] | None) -> CheckReport:
    layout = store.layout()
    faults = [Fault(path.as_posix(), _stray(path)) for path in _strays(store, layout)]
    homes: dict[str, list[int]] = defaultdict(list)
    rows = buckets = 0
    for number in range(layout.buckets):
        path = store.bucket_path(number)
        if progress:
            progress(number, layout.buckets, path.name)
        try:
            with opened(path) as bucket:
                buckets, rows = buckets + 1, rows + bucket.file.metadata.num_rows
                entries = bucket.entries()
                faults += [Fault(path.as_posix(), text) for text in _faults(bucket, entries)]
        except FileNotFoundError:
            continue
        except StoreError as error:
            faults.append(Fault(path.as_posix(), str(error)))
            continue
        for name in entries:
            homes[name].append(number)
    faults += [Fault(file.as_posix(), text) for file, text in _misplaced(store, layout, homes)]
    if progress:
        progress(layout.buckets, layout.buckets, "")
    return CheckReport(buckets, len(homes), rows, tuple(faults))


def _strays(store: StoreFolder, layout: BucketLayout) -> Iterator[Path]:
    """Yield the files that a stranger would read with the store and that are none of its buckets."""
    own = {store.bucket_path(number).name for number in range(layout.buckets)}
    yield from sorted(path for path in (store.path / "data").iterdir() if path.name not in own and _is_shown(path))
    names = {STORE_FILE, "data"}
    yield from sorted(path for path in store.path.iterdir() if path.name not in names and _is_shown(path))


def _is_shown(path: Path) -> bool:
    return not path.name.startswith((".", "_"))


def _stray(path: Path) -> str:
    if re.fullmatch(r"b\d{4}\.parquet", path.name):
        return f"{path} is beyond the last bucket: {STORE_FILE} is older than it. Restore {STORE_FILE}."
    return f"{path} is no file of the store, but readers of Parquet would take it for one. Move it out of the store."


def _misplaced(store: StoreFolder, layout: BucketLayout, homes: Mapping[str, list[int]]) -> Iterator[tuple[Path, str]]:
    for name, numbers in homes.items():
        for number in numbers:
            if number not in layout.numbers(name):
                path = store.bucket_path(number)
                yield path, f"{path} holds {name}, which nobody looks for there. {_REMEDY}"
        if len(numbers) > 1:
            path, others = store.bucket_path(numbers[-1]), ", ".join(store.bucket_path(n).name for n in numbers[:-1])
            yield path, f"{path} holds {name}, and so does {others}. Remove that run and ingest it again."


def _faults(bucket: Bucket, entries: Mapping[str, RunEntry]) -> Iterator[str]:
    """Yield what is wrong with the runs of a bucket, or between them."""
    path, rows = bucket.path, bucket.file.metadata.num_rows
    ordered = [entries[name] for name in sorted(entries)]
    spans = [*(entry.rows for entry in ordered), *(entry.step_rows for entry in ordered)]
    ends = [(0, 0), *spans, (rows, rows)]
    if any(end != first for (_, end), (first, _) in pairwise(ends)):
        yield f"{path} has rows that belong to no run, or to two. {_REMEDY}"
        return
    for entry in ordered:
        # Whoever reads the row groups of a run verifies the checksums of their pages.
        if not _is_as_catalogued(bucket, entry):
            yield f"{path} holds other rows of {entry.name} than its catalogue says. {_REMEDY}"
    with damage_named(path):
        column = _misleading_column(bucket.file)
    if column:
        yield f"{path} has statistics of {column} that would mislead other tools. {_REMEDY}"


def _is_as_catalogued(bucket: Bucket, entry: RunEntry) -> bool:
    """Tell whether the rows of a run are those that its recording would be stored as."""
    rows, step_rows = (bucket.rows(part) for part in (entry.rows, entry.step_rows))
    try:
        recording = recording_of(entry, rows, _steps(entry, step_rows))
        again = entry_of(recording, entry.refused, entry.tags)
        return (
            _with_digests(entry.fits, again.fits) == again.fits
            and _equal(rows_of([recording]), rows)
            and _equal(step_rows_of([recording]), step_rows)
        )
    except (ValueError, LookupError, TypeError, StopIteration, pa.ArrowException):
        return False


def _with_digests(stored: Sequence[FitEntry], others: Sequence[FitEntry]) -> tuple[FitEntry, ...]:
    """Return the fits with the digests of others where they were stored before there were any."""
    pairs = zip_longest(stored, others)
    return tuple(one if one.digests else replace(one, digests=two.digests) for one, two in pairs if one and two)


def _steps(entry: RunEntry, rows: pa.Table) -> list[dict[str, StepSeries]]:
    steps, first = [], 0
    for fit in entry.fits:
        series = {}
        for stream in fit.streams:
            series[stream.name] = stream_of(stream, rows.slice(first, stream.steps))
            first += stream.steps
        steps.append(series)
    return steps


def _equal(expected: Iterable[pa.Table], stored: pa.Table) -> bool:
    """Compare rows bit by bit, so that a NaN equals itself."""
    table = pa.concat_tables([SCHEMA.empty_table(), *expected])
    return len(table) == len(stored) and all(map(_equal_columns, table.columns, stored.columns))


def _equal_columns(one: pa.ChunkedArray, two: pa.ChunkedArray) -> bool:
    if one.type != pa.float64():
        plain = pa.string() if pa.types.is_dictionary(one.type) else one.type
        return bool(one.cast(plain).equals(two.cast(plain)))
    valid = validity_of(one)
    expected, stored = (numbers_of(column, np.float64).view(np.int64)[valid] for column in (one, two))
    return np.array_equal(valid, validity_of(two)) and np.array_equal(expected, stored)


def _misleading_column(file: pq.ParquetFile) -> str:
    """Return the name of the first column whose statistics are not those of its values, "" when all are."""
    names: list[str] = file.schema_arrow.names
    for number in range(file.num_row_groups):
        group = file.read_row_group(number)
        for position, name in enumerate(names):
            statistics = file.metadata.row_group(number).column(position).statistics
            if statistics is not None and not _is_true(statistics, group.column(position)):
                return name
    return ""


def _is_true(statistics: pq.Statistics, column: pa.ChunkedArray) -> bool:
    if statistics.has_null_count and statistics.null_count != column.null_count:
        return False
    if not statistics.has_min_max:
        return True
    values = column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column
    if pa.types.is_floating(values.type):
        # Writers leave NaN out of them.
        values = values.filter(pc.invert(pc.is_nan(values)))
    return bool(pc.min_max(values).as_py() == {"min": statistics.min, "max": statistics.max})
