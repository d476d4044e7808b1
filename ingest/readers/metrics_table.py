"""Read tables of metrics, a row an epoch, that CSVLogger did not write: DataFrames, R's, those of a loop of one's own.

Columns may stand in any order and be divided by any of the usual characters; numbers may have decimal commas. Which
column counts and which is a metric is decided in `frames`. A table is taken only where its header and its first row
leave no doubt: tables of models or samples, and logs of steps, have metrics, too.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError
from kcb_replay.ingest.frames import Cell, Frame, are_columns_of_epochs, fits_of
from kcb_replay.ingest.readers.base import LONGEST_LINE, LogReader
from kcb_replay.ingest.readers.csv_bulk import decoded
from kcb_replay.ingest.readers.csvlogger import CSVLOGGER
from kcb_replay.ingest.readers.fastai import FASTAI
from kcb_replay.ingest.readers.texts import csv_rows, has_decimal_commas
from kcb_replay.ingest.readers.yolo import YOLO
from kcb_replay.ingest.table import Log, rows_refused, truncated
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Fit

_WHAT = "a table of metrics with a row an epoch"
_SEPARATORS = ",;\t| "
_LINE_END = re.compile(r"\r*\n|\r+")
_MISSING = frozenset({"", "na", "n/a", "none", "null"})
_HINTS = (b"epoch", b"loss", "epoch".encode("utf-16-le"), "loss".encode("utf-16-le"))
# A table of Python's numbers takes a hundred bytes a cell.
_MOST_CELLS = 4_000_000


class _Division(NamedTuple):
    """How the rows are divided, the names of the columns, and whether rows begin with a name that the header lacks."""

    separator: str
    names: tuple[str, ...]
    has_row_names: bool


# Writers who say more of their tables by other names and another order.
_OWN = (CSVLOGGER, FASTAI, YOLO)


def _looks_like(path: str, head: bytes) -> bool:
    first = head[: 1 << 14].lower()
    if not any(hint in first for hint in _HINTS):
        return False
    try:
        lines = _LINE_END.split(decoded(head, errors="ignore"))
    except (LookupError, UnicodeError):
        return False
    return _form(lines) is not None and not any(reader.accepts(path, head) for reader in _OWN)


def _form(lines: Sequence[str]) -> _Division | None:
    if not lines or not lines[0].strip():
        return None
    for separator in _SEPARATORS:
        header = _fields(lines[0], separator)
        # An index has no name, and a cell without one may end a line.
        names = tuple(name.strip() for name in header)
        if len(names) < 1 or any(not name for name in names[1:]) or not are_columns_of_epochs(names):
            continue
        row = _fields(lines[1], separator) if len(lines) > 1 and lines[1].strip() else []
        if len(lines) > 2 and len(row) not in (len(names), len(names) + 1):
            continue
        if row and not any(_is_number(cell) for cell in row):
            continue
        return _Division(separator, names, len(row) == len(names) + 1)
    return None


def _fields(line: str, separator: str) -> list[str]:
    try:
        return next(csv.reader([line.strip(" ")], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        return []


def _is_number(text: str) -> bool:
    try:
        float(text.replace(",", "."))
    except ValueError:
        return False
    return True


def _fits_in(content: bytes, log: Log) -> tuple[Fit, ...]:
    try:
        lines = _LINE_END.split(decoded(content))
    except UnicodeError:
        raise ReadError(f"{log.path} is not text. Expected {_WHAT} in UTF-8 or UTF-16.") from None
    # Only a line end proves that a row is whole: of 1.03 a cut leaves 1.0.
    if lines.pop():
        log.notes.append(truncated(len(lines) + 1, log.path))
    form = _form(lines)
    if form is None:
        raise log.refusal("begins with no header of one")
    return fits_of(_frames(lines, form, log), log)


METRICS_TABLE = LogReader(
    format="metrics_table",
    what=_WHAT,
    expected=f"Expected {_WHAT}: a header with `epoch` or the metrics of a History, and numbers below it.",
    rank=25,
    suffixes=("", ".csv", ".tsv", ".txt", ".log", ".dat"),
    longest_line=LONGEST_LINE,
    looks_like=_looks_like,
    fits_in=_fits_in,
)


def _frames(lines: Sequence[str], form: _Division, log: Log) -> list[Frame]:
    """Return the tables in a file, each below its header."""
    below = (line.strip(" ") for line in lines[1:])
    rows = csv_rows(below, log, delimiter=form.separator, skipinitialspace=True)
    if sum(len(fields) for _, fields in rows) > _MOST_CELLS:
        raise log.refusal(f"has more than {_MOST_CELLS:,} cells: split it")
    commas = has_decimal_commas(cell for _, fields in rows for cell in fields)
    if commas:
        log.note("decimal_comma", f"{log.path} writes numbers with a decimal comma")
    frames = [Frame(form.names, [], [])]
    refused: list[tuple[int, list[str]]] = []
    for line, fields in rows:
        if not any(map(_is_number, fields)) and are_columns_of_epochs(fields):
            frames.append(Frame(tuple(fields), [], []))
            continue
        given = fields[1:] if form.has_row_names and len(fields) == len(frames[-1].names) + 1 else fields
        if len(given) != len(frames[-1].names):
            refused.append((line, fields))
            continue
        frames[-1].rows.append([_cell(text, commas=commas) for text in given])
        frames[-1].lines.append(line)
    if refused:
        first = f"{counted(len(refused[0][1]), 'field')}, the header {len(form.names)}"
        log.notes.append(rows_refused([line for line, _ in refused], log.path, first))
    return [frame for frame in frames if frame.rows]


def _cell(text: str, *, commas: bool) -> Cell:
    if text.lower() in _MISSING:
        return None
    # float() would take 1_000 for a number; no writer of logs means that.
    if "_" in text:
        return text
    try:
        return float(text.replace(",", ".") if commas else text)
    except ValueError:
        return text
