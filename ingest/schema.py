"""The one place that owns the store's names, types and version, and the JSON form of its catalogue.

A row is one recorded value; a missing value has no row, a NaN value has one. The catalogue entry of a run stands in the
footer of its bucket, so that data and catalogue change in one rename.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from kcb_replay.errors import StoreError
from kcb_replay.ingest.recording import Note, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = [
    "DICTIONARY_COLUMNS",
    "FOOTER_KEY",
    "PARQUET_ENCODING",
    "SCHEMA",
    "VERSION",
    "FitEntry",
    "RefusedSource",
    "RunEntry",
    "entry_from_json",
    "require_version",
]

VERSION = 1
FOOTER_KEY = b"kcb"
SCHEMA = pa.schema(
    [
        pa.field("run", pa.string(), nullable=False),
        pa.field("fit", pa.int32(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("metric", pa.string(), nullable=False),
        pa.field("epoch", pa.int64(), nullable=False),
        pa.field("value", pa.float64(), nullable=False),
        pa.field("wall_time", pa.float64()),
    ]
)
DICTIONARY_COLUMNS = ["run", "source", "metric"]
# Measured: 3 bytes a value this way, 5 with dictionary encoding.
PARQUET_ENCODING = {
    "fit": "DELTA_BINARY_PACKED",
    "epoch": "DELTA_BINARY_PACKED",
    "value": "BYTE_STREAM_SPLIT",
    "wall_time": "BYTE_STREAM_SPLIT",
}

# A JSON document as the json module returns it.
Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RefusedSource:
    """A file of the run's folder that could not be read when the run was ingested."""

    path: str
    size: int
    mtime_ns: int
    reason: str


@dataclass(frozen=True, slots=True)
class FitEntry:
    """The epochs of a fit as inclusive 0-based ranges, and [metric, tag, source path] of each series in order."""

    epochs: tuple[tuple[int, int], ...]
    columns: tuple[tuple[str, str, str], ...]
    wall_time: tuple[str, str] | None

    @property
    def epoch_count(self) -> int:
        """Number of recorded epochs."""
        return sum(last - first + 1 for first, last in self.epochs)

    def epoch_column(self) -> NDArray[np.int64]:
        """Return the 0-based epoch of every recorded epoch."""
        ranges = [np.arange(first, last + 1, dtype=np.int64) for first, last in self.epochs]
        return np.concatenate([np.zeros(0, np.int64), *ranges])


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What the catalogue knows of one run; `rows` are the first and the last but one row in its bucket."""

    name: str
    rows: tuple[int, int]
    sources: tuple[Source, ...]
    fits: tuple[FitEntry, ...]
    notes: tuple[Note, ...]
    refused: tuple[RefusedSource, ...]

    @property
    def epochs(self) -> int:
        """Number of recorded epochs, all fits together."""
        return sum(fit.epoch_count for fit in self.fits)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the recorded metrics, in order of first appearance."""
        return tuple(dict.fromkeys(metric for fit in self.fits for metric, _, _ in fit.columns))

    @property
    def known_sources(self) -> dict[str, Source | RefusedSource]:
        """Every file that was looked at for this run, by its path."""
        known: dict[str, Source | RefusedSource] = {source.path: source for source in self.refused}
        return known | {source.path: source for source in self.sources}

    def to_json(self) -> Json:
        """Return the entry as it stands in the footer."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


def entry_from_json(name: str, entry: Json) -> RunEntry:
    """Return the entry that `to_json` wrote."""
    return RunEntry(
        name=name,
        rows=_pair(entry["rows"]),
        sources=tuple(Source(**source) for source in entry["sources"]),
        fits=tuple(_fit_from_json(fit) for fit in entry["fits"]),
        notes=tuple(Note(**note) for note in entry["notes"]),
        refused=tuple(RefusedSource(**source) for source in entry["refused"]),
    )


def _fit_from_json(fit: Json) -> FitEntry:
    wall_time = fit["wall_time"]
    return FitEntry(
        epochs=tuple(_pair(pair) for pair in fit["epochs"]),
        columns=tuple((metric, tag, source) for metric, tag, source in fit["columns"]),
        wall_time=None if wall_time is None else (wall_time[0], wall_time[1]),
    )


def _pair(pair: Iterable[int]) -> tuple[int, int]:
    first, last = pair
    return first, last


def require_version(found: object, where: str) -> None:
    """Raise `StoreError` unless `found` is a version that this code reads."""
    if found != VERSION:
        raise StoreError(
            f"{where} is of store version {found}, this kcb-replay reads version {VERSION}."
            " Upgrade kcb-replay, or ingest into another --store. Nothing was changed."
        )
