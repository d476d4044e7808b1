"""Read a pickle as inert data: what it holds, without importing or calling anything that it names.

Opcodes are interpreted onto a stack of numbers, texts, bytes and plain containers; whatever a real unpickler would
import or call becomes an `Opaque` record. The work and the memory are capped, nothing is allocated on the word of a
length field, and what comes back is finite and shallow, so that it can be walked, compared and shown without care.
It refuses persistent ids, extension codes, out-of-band buffers, cycles, and dict keys that are not plain scalars.

A file may hold its pickle as it is, compressed as joblib does, or behind the header of a `.npy` file. What is
compressed is unpacked up to a cap, whatever its own header says of its size.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import zlib
from itertools import repeat
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.ingest.pickles.inert import Inert, InertPickleError, misshapen
from kcb_replay.ingest.pickles.machine import Machine
from kcb_replay.ingest.pickles.opcodes import STEPS
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable


MAX_CONTENT = 64 * 1024 * 1024
_MAX_OPCODES = 1_000_000
# Before protocol 3 a scalar of NumPy takes up to 17 and a call of this: 20 metrics of 5,000 epochs.
_TEXT_OF_BYTES = "_codecs.encode"
_MAX_OPCODES_OF_TEXT = 1_800_000

_STOP = ord(".")
_PROTOCOLS_0_1 = re.compile(
    rb"\(d(p\d|[SV.])"
    rb"|\(l(p\d|[cSVFI(.])"
    rb"|[\]}][q(.]"
    rb"|\(?[ci][A-Za-z_][\w.]*\r?\n[A-Za-z_][\w.]*\r?\n[(p)q.]",
)
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


def sniff(head: bytes) -> bool:
    """Tell whether the first bytes of a file look like a pickle of protocol 0 to 5."""
    if head[:1] == b"\x80":
        return head[1:2] in {b"\x02", b"\x03", b"\x04", b"\x05"}
    return _PROTOCOLS_0_1.match(head) is not None


def interpret(content: bytes, *, start: int = 0) -> Inert:
    """Interpret the one whole pickle from byte `start` to the end; raise `InertPickleError` for anything else."""
    if len(content) > MAX_CONTENT:
        raise InertPickleError(f"{len(content)} bytes are more than the {MAX_CONTENT} that are read", MAX_CONTENT)
    machine = Machine(content, start)
    try:
        _run(machine)
    except InertPickleError:
        raise
    except ValueError as error:
        # A decoder: the codec of a text, `int` or `float` of a line.
        machine.refuse(excerpt(str(error)))
    value = machine.pop()
    _check_end(machine)
    reason = misshapen(value)
    if reason:
        machine.refuse(reason)
    return Inert(value, MappingProxyType(machine.named))


def _run(machine: Machine) -> None:
    """Do one step after the other until STOP."""
    if _stops_within(machine, _MAX_OPCODES):
        return
    if _TEXT_OF_BYTES not in machine.named:
        machine.refuse(f"more than {_MAX_OPCODES} opcodes")
    if not _stops_within(machine, _MAX_OPCODES_OF_TEXT - _MAX_OPCODES):
        machine.refuse(f"more than {_MAX_OPCODES_OF_TEXT} opcodes")


def _stops_within(machine: Machine, steps: int) -> bool:
    content, size, step_of = machine.content, machine.size, STEPS
    for _ in repeat(None, steps):
        at = machine.at = machine.next
        if at >= size:
            machine.refuse("the pickle is exhausted before its end")
        machine.next = at + 1
        code = content[at]
        if code == _STOP:
            return True
        step_of[code](machine)
    return False


def _check_end(machine: Machine) -> None:
    if machine.marks or machine.stack:
        machine.refuse("objects left over when the pickle stops")
    machine.at += 1
    if machine.at < machine.size:
        machine.refuse(f"{machine.size - machine.at} bytes after the end of the pickle")


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
