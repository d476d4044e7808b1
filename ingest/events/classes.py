"""Decode the records of one length: one exemplar of each class with protobuf, all others by comparing with it.

A record is of a class when it equals the exemplar outside the variable bytes and its checksum is right. Whatever is
of no class, or of one too small to be worth the trouble, is decoded by protobuf on its own, so that the fast path can
be slow but never wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.events.boundaries import unaligned
from kcb_replay.ingest.events.checksums import contributions, unmasked
from kcb_replay.ingest.events.layout import Layout, layout_of
from kcb_replay.ingest.events.plain import NO_EVENT, add_record
from kcb_replay.ingest.events.scalars import DTYPES, as_floats
from kcb_replay.ingest.records import BAD_CHECKSUM, checksum, masked_checksum

if TYPE_CHECKING:
    from collections.abc import Callable

    from kcb_replay.ingest.events.columns import Floats, Growing, Integers

__all__ = ["Window", "decode_records"]

# Below this number of records of a length, protobuf is as fast.
_FEW = 32
# So many classes are tried however small they are; from then on each must bring `_FEW` records on average.
_TRIES = 8
# Above this number of variable bytes a checksum over all bytes is cheaper than tables for each.
_MANY_BYTES = 24
_ALL_VARIABLE = bytes(8)


@dataclass(frozen=True, slots=True)
class Window:
    """A buffer of records; `base` is the position of its first byte in all files."""

    buffer: NDArray[np.uint8]
    base: int
    growing: Growing
    damaged: Callable[[int, str], None]


def decode_records(window: Window, begins: Integers, lengths: Integers) -> None:
    """Decode whole records, given where their data begin and how long they are."""
    order = np.argsort(np.minimum(lengths, 65535).astype(np.uint16), kind="stable")
    sizes = lengths[order]
    cuts = [0, *(np.flatnonzero(np.diff(sizes)) + 1).tolist(), len(sizes)]
    for begin, end in pairwise(cuts):
        if end > begin:
            _decode_group(window, begins[order[begin:end]], int(sizes[begin]))


def _decode_group(window: Window, rows: Integers, length: int) -> None:
    """Decode records of one length, class by class."""
    tries, caught = 0, 0
    while len(rows) >= _FEW and length >= 8 and (tries < _TRIES or caught >= _FEW * tries):
        tries += 1
        exemplar = int(rows[0])
        data = window.buffer[exemplar : exemplar + length].tobytes()
        layout = layout_of(data) if _intact(window, exemplar, data) else None
        if layout is None:
            _decode_one(window, exemplar, length)
            rows = rows[1:]
            continue
        alike, differences = _alike(window, rows, data, layout)
        if alike.all():
            _take(window, rows, data, layout, differences)
            return
        _take(window, rows[alike], data, layout, {at: words[alike] for at, words in differences.items()})
        caught += int(alike.sum())
        rows = rows[~alike]
    for row in rows.tolist():
        _decode_one(window, row, length)


def _decode_one(window: Window, row: int, length: int) -> None:
    data = window.buffer[row : row + length].tobytes()
    position = window.base + row - 12
    if not _intact(window, row, data):
        window.damaged(position, BAD_CHECKSUM)
    elif not add_record(data, position, window.growing):
        window.damaged(position, NO_EVENT)


def _intact(window: Window, row: int, data: bytes) -> bool:
    stored = window.buffer[row + len(data) : row + len(data) + 4].tobytes()
    return masked_checksum(data) == int.from_bytes(stored, "little")


def _alike(
    window: Window, rows: Integers, data: bytes, layout: Layout
) -> tuple[NDArray[np.bool_], dict[int, NDArray[np.uint64]]]:
    """Tell which rows equal the exemplar outside its variable bytes; return the differences of the words with such."""
    fixed = _fixed_bits(len(data), layout)
    words = unaligned(window.buffer, "<u8")
    other = np.zeros(len(rows), np.uint64)
    differences: dict[int, NDArray[np.uint64]] = {}
    large = _large(layout)
    for at in _word_places(len(data)):
        # Of a large record the checksum is taken over all bytes, so that variable words are of no interest.
        if large and fixed[at : at + 8] == _ALL_VARIABLE:
            continue
        mask = int.from_bytes(fixed[at : at + 8], "little")
        difference = words[rows + at] ^ np.uint64(int.from_bytes(data[at : at + 8], "little"))
        if mask != 2**64 - 1:
            differences[at] = difference
        other |= difference & np.uint64(mask)
    return other == 0, differences


def _fixed_bits(length: int, layout: Layout) -> bytes:
    """Return a mask of the bits that are the same in all records of a class."""
    bits = bytearray(b"\xff" * length)
    for begin, end in layout.free:
        bits[begin:end] = bytes(end - begin)
    if layout.step is not None:
        begin, end = layout.step
        bits[begin:end] = b"\x80" * (end - begin)
    return bytes(bits)


def _word_places(length: int) -> list[int]:
    """Return where words of 8 bytes cover a record; the last may overlap the one before."""
    return [*range(0, length - 7, 8), *([length - 8] if length % 8 else [])]


def _large(layout: Layout) -> bool:
    return sum(end - begin for begin, end in layout.values) > _MANY_BYTES


def _take(
    window: Window, rows: Integers, data: bytes, layout: Layout, differences: dict[int, NDArray[np.uint64]]
) -> None:
    """Add the records of a class, those with a wrong checksum as damage."""
    if _large(layout):
        right = _checked_one_by_one(window, rows, len(data))
    else:
        stored = unaligned(window.buffer, "<u4")[rows + len(data)]
        right = unmasked(stored) == _checksums(data, len(rows), differences)
    if not right.all():
        for row in rows[~right].tolist():
            window.damaged(window.base + row - 12, BAD_CHECKSUM)
        rows = rows[right]
    positions = rows + (window.base - 12)
    if layout.scalar is None:
        window.growing.skip(layout.skipped, positions)
    else:
        window.growing.extend(layout.scalar, positions, *_points(window, rows, layout))


def _checked_one_by_one(window: Window, rows: Integers, length: int) -> NDArray[np.bool_]:
    content = window.buffer.data
    sums = [checksum(bytes(content[row : row + length])) for row in rows.tolist()]
    stored = unaligned(window.buffer, "<u4")[rows + length]
    return np.asarray(unmasked(stored) == np.array(sums, np.uint32))


def _checksums(data: bytes, rows: int, differences: dict[int, NDArray[np.uint64]]) -> NDArray[np.uint32]:
    """Return the checksums of all rows from that of the exemplar and the bytes in which they differ."""
    sums = np.full(rows, checksum(data), np.uint32)
    covered = 0
    for at, difference in differences.items():
        places = difference.view(np.uint8).reshape(rows, 8)
        differing = int(np.bitwise_or.reduce(difference))
        # The bytes that the last word shares with the one before count once.
        for byte in range(max(covered - at, 0), 8):
            if differing >> (8 * byte) & 255:
                sums ^= contributions(len(data) - 1 - at - byte).take(places[:, byte])
        covered = at + 8
    return sums


def _points(window: Window, rows: Integers, layout: Layout) -> tuple[Integers, Floats, Floats]:
    """Return the steps, values and wall times of the scalars of a class."""
    stored: NDArray[Any] = unaligned(window.buffer, DTYPES[layout.dtype].stored.str)[rows + layout.values[0].begin]
    values = as_floats(stored, layout.dtype)
    if layout.wall_time is None:
        return _steps(window, rows, layout), values, np.zeros(len(rows))
    return _steps(window, rows, layout), values, unaligned(window.buffer, "<f8")[rows + layout.wall_time.begin]


def _steps(window: Window, rows: Integers, layout: Layout) -> Integers:
    steps = np.zeros(len(rows), np.int64)
    if layout.step is not None:
        begin, end = layout.step
        words = unaligned(window.buffer, "<i8")[rows + begin]
        for place in range(end - begin):
            steps |= (words >> (8 * place) & 127) << (7 * place)
    return steps
