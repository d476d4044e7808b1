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
    from kcb_replay.ingest.recording import Fit

__all__ = ["LONGEST_LINE", "BulkReader", "GrowingReader", "StreamReader", "longest_line", "looks_at_ends"]

# In bytes: a hundred thousand metrics of long names; no log of a training has more in a line.
LONGEST_LINE = 1 << 24


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


@runtime_checkable
class GrowingReader(Protocol):
    """A reader whose files grow while a training runs, and that can go on where it stopped."""

    def read_on(self, fits: tuple[Fit, ...], head: bytes, new: Blob) -> Reading | None:
        """Return what `read` gives of a whole file, from the fits up to `read_to`, its beginning, and what follows.

        The new `read_to` counts from the old one. None where the file must be read as a whole.
        """
        ...


def longest_line(reader: Reader) -> int | None:
    """Return the most bytes that a line may have for a reader of rows of text, None for other readers.

    A file with a longer one is refused before it is in memory. The reader says so by an attribute `longest_line`.
    """
    limit = getattr(reader, "longest_line", None)
    return limit if isinstance(limit, int) else None


def looks_at_ends(reader: Reader) -> bool:
    """Tell whether `accepts` may be given the last bytes of a file whose first say nothing.

    A log of much else may show its training late. The reader says so by an attribute `looks_at_ends`.
    """
    return getattr(reader, "looks_at_ends", False) is True
