"""The bytes of a file as they were at one moment, though its writer may be at work.

Opens regular files only, since a FIFO or a device would hang whoever reads it; maps nothing, since a mapped file that
is cut off kills the process; and refuses what no log is: files too large for memory and lines without an end.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from contextlib import contextmanager
from io import FileIO, RawIOBase
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from _typeshed import WriteableBuffer


# In bytes; most files are read into memory as a whole.
LARGEST_FILE = 1 << 32
_HEAD = 1 << 16
# The longest first line that is looked at: ten thousand metrics of long names.
_LONGEST_HEAD = 1 << 22
_BLOCK = 1 << 20
_SEARCHED = 1 << 22
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_TRIES = 5
# Without it, opening a FIFO that took the place of a file would wait for its writer.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class FileState(NamedTuple):
    """What tells whether a file has changed."""

    size: int
    mtime_ns: int


def state_of(path: Path) -> FileState:
    """Return size and time of a regular file; raises `ReadError` for anything else, `OSError` when it is gone."""
    return _regular(path.stat())


def read_head(path: Path) -> bytes:
    """Return the first bytes of a file, its whole first line where that is not absurd."""
    with _opened(path) as descriptor:
        head = os.read(descriptor, _HEAD)
        while head and b"\n" not in head and b"\r" not in head and len(head) < _LONGEST_HEAD:
            more = os.read(descriptor, _BLOCK)
            if not more:
                break
            head += more
        return head


def text_blocks(path: Path) -> Iterator[bytes]:
    """Yield what follows the head of a text, in blocks that overlap by half a head; nothing of other files."""
    with _opened(path) as descriptor:
        head = os.read(descriptor, _HEAD)
        if len(head) < _HEAD or (b"\0" in head and not head.startswith(_UTF_16)):
            return
        before = head[_HEAD // 2 :]
        while block := os.read(descriptor, _SEARCHED):
            yield before + block
            before = block[-(_HEAD // 2) :]


def read_whole(path: Path, *, longest_line: int | None = None) -> tuple[bytes, FileState]:
    """Return the content of a file, and its state when it was that.

    A file that grows is read up to where it was; one that is rewritten meanwhile is read again. Raises `ReadError` when
    it never rests, is too large or has no end of line in `longest_line` bytes, `OSError` when it is gone.
    """
    content, state, rests = _read_once(path, longest_line)
    for _ in range(_TRIES):
        if rests:
            return content, state
        again, state_again, rests = _read_once(path, longest_line)
        if again.startswith(content):
            return content, FileState(len(content), state.mtime_ns)
        content, state = again, state_again
    raise ReadError(f"{path} changes while it is read. Ingest it again when its writer rests.")


class FileStream(RawIOBase):
    """A file from its beginning to where it ended when it was opened, hashed as it is read once from end to end."""

    def __init__(self, path: Path, descriptor: int) -> None:
        super().__init__()
        self._file = FileIO(descriptor, closefd=False)
        self._opened = self.state = _regular(os.fstat(descriptor))
        _require_size(path, self._opened.size)
        self._hash = hashlib.sha256()
        self._at = 0

    @property
    def sha256(self) -> str:
        """The hash of what was read so far."""
        return self._hash.hexdigest()

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read the next bytes into a buffer; return their number."""
        view = memoryview(buffer)[: self._opened.size - self._at]
        got = self._file.readinto(view)
        self._hash.update(view[:got])
        self._at += got
        return got

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Tell where the file ends, or that nothing was read; a hash knows no other places."""
        if (offset, whence) == (0, os.SEEK_END):
            return self._opened.size
        if (offset, whence) == (self._at, os.SEEK_SET):
            return offset
        raise OSError(errno.ESPIPE, "a file that is hashed is read from end to end")

    def finish(self) -> bool:
        """Read what is left, and tell whether all of it was the file at one moment; `state` is its state at that."""
        block = bytearray(_BLOCK)
        while self.readinto(block):
            pass
        self.state = FileState(self._at, self._opened.mtime_ns)
        if self._at == self._opened.size and _regular(os.fstat(self._file.fileno())) == self._opened:
            return True
        # Where it begins now as it was read, it has only grown.
        self._file.seek(0)
        again, left = hashlib.sha256(), self._at
        while left and (piece := self._file.read(min(left, _BLOCK))):
            again.update(piece)
            left -= len(piece)
        return again.digest() == self._hash.digest()


@contextmanager
def streamed(path: Path) -> Iterator[FileStream]:
    """Open a file to be read piece by piece; whether it rested, as `read_whole` asks for, tells `finish`.

    Raises `ReadError` for anything but a regular file, `OSError` when it is gone.
    """
    with _opened(path) as descriptor:
        yield FileStream(path, descriptor)


def read_from(path: Path, start: int, *, head: int) -> tuple[bytes, bytes, FileState]:
    """Return the first `head` bytes of a file, all from `start` on, and its state.

    Raises `ReadError` when it is shorter, too large, or changes while it is read, `OSError` when it is gone.
    """
    with _opened(path) as descriptor:
        before = _regular(os.fstat(descriptor))
        if not start <= before.size <= LARGEST_FILE:
            raise ReadError(f"{path} has {before.size:,} bytes: it cannot be read from byte {start:,} on.")
        first = os.read(descriptor, head)
        os.lseek(descriptor, start, os.SEEK_SET)
        rest = _rest(descriptor, before.size - start)
        after = _regular(os.fstat(descriptor))
    if before != after or len(rest) != before.size - start:
        raise ReadError(f"{path} changes while it is read. Ingest it again when its writer rests.")
    return first, rest, before


def _read_once(path: Path, longest_line: int | None) -> tuple[bytes, FileState, bool]:
    with _opened(path) as descriptor:
        before = _regular(os.fstat(descriptor))
        _require_size(path, before.size)
        if longest_line is not None and before.size > longest_line:
            _require_lines(path, descriptor, before.size, longest_line)
        content = _rest(descriptor, before.size)
        after = _regular(os.fstat(descriptor))
    return content, before, before == after and len(content) == before.size


def _require_size(path: Path, size: int) -> None:
    if size > LARGEST_FILE:
        raise ReadError(f"{path} has {size:,} bytes: files beyond {LARGEST_FILE:,} are not read. Split it.")


def _rest(descriptor: int, size: int) -> bytes:
    """Return what is left of a file, without trusting the size that it said to have."""
    # One byte more, so that a file that has not grown has ended with the first block.
    blocks = [os.read(descriptor, size + 1)]
    while blocks[-1] and sum(map(len, blocks)) != size:
        blocks.append(os.read(descriptor, _BLOCK))
    return b"".join(blocks)


def _require_lines(path: Path, descriptor: int, size: int, longest: int) -> None:
    """Raise `ReadError` where no line ends within `longest` bytes, without reading more of them than it must."""
    for start in range(0, size - longest + 1, longest):
        os.lseek(descriptor, start, os.SEEK_SET)
        if not _has_line_end(descriptor, longest):
            raise ReadError(f"{path} has no end of line in {longest:,} bytes from byte {start:,} on: it is no log.")
    os.lseek(descriptor, 0, os.SEEK_SET)


def _has_line_end(descriptor: int, within: int) -> bool:
    """Tell whether a line, or the file, ends within so many bytes."""
    while within > 0:
        block = os.read(descriptor, min(_HEAD, within))
        if not block or b"\n" in block or b"\r" in block:
            return True
        within -= len(block)
    return False


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    # Even opening a device can do something, so it is looked at before; what it is by then counts all the same.
    _regular(path.stat())
    descriptor = os.open(path, _FLAGS)
    try:
        _regular(os.fstat(descriptor))
        yield descriptor
    finally:
        os.close(descriptor)


def _regular(status: os.stat_result) -> FileState:
    if not stat.S_ISREG(status.st_mode):
        raise ReadError("is no regular file; it is not opened")
    return FileState(status.st_size, status.st_mtime_ns)
