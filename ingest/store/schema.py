"""The one place that owns the store's names, types and version, and the JSON form of its catalogue.

Every bucket is one Parquet file of three kinds of rows, told apart by which name they bear:

=============  ==========================================  ====================================================
kind           the name                                    the rest
=============  ==========================================  ====================================================
value          ``metric``                                  ``epoch`` (0-based), ``value``, ``wall_time``
step value     ``stream``                                  ``unit``, ``step`` (from 0), ``step_value``, ``wall_time``
message        ``message_kind``                            ``message``, ``message_epoch``, ``message_value``
=============  ==========================================  ====================================================

``run``, ``fit`` and ``source`` are in every row; a column of another kind is null. A missing value has no row, a NaN
value has one. Streams have columns of their own instead of a `step` beside `epoch`, so that who knows nothing of them
is not misled: ``where metric = 'loss'``, ``avg(value)`` and ``group by metric`` never meet a batch, and
``where metric is not null`` is the table of epochs. They stand in the same file, so that a run changes in one rename,
and in row groups of their own behind everything else, so that a reader of epochs does not read them.

The catalogue entry of a run stands in the footer of its bucket, so that data and catalogue cannot get out of step; the
footer holds the checksum of the catalogue, as the pages have theirs.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pyarrow as pa

from kcb_replay.errors import StoreError
from kcb_replay.ingest.recording import Note, ReadMark, Source, StepUnit

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from numpy.typing import NDArray

    from kcb_replay.ingest.copies import Digests


VERSION = 2
FOOTER_KEY, _CHECKSUM_KEY = b"kcb", b"kcb_crc32"
# In memory text is coded: a million rows of one run would hold its name a million times. In the file it is plain text.
_TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [
        pa.field("run", _TEXT, nullable=False),
        pa.field("fit", pa.int32(), nullable=False),
        pa.field("source", _TEXT, nullable=False),
        pa.field("metric", _TEXT),
        pa.field("epoch", pa.int64()),
        pa.field("value", pa.float64()),
        pa.field("wall_time", pa.float64()),
        pa.field("stream", _TEXT),
        pa.field("unit", _TEXT),
        pa.field("step", pa.int64()),
        pa.field("step_value", pa.float64()),
        pa.field("message_kind", _TEXT),
        pa.field("message", _TEXT),
        pa.field("message_epoch", pa.int64()),
        pa.field("message_value", pa.float64()),
    ]
)
DICTIONARY_COLUMNS = [field.name for field in SCHEMA if field.type == _TEXT]
# Measured: 3 bytes a value this way, 5 with dictionary encoding.
PARQUET_ENCODING = {
    field.name: "BYTE_STREAM_SPLIT" if field.type == pa.float64() else "DELTA_BINARY_PACKED"
    for field in SCHEMA
    if field.type != _TEXT
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
class StreamEntry:
    """One stream of a fit: its name and origin, what its steps count, how many there are, whether they have times."""

    name: str
    tag: str
    source: str
    unit: StepUnit
    steps: int
    timed: bool


@dataclass(frozen=True, slots=True)
class FitEntry:
    """The epochs of a fit as inclusive 0-based ranges, and [metric, tag, source path] of each series in order.

    `streams` stand in the order of their rows; `messages` is the number of rows that hold messages. `digests` are
    of the series, "" for the learning rate; a store that was written before there were any has none.
    """

    epochs: tuple[tuple[int, int], ...]
    columns: tuple[tuple[str, str, str], ...]
    wall_time: tuple[str, str] | None
    streams: tuple[StreamEntry, ...] = ()
    messages: int = 0
    digests: tuple[str, ...] = ()

    @property
    def epoch_count(self) -> int:
        """Number of recorded epochs."""
        return sum(last - first + 1 for first, last in self.epochs)

    def digest_by_metric(self) -> dict[str, str]:
        """Return what tells the fit from others, empty where the store is too old to know it."""
        names = (metric for metric, _, _ in self.columns)
        return {metric: digest for metric, digest in zip(names, self.digests, strict=False) if digest}

    def epoch_column(self) -> NDArray[np.int64]:
        """Return the 0-based epoch of every recorded epoch."""
        ranges = [np.arange(first, last + 1, dtype=np.int64) for first, last in self.epochs]
        return np.concatenate([np.zeros(0, np.int64), *ranges])


@dataclass(frozen=True, slots=True)
class RunEntry:
    """What the catalogue knows of one run.

    `rows` are the first row in its bucket and the one after its last, values first, messages behind them; `step_rows`
    are those of its streams. `tags` are what people called it.
    """

    name: str
    rows: tuple[int, int]
    step_rows: tuple[int, int]
    sources: tuple[Source, ...]
    fits: tuple[FitEntry, ...]
    notes: tuple[Note, ...]
    refused: tuple[RefusedSource, ...]
    tags: tuple[str, ...] = ()

    @property
    def epochs(self) -> int:
        """Number of recorded epochs, all fits together."""
        return sum(fit.epoch_count for fit in self.fits)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the recorded metrics, in order of first appearance."""
        return tuple(dict.fromkeys(metric for fit in self.fits for metric, _, _ in fit.columns))

    @property
    def digests(self) -> Digests:
        """What tells the run from others, fit by fit."""
        return tuple(fit.digest_by_metric() for fit in self.fits)

    @property
    def message_count(self) -> int:
        """Number of recorded messages, all fits together."""
        return sum(fit.messages for fit in self.fits)

    @property
    def known_sources(self) -> dict[str, Source | RefusedSource]:
        """Every file that was looked at for this run, by its path."""
        known: dict[str, Source | RefusedSource] = {source.path: source for source in self.refused}
        return known | {source.path: source for source in self.sources}

    def to_json(self) -> Json:
        """Return the fields as they stand in the footer, below the name."""
        return {key: value for key, value in _fields_of(self).items() if key != "name"}


