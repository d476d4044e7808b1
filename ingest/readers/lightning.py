"""Read the `metrics.csv` of Lightning's CSVLogger, which has a row for every call of `log`.

Values of one epoch stand in several rows: they are brought together. A metric that was logged several times in an
epoch, in the middle of one, or without an epoch is a stream by steps. What `trainer.test` adds behind the last epoch is
of no epoch, and said so. Other tables with the columns epoch and step are not taken: they may count from 1.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import LONGEST_LINE, Reading
from kcb_replay.ingest.readers.texts import cell, header_of, table_of
from kcb_replay.ingest.recording import Fit, Note
from kcb_replay.ingest.table import (
    MAX_STEP,
    epoch_column,
    epoch_notes,
    keras_name,
    names_of,
    only,
    series,
    stream,
)
from kcb_replay.text import are_left_out, counted, excerpt

if TYPE_CHECKING:
    from kcb_replay.ingest.readers.base import Blob, Reader
    from kcb_replay.ingest.readers.texts import Row, Table
    from kcb_replay.ingest.recording import StepSeries

__all__ = ["LIGHTNING"]

_WHAT = "a metrics.csv of Lightning"
_KEYS = ("epoch", "step")
_TEST = re.compile(r"(^|[_/])test([_/]|$)")


class _Point(NamedTuple):
    epoch: int | None
    step: int | None
    value: float


@dataclass(slots=True)
class _Part:
    """What one fit has: points per column in file order, and the last step of every epoch."""

    points: dict[str, list[_Point]] = field(default_factory=lambda: defaultdict(list))
    last_step: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _LightningReader:
    """Reader of one `metrics.csv`."""

    format: str = "lightning"
    rank: int = 40
    suffixes: tuple[str, ...] = (".csv",)
    version: int = 1
    longest_line: int = LONGEST_LINE

    def accepts(self, path: str, head: bytes) -> bool:
        """Tell whether the file has the name and the columns that Lightning gives it."""
        names = header_of(head)
        return PurePosixPath(path).name.lower().endswith("metrics.csv") and len(names) > 2 and {*_KEYS} <= {*names}

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one file; raises `ReadError`."""
        blob = only(blobs, _WHAT)
        notes: list[Note] = []
        table = table_of(blob, _WHAT, notes)
        if not {*_KEYS} < {*table.header}:
            raise ReadError(f"{blob.path} is not {_WHAT}: it needs the columns epoch and step, and a metric.")
        parts = _parts(table, blob.path, notes)
        fits = tuple(fit for part in parts if (fit := _fit(part, blob.path, notes)) is not None)
        if not fits:
            why = "; ".join(note.text for note in notes)
            raise ReadError(f"{blob.path} holds no value of a training{': ' + why if why else ''}. Expected {_WHAT}.")
        for number, fit in enumerate(fits):
            notes += epoch_notes(fit.epochs, number, blob.path)
        return Reading(fits, tuple(notes))


LIGHTNING: Reader = _LightningReader()


def _parts(table: Table, path: str, notes: list[Note]) -> list[_Part]:
    """Split the rows into fits: one begins where the epoch or the step goes back."""
    columns = {name: number for number, name in enumerate(table.header) if name not in _KEYS}
    refused = _not_numbers(table, columns, path, notes)
    parts: list[_Part] = []
    last = (MAX_STEP, MAX_STEP)
    for row in table.rows:
        epoch, step = (_count(row, table.header.index(key), path) for key in _KEYS)
        here = (last[0] if epoch is None else epoch, last[1] if step is None else step)
        # Some versions write the means of an epoch with the step before that of its validation.
        if not parts or here[0] < last[0] or here[1] + 1 < last[1]:
            parts.append(_Part())
            here = (epoch or 0, step or 0)
        last = here
        for name, number in columns.items():
            value = None if name in refused else cell(row.fields[number])
            if value is not None:
                parts[-1].points[name].append(_Point(epoch, step, value))
        if epoch is not None and step is not None:
            parts[-1].last_step[epoch] = step
    return parts


