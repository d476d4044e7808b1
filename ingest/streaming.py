"""Read files that are too large to be held: piece by piece, hashed on the way, and again if they changed meanwhile."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.files import streamed
from kcb_replay.ingest.readers.base import Blob

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from kcb_replay.ingest.files import FileState, FileStream
    from kcb_replay.ingest.readers.abilities import StreamReader
    from kcb_replay.ingest.readers.base import Reading

__all__ = ["read_streamed"]

_TRIES = 6


def read_streamed(
    reader: StreamReader, paths: Sequence[Path], blobs: tuple[Blob, ...]
) -> tuple[Reading, list[tuple[FileState, str]]]:
    """Return what a reader makes of files, and the state and the SHA-256 of each when it was that.

    A file that grows is read up to where it was; when one is rewritten meanwhile, all are read again. Raises
    `ReadError` when that happens again and again, or as the reader does; `OSError` when a file is gone.
    """
    for _ in range(_TRIES):
        passing = _Passing(dict(zip(blobs, paths, strict=True)))
        try:
            reading = reader.read_streams(blobs, passing.opened)
        except ReadError:
            if passing.rested:
                raise
            continue
        if passing.rested:
            return reading, [passing.read[blob] for blob in blobs]
    raise ReadError(f"{paths[0]} changes while it is read. Ingest it again when its writer rests.")


class _Passing:
    """One reading of some files: what each was, and whether all of them rested."""

    def __init__(self, path_of: dict[Blob, Path]) -> None:
        self._path_of = path_of
        self.read: dict[Blob, tuple[FileState, str]] = {}
        self.rested = True

    @contextmanager
    def opened(self, blob: Blob) -> Iterator[FileStream]:
        """Open a file; when it has been read, take down what it was."""
        with streamed(self._path_of[blob]) as stream:
            yield stream
            self.rested = stream.finish() and self.rested
            self.read[blob] = (stream.state, stream.sha256)
