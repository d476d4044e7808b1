"""Read the scalars of TensorBoard event files, as Keras and as others write them.

Layouts: `train/` and `validation/` with tags `epoch_<metric>` (tf.keras, Keras 3), one folder with the bare metric
names (Keras 2), and tags or folders that name the data (`Loss/train`, `test/`). `batch_<metric>`,
`evaluation_<metric>_vs_iterations` and whatever is not certain to count epochs become streams finer than epochs, also
where there is nothing else: a training that ended in its first epoch. A refit appends a file, or goes on in the same
one, with steps from 0 again: a new fit. Everything else is skipped and counted.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.events import FileEvents, Stream, TagColumn, decode
from kcb_replay.ingest.events.columns import Clocks, Points, irregular, joined
from kcb_replay.ingest.events.folders import roles, run_folder
from kcb_replay.ingest.events.scalars import RoleScalars, counted_series, take_streams
from kcb_replay.ingest.events.series import MetricPoints, StreamPoints
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.recording import Fit, Integers, Note, Series, StepSeries, StepUnit
from kcb_replay.ingest.table import epoch_notes
from kcb_replay.text import are_left_out, counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from io import RawIOBase
    from pathlib import Path


# Assigning takes fits times fits; a series that never rises has one for each point.
_MOST_FITS = 10_000


@dataclass(frozen=True, slots=True)
class TensorBoardReader:
    """Reader of all event files of one log directory."""

    format: str = "tensorboard"
    rank: int = 30
    # Event files are known by "tfevents" anywhere in their name.
    suffixes: tuple[str, ...] = ()
    version: int = 4

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # TensorBoard goes by the name too
        """Tell whether the file is named as TensorBoard requires of event files."""
        return "tfevents" in path.rpartition("/")[2] and not path.endswith(".profile-empty")

    def run_folder(self, path: Path) -> Path:
        """Return the folder of the run of a file: `train/` and the like belong to that above them."""
        return run_folder(path)

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one log directory; raises `ReadError` when it holds no scalar of a training."""
        if not blobs:
            raise ReadError("no event file was given. Give those of one log directory.")
        (reading,) = self.read_many([blobs])
        if isinstance(reading, ReadError):
            raise reading
        return reading

    def read_many(self, runs: Sequence[tuple[Blob, ...]]) -> list[Reading | ReadError]:
        """Return the fits of many log directories, or why there are none; their files are decoded at once."""
        ordered = [_in_order(blobs) for blobs in runs]
        decoded = iter(decode(io.BytesIO(blob.content) for blobs in ordered for blob in blobs))
        return [_reading_or_error(blobs, list(islice(decoded, len(blobs)))) for blobs in ordered]

    def read_streams(
        self, blobs: tuple[Blob, ...], streams: Callable[[Blob], AbstractContextManager[RawIOBase]]
    ) -> Reading:
        """Return what `read` does of files that are not held in memory; `streams` opens each."""
        ordered = _in_order(blobs)
        return _reading(ordered, decode(_opened(ordered, streams)))


TENSORBOARD = TensorBoardReader()


def _opened(blobs: Sequence[Blob], streams: Callable[[Blob], AbstractContextManager[RawIOBase]]) -> Iterator[Stream]:
    for blob in blobs:
        with streams(blob) as stream:
            yield stream


def _in_order(blobs: Sequence[Blob]) -> list[Blob]:
    return sorted(blobs, key=lambda blob: _file_order(blob.path))


def _reading_or_error(blobs: Sequence[Blob], decoded: Sequence[FileEvents]) -> Reading | ReadError:
    try:
        return _reading(blobs, decoded)
    except ReadError as error:
        return error


