"""Walk the records of a TensorBoard event file (TFRecord framing) and verify every checksum.

A record is a length (8 bytes, little endian), the masked CRC-32C of the length, the data and the masked CRC-32C of the
data (tensorflow/core/lib/io/record_writer.h). Nothing is allocated on the word of a length field. What is damaged is
reported with its byte position; what stands before and behind it is kept.

The checksum is linear: rows that differ from an exemplar in a few bytes have its checksum, changed by what each
differing byte contributes, and that depends only on the byte and its distance from the end.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import google_crc32c
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kcb_replay.ingest.recording import Integers


ZEROS = "{} zero bytes at the end"
UNFINISHED = "{} bytes of an unfinished record at the end"
DAMAGED_LENGTH = "a damaged record length; {} bytes cannot be read"
BAD_CHECKSUM = "a record whose checksum is wrong"

_HEAD = struct.Struct("<QI")
_TAIL = struct.Struct("<I")
_MASK_DELTA = 0xA282EAD8

# The CRC-32C of bytes; asked for each record, so that even a function around it would count.
checksum: Callable[[bytes], int] = google_crc32c.value
_Words32: TypeAlias = NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class Record:
    """The data of one record and the byte at which the record begins."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Damage:
    """What is wrong at a byte; `ends` when nothing behind it can be read."""

    offset: int
    reason: str
    ends: bool


def records(content: bytes) -> Iterator[Record | Damage]:
    """Yield every whole record in file order, and a Damage for what is not one."""
    offset, size = 0, len(content)
    while offset < size:
        if not any(content[offset : offset + _HEAD.size]) and not content[offset:].strip(b"\0"):
            yield Damage(offset, ZEROS.format(size - offset), ends=True)
            return
        if size - offset < _HEAD.size:
            yield Damage(offset, UNFINISHED.format(size - offset), ends=True)
            return
        length, length_crc = _HEAD.unpack_from(content, offset)
        if masked_checksum(content[offset : offset + 8]) != length_crc:
            yield Damage(offset, DAMAGED_LENGTH.format(size - offset), ends=True)
            return
        begin, end = offset + _HEAD.size, offset + _HEAD.size + length
        if size - end < _TAIL.size:
            yield Damage(offset, UNFINISHED.format(size - offset), ends=True)
            return
        data = content[begin:end]
        if masked_checksum(data) == _TAIL.unpack_from(content, end)[0]:
            yield Record(offset, data)
        else:
            yield Damage(offset, BAD_CHECKSUM, ends=False)
        offset = end + _TAIL.size


def write_record(data: bytes) -> bytes:
    """Return `data` framed as one record."""
    length = struct.pack("<Q", len(data))
    return length + _TAIL.pack(masked_checksum(length)) + data + _TAIL.pack(masked_checksum(data))


def masked_checksum(data: bytes) -> int:
    """Return the checksum of bytes as it is stored in event files."""
    crc = checksum(data)
    return ((crc >> 15 | crc << 17) + _MASK_DELTA) & 0xFFFFFFFF


def unmasked(stored: _Words32) -> _Words32:
    """Return the checksums that were stored."""
    crc = stored - np.uint32(_MASK_DELTA)
    return np.asarray((crc << 15) | (crc >> 17), np.uint32)


@lru_cache(maxsize=4096)
def contributions(behind: int) -> _Words32:
    """Return, for each value of a byte with so many bytes behind it, what it changes in the checksum."""
    zero = checksum(bytes(behind + 1))
    table = np.zeros(256, np.uint32)
    for bit in range(8):
        size = 1 << bit
        table[size : 2 * size] = table[:size] ^ np.uint32(checksum(bytes([size]) + bytes(behind)) ^ zero)
    table.setflags(write=False)
    return table


def length_checksums(lengths: Integers) -> _Words32:
    """Return the stored checksum that belongs to each length of a record."""
    crc = np.full(len(lengths), checksum(bytes(8)), np.uint32)
    largest = int(lengths.max(initial=0))
    for position in range((largest.bit_length() + 7) // 8):
        crc ^= contributions(7 - position)[(lengths >> (8 * position)) & 255]
    return np.asarray(((crc >> 15) | (crc << 17)) + np.uint32(_MASK_DELTA), np.uint32)
