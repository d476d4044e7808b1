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
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError
from kcb_replay.ingest.metric_names import keras_name, names_of
from kcb_replay.ingest.readers.base import LONGEST_LINE, LogReader
from kcb_replay.ingest.readers.texts import CsvRow, cell, csv_table, header_of
from kcb_replay.ingest.table import MAX_STEP, Log, epoch_notes, fit_of, stream
from kcb_replay.text import are_left_out, counted, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.recording import Fit, StepSeries


_WHAT = "a metrics.csv of Lightning"
_KEYS = ("epoch", "step")
_TEST = re.compile(r"(^|[_/])test([_/]|$)")


class _StepPoint(NamedTuple):
    epoch: int | None
    step: int | None
    value: float


@dataclass(slots=True)
class _FitPoints:
    """What one fit has: points per column in file order, and the last step of every epoch."""

    points: dict[str, list[_StepPoint]] = field(default_factory=lambda: defaultdict(list))
    last_step: dict[int, int] = field(default_factory=dict)


def _looks_like(path: str, head: bytes) -> bool:
    """Tell whether the file has the name and the columns that Lightning gives it."""
    names = header_of(head)
    return path.rpartition("/")[2].lower().endswith("metrics.csv") and len(names) > 2 and {*_KEYS} <= {*names}


def _fits_in(content: bytes, log: Log) -> list[Fit]:
    rows, header = csv_table(content, log, _WHAT), header_of(content)
    if not {*_KEYS} < {*header}:
        raise ReadError(f"{log.path} is not {_WHAT}: it needs the columns epoch and step, and a metric.")
    fits = [fit for part in _parts(header, rows, log) if (fit := _fit(part, log)) is not None]
    if not fits:
        raise log.refusal("holds no value of a training", why=True)
    for number, fit in enumerate(fits):
        log.notes += epoch_notes(fit.epochs, number, log.path)
    return fits


LIGHTNING = LogReader(
    format="lightning",
    what=_WHAT,
    suffixes=(".csv",),
    version=2,
    longest_line=LONGEST_LINE,
    looks_like=_looks_like,
    fits_in=_fits_in,
)


def _parts(header: list[str], rows: Sequence[CsvRow], log: Log) -> list[_FitPoints]:
    """Split the rows into fits: one begins where the epoch or the step goes back."""
    epochs, steps = (header.index(key) for key in _KEYS)
    columns = {name: number for number, name in enumerate(header) if name not in _KEYS}
    columns = {name: number for name, number in columns.items() if _are_numbers(name, number, rows, log)}
    parts: list[_FitPoints] = []
    last = (MAX_STEP, MAX_STEP)
    for row in rows:
        epoch, step = _count(row, epochs, log), _count(row, steps, log)
        here = (last[0] if epoch is None else epoch, last[1] if step is None else step)
        # Some versions write the means of an epoch with the step before that of its validation.
        if not parts or here[0] < last[0] or here[1] + 1 < last[1]:
            parts.append(_FitPoints())
            here = (epoch or 0, step or 0)
        last = here
        for name, number in columns.items():
            value = cell(row.fields[number])
            if value is not None:
                parts[-1].points[name].append(_StepPoint(epoch, step, value))
        if epoch is not None and step is not None:
            parts[-1].last_step[epoch] = step
    return parts


def _count(row: CsvRow, column: int, log: Log) -> int | None:
    """Return an epoch or a step; version 1.0 and others write it as a float at times."""
    text = row.fields[column]
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not number.is_integer() or not 0 <= number < MAX_STEP:
        raise log.refusal(f"holds {excerpt(text, 40)!r} as {_KEYS[0]} or {_KEYS[1]} in line {row.line}")
    return int(number)


def _are_numbers(name: str, column: int, rows: Iterable[CsvRow], log: Log) -> bool:
    for row in rows:
        try:
            cell(row.fields[column])
        except ValueError:
            text = f"line {row.line} holds {excerpt(row.fields[column], 40)!r} (not a number)"
            log.note("not_a_number", f"{excerpt(name)} is left out of {log.path}: {text}", metric=name)
            return False
    return True


def _fit(part: _FitPoints, log: Log) -> Fit | None:
    by_epoch = {tag: points for tag, points in part.points.items() if _is_by_epoch(tag, points, part)}
    by_step = {tag: points for tag, points in part.points.items() if tag not in by_epoch}
    trained = {point.epoch for tag, points in part.points.items() if not _TEST.search(tag) for point in points}
    values = {tag: _inside(points, trained) for tag, points in by_epoch.items()}
    for tag, points in by_epoch.items():
        if len(values[tag]) < len(points):
            text = f"{excerpt(tag)} = {points[-1].value:g} in {log.path} stands behind the last epoch"
            log.note("after_training", f"{text}, as trainer.test writes it: it is of no epoch, and left out")
    fit = fit_of(values, names_of(by_epoch, _name), log.path, _streams(by_step, log))
    return fit if fit.metrics or fit.steps else None


def _inside(points: list[_StepPoint], epochs: set[int | None]) -> dict[int, float]:
    return {point.epoch: point.value for point in points if point.epoch is not None and point.epoch in epochs}


def _streams(by_step: dict[str, list[_StepPoint]], log: Log) -> dict[str, StepSeries]:
    steps = {}
    step_names = names_of(by_step, _name)
    for tag, points in by_step.items():
        placed = [(point.step, point.value) for point in points if point.step is not None]
        if len(placed) < len(points):
            lost = len(points) - len(placed)
            text = f"{counted(lost, 'value')} of {excerpt(tag)} in {log.path} without a step {are_left_out(lost)}"
            log.note("no_step", text, metric=step_names[tag])
        if any(one[0] > two[0] for one, two in pairwise(placed)):
            text = f"{excerpt(tag)} is left out of {log.path}: its steps go back"
            log.note("steps_go_back", text, metric=step_names[tag])
        elif placed:
            steps[step_names[tag]] = stream(placed, "iteration", tag, log.path)
    return steps


def _is_by_epoch(tag: str, points: list[_StepPoint], part: _FitPoints) -> bool:
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


def _name(tag: str) -> str:
    for ending in ("_epoch", "_step"):
        if tag.endswith(ending) and len(tag) > len(ending):
            tag = tag.removesuffix(ending)
            break
    return keras_name(tag)
