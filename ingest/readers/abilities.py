"""What a reader may offer beyond the Protocol that all fulfil; the ingest uses it where it is there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kcb_replay.ingest.readers.base import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from io import RawIOBase

    from kcb_replay.errors import ReadError
    from kcb_replay.ingest.readers.base import Blob, Reading

__all__ = ["BulkReader", "StreamReader", "longest_line"]


@runtime_checkable
class BulkReader(Protocol):
    """A reader that reads many runs faster than one by one."""

    def read_many(self, runs: Sequence[tuple[Blob, ...]]) -> list[Reading | ReadError]:
        """Return, for each run, what `read` returns or raises."""
        ...


@runtime_checkable
class StreamReader(Reader, Protocol):
    """A reader that needs no file in memory as a whole."""

    def read_streams(
        self, blobs: tuple[Blob, ...], streams: Callable[[Blob], AbstractContextManager[RawIOBase]]
    ) -> Reading:
        """Return what `read` returns or raises, for blobs without their content; `streams` opens each of them once."""
        ...


def longest_line(reader: Reader) -> int | None:
    """Return the most bytes that a line may have for a reader of rows of text, None for other readers.

    A file with a longer one is refused before it is in memory. The reader says so by an attribute `longest_line`.
    """
    limit = getattr(reader, "longest_line", None)
    return limit if isinstance(limit, int) else None
