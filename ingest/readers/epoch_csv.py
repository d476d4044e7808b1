"""The reader of comma-separated tables with a row an epoch, whose first column counts them.

A format states what its header looks like, how its epochs are counted, what its columns are called in Keras and what a
field holds; everything else is that of the table of epochs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import LONGEST_LINE, Reading
from kcb_replay.ingest.readers.texts import cell, csv_table, header_of
from kcb_replay.ingest.table import EpochTable, Log, names_of, only
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kcb_replay.ingest.readers.base import Blob
    from kcb_replay.ingest.readers.texts import CsvRow

__all__ = ["EpochCsvReader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochCsvReader:
    """Reader of one table; each header in it, and each epoch that does not rise, begins a fit.

    `what` and `columns` are what an error calls the file and its columns. With `counts_from_first`, the first epoch is
    0 or 1 as the writer counts, and any other is refused.
    """

    format: str
    what: str
    columns: str
    is_header: Callable[[list[str]], bool]
    counts_from_first: bool = False
    names: Callable[[Iterable[str]], dict[str, str]] = names_of
    number: Callable[[str], float | None] = cell
    rank: int = 40
    suffixes: tuple[str, ...] = (".csv",)
    version: int = 1
    longest_line: int = LONGEST_LINE

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # the columns say it, whatever the name
        """Tell whether the columns are those of the format."""
        return self.is_header(header_of(head))

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one file; raises `ReadError`."""
        blob = only(blobs, self.what)
        log = Log(blob.path, f"Expected {self.what}.")
        rows = csv_table(blob.content, log, self.what, appended=True)
        if not self.is_header(header_of(blob.content)):
            raise ReadError(f"{blob.path} is not {self.what}: it needs {self.columns}.")
        if not rows:
            raise log.refusal("holds no whole epoch", why=True)
        fits = self._table(rows, log).fits()
        if not any(fit.metrics for fit in fits):
            raise log.refusal("holds epochs but no value")
        return Reading(fits, tuple(log.notes))

    def _table(self, rows: list[CsvRow], log: Log) -> EpochTable[str]:
        table = EpochTable(log, self.number, names=self.names, text="{tag} is left out of {path}: {why}")
        first = self._epoch(rows[0], log)
        if self.counts_from_first and first > 1:
            raise ReadError(
                f"{log.path} begins with epoch {first} in line {rows[0].line}: whether its writer counts from 0 or from"
                f" 1 is not known. Expected {self.what} from its first epoch on."
            )
        header = rows[0].header
        for row in rows:
            if row.header is not header:
                table.begin()
            header, epoch = row.header, self._epoch(row, log)
            if self.counts_from_first:
                # One writer counts in one way, but a second file may have been appended to the first.
                first = min(first, epoch)
                epoch -= first
            table.add(epoch, dict(zip(header[1:], row.fields[1:], strict=True)))
        return table

    def _epoch(self, row: CsvRow, log: Log) -> int:
        text = row.fields[0]
        if not (text.isascii() and text.isdigit() and len(text) < 16):
            raise log.refusal(f"holds {excerpt(text, 40)!r} as epoch in line {row.line}")
        return int(text)
