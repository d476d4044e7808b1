"""The Recording model: what one training left behind, as immutable values.

A missing metric (no value that epoch) and NaN (a NaN value) are kept apart by a validity mask. Float32 values are held
as the exact float64 of the float32, so that replays are exact. Nothing here reads files or knows of callbacks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

__all__ = ["LEARNING_RATE_KEYS", "Fit", "Note", "Recording", "Series", "Source"]

# The names under which callbacks log the learning rate: Keras 3, then Keras 2.
LEARNING_RATE_KEYS = ("learning_rate", "lr")

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was read.

    `mtime_ns` and `size` are those of the file when it was read; `sha256` is of the bytes that were read.
    """

    path: str
    format: str
    size: int
    mtime_ns: int
    sha256: str
    reader: str


@dataclass(frozen=True, slots=True)
class Note:
    """One odd fact about a recording: a stable `code`, the sentence for people, and where it was found.

    `fit` and `metric` are None where the fact is about the whole source.
    """

    code: str
    text: str
    source: str
    fit: int | None = None
    metric: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One value per epoch of a fit; where `valid` is false there was no value (which is not NaN).

    `tag` is the name found in the source, `source` the path it was read from. Values without validity are 0.0.
    """

    values: Floats
    valid: Mask
    tag: str
    source: str

    def __post_init__(self) -> None:
        if self.values.shape != self.valid.shape:
            raise ValueError(f"{self.values.size} values but {len(self.valid)} validity flags for {self.tag}")
        self.values.setflags(write=False)
        self.valid.setflags(write=False)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Series):
            return NotImplemented
        return (
            (self.tag, self.source) == (other.tag, other.source)
            and np.array_equal(self.valid, other.valid)
            and np.array_equal(self.values[self.valid], other.values[other.valid], equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One call of `fit`: the 0-based, rising epoch column and a series per metric, all of the same length.

    `wall_time` is in seconds since 1970 where the source has it.
    """

    epochs: Integers
    metrics: Mapping[str, Series]
    wall_time: Series | None = None

    def __post_init__(self) -> None:
        self.epochs.setflags(write=False)
        object.__setattr__(self, "metrics", MappingProxyType(dict(self.metrics)))
        if (np.diff(self.epochs) <= 0).any():
            raise ValueError("the epochs of a fit must rise")
        for name, series in self.metrics.items():
            if len(series.valid) != len(self.epochs):
                raise ValueError(f"{name} has {len(series.valid)} values for {len(self.epochs)} epochs")

    def __len__(self) -> int:
        return len(self.epochs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fit):
            return NotImplemented
        return (
            np.array_equal(self.epochs, other.epochs)
            and dict(self.metrics) == dict(other.metrics)
            and self.wall_time == other.wall_time
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


@dataclass(frozen=True, slots=True)
class Recording:
    """One run: its name, where it was read from, its fits in order, and what was odd about it."""

    name: str
    sources: tuple[Source, ...]
    fits: tuple[Fit, ...]
    notes: tuple[Note, ...] = field(default=())

    @property
    def epochs(self) -> int:
        """Number of recorded epochs, all fits together."""
        return sum(len(fit) for fit in self.fits)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the recorded metrics, in order of first appearance."""
        return tuple(dict.fromkeys(name for fit in self.fits for name in fit.metrics))

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per epoch: `fit`, 0-based `epoch`, then a column per metric (missing and NaN both NaN)."""
        import pandas as pd

        tables = [
            pd.DataFrame(
                {
                    "fit": number,
                    "epoch": fit.epochs,
                    **{name: _with_nan(fit.metrics.get(name), len(fit)) for name in self.metrics},
                }
            )
            for number, fit in enumerate(self.fits)
        ]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["fit", "epoch"])


def _with_nan(series: Series | None, length: int) -> Floats:
    if series is None:
        return np.full(length, np.nan)
    return np.where(series.valid, series.values, np.nan)
