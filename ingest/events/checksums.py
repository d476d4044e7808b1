"""CRC-32C of many records of one length at once.

The checksum is linear: rows that differ from an exemplar in a few bytes have its checksum, changed by what each
differing byte contributes, and that depends only on the byte and its distance from the end.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.records import checksum

if TYPE_CHECKING:
    from kcb_replay.ingest.events.columns import Integers

__all__ = ["Words32", "contributions", "length_checksums", "unmasked"]

Words32: TypeAlias = NDArray[np.uint32]
_MASK_DELTA = 0xA282EAD8


def unmasked(stored: Words32) -> Words32:
    """Return the checksums that were stored."""
    crc = stored - np.uint32(_MASK_DELTA)
    return np.asarray((crc << 15) | (crc >> 17), np.uint32)


@lru_cache(maxsize=4096)
def contributions(behind: int) -> Words32:
    """Return, for each value of a byte with so many bytes behind it, what it changes in the checksum."""
    zero = checksum(bytes(behind + 1))
    table = np.zeros(256, np.uint32)
    for bit in range(8):
        size = 1 << bit
        table[size : 2 * size] = table[:size] ^ np.uint32(checksum(bytes([size]) + bytes(behind)) ^ zero)
    table.setflags(write=False)
    return table


def length_checksums(lengths: Integers) -> Words32:
    """Return the stored checksum that belongs to each length of a record."""
    crc = np.full(len(lengths), checksum(bytes(8)), np.uint32)
    largest = int(lengths.max(initial=0))
    for place in range((largest.bit_length() + 7) // 8):
        crc ^= contributions(7 - place)[(lengths >> (8 * place)) & 255]
    return np.asarray(((crc >> 15) | (crc << 17)) + np.uint32(_MASK_DELTA), np.uint32)
