"""Read the files of `keras.callbacks.CSVLogger`, whatever separator, line ends and encoding they have by now.

A row that does not fit its header is left out and named, never shifted; a last line that was cut off is dropped; a file
that only looks like a CSVLogger file is refused. `NA` is a missing value, `nan` a value.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import LONGEST_LINE, Blob, Reading
from kcb_replay.ingest.readers.csv_bulk import SEPARATORS, decoded, header_of, is_header, read_alike, read_on
from kcb_replay.ingest.recording import Fit, Note, Series
from kcb_replay.ingest.table import epoch_notes, rows_refused, truncated
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["CSVLOGGER", "CSVLoggerReader", "read_plainly"]

_MISSING = ("NA", "")
_LOSSES = ("truncated", "row_refused", "not_a_number")
# What the decoders say of a character that the end of the file cut off.
_CUT_CHARACTER = ("unexpected end of data", "truncated data")
_EPOCH = re.compile(r"-?0+|0*([0-9]{1,15})")
_LINE_END = re.compile(r"\r*\n|\r+")


class _LineFields(NamedTuple):
    line: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class _FitRows:
    """Consecutive rows under one header whose epochs rise: one fit."""

    header: list[str]
    rows: list[_LineFields] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CSVLoggerReader:
    """Reader of CSVLogger files; one file is one or, when it was appended to, several fits."""

    format: str = "csvlogger"
    rank: int = 10
    suffixes: tuple[str, ...] = ("", ".csv", ".tsv", ".log", ".txt", ".history")
    version: int = 1
    longest_line: int = LONGEST_LINE

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # the name is no more than a hint
        """Tell whether the first line is a header that CSVLogger could have written."""
        try:
            text = decoded(head, errors="ignore")
        except LookupError:
            return False
        first = _LINE_END.split(text, maxsplit=1)[0]
        return is_header(header_of(first))

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one file; raises `ReadError` when it is none of CSVLogger's or holds no epoch."""
        if len(blobs) != 1:
            paths = ", ".join(blob.path for blob in blobs)
            raise ReadError(f"a CSVLogger file is a run, but {len(blobs)} were given: {paths}. Read each as its own.")
        return read_alike(blobs)[0] or read_plainly(blobs[0])

    def read_many(self, runs: Sequence[tuple[Blob, ...]]) -> list[Reading | ReadError]:
        """Return what `read` returns or raises for each run; files with the same header are parsed in one go."""
        single = [number for number, blobs in enumerate(runs) if len(blobs) == 1]
        alike = dict(zip(single, read_alike([runs[number][0] for number in single]), strict=True))
        return [alike.get(number) or self._read_or_error(blobs) for number, blobs in enumerate(runs)]

    def read_on(self, fits: tuple[Fit, ...], head: bytes, new: Blob) -> Reading | None:
        """Return what `read` returns for a file that has grown, None where its new rows are not plain."""
        return read_on(fits, head, new)

    def _read_or_error(self, blobs: tuple[Blob, ...]) -> Reading | ReadError:
        try:
            return read_plainly(blobs[0]) if len(blobs) == 1 else self.read(blobs)
        except ReadError as error:
            return error


CSVLOGGER = CSVLoggerReader()


def read_plainly(blob: Blob) -> Reading:
    """Read one file row by row, whatever is odd about it; the fast path gives the same or leaves it to this one."""
    notes: list[Note] = []
    lines = _lines(blob, notes)
    if not lines or not is_header(header_of(lines[0])):
        raise ReadError(_not_csvlogger(blob.path, lines))
    tables = _split_into_fits(_rows(lines, lines[0][5], blob.path), blob.path, notes)
    if not tables:
        raise ReadError(_nothing_in(blob.path, "a header but no whole epoch", notes))
    fits = tuple(_fit(table, number, blob.path, notes) for number, table in enumerate(tables))
    if not any(fit.metrics for fit in fits):
        raise ReadError(_nothing_in(blob.path, "epochs but no value", notes))
    return Reading(fits, tuple(notes))


def _text(blob: Blob) -> str:
    try:
        return decoded(blob.content)
    except UnicodeDecodeError as error:
        if error.reason in _CUT_CHARACTER:
            return decoded(blob.content, errors="replace")
        # The UTF-8 decoder counts from behind the byte order mark.
        byte = error.start + len(blob.content) - len(error.object)
        raise ReadError(
            f"{blob.path} is not text at byte {byte} ({error.reason}). Expected a CSVLogger file in UTF-8 or UTF-16."
        ) from None


