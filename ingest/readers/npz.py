"""Read NumPy's `.npz`: one-dimensional arrays of numbers by name, a value an epoch, as `np.savez` writes a History.

An archive is taken only where its members are arrays and one of them is named as a loss or an accuracy. The sizes that
its members declare are added up before one is unpacked, and none is unpacked beyond its own. An array of objects is a
pickle and is never loaded: it is left out by name, as are arrays of another shape.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.readers.base import LogReader
from kcb_replay.ingest.readers.history_json import fit_of
from kcb_replay.ingest.readers.history_shapes import ShapedFit
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Fit
    from kcb_replay.ingest.table import Log

_MAX_CONTENT = 64 * 1024 * 1024
_MAX_VALUES = 4_000_000
_MAX_MEMBERS = 20_000
_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", ".npy"
# A header of a member, up to the length of its name.
_MEMBER = re.compile(rb"PK\x03\x04.{22}(..)..", re.DOTALL)
_CURVE = re.compile(r"(?i)(?:.*[_/ .-])?(?:loss|acc|accuracy)\.npy", re.DOTALL)
_ENCRYPTED = 1
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
_HEADER = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....)"
    rb"\{'descr': (?:'([<>|=]?)([a-zA-Z]\d*)[^']*'|[^}\n]*?),"
    rb" 'fortran_order': (?:True|False), 'shape': \(([\d, ]*)\), \} *\n",
    re.DOTALL,
)
_NUMBERS = re.compile(rb"[iu][1248]|f[248]")
_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, OSError, ValueError, LookupError, RuntimeError)


class _NoColumnError(Exception):
    """An array is no column of a History; the message says what it is."""


def _looks_like(_: str, head: bytes) -> bool:
    """Tell whether the first bytes are of an archive of arrays, one of them named as a loss or an accuracy."""
    if not head.startswith(_LOCAL):
        return False
    names = []
    for member in _MEMBER.finditer(head):
        names.append(head[member.end() : member.end() + int.from_bytes(member[1], "little")].decode("utf-8", "replace"))
        if not names[0].endswith(_END):
            return False
    return any(map(_CURVE.fullmatch, names))


def _fits_in(content: bytes, log: Log) -> list[Fit]:
    try:
        columns, epoch, left_out = _columns(content, log)
    except _ERRORS as error:
        raise log.refusal(f"is no whole archive of arrays: {excerpt(str(error)) or type(error).__name__}") from None
    return [fit_of(ShapedFit(columns, epoch, left_out), 0, log)]


NPZ = LogReader(
    format="npz",
    what="an archive of NumPy's arrays",
    expected="Expected one-dimensional arrays of numbers by name; save them with np.savez(path, **history.history).",
    rank=20,
    suffixes=(".npz",),
    looks_like=_looks_like,
    fits_in=_fits_in,
)


def _columns(content: bytes, log: Log) -> tuple[dict[str, list[object]], object, dict[str, str]]:
    """Return the columns by name, that of the epochs, and why each other array is left out."""
    if len(content) > _MAX_CONTENT:
        raise log.refusal(f"has {len(content):,} bytes, more than the {_MAX_CONTENT:,} of an archive that are read")
    # Each member that the directory lists takes half a kilobyte in memory.
    if content.count(_CENTRAL) > _MAX_MEMBERS:
        raise log.refusal(f"lists more than {_MAX_MEMBERS:,} members")
    columns: dict[str, list[object]] = {}
    left_out: dict[str, str] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        if (declared := sum(member.file_size for member in members)) > _MAX_CONTENT:
            raise log.refusal(f"declares {declared:,} bytes unpacked, more than the {_MAX_CONTENT:,} that are read")
        left = _MAX_VALUES
        for member in members:
            name = member.filename.removesuffix(_END)
            if name in columns or name in left_out:
                raise log.refusal(f"holds {excerpt(name)} twice")
            try:
                column = _column(archive, member, left)
            except _NoColumnError as error:
                left_out[name] = str(error)
                continue
            left -= len(column)
            columns[name] = column
    return columns, columns.pop("epoch", None), left_out


def _column(archive: zipfile.ZipFile, member: zipfile.ZipInfo, most: int) -> list[object]:
    """Return the values of an array; raises `_NoColumnError`."""
    if not member.filename.endswith(_END):
        raise _NoColumnError("no array")
    if member.flag_bits & _ENCRYPTED or member.compress_type not in _METHODS:
        raise _NoColumnError("an array that is encrypted, or packed in another way than NumPy does")
    with archive.open(member) as file:
        # Asked for all of it, a file is unpacked whatever size it declares.
        array = file.read(member.file_size + 1)
    header = _HEADER.match(array)
    if header is None:
        raise _NoColumnError("no array that NumPy writes")
    order, code, shape = (
        header[1],
        header[2] or b"V",
        [size for size in header[3].replace(b" ", b"").split(b",") if size],
    )
    if code.startswith(b"O"):
        raise _NoColumnError("an array of objects: it is a pickle, which is not loaded")
    if not _NUMBERS.fullmatch(code):
        raise _NoColumnError("an array of something else than numbers")
    if len(shape) != 1:
        raise _NoColumnError("a single number" if not shape else f"an array of {len(shape)} dimensions")
    kind = np.dtype((order + code).decode())
    raw = memoryview(array)[header.end() :]
    if str(len(raw) // kind.itemsize) != shape[0].decode() or len(raw) % kind.itemsize:
        raise _NoColumnError("an array with more or fewer values than its header says")
    if len(raw) // kind.itemsize > most:
        raise _NoColumnError(f"values beyond the {_MAX_VALUES:,} of a file that are read")
    values: list[object] = np.frombuffer(raw, kind).tolist()
    return values
