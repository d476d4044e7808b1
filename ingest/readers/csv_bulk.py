"""CSVLogger files as one of pyarrow's tables: files with the same header are joined and parsed in one call.

Takes only what is plain beyond doubt: rows of numbers, `NA`, `nan` and `inf`, each as long as its header. Whatever else
stands in a file leaves it to the reader that goes row by row, so that this one can be of no use but never wrong.
"""

from __future__ import annotations

import codecs
import csv
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from kcb_replay.ingest.arrow import numbers_of, validity_of
from kcb_replay.ingest.epoch_count import begins_with_1
from kcb_replay.ingest.metric_names import split_role
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.csv_shifts import shift_notes, sudden_changes
from kcb_replay.ingest.recording import Fit, Floats, Integers, Mask, Series
from kcb_replay.ingest.table import epoch_notes, truncated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence, Set as AbstractSet


SEPARATORS = ",;\t"
# CSVLogger takes any character; one of a number or a name would divide these.
_NO_SEPARATORS = "\"'._+-\r\n"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# A Windows console leaves the mark out when it appends to a file that it has just made.
_UNMARKED = {"epoch".encode(encoding): encoding for encoding in ("utf-16-le", "utf-16-be")}
_ENCODINGS = (_BOMS | _UNMARKED).items()
# Letters are those of NA, nan, NaN, inf and 1e-07. Where these are all, pyarrow and float() read a field alike.
_PLAIN = b"0123456789.eE+-NAnaif\n"
# The other reader refuses epochs beyond.
_MOST_EPOCHS = 10**15
# A block of pyarrow's must hold a whole row; smaller ones are parsed where they are still cached.
_BLOCK = 1 << 20
_WINDOW = 1 << 16


class _ParsedRows(NamedTuple):
    """The rows below one header: what was read of each file lies one behind the other."""

    epochs: Integers
    columns: dict[str, tuple[Floats, Mask]]
    lengths: list[int]


@dataclass(frozen=True, slots=True)
class _FileRows:
    """The whole rows of one file."""

    index: int
    path: str
    content: bytes
    start: int
    stop: int

    @property
    def bytes(self) -> memoryview:
        return memoryview(self.content)[self.start : self.stop]

    @property
    def lines(self) -> int:
        return self.content.count(b"\n", self.start, self.stop)

    @property
    def is_cut(self) -> bool:
        return self.stop < len(self.content)


def decoded(content: bytes, errors: str = "strict") -> str:
    """Return the text of a file in UTF-8 or UTF-16, with a byte order mark or without."""
    for start, encoding in _ENCODINGS:
        if content.startswith(start):
            return content.decode(encoding, errors)
    return content.decode("utf-8", errors)


def header_of(first_line: str) -> list[str]:
    """Return the names in a first line that begins with `epoch` and a separator, else nothing."""
    separator = first_line[5:6]
    if first_line[:5] != "epoch" or not separator or separator.isalnum() or separator in _NO_SEPARATORS:
        return []
    # A quote that is not closed makes the next line part of a name.
    if first_line.count('"') % 2:
        return []
    try:
        return next(csv.reader([first_line], delimiter=separator), [])
    except csv.Error:
        return []


