"""Readers of comma-separated tables with a row an epoch, whose first column counts them.

A format states what its header looks like, how its epochs are counted, what its columns are called in Keras and what a
field holds; everything else is that of the table of epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.metric_names import names_of
from kcb_replay.ingest.readers.base import LONGEST_LINE, LogReader
from kcb_replay.ingest.readers.texts import CsvRow, cell, csv_table, header_of
from kcb_replay.ingest.table import EpochTable, Log
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kcb_replay.ingest.recording import Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochColumns:
    """What the columns are: `needed` says it in an error, `names` and `number` give names to tags and read fields.

    With `counts_from_first`, the first epoch is 0 or 1 as the writer counts, and any other is refused.
    """

    needed: str
    is_header: Callable[[list[str]], bool]
    names: Callable[[Iterable[str]], dict[str, str]] = names_of
    number: Callable[[str], float | None] = cell
    counts_from_first: bool = False


def epoch_csv_reader(format: str, what: str, columns: EpochColumns) -> LogReader:  # noqa: A002  # the readers' word
    """Return the reader of such tables; each header in one, and each epoch that does not rise, begins a fit."""
    return LogReader(
        format=format,
        what=what,
        suffixes=(".csv",),
        longest_line=LONGEST_LINE,
        looks_like=lambda _, head: columns.is_header(header_of(head)),
        fits_in=lambda content, log: _fits_in(content, log, what, columns),
    )


def _fits_in(content: bytes, log: Log, what: str, columns: EpochColumns) -> tuple[Fit, ...]:
    rows = csv_table(content, log, what, appended=True)
    if not columns.is_header(header_of(content)):
        raise ReadError(f"{log.path} is not {what}: it needs {columns.needed}.")
    if not rows:
        raise log.refusal("holds no whole epoch", why=True)
    table = EpochTable(log, columns.number, names=columns.names, text="{tag} is left out of {path}: {why}", longest=80)
    header, tags, first = rows[0].header, rows[0].header[1:], _epoch(rows[0], log)
    if columns.counts_from_first and first > 1:
        raise ReadError(
            f"{log.path} begins with epoch {first} in line {rows[0].line}: whether its writer counts from 0 or from 1"
            f" is not known. Expected {what} from its first epoch on."
        )
    for row in rows:
        if row.header is not header:
            table.begin()
            header, tags = row.header, row.header[1:]
        epoch = _epoch(row, log)
        if columns.counts_from_first:
            # One writer counts in one way, but a second file may have been appended to the first.
            first = min(first, epoch)
            epoch -= first
        table.add(epoch, tags, row.fields[1:])
    fits = table.fits()
    if not any(fit.metrics for fit in fits):
        raise log.refusal("holds epochs but no value")
    return fits


def _epoch(row: CsvRow, log: Log) -> int:
    text = row.fields[0]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise log.refusal(f"holds {excerpt(text, 40)!r} as epoch in line {row.line}")
    return int(text)
