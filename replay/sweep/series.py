"""The monitored values of many fits as one block, and what a fit without them is left out for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Fit

__all__ = ["Block", "MonitoredFit", "block_of"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class MonitoredFit:
    """One fit of one run; `sampled` where points of it are missing."""

    run: str
    number: int
    fit: Fit
    sampled: bool


@dataclass(frozen=True, eq=False)
class Block:
    """The values of one metric, epoch-major, of shape (rows, fits); shorter fits are padded with what is not valid.

    `lengths` (fits,) is the number of recorded epochs of each, `epochs` their 0-based numbers.
    """

    values: Floats
    valid: Mask
    epochs: Integers
    lengths: Integers

    def value_at(self, rows: Integers) -> Floats:
        """Return the values at rows of shape (any, fits), NaN where there is none or the row is -1."""
        values: Floats = np.where(rows >= 0, np.take(self._shown, rows + self._offsets, mode="clip"), np.nan)
        return values

    def epoch_at(self, rows: Integers) -> Integers:
        """Return the 0-based epochs of rows of shape (any, fits); -1 stays -1."""
        if self._numbered_as_rows:
            return rows
        epochs: Integers = np.where(rows >= 0, np.take(self._numbers, rows + self._offsets, mode="clip"), -1)
        return epochs

    @cached_property
    def least(self) -> Floats:
        """The lowest value of each fit (fits,), infinite where there is none."""
        least: Floats = np.fmin.reduce(self._by_fit(np.inf), axis=1, initial=np.inf)
        return least

    @cached_property
    def greatest(self) -> Floats:
        """The greatest value of each fit (fits,), minus infinity where there is none."""
        greatest: Floats = np.fmax.reduce(self._by_fit(-np.inf), axis=1, initial=-np.inf)
        return greatest

    @cached_property
    def _offsets(self) -> Integers:
        offsets: Integers = np.arange(self.values.shape[1]) * self.values.shape[0]
        return offsets

    @cached_property
    def _shown(self) -> Floats:
        return self._by_fit(np.nan).ravel()

    @cached_property
    def _numbers(self) -> Integers:
        return np.ascontiguousarray(self.epochs.T).ravel()

    @cached_property
    def _numbered_as_rows(self) -> bool:
        rows = np.arange(len(self.epochs))[:, np.newaxis]
        return bool(((self.epochs == rows) | (rows >= self.lengths)).all())

    def _by_fit(self, missing: float) -> Floats:
        """Return the values fit after fit, where one is found a few times faster."""
        return np.ascontiguousarray(np.where(self.valid, self.values, missing).T)


def block_of(fits: Sequence[MonitoredFit], monitor: str) -> Block:
    """Return the block of a metric that all `fits` have."""
    lengths = np.array([len(each.fit) for each in fits], np.int64)
    shape = (int(lengths.max(initial=0)), len(fits))
    values, valid, epochs = np.zeros(shape), np.zeros(shape, np.bool_), np.zeros(shape, np.int64)
    for lane, each in enumerate(fits):
        series = each.fit.metrics[monitor]
        rows = len(series.values)
        values[:rows, lane], valid[:rows, lane] = series.values, series.valid
        epochs[:rows, lane] = each.fit.epochs
    return Block(values, valid, epochs, lengths)
