"""One table of epochs for every log that is written row by row, or point by point.

A reader states which cells are what; the table makes epochs, fits and missing values of them, with the notes that every
format owes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.metric_names import names_of
from kcb_replay.ingest.recording import Fit, Integers, Note, Series, StepSeries, StepUnit
from kcb_replay.text import MAX_EXCERPT, are_left_out, counted, excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence


MAX_STEP = 2**53
# Reasons that an error quotes.
_MOST_REASONS = 3
_Cell = TypeVar("_Cell")


@dataclass(slots=True)
class Log:
    """One file that is read: its path, a sentence that says what was expected, and what is odd so far."""

    path: str
    expected: str
    notes: list[Note] = field(default_factory=list)

    def note(self, code: str, text: str, *, fit: int | None = None, metric: str | None = None) -> None:
        """Take down what is odd."""
        self.notes.append(Note(code, text, self.path, fit=fit, metric=metric))

    def refusal(self, problem: str, *, why: bool = False) -> ReadError:
        """Return the error that says what was found and what was expected; with `why`, what is odd is the reason."""
        reasons = "; ".join(note.text for note in self.notes[:_MOST_REASONS]) if why else ""
        return ReadError(f"{self.path} {problem}{reasons and f': {reasons}'}. {self.expected}")


@dataclass(slots=True)
class _FitRows(Generic[_Cell]):
    """The rows of a fit, each with its epoch, its tags, a cell for each of these, and its line."""

    epochs: list[int] = field(default_factory=list)
    tags: list[Sequence[str]] = field(default_factory=list)
    cells: list[Sequence[_Cell]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)

    def columns(self) -> dict[str, list[_Cell] | list[_Cell | None]]:
        """Return the cells of each tag, row by row, None where a row has none."""
        first = self.tags[0]
        if all(tags is first or tags == first for tags in self.tags):
            return {tag: [cells[at] for cells in self.cells] for at, tag in enumerate(first)}
        rows = [dict(zip(tags, cells, strict=True)) for tags, cells in zip(self.tags, self.cells, strict=True)]
        return {tag: [row.get(tag) for row in rows] for tag in dict.fromkeys(tag for tags in self.tags for tag in tags)}


class EpochTable(Generic[_Cell]):
    """The rows of a log in file order, one an epoch; an epoch that does not rise begins a new fit.

    `number` returns what a cell holds that is not None, None for no value; a `ValueError` leaves the column out of its
    fit, and `text` says so, quoting at most `longest` characters. `names` gives each tag a name. A column without a
    value is no metric.
    """

    def __init__(
        self,
        log: Log,
        number: Callable[[_Cell], float | None],
        *,
        names: Callable[[Iterable[str]], dict[str, str]] | None = None,
        text: str = "{tag} is left out of {path}: it holds {why}",
        longest: int = MAX_EXCERPT,
    ) -> None:
        self._log, self._number, self._names = log, number, names or names_of
        self._text, self._longest = text, longest
        self._fits: list[_FitRows[_Cell]] = []
        self._last = MAX_STEP

    def begin(self) -> None:
        """Begin a new fit with the next row, whatever its epoch."""
        self._last = MAX_STEP

    def add(self, epoch: int, tags: Sequence[str], cells: Sequence[_Cell], line: int = 0) -> None:
        """Add the row of an epoch, which is counted from 0: a cell for each tag, and the line it stands in."""
        if epoch <= self._last:
            self._fits.append(_FitRows())
        rows, self._last = self._fits[-1], epoch
        rows.epochs.append(epoch)
        rows.tags.append(tags)
        rows.cells.append(cells)
        rows.lines.append(line)

    @property
    def count(self) -> int:
        """The number of fits so far."""
        return len(self._fits)

    @property
    def first_epoch(self) -> int:
        """The smallest epoch that a fit begins with, 0 without any."""
        return min((rows.epochs[0] for rows in self._fits), default=0)

    def fits(self, *, counted_from: int = 0) -> tuple[Fit, ...]:
        """Return the fits; the epochs that were added may be `counted_from` 1."""
        return tuple(self._fit(number, rows, counted_from) for number, rows in enumerate(self._fits))

    def _fit(self, number: int, rows: _FitRows[_Cell], counted_from: int) -> Fit:
        log, columns = self._log, rows.columns()
        epochs = np.array(rows.epochs, np.int64) - counted_from
        metrics: dict[str, Series] = {}
        for tag, name in self._names(columns).items():
            cells = columns[tag]
            try:
                values = [None if cell is None else self._number(cell) for cell in cells]
            except ValueError as error:
                line = rows.lines[self._first_refused(cells)]
                text = self._text.format(
                    tag=excerpt(tag), path=log.path, line=line, why=excerpt(str(error), self._longest)
                )
                log.note("not_a_number", text, fit=number, metric=name)
                continue
            series = series_of(values, tag, log.path)
            if series.valid.any():
                metrics[name] = series
        log.notes += epoch_notes(epochs, number, log.path)
        return Fit(epochs, metrics)

    def _first_refused(self, cells: Iterable[_Cell | None]) -> int:
        for position, cell in enumerate(cells):
            try:
                if cell is not None:
                    self._number(cell)
            except ValueError:
                return position
        raise AssertionError


def fit_of(
    columns: Mapping[str, Mapping[int, float]],
    names: Mapping[str, str],
    path: str,
    steps: Mapping[str, StepSeries],
) -> Fit:
    """Return the fit that has these values by tag and epoch, and these streams."""
    column = np.array(sorted({epoch for values in columns.values() for epoch in values}), np.int64)
    metrics = {names[tag]: series(values, column, tag, path) for tag, values in columns.items() if values}
    return Fit(column, metrics, steps=steps)


def exact(value: object) -> float:
    """Return a number as a float; raises `ValueError` for what is no number or has no equal float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a {type(value).__name__}, which is no number")  # noqa: TRY004  # a fact of the file
    if isinstance(value, int) and (value.bit_length() > 1000 or float(value) != value):
        raise ValueError("an integer that no 64-bit float equals")
    return float(value)


