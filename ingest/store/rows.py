"""A recording as rows and a catalogue entry, without losing a value, a gap or the order of the metrics."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from kcb_replay.ingest.arrow import numbers, texts
from kcb_replay.ingest.fingerprint import digests_of
from kcb_replay.ingest.store.schema import SCHEMA, FitEntry, RefusedSource, RunEntry, StreamEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from kcb_replay.ingest.recording import Fit, Integers, Recording, Series, StepSeries


# Rows of one stream or metric, which may have any length, and of all that are held in memory at once.
_PIECE, _MOST_ROWS = 250_000, 1_000_000


class _StreamPiece(NamedTuple):
    """Some steps of a stream of one fit."""

    run: str
    number: int
    name: str
    series: StepSeries
    steps: slice

    @property
    def rows(self) -> int:
        return len(self.series.steps[self.steps])


class _MetricPiece(NamedTuple):
    """Some epochs of a metric of one fit."""

    run: str
    number: int
    fit: Fit
    metric: str
    epochs: slice

    @property
    def series(self) -> Series:
        return self.fit.metrics[self.metric]

    @property
    def rows(self) -> int:
        return len(self.fit.epochs[self.epochs])


_Piece = TypeVar("_Piece", _MetricPiece, _StreamPiece)


def rows_of(recordings: Iterable[Recording]) -> Iterator[pa.Table]:
    """Yield the rows of runs: a row per value, sorted by metric, fit and epoch, then a row per message, by fit.

    A table holds as many runs as it can, since making one takes longer than filling it with a small run.
    """
    for has_messages, some in groupby(recordings, _has_messages):
        for alike in [[one] for one in some] if has_messages else [some]:
            for columns in _batches((piece for recording in alike for piece in _columns(recording)), _MOST_ROWS):
                yield _value_rows(columns)
            if has_messages:
                yield _message_rows(*alike)


def row_count(recording: Recording) -> int:
    """Return the number of rows that `rows_of` makes of a run."""
    values = sum(int(np.count_nonzero(series.valid)) for fit in recording.fits for series in fit.metrics.values())
    return values + sum(len(fit.messages) for fit in recording.fits)


def step_rows_of(recordings: Iterable[Recording]) -> Iterator[pa.Table]:
    """Yield the rows of all streams, by run, fit and stream; each is by step already.

    A table holds many short streams, or a piece of a long one.
    """
    for streams in _batches((piece for recording in recordings for piece in _streams(recording)), _PIECE):
        yield _step_rows(streams)


def entry_of(recording: Recording, refused: tuple[RefusedSource, ...], tags: tuple[str, ...] = ()) -> RunEntry:
    """Return the catalogue entry of a recording that is not yet placed in a bucket."""
    fits = tuple(_fit_entry(fit) for fit in recording.fits)
    return RunEntry(recording.name, (0, 0), (0, 0), recording.sources, fits, recording.notes, refused, tags)


def _has_messages(recording: Recording) -> bool:
    return any(fit.messages for fit in recording.fits)


def _columns(recording: Recording) -> Iterator[_MetricPiece]:
    """Yield the columns of a run in the order of their rows, long ones in pieces."""
    places = sorted((metric, number) for number, fit in enumerate(recording.fits) for metric in fit.metrics)
    for metric, number in places:
        fit = recording.fits[number]
        for first in range(0, len(fit), _PIECE):
            yield _MetricPiece(recording.name, number, fit, metric, slice(first, first + _PIECE))


def _streams(recording: Recording) -> Iterator[_StreamPiece]:
    """Yield the streams of a run in the order of their rows, long ones in pieces."""
    for number, fit in enumerate(recording.fits):
        for name, series in fit.steps.items():
            for first in range(0, len(series), _PIECE):
                yield _StreamPiece(recording.name, number, name, series, slice(first, first + _PIECE))


def _batches(pieces: Iterable[_Piece], most: int) -> Iterator[list[_Piece]]:
    """Yield pieces together, of at most so many rows unless one alone has more."""
    batch: list[_Piece] = []
    rows = 0
    for piece in pieces:
        if batch and rows + piece.rows > most:
            yield batch
            batch, rows = [], 0
        batch.append(piece)
        rows += piece.rows
    if batch:
        yield batch


def _value_rows(columns: Sequence[_MetricPiece]) -> pa.Table:
    valid = [column.series.valid[column.epochs] for column in columns]
    counts = [int(np.count_nonzero(some)) for some in valid]
    known = np.concatenate(valid)
    arrays = {
        "run": _repeated([column.run for column in columns], counts),
        "fit": numbers(np.repeat(np.array([column.number for column in columns], np.int32), counts)),
        "source": _repeated([column.series.source for column in columns], counts),
        "metric": _repeated([column.metric for column in columns], counts),
        "epoch": numbers(np.concatenate([column.fit.epochs[column.epochs] for column in columns])[known]),
        "value": numbers(np.concatenate([column.series.values[column.epochs] for column in columns])[known]),
    }
    if any(column.fit.wall_time is not None for column in columns):
        times, timed = _wall_times(columns)
        arrays["wall_time"] = numbers(times[known], timed[known])
    return _table(sum(counts), arrays)


def _step_rows(streams: Sequence[_StreamPiece]) -> pa.Table:
    counts = [stream.rows for stream in streams]
    arrays = {
        "run": _repeated([stream.run for stream in streams], counts),
        "fit": numbers(np.repeat(np.array([stream.number for stream in streams], np.int32), counts)),
        "source": _repeated([stream.series.source for stream in streams], counts),
        "stream": _repeated([stream.name for stream in streams], counts),
        "unit": _repeated([stream.series.unit for stream in streams], counts),
        "step": numbers(np.concatenate([stream.series.steps[stream.steps] for stream in streams])),
        "step_value": numbers(np.concatenate([stream.series.values[stream.steps] for stream in streams])),
    }
    timed = [stream.series.wall_time is not None for stream in streams]
    if any(timed):
        times = [np.zeros(stream.rows) if wall is None else wall[stream.steps] for stream, wall in _with_times(streams)]
        arrays["wall_time"] = numbers(np.concatenate(times), np.repeat(timed, counts))
    return _table(sum(counts), arrays)


def _with_times(streams: Iterable[_StreamPiece]) -> Iterator[tuple[_StreamPiece, NDArray[np.float64] | None]]:
    return ((stream, stream.series.wall_time) for stream in streams)


def _message_rows(recording: Recording) -> pa.Table:
    messages = [(number, message) for number, fit in enumerate(recording.fits) for message in fit.messages]
    once = [1] * len(messages)
    epochs = [message.epoch for _, message in messages]
    values = [message.value for _, message in messages]
    columns = {
        "run": texts(np.zeros(len(messages), np.int32), [recording.name]),
        "fit": numbers(np.array([number for number, _ in messages], np.int32)),
        "source": _repeated([message.source for _, message in messages], once),
        "message_kind": _repeated([message.kind for _, message in messages], once),
        "message": _repeated([message.text for _, message in messages], once),
        "message_epoch": numbers(np.array([epoch or 0 for epoch in epochs], np.int64), _known(epochs)),
        "message_value": numbers(np.array([value or 0.0 for value in values], np.float64), _known(values)),
    }
    return _table(len(messages), columns)


def _fit_entry(fit: Fit) -> FitEntry:
    digests = digests_of(fit)
    return FitEntry(
        epochs=_ranges(fit.epochs),
        columns=tuple((metric, series.tag, series.source) for metric, series in fit.metrics.items()),
        wall_time=None if fit.wall_time is None else (fit.wall_time.tag, fit.wall_time.source),
        streams=tuple(
            StreamEntry(name, series.tag, series.source, series.unit, len(series), series.wall_time is not None)
            for name, series in fit.steps.items()
        ),
        messages=len(fit.messages),
        digests=tuple(digests.get(metric, "") for metric in fit.metrics),
    )


def _table(length: int, columns: Mapping[str, pa.Array]) -> pa.Table:
    """Return rows of one kind: the columns of the other kinds are null."""
    nulls = {type_: pa.nulls(length, type_) for type_ in set(SCHEMA.types)}
    return pa.Table.from_arrays(
        [columns[field.name] if field.name in columns else nulls[field.type] for field in SCHEMA], schema=SCHEMA
    )


def _repeated(words: Sequence[str], counts: Sequence[int]) -> pa.DictionaryArray:
    # A word that no row has would still be in the statistics of the file.
    used = dict.fromkeys(word for word, count in zip(words, counts, strict=True) if count)
    code_of = {word: code for code, word in enumerate(used)}
    return texts(np.repeat(np.array([code_of.get(word, 0) for word in words], np.int32), counts), list(code_of))


def _known(items: Sequence[object]) -> NDArray[np.bool_]:
    return np.array([item is not None for item in items], np.bool_)


def _wall_times(columns: Iterable[_MetricPiece]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    times, timed = [], []
    for column in columns:
        wall, length = column.fit.wall_time, len(column.fit.epochs[column.epochs])
        times.append(np.zeros(length) if wall is None else wall.values[column.epochs])
        timed.append(np.zeros(length, np.bool_) if wall is None else wall.valid[column.epochs])
    return np.concatenate(times), np.concatenate(timed)


def _ranges(epochs: Integers) -> tuple[tuple[int, int], ...]:
    if not len(epochs):
        return ()
    # They rise, so that this is the one range of most fits.
    if epochs[-1] - epochs[0] == len(epochs) - 1:
        return ((int(epochs[0]), int(epochs[-1])),)
    breaks = np.flatnonzero(np.diff(epochs) != 1)
    firsts, lasts = epochs[[0, *(breaks + 1)]], epochs[[*breaks, -1]]
    return tuple(zip(firsts.tolist(), lasts.tolist(), strict=True))
