"""Which reader takes a file: asked of its first bytes, not of its name.

A log may have any name, so below a folder every file is opened but those whose ending says for certain that they are
something else. Only regular files are opened: a FIFO named like a log would hang a reader.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.files import FileState, read_head, state_of, text_blocks
from kcb_replay.ingest.readers import READERS
from kcb_replay.ingest.readers.base import Reader, looks_through

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path


# What is named so and is no regular file is reported.
_OF_LOGS = frozenset(suffix for reader in READERS for suffix in reader.suffixes)
# What these hold is certain; a program or a text that quotes a log is none. A reader may ask for one nevertheless.
_OF_OTHERS = frozenset(
    f".{ending}"
    for endings in (
        "py pyc pyi pyx c cc cpp cu h hpp java jl js m r rs sh ts bat ps1 so dll dylib exe o a",
        "cfg ini toml xml yaml yml",
        "css htm html md rst tex pdf doc docx odt ppt pptx xls xlsx otf ttf woff woff2",
        "h5 hdf5 keras pt pth ckpt onnx pb safetensors tflite index meta tfrecord tfrecords lmdb mdb mat db sqlite",
        "sqlite3 zip tar tgz 7z rar jar whl zst",
        "bmp eps gif ico jpeg jpg png ps svg tif tiff webp avi flac mkv mov mp3 mp4 ogg wav webm",
    )
    for ending in endings.split()
).difference(_OF_LOGS)
# Names that people give to logs. What is named so and is none is worth a line, when nobody looks for it, too.
_NAMED_AS_A_LOG = re.compile(r"(?i)hist|log|metric|\.(?:csv|tsv|ipynb)$")
# What Git LFS leaves in place of a file until it is fetched, under the names that it had.
_POINTERS = tuple(f"version https://{host}.github.com/spec/v".encode() for host in ("git-lfs", "hawser"))
# Characters of the first line of what is no log.
_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a file below a folder was found to be: `reader` takes it, or `reason` says why it is left out.

    Neither is there for a file that does not look like a log.
    """

    reader: Reader | None = None
    size: int = 0
    reason: str = ""


def _is_something_else(path: Path) -> bool:
    """Tell by the ending alone that a file below a folder is no log."""
    return path.suffix.lower() in _OF_OTHERS and "tfevents" not in path.name


def sniffed(path: Path, readers: Sequence[Reader], remembered: Callable[[Path, FileState], str | None]) -> Sniffed:
    """Return what a file below a folder is; `remembered` names the format of one that need not be opened."""
    if _is_something_else(path):
        return Sniffed()
    try:
        state = state_of(path)
        name = remembered(path, state)
        known = next((reader for reader in readers if reader.format == name), None) if name else None
        head = b"" if known else read_head(path)
        if is_pointer(head):
            return Sniffed(reason=no_format(path, head))
        reader = known or accepting(path, head, readers)
        if reader is not None:
            require_utf8(path)
            return Sniffed(reader, state.size)
    except ReadError as error:
        is_named_so = path.suffix.lower() in _OF_LOGS or "tfevents" in path.name
        return Sniffed(reason=str(error) if is_named_so else "")
    except OSError as error:
        return Sniffed(reason=f"cannot be read: {error.strerror}")
    is_odd = len(readers) > 1 and _NAMED_AS_A_LOG.search(path.name) is not None
    return Sniffed(reason=no_format(path, head) if is_odd else "")


def accepting(path: Path, head: bytes, readers: Iterable[Reader]) -> Reader | None:
    """Return the first reader that takes a file which begins so, or shows its log further on."""
    return _accepting(path, head, readers) or _accepting_within(path, [each for each in readers if looks_through(each)])


def _accepting(path: Path, head: bytes, readers: Iterable[Reader]) -> Reader | None:
    name = path.as_posix()
    return next((reader for reader in readers if reader.accepts(name, head)), None)


def _accepting_within(path: Path, readers: Sequence[Reader]) -> Reader | None:
    if not readers:
        return None
    try:
        for block in text_blocks(path):
            if reader := _accepting(path, block, readers):
                return reader
    except (OSError, ReadError):
        # It has changed since its head was read; it is of no format then.
        return None
    return None


def is_pointer(head: bytes) -> bool:
    """Tell whether a file that begins so is a Git LFS pointer, whatever its name says."""
    return head.startswith(_POINTERS)


def no_format(path: Path, head: bytes) -> str:
    """Return why a file that begins so is of no format."""
    if not head:
        return "is empty"
    if is_pointer(head):
        return "is a Git LFS pointer, not the log itself: run `git lfs pull`"
    if path.suffix.lower() == ".ipynb":
        return "is a notebook that shows no training: no output of a cell has epochs"
    return f"begins with {_beginning(head)}: of no format that is known"


def _beginning(head: bytes) -> str:
    first_line = head.split(b"\n", 1)[0].decode("utf-8", "replace").strip(" \t\r")
    if not {"\0", "\ufffd"}.isdisjoint(first_line[:_SHOWN]):
        return f"the bytes {head[:16].hex(' ')}"
    return repr(first_line if len(first_line) <= _SHOWN else first_line[: _SHOWN - 3] + "...")


def printable(path: Path) -> str:
    """Return a path as it can be printed, whatever bytes it has."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def require_utf8(path: Path) -> None:
    """Raise `ReadError` for a name that no store can hold."""
    name = str(path)
    if not name.isascii() and printable(path) != name:
        raise ReadError("has a name that is not UTF-8: rename it")
