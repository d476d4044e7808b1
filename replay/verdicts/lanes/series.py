"""The values of one metric of many fits as one block, and what all settings ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.copies import each_with_original
from kcb_replay.ingest.recording import Fit, Note, Recording
from kcb_replay.language.reason import reason
from kcb_replay.replay.left_out import LeftOut, left_out_copy
from kcb_replay.replay.source_limits import unplaced_metrics
from kcb_replay.replay.verdicts.lanes.improvements import unwarned

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Rows: TypeAlias = NDArray[np.signedinteger[Any]]
Mask: TypeAlias = NDArray[np.bool_]
# Of a normal distribution, the standard deviation over the median of the absolute deviations.
_SIGMA_PER_MAD = 1.4826


@dataclass(frozen=True, slots=True)
class MonitoredFit:
    """One fit of one run, the codes of the notes on it, and the recording that it is a part of.

    `copy_of` is the run that is counted instead, where this one is of the same training.
    """

    run: str
    number: int
    fit: Fit
    codes: frozenset[str] = frozenset()
    recording: Recording | None = None
    copy_of: str | None = None

    @property
    def unplaced(self) -> tuple[Note, ...]:
        """The notes on metrics of which nobody knows the epochs, as of a recording of this fit alone."""
        notes = self.recording.notes if self.recording is not None else ()
        return tuple(replace(note, fit=None) for note in unplaced_metrics(notes, self.number))

    @property
    def why_not_asked(self) -> LeftOut | None:
        """Why no choice is asked of the fit: it is counted already, or there is nothing to ask of."""
        if self.copy_of is not None:
            return left_out_copy(self.run, self.number, self.copy_of)
        return None if len(self.fit) else LeftOut(self.run, self.number, reason("left_out.no_epochs_in_fit"))


@dataclass(frozen=True, eq=False)
class Block:
    """The values of one metric, epoch-major, of shape (rows, fits); shorter fits are padded with what is not valid.

    `lengths` (fits,) is the number of recorded epochs of each, `epochs` their 0-based numbers, `times` the seconds at
    their ends, NaN where they are not known.
    """

    values: Floats
    valid: Mask
    epochs: Integers
    lengths: Integers
    times: Floats

    def of_fits(self, places: Sequence[int]) -> Block:
        """Return the values of some fits."""
        return Block(
            values=self.values[:, places],
            valid=self.valid[:, places],
            epochs=self.epochs[:, places],
            lengths=self.lengths[places],
            times=self.times[:, places],
        )

    def value_at(self, rows: Rows) -> Floats:
        """Return the values at rows of shape (any, fits), NaN where there is none or the row is -1."""
        values: Floats = np.where(rows >= 0, np.take(self._shown, rows + self._offsets, mode="clip"), np.nan)
        return values

    def valid_at(self, rows: Rows) -> Mask:
        """Return where there is a value, NaN or not, at rows of shape (any, fits); there is none at row -1."""
        valid: Mask = (rows >= 0) & np.take(self._has_value, rows + self._offsets, mode="clip")
        return valid

    def monitored_until(self, rows: Rows) -> Rows:
        """Return how many values there are up to and including rows of shape (any, fits) that are not -1."""
        until: Rows = np.take(self._monitored, np.maximum(rows, 0) + self._offsets)
        return until

    def monitored_before(self, epoch: int) -> Rows:
        """Return how many values each fit has before an epoch (fits,)."""
        before: Rows = (self.valid & (self.epochs < epoch)).sum(axis=0)
        return before

    def epoch_at(self, rows: Rows) -> Rows:
        """Return the 0-based epochs of rows of shape (any, fits); -1 stays -1."""
        if self._numbered_as_rows:
            return rows
        epochs: Rows = np.where(rows >= 0, np.take(self._numbers, rows + self._offsets, mode="clip"), -1)
        return epochs

    def row_of(self, epochs: Integers) -> Integers:
        """Return the rows of recorded epochs of shape (any, fits); -1 stays -1."""
        if self._numbered_as_rows:
            return epochs
        columns = [
            np.searchsorted(self.epochs[: self.lengths[fit], fit], epochs[:, fit]) for fit in range(epochs.shape[1])
        ]
        return np.where(epochs >= 0, np.column_stack(columns), -1)

    @unwarned
    def seconds_after(self, rows: Rows) -> Floats:
        """Return how long the epochs behind rows of shape (any, fits) took; NaN without a wall time of each epoch."""
        if np.isnan(self.seconds).all():
            return np.full(rows.shape, np.nan)
        last = np.take_along_axis(self.times, self.lengths[np.newaxis] - 1, axis=0)
        seconds: Floats = last - np.take_along_axis(self.times, rows, axis=0) + 0.0 * self.seconds
        return seconds

    @cached_property
    @unwarned
    def seconds(self) -> Floats:
        """How long each fit took (fits,), NaN without a rising wall time of each epoch.

        The wall time stands at the end of an epoch, so the first is taken to be as long as the median of the others.
        """
        inside = np.arange(len(self.times))[:, np.newaxis] < self.lengths
        steps = np.diff(self.times, axis=0)
        known = (~np.isnan(self.times) | ~inside).all(axis=0) & (self.lengths > 1)
        known &= ((steps >= 0) | ~inside[1:]).all(axis=0)
        first = _medians(np.where(inside[1:], steps, np.nan))
        whole = np.take_along_axis(self.times, self.lengths[np.newaxis] - 1, axis=0)[0] - self.times[0]
        return np.where(known, first + whole, np.nan)

    @cached_property
    @unwarned
    def noise(self) -> Floats:
        """How far the metric jumps from epoch to epoch at the end of each fit (fits,), NaN where there is too little.

        The robust standard deviation of the differences in the last third, over the root of 2.
        """
        jumps = np.diff(np.where(self.valid & np.isfinite(self.values), self.values, np.nan), axis=0)
        jumps[np.arange(1, len(self.values))[:, np.newaxis] < 2 * self.lengths / 3] = np.nan
        noise: Floats = _SIGMA_PER_MAD * _medians(np.abs(jumps - _medians(jumps))) / np.sqrt(2)
        return noise

    def least(self, sign: float) -> Floats:
        """Return the best value of each fit (fits,), times `sign`; infinite where there is none."""
        return self._best(sign)[0]

    def best_row(self, sign: float) -> Integers:
        """Return the first row of the best value of each fit (fits,), -1 where none is a number."""
        return self._best(sign)[1]

    @cached_property
    def _bests(self) -> dict[float, tuple[Floats, Integers]]:
        return {}

    def _best(self, sign: float) -> tuple[Floats, Integers]:
        if sign not in self._bests:
            is_number = self.valid & ~np.isnan(self.values)
            signed = np.where(is_number, sign * self.values, np.inf)
            least = signed.min(axis=0, initial=np.inf)
            # The least may be a recorded infinity, which is no padding.
            is_best = is_number & (signed == least)
            rows = is_best.argmax(axis=0) if len(is_best) else np.zeros(len(least), np.int64)
            self._bests[sign] = least, np.where(is_best.any(axis=0), rows, -1)
        return self._bests[sign]

    @cached_property
    def _offsets(self) -> Integers:
        offsets: Integers = np.arange(self.values.shape[1]) * self.values.shape[0]
        return offsets

    @cached_property
    def _shown(self) -> Floats:
        # Fit after fit, where one value is found a few times faster.
        return np.ascontiguousarray(np.where(self.valid, self.values, np.nan).T).ravel()

    @cached_property
    def _has_value(self) -> Mask:
        return np.ascontiguousarray(self.valid.T).ravel()

    @cached_property
    def _monitored(self) -> Integers:
        monitored: Integers = np.ascontiguousarray(np.cumsum(self.valid, axis=0, dtype=np.int64).T).ravel()
        return monitored

    @cached_property
    def _numbers(self) -> Integers:
        return np.ascontiguousarray(self.epochs.T).ravel()

    @cached_property
    def _numbered_as_rows(self) -> bool:
        rows = np.arange(len(self.epochs))[:, np.newaxis]
        return bool(((self.epochs == rows) | (rows >= self.lengths)).all())


def monitored_fits(recordings: Iterable[Recording]) -> Iterator[MonitoredFit]:
    """Yield every fit; of a training that several recordings hold, one is counted."""
    for recording, original in each_with_original(recordings):
        for number, fit in enumerate(recording.fits):
            codes = frozenset(note.code for note in recording.notes if note.fit in (None, number))
            yield MonitoredFit(recording.name, number, fit, codes, recording, original)


def block_of(fits: Sequence[MonitoredFit], metric: str) -> Block:
    """Return the block of a metric; a fit without it has no valid value."""
    lengths = np.array([len(each.fit) for each in fits], np.int64)
    shape = (int(lengths.max(initial=0)), len(fits))
    values, valid, epochs = np.zeros(shape), np.zeros(shape, np.bool_), np.zeros(shape, np.int64)
    times = np.full(shape, np.nan)
    for lane, each in enumerate(fits):
        rows = len(each.fit)
        epochs[:rows, lane] = each.fit.epochs
        series, wall = each.fit.metrics.get(metric), each.fit.wall_time
        if series is not None:
            values[:rows, lane], valid[:rows, lane] = series.values, series.valid
        if wall is not None:
            times[:rows, lane] = np.where(wall.valid, wall.values, np.nan)
    return Block(values, valid, epochs, lengths, times)


def _medians(columns: Floats) -> Floats:
    """Return the median of each column (rows, any) without its NaN, NaN where there is nothing else."""
    if not len(columns):
        return np.full(columns.shape[1], np.nan)
    ordered = np.sort(columns, axis=0)
    count = (~np.isnan(columns)).sum(axis=0)[np.newaxis]
    low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, len(columns) - 1)
    medians: Floats = (np.take_along_axis(ordered, low, axis=0) + np.take_along_axis(ordered, high, axis=0))[0] / 2
    return medians
