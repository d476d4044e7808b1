"""Read the epoch scalars of TensorBoard event files as Keras writes them.

Layouts: `train/` and `validation/` with tags `epoch_<metric>` (tf.keras, Keras 3), and one folder with the bare metric
names (Keras 2). A refit appends a file, or goes on in the same one, with steps from 0 again: a new fit. Everything that
is no epoch scalar is skipped and counted. Tensors are decoded by tensorboard's own protos.
"""

from __future__ import annotations

import math
import re
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.recording import Fit, Note, Series
from kcb_replay.ingest.records import Damage, records

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

__all__ = ["ROLES", "TENSORBOARD", "TensorBoardReader"]

ROLES = ("train", "validation")
_EPOCH = "epoch_"
_ITERATION_TAGS = re.compile(r"batch_|evaluation_.*_vs_iterations$")
_FLOAT32 = struct.Struct("<f")


class _Point(NamedTuple):
    step: int
    value: float
    wall_time: float


@dataclass(slots=True)
class _Scalars:
    """What one role (train, validation or the folder itself) holds: points per tag in file order."""

    points: dict[str, list[_Point]] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class TensorBoardReader:
    """Reader of all event files of one log directory."""

    format: str = "tensorboard"
    rank: int = 30
    # Event files are known by "tfevents" anywhere in their name.
    suffixes: tuple[str, ...] = ()
    version: int = 1

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # TensorBoard goes by the name too
        """Tell whether the file is named as TensorBoard requires of event files."""
        return "tfevents" in PurePosixPath(path).name and not path.endswith(".profile-empty")

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one log directory; raises `ReadError` when it holds no epoch scalar of Keras."""
        notes: list[Note] = []
        scalars: dict[str, _Scalars] = {}
        for blob in sorted(blobs, key=lambda blob: _file_order(blob.path)):
            _collect(blob, scalars.setdefault(_role(blob), _Scalars()), notes)
        columns = _columns(scalars)
        if not columns:
            raise ReadError(_nothing_found(blobs, scalars, notes))
        notes += [_skipped_note(role.skipped, blobs[0].path) for role in scalars.values() if role.skipped]
        return Reading(tuple(_fits(columns, notes)), tuple(notes))


TENSORBOARD = TensorBoardReader()


def _role(blob: Blob) -> str:
    folder = blob.folder or PurePosixPath(blob.path).parent.name
    return folder if folder in ROLES else ""


def _file_order(path: str) -> tuple[int, str]:
    stamp = re.search(r"tfevents\.(\d+)", path)
    return (int(stamp[1]) if stamp else 0, path)


def _collect(blob: Blob, scalars: _Scalars, notes: list[Note]) -> None:
    if not blob.content:
        notes.append(Note("empty", f"{blob.path} is empty", blob.path))
    for item in records(blob.content):
        if isinstance(item, Damage):
            found = "is no event file: it has" if item.offset == 0 and item.ends else "has"
            notes.append(Note("damaged", f"{blob.path} {found} {item.reason} (byte {item.offset})", blob.path))
            continue
        event = _parsed(item.data)
        if event is None:
            text = f"{blob.path} has a record that is no event (byte {item.offset}); it is skipped"
            notes.append(Note("damaged", text, blob.path))
            continue
        for value in event.summary.value:
            _add(value, event, blob.path, scalars)


def _parsed(data: bytes) -> Event | None:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        return Event.FromString(data)
    except DecodeError:
        return None


def _add(value: Summary.Value, event: Event, path: str, scalars: _Scalars) -> None:
    plugin = value.metadata.plugin_data.plugin_name
    kind = value.WhichOneof("value")
    number = _scalar(value, kind) if plugin in ("", "scalars") else None
    if number is None:
        scalars.skipped[plugin or kind or "nothing"] += 1
    elif _ITERATION_TAGS.match(value.tag):
        scalars.skipped["scalars per batch or iteration"] += 1
    else:
        scalars.points.setdefault(value.tag, []).append(_Point(event.step, number, event.wall_time))
        scalars.sources.setdefault(value.tag, path)


def _scalar(value: Summary.Value, kind: str | None) -> float | None:
    if kind == "simple_value":
        return float(value.simple_value)
    if kind != "tensor" or value.tensor.tensor_shape.dim:
        return None
    tensor = value.tensor
    if tensor.dtype == 1 and len(tensor.tensor_content) == _FLOAT32.size:
        return float(_FLOAT32.unpack(tensor.tensor_content)[0])
    from tensorboard.util.tensor_util import make_ndarray

    try:
        return float(make_ndarray(tensor))
    except (TypeError, ValueError):
        return None


class _Column(NamedTuple):
    metric: str
    tag: str
    source: str
    points: list[_Point]


def _columns(scalars: dict[str, _Scalars]) -> list[_Column]:
    """Return the epoch scalars under Keras's names; bare tags count only where Keras's own `loss` is among them."""
    columns: list[_Column] = []
    for role, found in scalars.items():
        bare = role == "" and ("loss" in found.points or "val_loss" in found.points)
        for tag, points in found.points.items():
            if not tag.startswith(_EPOCH) and not bare:
                found.skipped["other scalars"] += len(points)
                continue
            name = tag.removeprefix(_EPOCH)
            metric = f"val_{name}" if role == "validation" else name
            if any(metric == column.metric for column in columns):
                found.skipped[f"{tag} (another file or tag has {metric}, too)"] += len(points)
                continue
            columns.append(_Column(metric, tag, found.sources[tag], points))
    return columns


def _nothing_found(blobs: Sequence[Blob], scalars: dict[str, _Scalars], notes: Sequence[Note]) -> str:
    damage = "".join(f"; {note.text}" for note in notes[:3])
    tags = sorted({tag for role in scalars.values() for tag in role.points})
    found = f"found the scalars {', '.join(tags[:8])}" if tags else "found no scalar at all"
    where = blobs[0].path if len(blobs) == 1 else f"{len(blobs)} event files beside {blobs[0].path}"
    return f"{where}: {found}{damage}. Expected Keras's epoch scalars (epoch_loss, or loss as Keras 2 wrote it)."


def _skipped_note(skipped: Counter[str], path: str) -> Note:
    counts = ", ".join(f"{count} {kind}" for kind, count in skipped.most_common())
    folder = PurePosixPath(path).parent
    return Note("skipped", f"{folder} also holds values that are no epoch scalars; they are skipped: {counts}", path)


def _fits(columns: list[_Column], notes: list[Note]) -> Iterable[Fit]:
    leading = max(columns, key=lambda column: (not column.metric.startswith("val_"), len(column.points)))
    clocks = [{point.step: point.wall_time for point in part} for part in _restarts(leading.points)]
    parts = [(column, _assign(column.points, clocks)) for column in columns]
    for number, clock in enumerate(clocks):
        steps = sorted(clock.keys() | {step for _, fits in parts for step in fits[number]})
        epochs = np.array(steps, np.int64)
        metrics = {column.metric: _series(column, fits[number], epochs) for column, fits in parts if fits[number]}
        if (np.diff(epochs) > 1).any():
            notes.append(_gaps_note(epochs, number, leading.source))
        wall = {step: time for step, time in clock.items() if not math.isnan(time)}
        yield Fit(epochs, metrics, _wall_time(wall, epochs, leading))


def _restarts(points: list[_Point]) -> list[list[_Point]]:
    """Split where the step does not rise: there another `fit` began."""
    parts: list[list[_Point]] = []
    for point in points:
        if not parts or point.step <= parts[-1][-1].step:
            parts.append([])
        parts[-1].append(point)
    return parts


def _assign(points: list[_Point], clocks: list[dict[int, float]]) -> list[dict[int, float]]:
    """Give each restart of a tag to the fit that was written at the same time; a fit may lack the tag."""
    fits: list[dict[int, float]] = [{} for _ in clocks]
    for number, part in enumerate(_restarts(points)):
        middle = part[len(part) // 2]
        # Without wall times only the order is left.
        nearest = min(range(len(clocks)), key=lambda n: (_distance(middle, clocks[n]), abs(n - number)))
        fits[nearest].update({point.step: point.value for point in part})
    return fits


def _distance(point: _Point, clock: dict[int, float]) -> float:
    step = min(clock, key=lambda step: abs(step - point.step))
    seconds = abs(clock[step] - point.wall_time)
    return math.inf if math.isnan(seconds) else seconds


def _series(column: _Column, values: dict[int, float], epochs: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Series:
    valid = np.array([epoch in values for epoch in epochs.tolist()], np.bool_)
    numbers = np.array([values.get(epoch, 0.0) for epoch in epochs.tolist()], np.float64)
    return Series(numbers, valid, tag=column.tag, source=column.source)


def _wall_time(
    wall: dict[int, float], epochs: np.ndarray[tuple[int], np.dtype[np.int64]], leading: _Column
) -> Series | None:
    return _series(leading._replace(tag="wall_time"), wall, epochs) if wall else None


def _gaps_note(epochs: np.ndarray[tuple[int], np.dtype[np.int64]], number: int, path: str) -> Note:
    gaps = int((np.diff(epochs) > 1).sum())
    text = (
        f"fit {number} of {path} lacks epochs at {gaps} places between epoch {epochs[0] + 1} and {epochs[-1] + 1}:"
        " points were dropped when it was written or exported, so no answer from it is exact"
    )
    return Note("sampled", text, path, fit=number)