def _reading(blobs: Sequence[Blob], decoded: Sequence[FileEvents]) -> Reading:
    """Return the fits of the files of one directory in their order; raises `ReadError` when there is none."""
    notes = [note for blob, events in zip(blobs, decoded, strict=True) for note in _file_notes(blob, events)]
    scalars = _by_role(blobs, decoded)
    tags = sorted({tag for role in scalars.values() for tag in role.points})
    streams = take_streams(scalars)
    series = counted_series(scalars, streams)
    columns, streams = series.columns, [*streams, *series.streams]
    if not columns and (not streams or any(role.points for role in scalars.values())):
        raise ReadError(_nothing_found(blobs, tags, notes))
    notes += [_skipped_note(role.skipped, blobs[0].path) for role in scalars.values() if role.skipped]
    source = (columns[0] if columns else streams[0].column).source
    notes += [Note(code, f"{source} {text}", source) for code, text in series.remarks]
    fits = _fits(columns, streams, notes) if columns else _fits_without_epochs(streams, series.why, notes)
    return Reading(tuple(fits), tuple(notes))


def _file_order(path: str) -> tuple[int, str]:
    stamp = re.search(r"tfevents\.(\d+)", path)
    return (int(stamp[1]) if stamp else 0, path)


def _file_notes(blob: Blob, events: FileEvents) -> Iterable[Note]:
    if not events.read_to and not events.damages:
        yield Note("empty", f"{blob.path} is empty", blob.path)
    for damage in events.damages:
        has = "is no event file: it has" if damage.offset == 0 and damage.ends else "has"
        yield Note("damaged", f"{blob.path} {has} {damage.reason} (byte {damage.offset})", blob.path)


def _by_role(blobs: Sequence[Blob], decoded: Sequence[FileEvents]) -> dict[str, RoleScalars]:
    scalars: dict[str, RoleScalars] = {}
    parts: dict[tuple[str, str], list[tuple[int, TagColumn]]] = {}
    role_of = roles([(blob.path, blob.folder) for blob in blobs])
    for number, (blob, events) in enumerate(zip(blobs, decoded, strict=True)):
        role = scalars.setdefault(role_of[number], RoleScalars())
        role.skipped.update(events.skipped)
        for (tag, _), column in events.columns.items():
            parts.setdefault((role_of[number], tag), []).append((number, column))
            role.sources.setdefault(tag, blob.path)
    for (name, tag), columns in parts.items():
        scalars[name].points[tag] = joined(columns)
    return scalars


def _nothing_found(blobs: Sequence[Blob], tags: Sequence[str], notes: Sequence[Note]) -> str:
    damage = "".join(f"; {note.text}" for note in notes[:3])
    what = f"found the scalars {', '.join(tags[:8])}" if tags else "found no scalar at all"
    expected = "Expected Keras's epoch scalars (epoch_loss, or loss as Keras 2 wrote it) or tags such as Loss/train"
    return f"{_where(blobs)}: {what}{damage}. {expected}."


def _where(blobs: Sequence[Blob]) -> str:
    return blobs[0].path if len(blobs) == 1 else f"{len(blobs)} event files beside {blobs[0].path}"


def _skipped_note(skipped: Counter[str], path: str) -> Note:
    ordered = sorted(skipped.items(), key=lambda item: (-item[1], item[0]))
    counts = ", ".join(f"{count} {kind}" for kind, count in ordered)
    folder = PurePosixPath(path).parent
    return Note("skipped", f"{folder} also holds values that are no epoch scalars; they are skipped: {counts}", path)


def _fits(columns: Sequence[MetricPoints], streams: Sequence[StreamPoints], notes: list[Note]) -> Iterable[Fit]:
    leading = max(columns, key=lambda column: (not column.metric.startswith("val_"), len(column.points)))
    parts = leading.points.restarts()
    _require_few(parts, leading)
    clocks = Clocks(parts)
    # The leading tag is of its own fits, even where its times say nothing or contradict one another.
    own = [[part] for part in parts]
    assigned = [(column, own if column is leading else _assign(column.points, clocks)) for column in columns]
    finer = [assigned for stream in streams for assigned in _assigned_stream(stream, clocks, notes)]
    for number, clock in enumerate(parts):
        present = [(column, fits[number]) for column, fits in assigned if fits[number]]
        epochs = _epochs([part.steps for _, parts_of_tag in present for part in parts_of_tag])
        metrics = {column.metric: _series(column, parts_of_tag, epochs) for column, parts_of_tag in present}
        notes += epoch_notes(epochs[:1], number, leading.source)
        notes += _sampled_notes(metrics, epochs, number, leading)
        notes += _overwritten_notes(present, epochs, number)
        notes += _lone_epoch_notes(epochs, [series for fit, _, series in finer if fit == number], number, leading)
        known = ~np.isnan(clock.wall_times)
        wall_time = _series(leading._replace(tag="wall_time"), [_times(clock.where(known))], epochs)
        steps = {name: series for fit, name, series in finer if fit == number}
        yield Fit(epochs, metrics, wall_time if known.any() else None, steps)


