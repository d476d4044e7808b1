"""Read some metrics of many runs, a bucket at a time: for questions that are asked of every run of a store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.arrow import codes_and_words, numbers_of, validity_of
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.ingest.store.bucket import opened, read_rows
from kcb_replay.ingest.store.schema import catalogue_from_footer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    import pyarrow as pa

    from kcb_replay.ingest.store.schema import FitEntry, RunEntry

__all__ = ["recordings_of_bucket"]

Integers: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
_COLUMNS = ("fit", "metric", "epoch", "value", "wall_time")


@dataclass(frozen=True, slots=True)
class _Columns:
    """The rows of a bucket as arrays: `code` says which of `words` the metric is."""

    fit: NDArray[np.int32]
    code: NDArray[np.generic]
    words: dict[str, int]
    epoch: Integers
    value: Floats
    wall_time: Floats
    timed: Mask


def recordings_of_bucket(path: Path, metrics: Collection[str], wanted: Callable[[str], bool]) -> Iterator[Recording]:
    """Yield the runs of a bucket whose names are `wanted`, with these metrics only and without streams and messages."""
    try:
        with opened(path) as file:
            entries = catalogue_from_footer(file.metadata.metadata, str(path))
            last = max((entry.rows[1] for entry in entries.values()), default=0)
            columns = _columns(read_rows(file, path, (0, last), _COLUMNS))
    except FileNotFoundError:
        return
    for entry in entries.values():
        if wanted(entry.name):
            yield _recording(entry, columns, metrics)


def _columns(rows: pa.Table) -> _Columns:
    codes, words = codes_and_words(rows.column("metric"))
    return _Columns(
        fit=numbers_of(rows.column("fit"), np.int32),
        code=codes,
        words={word: code for code, word in enumerate(words)},
        epoch=numbers_of(rows.column("epoch"), np.int64),
        value=numbers_of(rows.column("value"), np.float64),
        wall_time=numbers_of(rows.column("wall_time"), np.float64),
        timed=validity_of(rows.column("wall_time")),
    )


def _recording(entry: RunEntry, columns: _Columns, metrics: Collection[str]) -> Recording:
    fits = tuple(_fit(number, fit, entry, columns, metrics) for number, fit in enumerate(entry.fits))
    return Recording(entry.name, entry.sources, fits, entry.notes)


def _fit(number: int, fit: FitEntry, entry: RunEntry, columns: _Columns, metrics: Collection[str]) -> Fit:
    index = fit.epoch_column()
    first, end = entry.rows[0], entry.rows[1] - entry.message_count
    in_fit = columns.fit[first:end] == number
    series: dict[str, Series] = {}
    for metric, tag, source in fit.columns:
        if metric in metrics:
            # A metric without any value has no rows.
            rows = first + np.flatnonzero(in_fit & (columns.code[first:end] == columns.words.get(metric, -1)))
            series[metric] = _placed(index, columns.epoch[rows], columns.value[rows], tag, source)
    wall_time = None
    if fit.wall_time is not None:
        rows = first + np.flatnonzero(in_fit & columns.timed[first:end])
        wall_time = _placed(index, columns.epoch[rows], columns.wall_time[rows], *fit.wall_time)
    unloaded = tuple(metric for metric, *_ in fit.columns if metric not in metrics)
    return Fit(index, series, wall_time, unloaded=unloaded)


def _placed(index: Integers, epochs: Integers, numbers: Floats, tag: str, source: str) -> Series:
    if np.array_equal(index, epochs):
        return Series(numbers, np.ones(len(index), np.bool_), tag, source)
    values, valid = np.zeros(len(index)), np.zeros(len(index), np.bool_)
    places = np.searchsorted(index, epochs)
    values[places], valid[places] = numbers, True
    return Series(values, valid, tag, source)