def footer_of(entries: Iterable[RunEntry]) -> dict[bytes, bytes]:
    """Return the metadata of a bucket that holds these runs: the catalogue and its checksum."""
    document = {"version": VERSION, "runs": {entry.name: entry.to_json() for entry in entries}}
    catalogue = json.dumps(document, separators=(",", ":"), default=_fields_of).encode()
    return {FOOTER_KEY: catalogue, _CHECKSUM_KEY: _checksum(catalogue)}


def catalogue_from_footer(metadata: Mapping[bytes, bytes] | None, where: str) -> dict[str, RunEntry]:
    """Return the entry of every run; raises `StoreError` for a foreign or damaged footer, or one of another version."""
    return {name: _entry_from_json(name, entry) for name, entry in _runs_from_footer(metadata, where).items()}


def digests_from_footer(metadata: Mapping[bytes, bytes] | None, where: str) -> dict[str, Digests]:
    """Return the digests of every run, fit by fit; raises as `catalogue_from_footer` does."""
    runs = _runs_from_footer(metadata, where)
    return {name: tuple(map(_digests_from_json, entry["fits"])) for name, entry in runs.items()}


def _digests_from_json(fit: Json) -> Mapping[str, str]:
    names = (metric for metric, *_ in fit["columns"])
    return {metric: digest for metric, digest in zip(names, fit.get("digests", ()), strict=False) if digest}


def _runs_from_footer(metadata: Mapping[bytes, bytes] | None, where: str) -> Json:
    catalogue, checksum = ((metadata or {}).get(key) for key in (FOOTER_KEY, _CHECKSUM_KEY))
    if catalogue is None:
        raise StoreError(f"{where} holds no catalogue: it was not written by kcb-replay. Move it out of the store.")
    # A version without this checksum can only be told by its number, a flipped bit of the number only by the checksum.
    if checksum is None:
        require_version(json.loads(catalogue)["version"], where)
    if checksum != _checksum(catalogue):
        raise StoreError(
            f"{where} has a damaged catalogue: its checksum is wrong."
            " Restore it, or delete it and ingest its runs again."
        )
    document = json.loads(catalogue)
    require_version(document["version"], where)
    runs: Json = document["runs"]
    return runs


def _fields_of(item: Any) -> Json:
    """Return the fields of a dataclass as they are: `asdict` copies each number, with each change of a catalogue."""
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def _checksum(catalogue: bytes) -> bytes:
    return f"{zlib.crc32(catalogue):08x}".encode()


def _entry_from_json(name: str, entry: Json) -> RunEntry:
    return RunEntry(
        name=name,
        rows=_pair(entry["rows"]),
        step_rows=_pair(entry["step_rows"]),
        sources=tuple(_source_from_json(source) for source in entry["sources"]),
        fits=tuple(_fit_from_json(fit) for fit in entry["fits"]),
        notes=tuple(Note(**note) for note in entry["notes"]),
        refused=tuple(RefusedSource(**source) for source in entry["refused"]),
        tags=tuple(entry["tags"]),
    )


def _source_from_json(source: Json) -> Source:
    # A store that was written before there were marks has none.
    mark = source.get("mark")
    return Source(**{**source, "mark": None if mark is None else ReadMark(**mark)})


def _fit_from_json(fit: Json) -> FitEntry:
    wall_time = fit["wall_time"]
    return FitEntry(
        epochs=tuple(_pair(pair) for pair in fit["epochs"]),
        columns=tuple((metric, tag, source) for metric, tag, source in fit["columns"]),
        wall_time=None if wall_time is None else (wall_time[0], wall_time[1]),
        streams=tuple(StreamEntry(**stream) for stream in fit["streams"]),
        messages=fit["messages"],
        digests=tuple(fit.get("digests", ())),
    )


def _pair(pair: Iterable[int]) -> tuple[int, int]:
    first, last = pair
    return first, last


def require_version(version: object, where: str) -> None:
    """Raise `StoreError` unless `found` is a version that this code reads."""
    if version == VERSION:
        return
    older = isinstance(version, int) and version < VERSION
    remedy = "Ingest the logs into another --store" if older else "Upgrade kcb-replay, or ingest into another --store"
    raise StoreError(
        f"{where} is of store version {version}, this kcb-replay reads version {VERSION}. {remedy}."
        " Nothing was changed."
    )