def _epochs(steps: Sequence[Integers]) -> Integers:
    """Return all rising steps; mostly those of every tag are the same."""
    if all(len(some) == len(steps[0]) and (some == steps[0]).all() for some in steps[1:]):
        return steps[0]
    return np.unique(np.concatenate(steps))


def _fits_without_epochs(streams: Sequence[StreamPoints], why: str, notes: list[Note]) -> Iterable[Fit]:
    """Yield a fit for each time that batches, or else evaluations, were counted anew; none of them ended an epoch."""
    unit, leading = max(((stream.unit, stream.column) for stream in streams), key=_by_batches_and_length)
    # Iterations go on from file to file.
    parts = leading.points.runs() if unit == "batch" else leading.points.descents()
    _require_few(parts, leading)
    clocks = Clocks(parts)
    finer = [assigned for stream in streams for assigned in _assigned_stream(stream, clocks, notes)]
    for number in range(len(parts)):
        steps = {name: series for fit, name, series in finer if fit == number}
        kept = ", ".join(f"{series.tag} ({len(series)} values)" for series in steps.values())
        text = f"fit {number} of {leading.source} {why}; its streams are kept: {kept}"
        notes.append(Note("no_epochs", text, leading.source, fit=number))
        yield Fit(np.zeros(0, np.int64), {}, None, steps)


def _by_batches_and_length(stream: tuple[StepUnit, MetricPoints]) -> tuple[bool, int]:
    return stream[0] == "batch", len(stream[1].points)


def _require_few(fits: Sequence[Points], leading: MetricPoints) -> None:
    if len(fits) > _MOST_FITS:
        text = f"{leading.source}: the steps of {leading.tag} begin again {len(fits) - 1:,} times"
        raise ReadError(f"{text}. Expected the epochs of at most {_MOST_FITS:,} fits; write each with its step.")


def _assign(points: Points, clocks: Clocks) -> list[list[Points]]:
    """Give each restart of a tag to the fit that was written at the same time; a fit may lack the tag."""
    fits: list[list[Points]] = [[] for _ in range(clocks.count)]
    for number, part in enumerate(points.restarts()):
        fits[clocks.nearest(part, number)].append(part)
    return fits


def _times(points: Points) -> Points:
    return Points(points.steps, points.wall_times, points.wall_times, points.files)


def _series(column: MetricPoints, parts: Sequence[Points], epochs: Integers) -> Series:
    values, valid = np.zeros(len(epochs)), np.zeros(len(epochs), np.bool_)
    for part in parts:
        at = slice(None) if len(part) == len(epochs) else np.searchsorted(epochs, part.steps)
        values[at], valid[at] = part.values, True
    return Series(values, valid, tag=column.tag, source=column.source)


def _overwritten_notes(
    present: Sequence[tuple[MetricPoints, Sequence[Points]]], epochs: Integers, number: int
) -> Iterable[Note]:
    """Report points that stand behind an epoch of the same fit once more; the last is used."""
    for column, parts in present:
        if len(parts) > 1:
            lost = sum(map(len, parts)) - len(np.unique(np.concatenate([part.steps for part in parts])))
            if lost:
                text = (
                    f"{column.source} has {counted(lost, 'more value')} of {column.tag} for some of the {len(epochs)}"
                    f" epochs of fit {number}; the last of each epoch is used"
                )
                yield Note("overwritten", text, column.source, fit=number, metric=column.metric)


