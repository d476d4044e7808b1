"""The texts of logs: comma-separated tables as loggers other than CSVLogger write them, and JSON.

A row that does not fit its header and a last line that was cut off are left out and named. In JSON the literals NaN and
Infinity are values, and a name that stands twice is refused, not overwritten.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from kcb_replay.errors import ReadError
from kcb_replay.ingest.table import Log, rows_refused, truncated
from kcb_replay.text import counted, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


_MAX_CONTENT = 64 * 1024 * 1024
_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?", re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_POINT = re.compile(r"[+-]?\d*\.\d*(?:[eE][+-]?\d+)?", re.ASCII)
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class CsvRow(NamedTuple):
    """The fields of a row, as many as its header has names, and the line they stand in."""

    line: int
    header: list[str]
    fields: list[str]


def header_of(head: bytes) -> list[str]:
    """Return the names in the first line of a file, without the blanks around them; nothing if it is no header."""
    first = head.split(b"\n", 1)[0].removeprefix(codecs.BOM_UTF8)
    # JSON in one line would have thousands of fields.
    if first.startswith((b"{", b"[")):
        return []
    try:
        return _names_in(next(csv.reader([first.decode().rstrip("\r")]), []))
    except (UnicodeDecodeError, csv.Error):
        return []


def _names_in(fields: Sequence[str]) -> list[str]:
    """Return the fields of a row without the blanks around them if they are names, each once; else nothing."""
    names = [field.strip() for field in fields]
    return names if all(names) and len(set(names)) == len(names) else []


def csv_table(content: bytes, log: Log, what: str, *, appended: bool = False) -> list[CsvRow]:
    """Return the rows of a file; raises `ReadError` where there is no table.

    Where tables may have been `appended` to the first, a row of names that begins as its header is that of another.
    """
    header = header_of(content)
    if not header:
        beginning = excerpt(content[:60].split(b"\n", 1)[0].decode("utf-8", "backslashreplace"))
        raise ReadError(f"{log.path} begins with {beginning!r}: not {what}. Expected a header of unique names.")
    rows: list[CsvRow] = []
    refused: list[CsvRow] = []
    for line, fields in csv_rows((line.rstrip("\r") for line in _lines(content, log, what)[1:]), log):
        if appended and fields[0] == header[0] and _names_in(fields):
            header = fields
        else:
            (rows if len(fields) == len(header) else refused).append(CsvRow(line, header, fields))
    if refused:
        first = f"{counted(len(refused[0].fields), 'field')}, the header {len(refused[0].header)}"
        log.notes.append(rows_refused([row.line for row in refused], log.path, first))
    return rows


def _lines(content: bytes, log: Log, what: str) -> list[str]:
    # Only a line end proves that a row is whole: of 1.03 a cut leaves 1.0.
    whole, end, unfinished = content.rpartition(b"\n")
    try:
        lines = (whole + end).decode("utf-8-sig").split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise ReadError(f"{log.path} is not text at byte {error.start}. Expected {what} in UTF-8.") from None
    if unfinished:
        log.notes.append(truncated(len(lines) + 1, log.path))
    return lines


def csv_rows(lines: Iterable[str], log: Log, **form: Any) -> list[tuple[int, list[str]]]:
    """Return the rows below a header of one line, each with its line, but for empty ones; `form` is that of `csv`."""
    rows = []
    # With its line end, a quoted field that goes on in the next line does not become another number.
    reader = csv.reader((f"{line}\n" for line in lines), **form)
    try:
        for fields in reader:
            stripped = [field.strip() for field in fields]
            if any(stripped):
                rows.append((reader.line_num + 1, stripped))
    except csv.Error as error:
        raise log.refusal(f"cannot be read as CSV at line {reader.line_num + 1}: {error}") from None
    return rows


def has_decimal_commas(cells: Iterable[str]) -> bool:
    """Tell whether numbers have decimal commas beyond doubt: none has a point, and one could be no thousands."""
    certain = False
    for text in cells:
        if "," in text:
            certain = certain or (_COMMA.fullmatch(text) is not None and _THOUSANDS.fullmatch(text) is None)
        elif _POINT.fullmatch(text):
            return False
    return certain


def cell(text: str) -> float | None:
    """Return the number in a field, None for an empty one; raises `ValueError` for anything else."""
    if not text:
        return None
    # float() would take 1_000 for a number; no writer of logs means that.
    if "_" in text:
        raise ValueError(text)
    return float(text)


def decoded(content: bytes, log: Log) -> str:
    """Return the text of a file; raises `ReadError`."""
    if len(content) > _MAX_CONTENT:
        raise log.refusal(f"has {len(content)} bytes, more than the {_MAX_CONTENT} that are read") from None
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise log.refusal(f"is not text at byte {error.start} ({error.reason})") from None


def parsed(text: str, log: Log) -> object:
    """Return the value of one JSON document; raises `ReadError`."""
    try:
        value: object = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise log.refusal("holds JSON that is nested too deep") from None
    except ValueError as error:
        raise log.refusal(f"is not JSON: {excerpt(str(error))}") from None
    return value


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    values = dict(pairs)
    if len(values) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the name {excerpt(twice)!r} stands twice in one object")
    if any("\ud800" <= character <= "\udfff" for name in values for character in name):
        raise ValueError("a name is not valid Unicode")
    return values
