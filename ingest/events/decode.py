"""Decode event files at once: fill a buffer from them, find the records in it, decode these class by class.

The buffer is of one size however long a file is; a file that does not fit goes on in the next. It grows only for a
record that is longer and is really there. Files are read, never mapped: one that is cut meanwhile ends early, and one
that grows is read as far as it was when it was opened.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from io import BufferedIOBase, FileIO, RawIOBase
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kcb_replay.ingest.events.boundaries import FRAME, HEAD, boundaries
from kcb_replay.ingest.events.classes import Window, decode_records
from kcb_replay.ingest.events.columns import FileEvents, Growing
from kcb_replay.ingest.events.records import DAMAGED_LENGTH, UNFINISHED, ZEROS, Damage, masked_checksum

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray


Stream: TypeAlias = BufferedIOBase | RawIOBase

_WINDOW = 1 << 23
# Words of 8 bytes are read at every byte of the buffer.
_PADDING = 8


def decode_files(paths: Iterable[str | Path]) -> list[FileEvents]:
    """Return what each event file holds; raises `OSError` for one that cannot be opened."""
    return decode(_opened(paths))


def _opened(paths: Iterable[str | Path]) -> Iterator[Stream]:
    for path in paths:
        with FileIO(path) as stream:
            yield stream


def decode(streams: Iterable[Stream], *, window: int = _WINDOW) -> list[FileEvents]:
    """Return what each seekable stream of an event file holds, through a buffer of `window` bytes."""
    decoding = _Decoding(np.zeros(window + _PADDING, np.uint8))
    for stream in streams:
        decoding.add(stream)
    decoding.decode_buffer()
    return decoding.results()


@dataclass(slots=True)
class _File:
    """A file being decoded: where it starts in all files, its size, and the bytes of it not yet in the buffer."""

    start: int
    size: int
    left: int
    stream: Stream | None
    damages: list[Damage] = field(default_factory=list)
    read_to: int = 0
    ended: bool = False


@dataclass(slots=True)
class _BufferedPart:
    file: _File
    begin: int
    end: int


@dataclass(slots=True)
class _Decoding:
    buffer: NDArray[np.uint8]
    base: int = 0
    filled: int = 0
    files: list[_File] = field(default_factory=list)
    parts: list[_BufferedPart] = field(default_factory=list)
    growing: Growing = field(default_factory=Growing)

    def add(self, stream: Stream) -> None:
        """Read a stream into the buffer, and decode the buffer whenever it is full."""
        size = stream.seek(0, 2)
        stream.seek(0)
        file = _File(self.base + self.filled, size, size, stream)
        self.files.append(file)
        self.parts.append(_BufferedPart(file, self.filled, self.filled))
        while file.left and not file.ended:
            if self.filled == self._capacity:
                self.decode_buffer()
            else:
                self._read(file)
        file.stream = None

    @property
    def _capacity(self) -> int:
        return len(self.buffer) - _PADDING

    def _read(self, file: _File) -> None:
        wanted = min(self._capacity - self.filled, file.left)
        got = _filled(file.stream, self.buffer.data[self.filled : self.filled + wanted])
        self.filled += got
        self.parts[-1].end = self.filled
        file.left -= got
        if got < wanted:
            # Cut while it was read.
            file.size -= file.left
            file.left = 0

    def decode_buffer(self) -> None:
        """Decode all whole records of the buffer, and keep what is left of the last file for the next one."""
        if not self.parts:
            return
        # What stood here in an earlier round must not be seen behind the end.
        self.buffer[self.filled : self.filled + _PADDING] = 0
        used = self.buffer[: self.filled + _PADDING]
        whole = boundaries(used, [(part.begin, part.end) for part in self.parts])
        decode_records(Window(used, self.base, self.growing, self._damaged), whole.begins + 12, whole.lengths)
        for part, stop in zip(self.parts, whole.stops, strict=True):
            part.file.read_to = self.base + stop - part.file.start
            self._end(part, stop)
        self._carry(self.parts[-1], whole.stops[-1])

    def _damaged(self, position: int, reason: str) -> None:
        file = self.files[bisect_right(self.files, position, key=lambda file: file.start) - 1]
        file.damages.append(Damage(position - file.start, reason, ends=False))

    def _end(self, part: _BufferedPart, stop: int) -> None:
        """Say why a file has no further record, unless it goes on in the next buffer."""
        file, offset = part.file, part.file.read_to
        rest = file.size - offset
        head = self.buffer[stop : min(stop + HEAD.size, part.end)].tobytes()
        if rest == 0:
            file.ended = True
            return
        if len(head) < min(HEAD.size, rest):
            return
        reason = _reason(head, rest)
        if reason is None and file.left:
            return
        file.ended = True
        if not any(head) and not self.buffer[stop : part.end].any() and _only_zeros(file):
            reason = ZEROS.format(rest)
        file.damages.append(Damage(offset, reason or UNFINISHED.format(rest), ends=True))

    def _carry(self, part: _BufferedPart, stop: int) -> None:
        """Move the unfinished end of the last file to the front, and make room for a record that is longer."""
        if part.file.ended or not part.file.left:
            self.base += self.filled
            self.filled, self.parts = 0, []
            return
        kept = part.end - stop
        if stop == 0:
            larger = np.zeros(2 * self._capacity + _PADDING, np.uint8)
            larger[:kept] = self.buffer[:kept]
            self.buffer = larger
        else:
            self.buffer[:kept] = self.buffer[stop : part.end].copy()
        self.base += stop
        self.filled, self.parts = kept, [_BufferedPart(part.file, 0, kept)]

    def results(self) -> list[FileEvents]:
        """Return what was found, file by file."""
        columns, counts = self.growing.split([file.start for file in self.files])
        return [
            FileEvents(of_file, counted, tuple(sorted(file.damages, key=lambda damage: damage.offset)), file.read_to)
            for of_file, counted, file in zip(columns, counts, self.files, strict=True)
        ]


def _filled(stream: Stream | None, view: memoryview) -> int:
    """Fill a view from a stream as far as it goes; return the number of bytes."""
    got = 0
    while stream is not None and got < len(view):
        # A raw stream may give fewer bytes than asked for.
        count = stream.readinto(view[got:])
        if not count:
            break
        got += count
    return got


def _reason(head: bytes, rest: int) -> str | None:
    """Return what is wrong with a record that is not whole, None when only its end is missing."""
    if len(head) < HEAD.size:
        return UNFINISHED.format(rest)
    length, stored = HEAD.unpack(head)
    if masked_checksum(head[:8]) != stored:
        return DAMAGED_LENGTH.format(rest)
    return UNFINISHED.format(rest) if length + FRAME > rest else None


def _only_zeros(file: _File) -> bool:
    """Tell whether all that is left of a file is zero bytes."""
    piece = bytearray(min(file.left, 1 << 20))
    while file.left:
        got = _filled(file.stream, memoryview(piece)[: file.left])
        if not got or any(memoryview(piece)[:got]):
            return not got
        file.left -= got
    return True
