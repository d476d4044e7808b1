"""Rows of runs and their catalogue entries as recordings; streams are read from the store when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kcb_replay.ingest.arrow import codes_and_words, numbers_of, validity_of
from kcb_replay.ingest.recording import Fit, Message, Recording, Series, StepSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from kcb_replay.ingest.recording import Floats, Integers, Mask
    from kcb_replay.ingest.store.schema import RunEntry, StreamEntry

__all__ = ["StoredSteps", "ValueRows", "columns_of", "metrics_of", "recording_of", "stream_of"]


class ValueRows(NamedTuple):
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
    def of(cls, rows: pa.Table, *, shared: bool) -> ValueRows:
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

    def between(self, first: int, end: int) -> ValueRows:
        """Return some of the rows."""
        part = slice(first, end)
        times = None if self.times is None else (self.times[0][part], self.times[1][part])
        return ValueRows(
            self.fit[part], self.code[part], self.words, self.epoch[part], self.value[part], times, self.shared
        )

    def series(self, chosen: Mask, values: Floats, index: Integers, tag: str, source: str) -> Series:
        """Return the chosen of `values`, which belong to these rows, as a series over the epochs of `index`."""
        rows = _together(chosen)
        epochs, found = self.epoch[rows], values[rows]
        if np.array_equal(index, epochs):
            return Series(found.copy() if self.shared else found, np.ones(len(index), np.bool_), tag, source)
        placed, valid = np.zeros(len(index)), np.zeros(len(index), np.bool_)
        positions = np.searchsorted(index, epochs)
        placed[positions], valid[positions] = found, True
        return Series(placed, valid, tag, source)


def columns_of(entry: RunEntry) -> tuple[str, ...]:
    """Return the columns of which `recording_of` makes a run; the catalogue knows the rest."""
    timed = ("wall_time",) if any(fit.wall_time for fit in entry.fits) else ()
    messages = ("source", "message_kind", "message", "message_epoch", "message_value") if entry.message_count else ()
    return ("fit", "metric", "epoch", "value", *timed, *messages)


def recording_of(entry: RunEntry, rows: pa.Table, steps: Sequence[Mapping[str, StepSeries]]) -> Recording:
    """Return the recording whose rows these are; the text columns were read as dictionaries, `steps` are per fit."""
    count = len(rows) - entry.message_count
    messages = _messages_of(rows.slice(count))
    values = ValueRows.of(rows.slice(0, count), shared=False)
    fits = []
    for number, fit in enumerate(entry.fits):
        index, series, wall_time = _columns_of_fit(entry, number, values, None)
        fits.append(Fit(index, series, wall_time, steps[number], tuple(islice(messages, fit.messages))))
    return Recording(entry.name, entry.sources, tuple(fits), entry.notes)


def metrics_of(entry: RunEntry, rows: ValueRows, metrics: Collection[str]) -> Recording:
    """Return a run with these metrics only, without streams and messages; `rows` are those of its values."""
    fits = []
    for number, fit in enumerate(entry.fits):
        unloaded = tuple(metric for metric, *_ in fit.columns if metric not in metrics)
        fits.append(Fit(*_columns_of_fit(entry, number, rows, metrics), unloaded=unloaded))
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


class StoredSteps(Mapping[str, StepSeries]):
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
    entry: RunEntry, number: int, rows: ValueRows, metrics: Collection[str] | None
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
