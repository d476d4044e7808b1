"""The monitored values of many fits as one block, and what a fit without them is left out for."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Block:
    """The values of one metric, epoch-major, of shape (rows, fits); shorter fits are padded with what is not valid.

    `lengths` (fits,) is the number of recorded epochs of each, `epochs` their 0-based numbers.
    """

    values: Floats
    valid: Mask
    epochs: Integers
    lengths: Integers


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
