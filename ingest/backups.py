"""Logs that are the beginning of another log beside them: backups, or the copy that was made before training went on.

They are told, never merged and never dropped: which of the two is meant is not for a reader to guess. Compared are the
tables that are written row by row, in one folder, by their bytes.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.files import read_head, read_whole
from kcb_replay.ingest.readers.base import longest_line
from kcb_replay.ingest.recording import Note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from kcb_replay.ingest.discover import RunFiles

__all__ = ["BACKUP", "backup_notes"]

BACKUP = "backup"


def backup_notes(runs: Iterable[RunFiles], label: Callable[[Path], str]) -> dict[str, tuple[Note, ...]]:
    """Return the notes on each run that has a log which begins as another one in its folder does."""
    name_of = {
        candidate.path: run.name
        for run in runs
        for candidate in run.candidates
        if longest_line(candidate.reader) is not None
    }
    notes: dict[str, tuple[Note, ...]] = defaultdict(tuple)
    for paths in _beside(name_of):
        for part, whole, rows in _beginnings(paths):
            if name_of[part] != name_of[whole]:
                one, two = label(part), label(whole)
                begins = "row" if rows == 1 else f"{rows} rows"
                text = f"{one} holds the first {begins} of {two}, a backup by the look of it: both are kept as runs"
                notes[name_of[part]] += (Note(BACKUP, text, one),)
                notes[name_of[whole]] += (Note(BACKUP, text, two),)
    return dict(notes)


def _beside(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Yield the files of a folder that have the same first row, two at least."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        folders[path.parent].append(path)
    for files in folders.values():
        if len(files) > 1:
            alike: dict[tuple[bytes, ...], list[Path]] = defaultdict(list)
            for path in files:
                alike[_first_row(path)].append(path)
            yield from (some for first, some in alike.items() if first and len(some) > 1)


def _first_row(path: Path) -> tuple[bytes, ...]:
    try:
        lines = _unified(read_head(path)).split(b"\n", 2)
    except (OSError, ReadError):
        # Reading it will say why it cannot be read.
        return ()
    return tuple(lines[:2]) if len(lines) == 3 else ()


def _beginnings(paths: Sequence[Path]) -> Iterator[tuple[Path, Path, int]]:
    """Yield each file that is the beginning of a longer one, with the shortest of these and its number of rows."""
    contents = sorted((rows, path) for path in paths if (rows := _rows(path)))
    for n, (rows, path) in enumerate(contents):
        # Sorted, whatever begins so stands right behind.
        if n + 1 < len(contents) and contents[n + 1][0].startswith(rows):
            yield path, contents[n + 1][1], rows.count(b"\n") - 1


def _rows(path: Path) -> bytes:
    """Return the whole lines of a file."""
    try:
        content, _ = read_whole(path)
    except (OSError, ReadError):
        return b""
    unified = _unified(content)
    return unified[: unified.rfind(b"\n") + 1]


def _unified(content: bytes) -> bytes:
    return content.replace(b"\r", b"")
