"""Read the files of `keras.callbacks.CSVLogger`, whatever separator, line ends and encoding they have by now.

A row that does not fit its header is left out and named, never shifted; a last line that was cut off is dropped; a file
that only looks like a CSVLogger file is refused. `NA` is a missing value, `nan` a value.
"""

from __future__ import annotations

import codecs
import csv
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.recording import Fit, Note, Series

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["CSVLOGGER", "CSVLoggerReader"]

_SEPARATORS = ",;\t"
_MISSING = ("NA", "")
_LOSSES = ("truncated", "row_refused", "not_a_number")
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# What the decoders say of a character that the end of the file cut off.
_CUT_CHARACTER = ("unexpected end of data", "truncated data")
_LINE_END = re.compile(r"\r*\n|\r+")


class _Row(NamedTuple):
    line: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class _Table:
    """Consecutive rows under one header whose epochs rise: one fit."""

    header: list[str]
    rows: list[_Row] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class CSVLoggerReader:
    """Reader of CSVLogger files; one file is one or, when it was appended to, several fits."""

    format: str = "csvlogger"
    rank: int = 10
    suffixes: tuple[str, ...] = ("", ".csv", ".tsv", ".log", ".txt", ".history")
    version: int = 1

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # the name is no more than a hint
        """Tell whether the first line is a header that CSVLogger could have written."""
        try:
            text = _decode(head, errors="ignore")
        except LookupError:
            return False
        first = _LINE_END.split(text, maxsplit=1)[0]
        return _is_header(_header(first))

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one file; raises `ReadError` when it is none of CSVLogger's or holds no epoch."""
        if len(blobs) != 1:
            paths = ", ".join(blob.path for blob in blobs)
            raise ReadError(f"a CSVLogger file is a run, but {len(blobs)} were given: {paths}. Read each as its own.")
        (blob,) = blobs
        notes: list[Note] = []
        lines = _lines(blob, notes)
        if not lines or not _is_header(_header(lines[0])):
            raise ReadError(_not_csvlogger(blob.path, lines))
        tables = _split_into_fits(_rows(lines, lines[0][5], blob.path), blob.path, notes)
        if not tables:
            raise ReadError(_nothing_in(blob.path, "a header but no whole epoch", notes))
        fits = tuple(_fit(table, number, blob.path, notes) for number, table in enumerate(tables))
        if not any(fit.metrics for fit in fits):
            raise ReadError(_nothing_in(blob.path, "epochs but no value", notes))
        return Reading(fits, tuple(notes))


CSVLOGGER = CSVLoggerReader()


def _decode(content: bytes, errors: str = "strict") -> str:
    for bom, encoding in _BOMS.items():
        if content.startswith(bom):
            return content.decode(encoding, errors)
    return content.decode("utf-8", errors)


def _text(blob: Blob) -> str:
    try:
        return _decode(blob.content)
    except UnicodeDecodeError as error:
        if error.reason in _CUT_CHARACTER:
            return _decode(blob.content, errors="replace")
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
        number = len(lines) + 1
        notes.append(
            Note("truncated", f"line {number} of {blob.path} was cut off before its end; it is left out", blob.path)
        )
    elif unfinished:
        lines = [unfinished]
    return lines


def _header(first_line: str) -> list[str]:
    """Return the names in a first line that begins with `epoch` and a separator, else nothing."""
    if first_line[:5] != "epoch" or first_line[5:6] not in [*_SEPARATORS]:
        return []
    try:
        return next(csv.reader([first_line], delimiter=first_line[5]), [])
    except csv.Error:
        return []


def _is_header(names: list[str]) -> bool:
    """Tell whether these are columns as CSVLogger orders them: sorted, perhaps with a `val_` twin of each behind."""
    metrics = names[1:]
    if names[:1] != ["epoch"] or not metrics or len(set(names)) < len(names) or "step" in metrics:
        return False
    if any(not name or name != name.strip() for name in metrics):
        return False
    half = metrics[: len(metrics) // 2]
    twins = [f"val_{name}" for name in half]
    return metrics == sorted(metrics) or (half == sorted(half) and metrics[len(half) :] == twins)


def _not_csvlogger(path: str, lines: list[str]) -> str:
    if not lines:
        return f"{path} is empty. Expected a CSVLogger file; was the training started?"
    shown = lines[0] if len(lines[0]) <= 80 else lines[0][:77] + "..."
    return (
        f"{path} begins with {shown!r}: not a CSVLogger file. Expected `epoch`, a separator ({_SEPARATORS!r}) and the"
        " metrics in alphabetical order."
    )


def _nothing_in(path: str, found: str, notes: Sequence[Note]) -> str:
    why = "; ".join(note.text for note in notes if note.code in _LOSSES)
    return f"{path} holds {found}{': ' + why if why else ''}. Expected rows of numbers, at least one whole epoch."


def _rows(lines: Sequence[str], separator: str, path: str) -> Iterator[_Row]:
    reader = csv.reader(lines, delimiter=separator)
    first = 1
    try:
        for fields in reader:
            if any(fields):
                yield _Row(first, fields)
            # A quoted list may go on over several lines.
            first = reader.line_num + 1
    except csv.Error as error:
        raise ReadError(
            f"{path} cannot be read as CSV at line {reader.line_num}: {error}. Expected a CSVLogger file."
        ) from None


def _split_into_fits(rows: Iterator[_Row], path: str, notes: list[Note]) -> list[_Table]:
    tables: list[_Table] = []
    refused: list[_Row] = []
    header: list[str] = []
    last_epoch: int | None = None
    for row in rows:
        if _is_header(row.fields):
            header, last_epoch = row.fields, None
            continue
        epoch = _epoch(row.fields[0])
        if epoch is None or len(row.fields) != len(header):
            refused.append(row)
            continue
        # The epoch goes back where a resumed or repeated fit appended to the file.
        if last_epoch is None or epoch <= last_epoch:
            tables.append(_Table(header))
        tables[-1].rows.append(row)
        last_epoch = epoch
    if refused:
        notes.append(_refused_note(refused, path))
    return tables


def _refused_note(refused: list[_Row], path: str) -> Note:
    lines = ", ".join(str(row.line) for row in refused[:5]) + (", ..." if len(refused) > 5 else "")
    first = refused[0]
    text = (
        f"{len(refused)} rows of {path} do not fit the header and are left out (line {lines}; the first has"
        f" {len(first.fields)} fields and the epoch {first.fields[0]!r})"
    )
    return Note("row_refused", text, path)


def _epoch(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _fit(table: _Table, number: int, path: str, notes: list[Note]) -> Fit:
    epochs = np.array([int(row.fields[0]) for row in table.rows], np.int64)
    metrics = {}
    for column, name in enumerate(table.header[1:], start=1):
        series = _series(table, column, name, number, path, notes)
        # CSVLogger gives every metric an all-NA val_ twin when epoch 0 had no validation.
        if series is not None and series.valid.any():
            metrics[name] = series
    if epochs[0] > 0:
        text = f"fit {number} of {path} starts at epoch {epochs[0] + 1}: what callbacks saw before is not recorded"
        notes.append(Note("starts_late", text, path, fit=number))
    gaps = int((np.diff(epochs) > 1).sum())
    if gaps:
        text = (
            f"fit {number} of {path} lacks epochs at {gaps} places between epoch {epochs[0] + 1} and {epochs[-1] + 1},"
            " so no answer from it is exact"
        )
        notes.append(Note("sampled", text, path, fit=number))
    return Fit(epochs, metrics)


def _series(table: _Table, column: int, name: str, number: int, path: str, notes: list[Note]) -> Series | None:
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
