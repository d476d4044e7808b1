"""Read the files of `keras.callbacks.CSVLogger`, whatever separator, line ends and encoding they have by now.

A row that does not fit its header is left out and named, never shifted; a last line that was cut off is dropped; a file
that only looks like a CSVLogger file is refused. `NA` is a missing value, `nan` a value.
"""

from __future__ import annotations

import csv
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.epoch_count import assumed_from_0, assumed_from_1
from kcb_replay.ingest.metric_names import as_they_are
from kcb_replay.ingest.readers.base import LONGEST_LINE, Blob, Reading
from kcb_replay.ingest.readers.csv_appended import CAUSE, FEWEST_ROWS, names_of_appended
from kcb_replay.ingest.readers.csv_bulk import SEPARATORS, decoded, header_of, is_header, read_alike, read_on
from kcb_replay.ingest.readers.csv_shifts import shift_notes
from kcb_replay.ingest.readers.texts import has_decimal_commas
from kcb_replay.ingest.recording import Fit, Note
from kcb_replay.ingest.table import EpochTable, Log, rows_refused, truncated
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence


# The line that a row begins in, and its fields.
_Row: TypeAlias = tuple[int, list[str]]

_MISSING = ("NA", "")
_LOSSES = ("truncated", "row_refused", "not_a_number")
# What the decoders say of a character that the end of the file cut off.
_CUT_CHARACTER = ("unexpected end of data", "truncated data")
# Bytes in which the first line ends, and the share of the numbers of a file that Keras writes as float32.
_BEGINNING, _MOSTLY = 1 << 16, 0.9
_EPOCH = re.compile(r"-?0+|0*([0-9]{1,15})")
# In no text, UTF-16 included; event files have them in their first length, and would be decoded to find no header.
_NO_TEXT = bytes(4)
_LINE_END = re.compile(r"\r*\n|\r+")


@dataclass(frozen=True, slots=True)
class CSVLoggerReader:
    """Reader of CSVLogger files; one file is one or, when it was appended to, several fits."""

    format: str = "csvlogger"
    rank: int = 10
    suffixes: tuple[str, ...] = ("", ".csv", ".tsv", ".log", ".txt", ".history")
    version: int = 2
    longest_line: int = LONGEST_LINE

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # the name is no more than a hint
        """Tell whether the first line is a header that CSVLogger could have written."""
        # Of JSON in one line the whole head would be searched for its end.
        if head.startswith((b"{", b"[")) or _NO_TEXT in head[:16]:
            return False
        try:
            text = decoded(head, errors="ignore")
        except LookupError:
            return False
        first, *rest = _LINE_END.split(text, maxsplit=2)
        if not is_header(header_of(first)):
            return False
        # Other characters may divide anything: then the first row must be one, too.
        return first[5] in SEPARATORS or not any(rest) or re.match(rf"\d+{re.escape(first[5])}", rest[0]) is not None

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
    rows = list(_rows(lines, lines[0][5], blob.path))
    table = _table(rows, log)
    of_csvlogger = table.first_epoch != 1 or _wrote_csvlogger(rows, blob.content)
    if table.first_epoch == 1:
        log.notes.append(assumed_from_0(blob.path) if of_csvlogger else assumed_from_1(blob.path))
    fits = table.fits(counted_from=0 if of_csvlogger else 1)
    if not any(fit.metrics for fit in fits):
        holds = "epochs but no value" if fits else "a header but no whole epoch"
        why = "; ".join(note.text for note in log.notes if note.code in _LOSSES)
        raise log.refusal(f"holds {holds}{why and f': {why}'}")
    log.notes += shift_notes(fits, blob.path)
    return Reading(fits, tuple(log.notes))


def _wrote_csvlogger(rows: Iterable[_Row], content: bytes) -> bool:
    """Tell whether Keras wrote these rows itself: with its line ends, and float32 numbers to the last digit."""
    if "\r\n" not in decoded(content[:_BEGINNING], errors="ignore"):
        return False
    numbers = []
    for _, fields in rows:
        with suppress(ValueError):
            numbers += [number for text in fields[1:] if (number := _number(text)) is not None]
    values = np.array(numbers, np.float64)
    with np.errstate(over="ignore"):
        return bool(np.mean(values.astype(np.float32) == values) > _MOSTLY) if len(values) else False


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
        " and the metrics in alphabetical order."
    )


def _rows(lines: Sequence[str], separator: str, path: str) -> Iterator[_Row]:
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


def _table(rows: Sequence[_Row], log: Log) -> EpochTable[str]:
    commas = has_decimal_commas(cell for _, fields in rows for cell in fields[1:])
    if commas:
        log.note("decimal_comma", f"{log.path} writes numbers with a decimal comma, as CSVLogger does not")
    number = _number_with_comma if commas else _number
    table = EpochTable(log, number, names=as_they_are, text="{tag} is left out of {path}: line {line} holds {why}")
    refused: list[_Row] = []
    tags: Sequence[str] = ()
    last: Sequence[str] = ()
    for kind, group in groupby(rows, key=_kind):
        block = list(group)
        if kind == "header":
            tags, last = block[-1][1][1:], ()
            # A resumed or repeated fit appended to the file.
            table.begin()
        elif kind == len(tags) + 1:
            _add(table, tags, block)
            last = block[-1][1][1:]
        elif isinstance(kind, int) and last and (names := _names_of(block, tags, last, number)):
            table.begin()
            _add(table, names, block)
            log.notes.append(_appended(block, names, len(tags), table.count - 1, log.path))
            table.begin()
        else:
            refused += block
    if refused:
        log.notes.append(_refused(refused, log.path))
    return table


def _kind(row: _Row) -> str | int:
    """Return what a row is: a header, one of an epoch with so many fields, or neither."""
    _, fields = row
    if is_header(fields):
        return "header"
    return len(fields) if _EPOCH.fullmatch(fields[0]) else "neither"


def _add(table: EpochTable[str], tags: Sequence[str], block: Iterable[_Row]) -> None:
    for line, fields in block:
        epoch = _EPOCH.fullmatch(fields[0])
        table.add(int(epoch[1] or 0) if epoch else 0, tags, fields[1:], line)


def _names_of(
    block: Sequence[_Row], tags: Sequence[str], last: Sequence[str], number: Callable[[str], float | None]
) -> tuple[str, ...] | None:
    try:
        values = [[number(cell) for cell in fields[1:]] for _, fields in block]
        return names_of_appended(tags, [number(cell) for cell in last], values)
    except ValueError:
        return None


def _appended(block: Sequence[_Row], names: Sequence[str], header: int, fit: int, path: str) -> Note:
    text = (
        f"{counted(len(block), 'row')} of {path} from line {block[0][0]} on have {counted(len(names), 'metric')} below"
        f" a header of {header}, for {CAUSE}: they are read as {', '.join(names)}, which alone fit in alphabetical"
        f" order, so no answer from fit {fit} is exact"
    )
    return Note("sampled", text, path, fit=fit)


def _refused(refused: Sequence[_Row], path: str) -> Note:
    _, fields = refused[0]
    first = f"{counted(len(fields), 'field')} and the epoch {fields[0]!r}"
    if sum(isinstance(_kind(row), int) for row in refused) >= FEWEST_ROWS:
        first += f", perhaps for {CAUSE}"
    return rows_refused([line for line, _ in refused], path, first)


def _number_with_comma(text: str) -> float | None:
    return _number(text.replace(",", "."))


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