def is_header(names: list[str]) -> bool:
    """Tell whether these are columns as CSVLogger orders them: sorted, perhaps with a `val_` twin of each behind.

    Where there is no `loss`, but one that is said to be of the training, another writer sorted them or did by chance.
    """
    metrics = names[1:]
    if names[:1] != ["epoch"] or not metrics or len(set(names)) < len(names) or "step" in metrics:
        return False
    if any(not name or name != name.strip() for name in metrics):
        return False
    if "loss" not in metrics and any((part := split_role(name)) and part.role == "training" for name in metrics):
        return False
    half = metrics[: len(metrics) // 2]
    twins = [f"val_{name}" for name in half]
    return metrics == sorted(metrics) or (half == sorted(half) and metrics[len(half) :] == twins)


def read_alike(blobs: Sequence[Blob]) -> list[Reading | None]:
    """Return the reading of each file, None for each that must be read row by row, as one that begins with epoch 1."""
    readings = _read_alike(blobs)
    return [None if reading is None or begins_with_1(reading.fits) else reading for reading in readings]


def _read_alike(blobs: Sequence[Blob]) -> list[Reading | None]:
    readings: list[Reading | None] = [None] * len(blobs)
    for header, files in _by_header(blobs).items():
        names = _plain_names(header)
        separator = header[5:6]
        if names and separator.isascii():
            plain = [file for file in files if _is_plain(file, separator, alone=len(files) == 1)]
            for some, table in _parsed(plain, names, separator.decode()):
                for file, reading in _readings(some, table):
                    readings[file.index] = reading
    return readings


def _by_header(blobs: Iterable[Blob]) -> dict[bytes, list[_FileRows]]:
    alike: dict[bytes, list[_FileRows]] = defaultdict(list)
    for index, blob in enumerate(blobs):
        content = blob.content
        begin = len(codecs.BOM_UTF8) if content.startswith(codecs.BOM_UTF8) else 0
        start, stop = content.find(b"\n", begin, _BLOCK) + 1, content.rfind(b"\n") + 1
        header = content[begin:start].removesuffix(b"\n").removesuffix(b"\r")
        if header.startswith(b"epoch") and start < stop:
            alike[header].append(_FileRows(index, blob.path, content, start, stop))
    return alike


def _plain_names(header: bytes) -> list[str]:
    """Return the names in a header that nobody could read otherwise, else nothing."""
    if b'"' in header or b"\r" in header:
        return []
    try:
        names = header_of(header.decode())
    except UnicodeDecodeError:
        return []
    return names if is_header(names) else []


def _is_plain(file: _FileRows, separator: bytes, *, alone: bool) -> bool:
    """Tell whether nothing stands in the rows but numbers, `NA`, `nan`, `inf`, separators and ends of lines."""
    content, start = file.content, file.start
    known = _PLAIN + separator
    rest = content.translate(None, known)[len(content[:start].translate(None, known)) :]
    if rest.strip(b"\r"):
        return False
    # A carriage return alone ends a line, too: then lines cannot be counted, which one whole file does not need.
    if rest and (file.is_cut or not alone) and len(rest) != content.count(b"\r\n", start):
        return False
    # Python's csv module takes no field beyond 128 KiB: two windows without a separator might hold one.
    return all(
        content.find(separator, at, at + _WINDOW) >= 0 or content.find(b"\n", at, at + _WINDOW) >= 0
        for at in range(start, file.stop - _WINDOW, _WINDOW)
    )


def _parsed(files: list[_FileRows], names: list[str], separator: str) -> Iterable[tuple[list[_FileRows], _ParsedRows]]:
    """Yield files together with their table: all in one, or, when one of them spoils it, one by one."""
    if not files:
        return
    table = _table(files, names, separator)
    if table is not None:
        yield files, table
    elif len(files) > 1:
        for file in files:
            yield from _parsed([file], names, separator)


def _table(files: list[_FileRows], names: list[str], separator: str) -> _ParsedRows | None:
    try:
        table = _arrow_table(files, len(names), separator)
    except pa.ArrowInvalid:
        return None
    epochs = np.asarray(numbers_of(table.column(0), np.int64), np.int64)
    lengths = [file.lines for file in files] if len(files) > 1 else [len(table)]
    # A blank line is no row to either reader, but then the rows of a file cannot be counted by its lines.
    if sum(lengths) != len(table) or table.column(0).null_count or not len(table):
        return None
    if epochs.min() < 0 or epochs.max() >= _MOST_EPOCHS:
        return None
    columns = {name: _column(table.column(n)) for n, name in enumerate(names[1:], start=1)}
    return _ParsedRows(epochs, columns, lengths)


def _arrow_table(files: list[_FileRows], width: int, separator: str) -> pa.Table:
    from pyarrow import csv as arrow_csv

    rows = files[0].bytes if len(files) == 1 else b"".join(file.bytes for file in files)
    names = [str(n) for n in range(width)]
    return arrow_csv.read_csv(
        pa.BufferReader(pa.py_buffer(rows)),
        read_options=arrow_csv.ReadOptions(column_names=names, use_threads=False, block_size=_BLOCK),
        parse_options=arrow_csv.ParseOptions(delimiter=separator, quote_char=False),
        convert_options=arrow_csv.ConvertOptions(
            column_types={name: pa.float64() if n else pa.int64() for n, name in enumerate(names)},
            null_values=["NA", ""],
            check_utf8=False,
        ),
    )


def _column(column: pa.ChunkedArray) -> tuple[Floats, Mask]:
    values = np.asarray(numbers_of(column, np.float64), np.float64)
    if not column.null_count:
        return values, np.ones(len(values), np.bool_)
    valid = validity_of(column)
    return np.where(valid, values, 0.0), valid


def _readings(files: Sequence[_FileRows], table: _ParsedRows) -> Iterable[tuple[_FileRows, Reading]]:
    """Take the table apart again; a fit begins with each file and where the epoch does not rise."""
    falls = (np.flatnonzero(np.diff(table.epochs) <= 0) + 1).tolist()
    complete = {name for name, (_, valid) in table.columns.items() if valid.all()}
    begins = np.cumsum([0, *table.lengths[:-1]])
    starts = np.union1d(begins, falls).astype(np.int64)
    sudden = sudden_changes((values for values, _ in table.columns.values()), starts, len(table.epochs))
    # Files that may have rows of other metrics are few, and asking each takes as long as parsing it.
    odd = np.union1d(sudden, np.setdiff1d(starts, begins))
    doubtful = set((np.searchsorted(begins, odd, "right") - 1).tolist())
    # Where lines are rows, their number need not be remembered to go on behind them.
    counted = len(files) > 1 or files[0].lines == table.lengths[0]
    begin = 0
    for position, (file, length) in enumerate(zip(files, table.lengths, strict=True)):
        end = begin + length
        cuts = [begin, *falls[bisect_right(falls, begin) : bisect_left(falls, end)], end]
        notes = [truncated(file.lines + 2, file.path)] if file.is_cut else []
        fits = []
        for number, (first, last) in enumerate(pairwise(cuts)):
            fit = _fit(table, slice(first, last), file.path, complete)
            notes += epoch_notes(fit.epochs, number, file.path)
            fits.append(fit)
        if position in doubtful:
            notes += shift_notes(fits, file.path)
        if any(fit.metrics for fit in fits):
            yield file, Reading(tuple(fits), tuple(notes), file.stop if counted else None)
        begin = end


def _fit(table: _ParsedRows, rows: slice, path: str, complete: AbstractSet[str]) -> Fit:
    metrics = {
        name: Series(values[rows], valid[rows], tag=name, source=path)
        for name, (values, valid) in table.columns.items()
        if name in complete or valid[rows].any()
    }
    return Fit(table.epochs[rows], metrics)


def read_on(fits: tuple[Fit, ...], head: bytes, new: Blob) -> Reading | None:
    """Return the reading of a whole file from its fits so far, its first bytes and what follows the last whole row."""
    start = head.find(b"\n") + 1
    names = _plain_names(head[:start].removeprefix(codecs.BOM_UTF8).rstrip(b"\r\n"))
    (reading,) = _read_alike([Blob(new.path, head[:start] + new.content)])
    if not names or reading is None or reading.read_to is None:
        return None
    joined = _joined(fits, reading.fits, names, new.path)
    read_to = reading.read_to - start
    if begins_with_1(joined):
        return None
    rows = sum(map(len, joined))
    notes = [truncated(rows + 2, new.path)] if read_to < len(new.content) else []
    for number, fit in enumerate(joined):
        notes += epoch_notes(fit.epochs, number, new.path)
    notes += shift_notes(joined, new.path)
    return Reading(joined, tuple(notes), read_to)


def _joined(before: tuple[Fit, ...], after: tuple[Fit, ...], names: Sequence[str], path: str) -> tuple[Fit, ...]:
    last, first = before[-1], after[0]
    # The epoch goes back where a resumed or repeated fit appended to the file.
    if first.epochs[0] <= last.epochs[-1]:
        return (*before, *after)
    metrics = {}
    for name in names[1:]:
        # A column without a value in one of the parts is no metric there.
        parts = [fit.metrics.get(name, _nothing(len(fit), name, path)) for fit in (last, first)]
        if any(name in fit.metrics for fit in (last, first)):
            values, valid = (np.concatenate([getattr(part, what) for part in parts]) for what in ("values", "valid"))
            metrics[name] = Series(values, valid, tag=name, source=path)
    return (*before[:-1], Fit(np.concatenate([last.epochs, first.epochs]), metrics), *after[1:])


def _nothing(length: int, name: str, path: str) -> Series:
    return Series(np.zeros(length), np.zeros(length, np.bool_), tag=name, source=path)