def _sampled_notes(metrics: dict[str, Series], epochs: Integers, number: int, leading: MetricPoints) -> Iterable[Note]:
    gaps = int((np.diff(epochs) > 1).sum())
    if gaps:
        distances = np.diff(epochs)
        every = int(distances[0]) if (distances == distances[0]).all() else 0
        cause = (
            f"only one in {every} is recorded, as by TensorBoard(update_freq=N) where not every epoch ends at a batch"
            " that N divides"
            if every
            else "points were dropped when it was written or exported"
        )
        text = (
            f"fit {number} of {leading.source} lacks epochs at {counted(gaps, 'place')} between epoch {epochs[0] + 1}"
            f" and {epochs[-1] + 1}: {cause}, so no answer from it is exact"
        )
        yield Note("sampled", text, leading.source, fit=number)
    for metric, series in metrics.items():
        if irregular(epochs[series.valid], len(epochs)) and not gaps:
            text = (
                f"fit {number} of {series.source} has {series.tag} for {int(series.valid.sum())} of {len(epochs)}"
                " epochs at irregular distances: points were dropped, so no answer from it is exact"
            )
            yield Note("sampled", text, series.source, fit=number, metric=metric)


def _lone_epoch_notes(
    epochs: Integers, streams: Sequence[StepSeries], number: int, leading: MetricPoints
) -> Iterable[Note]:
    """Report a single late epoch beside batches of which only every N-th is recorded: others may have been left out."""
    batches = [series.steps for series in streams if series.unit == "batch" and len(series) > 1]
    if len(epochs) == 1 and epochs[0] > 0 and any((np.diff(steps) > 1).all() for steps in batches):
        text = (
            f"fit {number} of {leading.source} has epoch {epochs[0] + 1} alone, beside batches of which not every one"
            " is recorded, as by TensorBoard(update_freq=N): other epochs may be absent, so no answer from it is exact"
        )
        yield Note("sampled", text, leading.source, fit=number)


def _assigned_stream(stream: StreamPoints, clocks: Clocks, notes: list[Note]) -> list[tuple[int, str, StepSeries]]:
    """Return the fits that a stream belongs to, its name and its points in each."""
    fits = _by_fit(stream, clocks)
    return [(fit, stream.column.metric, _step_series(stream, parts, fit, notes)) for fit, parts in fits.items()]


def _by_fit(stream: StreamPoints, clocks: Clocks) -> dict[int, list[Points]]:
    parts = stream.column.points.runs()
    if clocks.count == 1:
        return {0: parts}
    fits: dict[int, list[Points]] = {}
    for number, part in enumerate(parts):
        fit_of = clocks.until(part, number)
        if stream.unit in ("batch", "sample"):
            # Batches are counted anew by each fit, so that a run of them is of one fit.
            fit_of = np.full(len(part), fit_of[len(part) // 2])
        for fit in np.unique(fit_of).tolist():
            fits.setdefault(fit, []).append(part.where(fit_of == fit))
    return fits


def _step_series(stream: StreamPoints, parts: list[Points], fit: int, notes: list[Note]) -> StepSeries:
    """Join the parts of a fit; what an attempt that ended before its first epoch left is reported and left out."""
    column, kept = stream.column, parts[-1:]
    lost = 0
    for part in reversed(parts[:-1]):
        if lost == 0 and part.steps[-1] <= kept[0].steps[0]:
            kept.insert(0, part)
        else:
            lost += len(part)
    if lost:
        values = f"{counted(lost, 'value')} of {column.tag} before those of fit {fit}"
        text = f"{values} in {column.source}, of no epoch, {are_left_out(lost)}"
        notes.append(Note("left_out", text, column.source, fit=fit, metric=column.metric))
    steps = np.concatenate([part.steps for part in kept])
    if irregular(steps):
        text = f"fit {fit} of {column.source} has {column.tag} at irregular distances: points were dropped"
        notes.append(Note("steps_sampled", text, column.source, fit=fit, metric=column.metric))
    return StepSeries(
        steps,
        np.concatenate([part.values for part in kept]),
        stream.unit,
        tag=column.tag,
        source=column.source,
        wall_time=np.concatenate([part.wall_times for part in kept]),
    )
