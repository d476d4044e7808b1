"""The Recording model: what one training left behind, as immutable values.

A missing metric (no value that epoch) and NaN (a NaN value) are kept apart by a validity mask. Float32 values are held
as the exact float64 of the float32, so that replays are exact. Nothing here reads files or knows of callbacks.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.display import Displayed
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd


# Of a recording that is printed: a log may have ten thousand columns.
_MOST_NAMES = 8
# The names under which callbacks log the learning rate: Keras 3, then Keras 2.
LEARNING_RATE_KEYS = ("learning_rate", "lr")

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
# What the steps of a stream count: batches of the whole training, batches of the epoch, optimizer iterations, samples.
StepUnit: TypeAlias = Literal["batch", "batch of epoch", "iteration", "sample"]
MessageKind: TypeAlias = Literal[
    "stopped", "restored", "reduced", "scheduled", "improved", "not improved", "saved", "terminated"
]


@dataclass(frozen=True, slots=True)
class ReadMark:
    """Where reading goes on when a file has grown: the byte behind its last whole row.

    `digest` is of what tells whether it is still the same file.
    """

    offset: int
    digest: str


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was read.

    `mtime_ns` and `size` are those of the file when it was read; `sha256` is of the bytes that were read, empty when
    that was done in several steps, as the file grew. `mark` is None where the file is always read as a whole.
    """

    path: str
    format: str
    size: int
    mtime_ns: int
    sha256: str
    reader: str
    mark: ReadMark | None = None


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
class StepSeries:
    """Values that were recorded more often than once an epoch, in the order of the source.

    `steps` never falls and counts `unit`s from 0; every step has a value. `wall_time` is in seconds since 1970, None
    where the source has none. `tag` is the name found in the source, `source` the path it was read from.
    """

    steps: Integers
    values: Floats
    unit: StepUnit
    tag: str
    source: str
    wall_time: Floats | None = None

    def __post_init__(self) -> None:
        if self.steps.shape != self.values.shape or (
            self.wall_time is not None and len(self.wall_time) != len(self.steps)
        ):
            raise ValueError(f"{len(self.steps)} steps but {len(self.values)} values for {self.tag}")
        if (np.diff(self.steps) < 0).any():
            raise ValueError(f"the steps of {self.tag} must not fall")
        for array in (self.steps, self.values, *(() if self.wall_time is None else (self.wall_time,))):
            array.setflags(write=False)

    def __len__(self) -> int:
        return len(self.steps)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, StepSeries):
            return NotImplemented
        one, two = (np.zeros(0) if each.wall_time is None else each.wall_time for each in (self, other))
        return (
            (self.unit, self.tag, self.source) == (other.unit, other.tag, other.source)
            and np.array_equal(self.steps, other.steps)
            and np.array_equal(self.values, other.values, equal_nan=True)
            and np.array_equal(one, two, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


@dataclass(frozen=True, slots=True)
class Message:
    """What a real callback said of itself while the training ran: the truth that a replay can be held to.

    `epoch` is 0-based, None where the source does not say; `value` the learning rate or the metric it names.
    """

    kind: MessageKind
    text: str
    source: str
    epoch: int | None = None
    value: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """One call of `fit`: the 0-based, rising epoch column and a series per metric, all of the same length.

    `wall_time` is in seconds since 1970 where the source has it; `steps` are the streams that are finer than epochs,
    `messages` what callbacks said. `unloaded` names the recorded metrics that were not asked for; where there are such,
    `digests` tell the fit from others all the same.
    """

    epochs: Integers
    metrics: Mapping[str, Series]
    wall_time: Series | None = None
    steps: Mapping[str, StepSeries] = field(default_factory=dict)
    messages: tuple[Message, ...] = ()
    unloaded: tuple[str, ...] = ()
    digests: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        self.epochs.setflags(write=False)
        object.__setattr__(self, "metrics", MappingProxyType(dict(self.metrics)))
        # A read-only view is kept: that of a store reads a stream when it is asked for.
        if not isinstance(self.steps, MappingProxyType):
            object.__setattr__(self, "steps", MappingProxyType(dict(self.steps)))
        if (self.epochs[1:] <= self.epochs[:-1]).any():
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
            and dict(self.steps) == dict(other.steps)
            and self.messages == other.messages
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


@dataclass(frozen=True, slots=True)
class Recording(Displayed):
    """One run: its name, where it was read from, its fits in order, and what was odd about it.

    `copy_of` is the run of the same training that is counted, where it was read together with this one.
    """

    name: str
    sources: tuple[Source, ...]
    fits: tuple[Fit, ...]
    notes: tuple[Note, ...] = field(default=())
    copy_of: str | None = field(default=None, compare=False)

    @classmethod
    def from_history(
        cls, history: object, *, name: str = "training", initial_epoch: int | None = None, learning_rate: object = None
    ) -> Recording:
        """Return a Keras History, a dict of lists, rows, a DataFrame or an Arrow table as a recording.

        `initial_epoch` is the 0-based number of its first epoch, where that is not recorded; `learning_rate` the rate
        of all epochs, or a list with one for each. Raises `ReadError` where there are no numbers by epoch, and
        `SettingError` for several trainings.
        """
        # What converts knows this class, and is loaded when it is needed.
        convert = importlib.import_module("kcb_replay.ingest.in_memory").recording_of_history
        recording: Recording = convert(history, name, initial_epoch, learning_rate)
        return recording

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

    def __repr__(self) -> str:
        names = ", ".join(self.metrics[:_MOST_NAMES]) + (", ..." if len(self.metrics) > _MOST_NAMES else "")
        fits, epochs = counted(len(self.fits), "fit"), counted(self.epochs, "epoch")
        return f"<Recording {self.name!r}: {fits}, {epochs} of {names or 'no metric'}>"


def _with_nan(series: Series | None, length: int) -> Floats:
    if series is None:
        return np.full(length, np.nan)
    return np.where(series.valid, series.values, np.nan)


def one_based(index: int | None) -> int | None:
    """Return an epoch counted from 1, as Keras prints it."""
    return None if index is None else index + 1


def both_counts(name: str, index: int | None) -> dict[str, int | None]:
    """Return an epoch as documents hold it: `NAME_index` counted from 0, `NAME_epoch` from 1; null for none."""
    return {f"{name}_index": index, f"{name}_epoch": one_based(index)}
