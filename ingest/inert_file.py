"""Files that hold a pickle: as it is, compressed as joblib does, or behind the header of a `.npy` file.

What is compressed is unpacked up to a cap, whatever its own header says of its size.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import zlib
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.ingest.inert import Inert, InertPickleError
from kcb_replay.ingest.inert_pickle import MAX_CONTENT, interpret, sniff

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["interpret_file", "sniff_file"]

_NPY = re.compile(rb"\x93NUMPY[\x01-\x03]\x00.{2,4}?\{[^}\n]{0,500}\}\s*\n", re.DOTALL)
_OBJECTS = re.compile(rb"'descr': '\|O'")
_MEMORY = 2 * MAX_CONTENT
_Decompressor: TypeAlias = "zlib._Decompress | bz2.BZ2Decompressor | lzma.LZMADecompressor"
# By the first bytes of a file; 47 is zlib's or gzip's header, whichever is there.
_COMPRESSIONS: dict[bytes, Callable[[], _Decompressor]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(47),
    b"\x78\x01": lambda: zlib.decompressobj(47),
    b"\x78\x5e": lambda: zlib.decompressobj(47),
    b"\x78\x9c": lambda: zlib.decompressobj(47),
    b"\x78\xda": lambda: zlib.decompressobj(47),
    b"BZ": bz2.BZ2Decompressor,
    b"\xfd7": lambda: lzma.LZMADecompressor(memlimit=_MEMORY),
    b"\x5d\x00": lambda: lzma.LZMADecompressor(memlimit=_MEMORY),
}
_STEP = 1 << 16
_ERRORS = (zlib.error, lzma.LZMAError, OSError, EOFError, ValueError)


def sniff_file(head: bytes) -> bool:
    """Tell whether the first bytes are of a pickle, also a compressed one, or of an array of objects."""
    try:
        unpacked, _ = _unpacked(head, 64)
    except InertPickleError:
        return False
    return sniff(unpacked) or _npy_header(unpacked) > 0


def interpret_file(content: bytes) -> Inert:
    """Interpret the one pickle in a file; raise `InertPickleError` for anything else."""
    unpacked, rest = _unpacked(content, MAX_CONTENT)
    if rest:
        raise InertPickleError(rest, len(content))
    return interpret(unpacked, start=_npy_header(unpacked))


def _npy_header(content: bytes) -> int:
    """Return the length of the header of a `.npy` file of objects, 0 for anything else."""
    header = _NPY.match(content[:1024])
    return header.end() if header is not None and _OBJECTS.search(header.group()) else 0


def _unpacked(content: bytes, cap: int) -> tuple[bytes, str]:
    """Return the bytes in a compressed file, and what is wrong if they are not all of it."""
    make = _COMPRESSIONS.get(content[:2])
    if make is None:
        return content, ""
    decompressor = make()
    try:
        unpacked, taken = _decompressed(decompressor, content, cap)
    except _ERRORS as error:
        raise InertPickleError(f"compressed data that is damaged ({error})", 0) from error
    behind = len(decompressor.unused_data) + len(content) - taken
    if decompressor.eof and behind:
        return unpacked, f"{behind} bytes behind the compressed data"
    if not decompressor.eof:
        return unpacked, f"compressed data that is cut off, or more than {cap} bytes,"
    return unpacked, ""


def _decompressed(decompressor: _Decompressor, content: bytes, cap: int) -> tuple[bytes, int]:
    """Return the first unpacked bytes, and how many packed ones were taken for them.

    It goes step by step, since a decompressor that is asked for all at once holds it twice.
    """
    unpacked, taken, given = io.BytesIO(), 0, b""
    while not decompressor.eof and unpacked.tell() < cap:
        if not given and getattr(decompressor, "needs_input", True):
            given = content[taken : taken + _STEP]
            taken += len(given)
        piece = decompressor.decompress(given, min(_STEP, cap - unpacked.tell()))
        if not piece and not given and taken == len(content):
            break
        unpacked.write(piece)
        # What zlib has not come to is given again; the others keep it themselves.
        given = getattr(decompressor, "unconsumed_tail", b"")
    return unpacked.getvalue(), taken
