"""A recording as rows and a catalogue entry, and back, without losing a value, a gap or the order of the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kcb_replay.ingest.columns import codes_and_words, numbers, numbers_of, texts, validity_of
from kcb_replay.ingest.recording import Fit, Recording, Series
from kcb_replay.ingest.schema import SCHEMA, FitEntry, RunEntry

if TYPE_CHECKING:
    from kcb_replay.ingest.schema import RefusedSource

__all__ = ["entry_of", "recording_of", "rows_of"]

Integers: TypeAlias = NDArray[np.int64]
_T = TypeVar("_T", bound=np.generic)


class _Column(NamedTuple):
    """One series of one fit."""

    metric: str
    fit: int
    series: Series


def rows_of(recording: Recording) -> pa.Table:
    """Return a row per value, sorted by metric, fit and epoch."""
    columns = [
        _Column(metric, number, series)
        for number, fit in enumerate(recording.fits)
        for metric, series in fit.metrics.items()
    ]
    columns.sort(key=lambda column: column[:2])
    counts = [int(column.series.valid.sum()) for column in columns]
    metrics = list(dict.fromkeys(column.metric for column in columns))
    sources = list(dict.fromkeys(column.series.source for column in columns))
    wall_times, wall_valid = _wall_times(recording, columns)
    arrays = [
        texts(np.zeros(sum(counts), np.int32), [recording.name]),
        numbers(np.repeat(np.array([column.fit for column in columns], np.int32), counts)),
        texts(np.repeat(np.array([sources.index(c.series.source) for c in columns], np.int32), counts), sources),
        texts(np.repeat(np.array([metrics.index(c.metric) for c in columns], np.int32), counts), metrics),
        numbers(_joined([recording.fits[c.fit].epochs[c.series.valid] for c in columns], np.int64)),
        numbers(_joined([c.series.values[c.series.valid] for c in columns], np.float64)),
        numbers(wall_times, wall_valid),
    ]
    return pa.Table.from_arrays(arrays, schema=SCHEMA)


def entry_of(recording: Recording, refused: tuple[RefusedSource, ...]) -> RunEntry:
    """Return the catalogue entry of a recording that is not yet placed in a bucket."""
    fits = tuple(
        FitEntry(
            epochs=_ranges(fit.epochs),
            columns=tuple((metric, series.tag, series.source) for metric, series in fit.metrics.items()),
            wall_time=None if fit.wall_time is None else (fit.wall_time.tag, fit.wall_time.source),
        )
        for fit in recording.fits
    )
    return RunEntry(recording.name, (0, 0), recording.sources, fits, recording.notes, refused)


def recording_of(entry: RunEntry, rows: pa.Table) -> Recording:
    """Return the recording whose rows these are; the text columns were read as dictionaries."""
    fit_column = numbers_of(rows.column("fit"), np.int32)
    codes, metrics = codes_and_words(rows.column("metric"))
    epochs = numbers_of(rows.column("epoch"), np.int64)
    values = numbers_of(rows.column("value"), np.float64)
    wall_times = numbers_of(rows.column("wall_time"), np.float64)
    wall_valid = validity_of(rows.column("wall_time"))
    fits = []
    for number, fit in enumerate(entry.fits):
        index = fit.epoch_column()
        in_fit = fit_column == number
        series = {}
        for metric, tag, source in fit.columns:
            # A metric without any value has no rows.
            chosen = in_fit & (codes == metrics.index(metric)) if metric in metrics else np.zeros_like(in_fit)
            series[metric] = _placed(index, epochs[chosen], values[chosen], tag, source)
        timed = in_fit & wall_valid
        wall_time = fit.wall_time and _placed(index, epochs[timed], wall_times[timed], *fit.wall_time)
        fits.append(Fit(index, series, wall_time))
    return Recording(entry.name, entry.sources, tuple(fits), entry.notes)


def _placed(index: Integers, epochs: Integers, numbers: NDArray[np.float64], tag: str, source: str) -> Series:
    values = np.zeros(len(index))
    valid = np.zeros(len(index), np.bool_)
    places = np.searchsorted(index, epochs)
    values[places], valid[places] = numbers, True
    return Series(values, valid, tag=tag, source=source)


def _wall_times(recording: Recording, columns: list[_Column]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    times, valid = [], []
    for _, number, series in columns:
        wall = recording.fits[number].wall_time
        times.append(np.zeros(int(series.valid.sum())) if wall is None else wall.values[series.valid])
        valid.append(np.zeros(len(times[-1]), np.bool_) if wall is None else wall.valid[series.valid])
    return _joined(times, np.float64), _joined(valid, np.bool_)


def _joined(parts: list[NDArray[_T]], dtype: type[_T]) -> NDArray[_T]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)


def _ranges(epochs: Integers) -> tuple[tuple[int, int], ...]:
    if not len(epochs):
        return ()
    breaks = np.flatnonzero(np.diff(epochs) != 1)
    firsts, lasts = epochs[[0, *(breaks + 1)]], epochs[[*breaks, -1]]
    return tuple(zip(firsts.tolist(), lasts.tolist(), strict=True))
