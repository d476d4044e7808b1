"""Read the `results.csv` of Ultralytics YOLO and YOLOv5: a row an epoch, five digits, names padded at times.

YOLOv5 and the first YOLOv8 count epochs from 0, later ones from 1: a file that begins with another epoch is refused,
for nobody could tell. `time` is the seconds since the start, and kept as a metric.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import LONGEST_LINE, Reading
from kcb_replay.ingest.readers.texts import cell, header_of, table_of
from kcb_replay.ingest.recording import Fit, Note
from kcb_replay.ingest.table import MAX_STEP, epoch_column, epoch_notes, names_of, only, series
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from kcb_replay.ingest.readers.base import Blob, Reader
    from kcb_replay.ingest.readers.texts import Row, Table

__all__ = ["YOLO"]

_WHAT = "a results.csv of YOLO"


@dataclass(frozen=True, slots=True)
class _YoloReader:
    """Reader of one `results.csv`."""

    format: str = "yolo"
    rank: int = 40
    suffixes: tuple[str, ...] = (".csv",)
    version: int = 1
    longest_line: int = LONGEST_LINE

    def accepts(self, path: str, head: bytes) -> bool:  # noqa: ARG002  # the columns say it, whatever the name
        """Tell whether the columns are those of YOLO."""
        return _is_header(header_of(head))

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one file; raises `ReadError`."""
        blob = only(blobs, _WHAT)
        notes: list[Note] = []
        table = table_of(blob, _WHAT, notes)
        if not _is_header(table.header):
            raise ReadError(f"{blob.path} is not {_WHAT}: it needs epoch, then train/, metrics/ and val/ columns.")
        tables = _split_into_fits(table, blob.path)
        if not tables:
            why = "; ".join(note.text for note in notes)
            raise ReadError(f"{blob.path} holds no whole epoch{': ' + why if why else ''}. Expected {_WHAT}.")
        fits = tuple(_fit(table.header, rows, n, blob.path, notes) for n, rows in enumerate(tables))
        if not any(fit.metrics for fit in fits):
            raise ReadError(f"{blob.path} holds epochs but no value. Expected {_WHAT}.")
        return Reading(fits, tuple(notes))


YOLO: Reader = _YoloReader()


def _is_header(names: list[str]) -> bool:
    starts = {name.partition("/")[0] for name in names}
    return names[:1] == ["epoch"] and {"train", "metrics"} <= starts


def _split_into_fits(table: Table, path: str) -> list[dict[int, Row]]:
    """Return the rows of each fit by their 0-based epoch; a fit begins where the epoch goes back."""
    fits: list[dict[int, Row]] = []
    first, last = 0, MAX_STEP
    for row in table.rows:
        written = _epoch(row, path)
        if not fits and written > 1:
            raise ReadError(
                f"{path} begins with epoch {written} in line {row.line}: whether its writer counts from 0 or from 1"
                f" is not known. Expected {_WHAT} from its first epoch on."
            )
        if written <= last:
            # One writer counts in one way, but a second file may have been appended to the first.
            first = min(first, written) if fits else written
            fits.append({})
        fits[-1][written - first] = row
        last = written
    return fits


def _epoch(row: Row, path: str) -> int:
    text = row.fields[0]
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise ReadError(f"{path} holds {excerpt(text, 40)!r} as epoch in line {row.line}. Expected {_WHAT}.")
    return int(text)


def _fit(header: list[str], rows: dict[int, Row], number: int, path: str, notes: list[Note]) -> Fit:
    epochs = epoch_column(rows)
    names = names_of(header[1:])
    metrics = {}
    for column, tag in enumerate(header[1:], start=1):
        try:
            cells = {epoch: cell(row.fields[column]) for epoch, row in rows.items()}
        except ValueError as error:
            text = f"{excerpt(tag)} is left out of {path}: {excerpt(str(error), 80)}"
            notes.append(Note("not_a_number", text, path, fit=number, metric=names[tag]))
            continue
        values = {epoch: value for epoch, value in cells.items() if value is not None}
        if values:
            metrics[names[tag]] = series(values, epochs, tag, path)
    notes += epoch_notes(epochs, number, path)
    return Fit(epochs, metrics)
