"""Comma-separated tables as loggers other than CSVLogger write them: a header, rows of numbers, empty for none.

A row that does not fit the header and a last line that was cut off are left out and named.
"""

from __future__ import annotations

import codecs
import csv
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError
from kcb_replay.ingest.recording import Note
from kcb_replay.text import are_left_out, counted, excerpt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.readers.base import Blob

__all__ = ["Row", "Table", "cell", "decoded", "header_of", "parsed", "table_of"]

_MAX_CONTENT = 64 * 1024 * 1024
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class Row(NamedTuple):
    """The fields of a row and the line they stand in."""

    line: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class Table:
    """The names of the columns and the rows that have as many fields."""

    header: list[str]
    rows: list[Row]


def header_of(head: bytes) -> list[str]:
    """Return the names in the first line of a file, without the blanks around them; nothing if it is no header."""
    first = head.split(b"\n", 1)[0].removeprefix(b"\xef\xbb\xbf")
    try:
        names = next(csv.reader([first.decode().rstrip("\r")]), [])
    except (UnicodeDecodeError, csv.Error):
        return []
    names = [name.strip() for name in names]
    return names if all(names) and len(set(names)) == len(names) else []


def table_of(blob: Blob, what: str, notes: list[Note]) -> Table:
    """Return the table in a file; raises `ReadError` where there is none."""
    header = header_of(blob.content)
    if not header:
        found = excerpt(blob.content[:60].split(b"\n", 1)[0].decode("utf-8", "backslashreplace"))
        raise ReadError(f"{blob.path} begins with {found!r}: not {what}. Expected a header of unique names.")
    rows: list[Row] = []
    refused: list[Row] = []
    for row in _rows(_lines(blob, what, notes), blob.path, what):
        (rows if len(row.fields) == len(header) else refused).append(row)
    if refused:
        lines = ", ".join(str(row.line) for row in refused[:5]) + (", ..." if len(refused) > 5 else "")
        many, do = counted(len(refused), "row"), "does" if len(refused) == 1 else "do"
        text = (
            f"{many} of {blob.path} {do} not fit the header and {are_left_out(len(refused))} (line {lines}; the first"
            f" has {counted(len(refused[0].fields), 'field')}, the header {len(header)})"
        )
        notes.append(Note("row_refused", text, blob.path))
    return Table(header, rows)


def _lines(blob: Blob, what: str, notes: list[Note]) -> list[str]:
    # Only a line end proves that a row is whole: of 1.03 a cut leaves 1.0.
    whole, end, unfinished = blob.content.rpartition(b"\n")
    try:
        lines = (whole + end).decode("utf-8-sig").split("\n")[:-1]
    except UnicodeDecodeError as error:
        raise ReadError(f"{blob.path} is not text at byte {error.start}. Expected {what} in UTF-8.") from None
    if unfinished:
        text = f"line {len(lines) + 1} of {blob.path} was cut off before its end; it is left out"
        notes.append(Note("truncated", text, blob.path))
    return lines


def _rows(lines: list[str], path: str, what: str) -> list[Row]:
    rows = []
    # With its line end, a quoted field that goes on in the next line does not become another number.
    reader = csv.reader([line.rstrip("\r") + "\n" for line in lines[1:]])
    try:
        for fields in reader:
            stripped = [field.strip() for field in fields]
            if any(stripped):
                rows.append(Row(reader.line_num + 1, stripped))
    except csv.Error as error:
        raise ReadError(
            f"{path} cannot be read as CSV at line {reader.line_num + 1}: {error}. Expected {what}."
        ) from None
    return rows


def cell(text: str) -> float | None:
    """Return the number in a field, None for an empty one; raises `ValueError` for anything else."""
    if not text:
        return None
    # float() would take 1_000 for a number; no writer of logs means that.
    if "_" in text:
        raise ValueError(text)
    return float(text)


def decoded(content: bytes, path: str, expected: str) -> str:
    """Return the text of a file; raises `ReadError`."""
    if len(content) > _MAX_CONTENT:
        raise ReadError(f"{path} has {len(content)} bytes, more than the {_MAX_CONTENT} that are read. {expected}")
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"{path} is not text at byte {error.start} ({error.reason}). {expected}") from None


def parsed(text: str, path: str, expected: str) -> object:
    """Return the value of one JSON document; raises `ReadError`."""
    try:
        value: object = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ReadError(f"{path} holds JSON that is nested too deep. {expected}") from None
    except ValueError as error:
        raise ReadError(f"{path} is not JSON: {excerpt(str(error))}. {expected}") from None
    return value


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the name {excerpt(twice)!r} stands twice in one object")
    if any("\ud800" <= character <= "\udfff" for name in found for character in name):
        raise ValueError("a name is not valid Unicode")
    return found