def _lines(blob: Blob, notes: list[Note]) -> list[str]:
    text = _text(blob)
    lines = _LINE_END.split(text)
    unfinished = lines.pop()
    # A cut-off last line still parses: 1.03 becomes 1.0. Only a line end proves that a row is whole.
    if unfinished and lines:
        notes.append(truncated(len(lines) + 1, blob.path))
    elif unfinished:
        lines = [unfinished]
    return lines


def _not_csvlogger(path: str, lines: list[str]) -> str:
    if not lines:
        return f"{path} is empty. Expected a CSVLogger file; was the training started?"
    shown = lines[0] if len(lines[0]) <= 80 else lines[0][:77] + "..."
    return (
        f"{path} begins with {shown!r}: not a CSVLogger file. Expected `epoch`, a separator ({SEPARATORS!r}) and the"
        " metrics in alphabetical order."
    )


def _nothing_in(path: str, content: str, notes: Sequence[Note]) -> str:
    why = "; ".join(note.text for note in notes if note.code in _LOSSES)
    return f"{path} holds {content}{': ' + why if why else ''}. Expected rows of numbers, at least one whole epoch."


def _rows(lines: Sequence[str], separator: str, path: str) -> Iterator[_LineFields]:
    # With its line end, a quoted field that goes on in the next line does not become another number.
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator)
    first = 1
    try:
        for fields in reader:
            if any(fields):
                yield _LineFields(first, fields)
            # A quoted list may go on over several lines.
            first = reader.line_num + 1
    except csv.Error as error:
        raise ReadError(
            f"{path} cannot be read as CSV at line {reader.line_num}: {error}. Expected a CSVLogger file."
        ) from None


def _split_into_fits(rows: Iterator[_LineFields], path: str, notes: list[Note]) -> list[_FitRows]:
    tables: list[_FitRows] = []
    refused: list[_LineFields] = []
    header: list[str] = []
    last_epoch: int | None = None
    for row in rows:
        if is_header(row.fields):
            header, last_epoch = row.fields, None
            continue
        epoch = _epoch(row.fields[0])
        if epoch is None or len(row.fields) != len(header):
            refused.append(row)
            continue
        # The epoch goes back where a resumed or repeated fit appended to the file.
        if last_epoch is None or epoch <= last_epoch:
            tables.append(_FitRows(header))
        tables[-1].rows.append(row)
        last_epoch = epoch
    if refused:
        first = f"{counted(len(refused[0].fields), 'field')} and the epoch {refused[0].fields[0]!r}"
        notes.append(rows_refused([row.line for row in refused], path, first))
    return tables


def _epoch(text: str) -> int | None:
    number = _EPOCH.fullmatch(text)
    return int(number[1] or 0) if number else None


def _fit(table: _FitRows, number: int, path: str, notes: list[Note]) -> Fit:
    epochs = np.array([_epoch(row.fields[0]) for row in table.rows], np.int64)
    metrics = {}
    for column, name in enumerate(table.header[1:], start=1):
        series = _series(table, column, name, number, path, notes)
        # CSVLogger gives every metric an all-NA val_ twin when epoch 0 had no validation.
        if series is not None and series.valid.any():
            metrics[name] = series
    notes += epoch_notes(epochs, number, path)
    return Fit(epochs, metrics)


def _series(table: _FitRows, column: int, name: str, number: int, path: str, notes: list[Note]) -> Series | None:
    values = np.zeros(len(table.rows))
    valid = np.ones(len(table.rows), np.bool_)
    for n, row in enumerate(table.rows):
        text = row.fields[column]
        if text in _MISSING:
            valid[n] = False
            continue
        try:
            values[n] = _number(text)
        except ValueError:
            notes.append(_not_a_number(name, text, row.line, number, path))
            return None
    return Series(values, valid, tag=name, source=path)


def _not_a_number(name: str, text: str, line: int, number: int, path: str) -> Note:
    why = "a decimal comma?" if re.fullmatch(r"-?\d+,\d+", text) else "not a number"
    shown = text if len(text) <= 40 else text[:37] + "..."
    message = f"{name} is left out of {path}: line {line} holds {shown!r} ({why})"
    return Note("not_a_number", message, path, fit=number, metric=name)


def _number(text: str) -> float:
    # float() would take 1_000 for a number; no writer of logs means that.
    if "_" in text:
        raise ValueError(text)
    return float(text)
