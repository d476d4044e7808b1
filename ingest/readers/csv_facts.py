"""What is true of every CSVLogger file, whichever way its rows are read: its encoding, its header, its epochs."""

from __future__ import annotations

import codecs
import csv
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import Note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcb_replay.ingest.recording import Integers

__all__ = [
    "SEPARATORS",
    "decoded",
    "header_of",
    "is_header",
    "notes_of_epochs",
    "truncated_note",
]

SEPARATORS = ",;\t"

_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# A Windows console leaves the mark out when it appends to a file that it has just made.
_UNMARKED = {"epoch".encode(encoding): encoding for encoding in ("utf-16-le", "utf-16-be")}
_ENCODINGS = (_BOMS | _UNMARKED).items()


def decoded(content: bytes, errors: str = "strict") -> str:
    """Return the text of a file in UTF-8 or UTF-16, with a byte order mark or without."""
    for start, encoding in _ENCODINGS:
        if content.startswith(start):
            return content.decode(encoding, errors)
    return content.decode("utf-8", errors)


def header_of(first_line: str) -> list[str]:
    """Return the names in a first line that begins with `epoch` and a separator, else nothing."""
    if first_line[:5] != "epoch" or first_line[5:6] not in [*SEPARATORS]:
        return []
    # A quote that is not closed makes the next line part of a name.
    if first_line.count('"') % 2:
        return []
    try:
        return next(csv.reader([first_line], delimiter=first_line[5]), [])
    except csv.Error:
        return []


def is_header(names: list[str]) -> bool:
    """Tell whether these are columns as CSVLogger orders them: sorted, perhaps with a `val_` twin of each behind."""
    metrics = names[1:]
    if names[:1] != ["epoch"] or not metrics or len(set(names)) < len(names) or "step" in metrics:
        return False
    if any(not name or name != name.strip() for name in metrics):
        return False
    half = metrics[: len(metrics) // 2]
    twins = [f"val_{name}" for name in half]
    return metrics == sorted(metrics) or (half == sorted(half) and metrics[len(half) :] == twins)


def truncated_note(line: int, path: str) -> Note:
    """Return what is said of a last line without an end."""
    return Note("truncated", f"line {line} of {path} was cut off before its end; it is left out", path)


def notes_of_epochs(epochs: Integers, number: int, path: str) -> Iterable[Note]:
    """Yield what is odd about the epochs of a fit: a late start, and gaps."""
    if epochs[0] > 0:
        text = f"fit {number} of {path} starts at epoch {epochs[0] + 1}: what callbacks saw before is not recorded"
        yield Note("starts_late", text, path, fit=number)
    # The epochs of a fit rise.
    if epochs[-1] - epochs[0] >= len(epochs):
        gaps = int((np.diff(epochs) > 1).sum())
        text = (
            f"fit {number} of {path} lacks epochs at {gaps} places between epoch {epochs[0] + 1} and {epochs[-1] + 1},"
            " so no answer from it is exact"
        )
        yield Note("sampled", text, path, fit=number)
