"""Go on reading where the last ingest stopped, when a file has done nothing but grow since.

What is remembered of a file is the byte behind its last whole row, and a digest of its first bytes and of those before
that one: a file that took its place has others. Small files, runs of several sources and whatever a reader finds odd in
the new rows are read from the start; what comes out is always what reading from the start gives. What was changed in
the middle of a large file that only grew is not noticed: that would mean to read it.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.files import read_from
from kcb_replay.ingest.readers.base import Blob, GrowingReader, Reading, reader_name
from kcb_replay.ingest.recording import ReadMark, Source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from kcb_replay.ingest.discover import Candidate
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store.schema import RunEntry

__all__ = ["has_grown", "mark_of", "read_grown"]

# Bytes of the beginning, and of what stands before the mark. A smaller file is read as fast as it is compared.
_COMPARED = 1 << 16


def mark_of(content: bytes, read_to: int | None) -> ReadMark | None:
    """Return where reading can go on when the file has grown, None where it must begin from the start."""
    if read_to is None or read_to < _COMPARED:
        return None
    return ReadMark(read_to, _digest(content[:_COMPARED], content[read_to - _COMPARED : read_to]))


def has_grown(candidate: Candidate, entry: RunEntry) -> bool:
    """Tell whether a file, the only one of its run, was read up to a mark and is larger now."""
    if len(entry.known_sources) != 1 or len(entry.sources) != 1:
        return False
    return entry.sources[0].mark is not None and candidate.size > entry.sources[0].size


def read_grown(candidate: Candidate, stored: Recording, label: Callable[[Path], str]) -> Reading | None:
    """Return what reading a file as a whole would give, from its recording and its new rows; None where it must be."""
    reader, (source, *others) = candidate.reader, stored.sources
    mark = source.mark
    if mark is None or others or source.reader != reader_name(reader) or not isinstance(reader, GrowingReader):
        return None
    try:
        head, rest, state = read_from(candidate.path, mark.offset - _COMPARED, head=_COMPARED)
    except (OSError, ReadError):
        # Reading it as a whole will say why it cannot be read.
        return None
    name, new = label(candidate.path), rest[_COMPARED:]
    if name != source.path or _digest(head, rest[:_COMPARED]) != mark.digest:
        return None
    reading = reader.read_on(stored.fits, head, Blob(name, new))
    if reading is None or reading.read_to is None:
        return None
    read_to = _COMPARED + reading.read_to
    mark = ReadMark(mark.offset + reading.read_to, _digest(head, rest[read_to - _COMPARED : read_to]))
    grown = Source(name, reader.format, state.size, state.mtime_ns, "", reader_name(reader), mark)
    return replace(reading, sources=(grown,), rank=reader.rank)


def _digest(head: bytes, before: bytes) -> str:
    return hashlib.sha256(head + before).hexdigest()
