"""Read a run of MLflow's file store: one file a metric, `timestamp value step` a line.

A step is whatever the caller counted. Metrics whose steps go 0, 1, 2, ... (or 1, 2, 3, ...) are taken by epoch, and so
is what stands at some of these steps; any other metric is a stream. A single value at step 0 beside longer metrics is
what `log_metric` writes without a step: it is of no epoch, and said so. A metric whose steps go back is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.metric_names import names_of
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.recording import Fit, Integers, Note, Series
from kcb_replay.ingest.table import series, stream, truncated
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


_FOLDER = "metrics"
_RUN_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = rb"(?:-?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|-?inf|nan)"
# Milliseconds since 1970 have 13 digits from 2001 to 2286; what follows the step names a data set.
_LINE = re.compile(rb"(\d{13}) (" + _NUMBER + rb") (-?\d{1,15})(?: [^\n]*)?\n")
_EXPECTED = "Expected a metric of MLflow's file store: lines of `timestamp value step`."


class _LoggedValue(NamedTuple):
    step: int
    value: float
    seconds: float


@dataclass(frozen=True, slots=True)
class MlflowReader:
    """Reader of the metric files of one run."""

    format: str = "mlflow"
    rank: int = 40
    suffixes: tuple[str, ...] = ("",)
    version: int = 2

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # metrics may have any name
        """Tell whether the file begins with a line of a metric."""
        return _LINE.match(head) is not None

    def run_folder(self, path: Path) -> Path:
        """Return the folder of the run that a metric file belongs to."""
        folder, _ = _split(path.parts)
        return Path(*folder)

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the one fit of a run; raises `ReadError`."""
        if not blobs:
            raise ReadError(f"no file was given. {_EXPECTED}")
        notes: list[Note] = []
        paths: dict[str, str] = {}
        points: dict[str, list[_LoggedValue]] = {}
        for blob in sorted(blobs, key=lambda blob: blob.path):
            tag = "/".join(_split(PurePosixPath(blob.path).parts)[1])
            if tag in paths:
                raise ReadError(f"{blob.path} and {paths[tag]} are of two runs. Read each as its own.")
            paths[tag] = blob.path
            logged = _points(blob, notes)
            if any(one.step > two.step for one, two in pairwise(logged)):
                text = f"{excerpt(tag)} is left out: the steps go back in {blob.path}, as several trainings write them"
                notes.append(Note("steps_go_back", text, blob.path, metric=tag))
            elif logged:
                points[tag] = logged
        if not points:
            why = "; ".join(note.text for note in notes)
            raise ReadError(f"{blobs[0].path} holds no value{': ' + why if why else ''}. {_EXPECTED}")
        return Reading((_fit(points, paths, notes),), tuple(notes))


MLFLOW = MlflowReader()


def _split(parts: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the folder of the run and the name of the metric, which may have folders of its own, of a file."""
    for n, part in enumerate(parts[:-1]):
        if part == _FOLDER and (n == 0 or _RUN_ID.fullmatch(parts[n - 1])):
            return parts[:n], parts[n + 1 :]
    return parts[:-1], parts[-1:]


def _points(blob: Blob, notes: list[Note]) -> list[_LoggedValue]:
    points = []
    for number, line in enumerate(blob.content.splitlines(keepends=True), start=1):
        match = _LINE.fullmatch(line.replace(b"\r\n", b"\n"))
        if match is not None:
            milliseconds, value, step = match.groups()
            points.append(_LoggedValue(int(step), float(value), int(milliseconds) / 1000))
        elif not line.endswith(b"\n"):
            notes.append(truncated(number, blob.path))
        elif line.strip():
            shown = excerpt(line.decode("utf-8", "backslashreplace").rstrip(), 60)
            raise ReadError(f"{blob.path} holds {shown!r} in line {number}. {_EXPECTED}")
    return points


def _fit(points: Mapping[str, list[_LoggedValue]], paths: Mapping[str, str], notes: list[Note]) -> Fit:
    counted = _longest_count(points)
    first = counted[0].step if counted else 0
    epochs = np.array([point.step - first for point in counted], np.int64)
    names = names_of(points)
    metrics, steps = {}, {}
    for tag, logged in points.items():
        at = {point.step for point in logged}
        if len(counted) > 1 and len(logged) == 1 and at == {0}:
            text = f"{excerpt(tag)} = {logged[0].value:g} has no step in {paths[tag]}: it is of no epoch, and left out"
            notes.append(Note("after_training", text, paths[tag]))
        elif len(at) == len(logged) and at <= {point.step for point in counted}:
            values = {point.step - first: point.value for point in logged}
            metrics[names[tag]] = series(values, epochs, tag, paths[tag])
        else:
            pairs = [(point.step, point.value) for point in logged]
            steps[names[tag]] = stream(pairs, "iteration", tag, paths[tag], [point.seconds for point in logged])
    return Fit(epochs, metrics, _wall_time(counted, points, paths, epochs), steps=steps)


def _longest_count(points: Mapping[str, list[_LoggedValue]]) -> list[_LoggedValue]:
    """Return the longest metric whose steps go up by one from 0 or 1; none where every step is that of a stream."""
    counts = [logged for logged in points.values() if [p.step for p in logged] == list(_steps_of(logged))]
    longest = max(counts, key=len, default=[])
    # Steps of a stream that begins with one value would else make it an epoch.
    return longest if len(longest) > 1 or all(len(logged) == 1 for logged in points.values()) else []


def _steps_of(logged: list[_LoggedValue]) -> range:
    first = logged[0].step
    return range(first, first + len(logged)) if first in (0, 1) else range(0)


def _wall_time(
    counted: list[_LoggedValue], points: Mapping[str, list[_LoggedValue]], paths: Mapping[str, str], epochs: Integers
) -> Series | None:
    """Return when the values of the longest metric were logged."""
    tag = next((tag for tag, logged in points.items() if logged is counted), None)
    if tag is None:
        return None
    seconds = np.array([point.seconds for point in counted], np.float64)
    return Series(seconds, np.ones(len(epochs), np.bool_), tag="timestamp", source=paths[tag])