def _count(row: Row, column: int, path: str) -> int | None:
    """Return an epoch or a step; version 1.0 and others write it as a float at times."""
    text = row.fields[column]
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not number.is_integer() or not 0 <= number < MAX_STEP:
        raise ReadError(
            f"{path} holds {excerpt(text, 40)!r} as {_KEYS[0]} or {_KEYS[1]} in line {row.line}. Expected {_WHAT}."
        )
    return int(number)


def _not_numbers(table: Table, columns: dict[str, int], path: str, notes: list[Note]) -> set[str]:
    refused = set()
    for name, number in columns.items():
        for row in table.rows:
            try:
                cell(row.fields[number])
            except ValueError:
                text = (
                    f"{excerpt(name)} is left out of {path}: line {row.line} holds"
                    f" {excerpt(row.fields[number], 40)!r} (not a number)"
                )
                notes.append(Note("not_a_number", text, path, metric=name))
                refused.add(name)
                break
    return refused


def _fit(part: _Part, path: str, notes: list[Note]) -> Fit | None:
    by_epoch = {tag: points for tag, points in part.points.items() if _is_by_epoch(tag, points, part)}
    by_step = {tag: points for tag, points in part.points.items() if tag not in by_epoch}
    trained = {point.epoch for tag, points in part.points.items() if not _TEST.search(tag) for point in points}
    values = {tag: _inside(points, trained) for tag, points in by_epoch.items()}
    epochs = epoch_column({epoch for inside in values.values() for epoch in inside})
    names = names_of(by_epoch, _name)
    metrics = {}
    for tag, points in by_epoch.items():
        if len(values[tag]) < len(points):
            notes.append(_test_note(tag, points, path))
        if values[tag]:
            metrics[names[tag]] = series(values[tag], epochs, tag, path)
    steps = _streams(by_step, path, notes)
    return Fit(epochs, metrics, steps=steps) if metrics or steps else None


def _inside(points: list[_Point], epochs: set[int | None]) -> dict[int, float]:
    return {point.epoch: point.value for point in points if point.epoch is not None and point.epoch in epochs}


def _streams(by_step: dict[str, list[_Point]], path: str, notes: list[Note]) -> dict[str, StepSeries]:
    steps = {}
    step_names = names_of(by_step, _name)
    for tag, points in by_step.items():
        placed = [(point.step, point.value) for point in points if point.step is not None]
        if len(placed) < len(points):
            lost = len(points) - len(placed)
            text = f"{counted(lost, 'value')} of {excerpt(tag)} in {path} without a step {are_left_out(lost)}"
            notes.append(Note("no_step", text, path, metric=step_names[tag]))
        if any(one[0] > two[0] for one, two in pairwise(placed)):
            text = f"{excerpt(tag)} is left out of {path}: its steps go back"
            notes.append(Note("steps_go_back", text, path, metric=step_names[tag]))
        elif placed:
            steps[step_names[tag]] = stream(placed, "iteration", tag, path)
    return steps


def _is_by_epoch(tag: str, points: list[_Point], part: _Part) -> bool:
    """Tell whether a column has one value an epoch, at its end."""
    epochs = [point.epoch for point in points]
    if tag.endswith("_step") or None in epochs or len(set(epochs)) < len(epochs):
        return False
    if tag.endswith("_epoch"):
        return True
    # The step is that of the last batch or the one behind it, as versions differ.
    return all(
        point.step is None or point.epoch is None or point.step + 1 >= part.last_step[point.epoch] for point in points
    )


def _test_note(tag: str, points: list[_Point], path: str) -> Note:
    found = points[-1]
    text = (
        f"{excerpt(tag)} = {found.value:g} in {path} stands behind the last epoch, as trainer.test writes it:"
        " it is of no epoch, and left out"
    )
    return Note("after_training", text, path)


def _name(tag: str) -> str:
    for ending in ("_epoch", "_step"):
        if tag.endswith(ending) and len(tag) > len(ending):
            tag = tag.removesuffix(ending)
            break
    return keras_name(tag)