def series(values: Mapping[int, float], epochs: Integers, tag: str, source: str) -> Series:
    """Return the series that has these values at these epochs and none at the others."""
    return series_of([values.get(epoch) for epoch in epochs.tolist()], tag, source)


def series_of(values: Sequence[float | None], tag: str, source: str) -> Series:
    """Return the series of values, one an epoch; None where there is none."""
    return Series(
        np.array([0.0 if value is None else value for value in values], np.float64),
        np.array([value is not None for value in values], np.bool_),
        tag=tag,
        source=source,
    )


def stream(
    points: Sequence[tuple[int, float]],
    unit: StepUnit,
    tag: str,
    source: str,
    wall_time: Sequence[float] | None = None,
) -> StepSeries:
    """Return points, whose steps must not fall, as a stream."""
    return StepSeries(
        np.array([step for step, _ in points], np.int64),
        np.array([value for _, value in points], np.float64),
        unit,
        tag=tag,
        source=source,
        wall_time=None if wall_time is None else np.array(wall_time, np.float64),
    )


def epoch_notes(epochs: Integers, number: int, path: str) -> list[Note]:
    """Say where a fit begins too late or lacks epochs."""
    if not len(epochs):
        return []
    first, last = int(epochs[0]), int(epochs[-1])
    notes = []
    if first > 0:
        text = f"fit {number} of {path} starts at epoch {first + 1}: what callbacks saw before is not recorded"
        notes.append(Note("starts_late", text, path, fit=number))
    # The epochs of a fit rise.
    if last - first >= len(epochs):
        gaps = int((np.diff(epochs) > 1).sum())
        text = (
            f"fit {number} of {path} lacks epochs at {gaps} places between epoch {first + 1} and {last + 1},"
            " so no answer from it is exact"
        )
        notes.append(Note("sampled", text, path, fit=number))
    return notes


def truncated(line: int, path: str) -> Note:
    """Return what is said of a last line without an end."""
    return Note("truncated", f"line {line} of {path} was cut off before its end; it is left out", path)


def rows_refused(lines: Sequence[int], path: str, first: str) -> Note:
    """Return what is said of rows that do not fit their header; `first` says what the first of them has."""
    listed = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
    rows, do = counted(len(lines), "row"), "does" if len(lines) == 1 else "do"
    refused = f"{rows} of {path} {do} not fit the header and {are_left_out(len(lines))}"
    text = f"{refused} (line {listed}; the first has {first})"
    return Note("row_refused", text, path)


def alignment_lost(tag: str, values: int, epochs: int) -> str:
    """Return what is said of a metric that has fewer values than the others."""
    lacking = f"{excerpt(tag)} has {counted(values, 'value')} for {epochs} epochs"
    return f"{lacking}: which epochs they belong to is not recorded, so it is left out"
