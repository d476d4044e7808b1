"""Read the files of `keras.callbacks.CSVLogger`, whatever separator, line ends and encoding they have by now.

A row that does not fit its header is left out and named, never shifted; a last line that was cut off is dropped; a file
that only looks like a CSVLogger file is refused. `NA` is a missing value, `nan` a value.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.metric_names import as_they_are
from kcb_replay.ingest.readers.base import LONGEST_LINE, Blob, Reading
from kcb_replay.ingest.readers.csv_bulk import SEPARATORS, decoded, header_of, is_header, read_alike, read_on
from kcb_replay.ingest.table import EpochTable, Log, rows_refused, truncated
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kcb_replay.ingest.recording import Fit


_MISSING = ("NA", "")
_LOSSES = ("truncated", "row_refused", "not_a_number")
# What the decoders say of a character that the end of the file cut off.
_CUT_CHARACTER = ("unexpected end of data", "truncated data")
_EPOCH = re.compile(r"-?0+|0*([0-9]{1,15})")
_LINE_END = re.compile(r"\r*\n|\r+")


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
        # Of JSON in one line the whole head would be searched for its end.
        if head.startswith((b"{", b"[")):
            return False
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
    log = Log(blob.path, "Expected rows of numbers, at least one whole epoch.")
    lines = _lines(blob, log)
    if not lines or not is_header(header_of(lines[0])):
        raise ReadError(_not_csvlogger(blob.path, lines))
    fits = _table(_rows(lines, lines[0][5], blob.path), log).fits()
    if not any(fit.metrics for fit in fits):
        holds = "epochs but no value" if fits else "a header but no whole epoch"
        why = "; ".join(note.text for note in log.notes if note.code in _LOSSES)
        raise log.refusal(f"holds {holds}{why and f': {why}'}")
    return Reading(fits, tuple(log.notes))


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


def _lines(blob: Blob, log: Log) -> list[str]:
    lines = _LINE_END.split(_text(blob))
    unfinished = lines.pop()
    # A cut-off last line still parses: 1.03 becomes 1.0. Only a line end proves that a row is whole.
    if unfinished and lines:
        log.notes.append(truncated(len(lines) + 1, blob.path))
    elif unfinished:
        lines = [unfinished]
    return lines


def _not_csvlogger(path: str, lines: list[str]) -> str:
    if not lines:
        return f"{path} is empty. Expected a CSVLogger file; was the training started?"
    return (
        f"{path} begins with {_shortened(lines[0], 80)!r}: not a CSVLogger file. Expected `epoch`, a separator"
        f" ({SEPARATORS!r}) and the metrics in alphabetical order."
    )


def _rows(lines: Sequence[str], separator: str, path: str) -> Iterator[tuple[int, list[str]]]:
    # With its line end, a quoted field that goes on in the next line does not become another number.
    reader = csv.reader((f"{line}\n" for line in lines), delimiter=separator)
    first = 1
    try:
        for fields in reader:
            if any(fields):
                yield first, fields
            # A quoted list may go on over several lines.
            first = reader.line_num + 1
    except csv.Error as error:
        raise ReadError(
            f"{path} cannot be read as CSV at line {reader.line_num}: {error}. Expected a CSVLogger file."
        ) from None


def _table(rows: Iterable[tuple[int, list[str]]], log: Log) -> EpochTable[str]:
    text = "{tag} is left out of {path}: line {line} holds {why}"
    table = EpochTable(log, _number, names=as_they_are, text=text)
    refused: list[tuple[int, list[str]]] = []
    tags: list[str] = []
    for line, fields in rows:
        if is_header(fields):
            tags = fields[1:]
            # A resumed or repeated fit appended to the file.
            table.begin()
        elif (epoch := _EPOCH.fullmatch(fields[0])) and len(fields) == len(tags) + 1:
            table.add(int(epoch[1] or 0), tags, fields[1:], line)
        else:
            refused.append((line, fields))
    if refused:
        _, fields = refused[0]
        first = f"{counted(len(fields), 'field')} and the epoch {fields[0]!r}"
        log.notes.append(rows_refused([line for line, _ in refused], log.path, first))
    return table


def _number(text: str) -> float | None:
    """Return the number in a field; CSVLogger gives every metric an all-NA val_ twin when epoch 0 had no validation."""
    if text in _MISSING:
        return None
    try:
        # float() would take 1_000 for a number; no writer of logs means that.
        if "_" not in text:
            return float(text)
    except ValueError:
        pass
    why = "a decimal comma?" if re.fullmatch(r"-?\d+,\d+", text) else "not a number"
    raise ValueError(f"{_shortened(text, 40)!r} ({why})")


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 3] + "..."
