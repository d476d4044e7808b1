"""What every reader is: a format, a test whether a file is of it, and a function from bytes to fits.

A reader never guesses and never loses a point silently: what is odd becomes a note, what cannot be read a `ReadError`
that names the file, the position and the reason. A reader gets bytes, so that it cannot be caught by a file that
changes while it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from kcb_replay.errors import ReadError
from kcb_replay.ingest.table import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from contextlib import AbstractContextManager
    from io import RawIOBase
    from pathlib import Path

    from kcb_replay.ingest.recording import Fit, Note, Source


# In bytes: a hundred thousand metrics of long names; no log of a training has more in a line.
LONGEST_LINE = 1 << 24


@dataclass(frozen=True, slots=True)
class Blob:
    """The bytes of one source file, the path they came from, and the name of its folder where the path lacks it."""

    path: str
    content: bytes
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found: the fits in order, and what was odd.

    `read_to` is the byte from which a `GrowingReader` can go on when the file has grown, None where it cannot. Which
    files these were, and the rank of their format, is added by the ingest.
    """

    fits: tuple[Fit, ...]
    notes: tuple[Note, ...] = ()
    read_to: int | None = field(default=None, compare=False)
    sources: tuple[Source, ...] = ()
    rank: int = 0


class Reader(Protocol):
    """One format."""

    @property
    def format(self) -> str:
        """The name of the format, as `--format` takes it."""
        ...

    @property
    def rank(self) -> int:
        """Where the format stands among the sources of one run: the lowest leads, for it says most of what happened."""
        ...

    @property
    def suffixes(self) -> tuple[str, ...]:
        """The endings that its files mostly have, lower case; "" for none. What takes a file is `accepts`."""
        ...

    @property
    def version(self) -> int:
        """A number that rises whenever the same bytes would be read differently."""
        ...

    def accepts(self, path: str, head: bytes) -> bool:
        """Tell from the path and the first bytes whether a file looks like this format."""
        ...

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Read the files of one run that are of this format; raises `ReadError`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReader:
    """A reader of a format of which each file is a run.

    `looks_like` tells from a path and the first bytes whether a file is of it; `fits_in` returns the fits in its bytes,
    or raises what the `Log` refuses it with. `what` and `expected` are what an error calls the file and its content.
    """

    format: str
    what: str
    looks_like: Callable[[str, bytes], bool]
    fits_in: Callable[[bytes, Log], Iterable[Fit]]
    suffixes: tuple[str, ...]
    expected: str = ""
    rank: int = 40
    version: int = 1
    longest_line: int | None = None

    def accepts(self, path: str, head: bytes) -> bool:
        """Tell whether a file looks like this format."""
        return self.looks_like(path, head)

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Return the fits of one file; raises `ReadError`."""
        if len(blobs) != 1:
            paths = ", ".join(blob.path for blob in blobs) or "none"
            raise ReadError(f"{self.what} is one file, but {len(blobs)} were given: {paths}. Read each as its own run.")
        log = Log(blobs[0].path, self.expected or f"Expected {self.what}.")
        fits = tuple(self.fits_in(blobs[0].content, log))
        return Reading(fits, tuple(log.notes))


@runtime_checkable
class FolderReader(Protocol):
    """A reader whose runs are folders: all files of its format in one of them are read together."""

    def run_folder(self, path: Path) -> Path:
        """Return the folder of the run that a file belongs to."""
        ...


def reader_name(reader: Reader) -> str:
    """Return how a reader and its version are named in the store."""
    return f"{reader.format}/{reader.version}"


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


def looks_through(reader: Reader) -> bool:
    """Tell whether `accepts` is given one block of a file after the other where the first bytes say nothing.

    A log of much else may show its training late. The reader says so by an attribute `looks_through`.
    """
    return getattr(reader, "looks_through", False) is True
