"""Decode the records of one length: one exemplar of each class field by field, all others by comparing with it.

A record is of a class when it equals the exemplar outside the variable bytes and its checksum is right. Whatever is
of no class, or of one too small to be worth the trouble, is decoded by protobuf on its own, so that the fast path can
be slow but never wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.events.boundaries import unaligned
from kcb_replay.ingest.events.histograms import old_histograms
from kcb_replay.ingest.events.layout import RecordLayout, layout_of
from kcb_replay.ingest.events.plain import DTYPES, NO_EVENT, add_record, as_floats
from kcb_replay.ingest.events.records import BAD_CHECKSUM, checksum, contributions, masked_checksum, unmasked

if TYPE_CHECKING:
    from collections.abc import Callable

    from kcb_replay.ingest.events.columns import Growing
    from kcb_replay.ingest.recording import Floats, Integers


# Below this number of records of a length, protobuf is as fast.
_FEW = 32
# So few odd records of a buffer are not worth the import of protobuf, which takes as long as a thousand of them.
_ALONE = 256
# So many classes are tried however small they are; from then on one record of so many looked at must be caught, for
# protobuf takes that much longer for it than to compare a tag.
_TRIES = 8
_WORTH = 1000
# Above this number of variable bytes a checksum over all bytes is cheaper than tables for each.
_MANY_BYTES = 24
# The bytes of one record in each row.
Words: TypeAlias = NDArray[np.uint64]


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
    rows, sizes = begins[order], lengths[order]
    cuts = np.concatenate(([0], np.flatnonzero(np.diff(sizes)) + 1, [len(sizes)]))
    counts = np.diff(cuts)
    odd = [rows[np.repeat(counts < _FEW, counts)]]
    for begin, count in zip(cuts[:-1][counts >= _FEW].tolist(), counts[counts >= _FEW].tolist(), strict=True):
        odd.append(_decode_group(window, rows[begin : begin + count], int(sizes[begin])))
    left = _without_histograms(window, np.concatenate(odd))
    _decode_each(window, left if len(left) > _ALONE else _decode_alone(window, left))


def _decode_group(window: Window, rows: Integers, length: int) -> Integers:
    """Decode records of one length, class by class; return those that are of none."""
    unknown: list[int] = []
    tries, caught, examined = 0, 0, 0
    while len(rows) >= _FEW and length >= 8 and (tries < _TRIES or caught * _WORTH >= examined):
        tries += 1
        examined += len(rows)
        exemplar = int(rows[0])
        data = window.buffer[exemplar : exemplar + length].tobytes()
        layout = layout_of(data) if _intact(window, exemplar, data) else None
        if layout is None:
            unknown.append(exemplar)
            rows = rows[1:]
            continue
        alike = _of_tag(window, rows, data, layout)
        alike[alike] = _take_alike(window, rows[alike], data, layout)
        caught += int(alike.sum())
        rows = rows[~alike]
    return np.concatenate([rows, np.array(unknown, np.int64)])


def _without_histograms(window: Window, rows: Integers) -> Integers:
    """Count the old histograms that are whole among records of any length; return the others."""
    if len(rows) < _FEW:
        return rows
    lengths = _lengths(window, rows)
    are_histograms = old_histograms(window.buffer, rows, lengths)
    if are_histograms.any():
        are_histograms[are_histograms] = _summed(window, rows[are_histograms], lengths[are_histograms])
        window.growing.skip("histo", rows[are_histograms] + (window.base - 12))
    return rows[~are_histograms]


def _lengths(window: Window, rows: Integers) -> Integers:
    return np.asarray(unaligned(window.buffer, "<i8")[rows - 12])


def _decode_alone(window: Window, rows: Integers) -> Integers:
    """Decode records as classes of their own; return those that can be of none."""
    unknown = np.ones(len(rows), np.bool_)
    for position, (row, length) in enumerate(zip(rows.tolist(), _lengths(window, rows).tolist(), strict=True)):
        data = bytes(window.buffer.data[row : row + length])
        layout = layout_of(data) if _intact(window, row, data) else None
        if layout is not None:
            unknown[position] = False
            alone = rows[position : position + 1]
            words = None if layout.scalar is None else _gathered(window, alone, 0, length)
            _add(window, alone, np.ones(1, np.bool_), layout, words)
    return rows[unknown]


def _decode_each(window: Window, rows: Integers) -> None:
    """Decode records by protobuf, one by one."""
    content, first = window.buffer.data, window.base - 12
    lengths = _lengths(window, rows)
    stored = unmasked(unaligned(window.buffer, "<u4")[rows + lengths])
    for row, length, expected in zip(rows.tolist(), lengths.tolist(), stored.tolist(), strict=True):
        data = bytes(content[row : row + length])
        if checksum(data) != expected:
            window.damaged(first + row, BAD_CHECKSUM)
        elif not add_record(data, first + row, window.growing):
            window.damaged(first + row, NO_EVENT)


def _intact(window: Window, row: int, data: bytes) -> bool:
    stored = window.buffer[row + len(data) : row + len(data) + 4].tobytes()
    return masked_checksum(data) == int.from_bytes(stored, "little")


def _of_tag(window: Window, rows: Integers, data: bytes, layout: RecordLayout) -> NDArray[np.bool_]:
    """Tell which rows end their tag as the exemplar does: most others need no further look."""
    begin, end = max(layout.tag.begin, layout.tag.end - 8), layout.tag.end
    mask = np.uint64((1 << 8 * (end - begin)) - 1)
    tag = np.uint64(int.from_bytes(data[begin:end], "little"))
    return np.asarray(unaligned(window.buffer, "<u8")[rows + begin] & mask == tag)


def _take_alike(window: Window, rows: Integers, data: bytes, layout: RecordLayout) -> NDArray[np.bool_]:
    """Add the records that are of the class of an exemplar, those with a wrong checksum as damage; tell which are."""
    fixed = _fixed_bits(len(data), layout)
    if sum(end - begin for begin, end in layout.values) > _MANY_BYTES:
        alike = np.ones(len(rows), np.bool_)
        for begin, end in _stretches(len(data), layout):
            words = _gathered(window, rows, begin, end - begin)
            alike &= _equal(words ^ _as_words(data[begin:end]), fixed[begin:end])
        rows = rows[alike]
        _add(window, rows, _summed(window, rows, np.full(len(rows), len(data))), layout, None)
        return alike
    words = _gathered(window, rows, 0, len(data) + 4)
    # The exemplar's bytes end before the checksum, which stays as it is stored.
    differences = words ^ _as_words(data + bytes(4))
    alike = _equal(differences, fixed)
    if not alike.all():
        rows, words, differences = rows[alike], words[alike], differences[alike]
    right = unmasked(_column(words, "<u4", len(data))) == _checksums(data, fixed, differences)
    _add(window, rows, right, layout, words)
    return alike


def _fixed_bits(length: int, layout: RecordLayout) -> bytes:
    """Return a mask of the bits that are the same in all records of a class."""
    bits = bytearray(b"\xff" * length)
    for begin, end in layout.free:
        bits[begin:end] = bytes(end - begin)
    if layout.step is not None:
        begin, end = layout.step
        bits[begin:end] = b"\x80" * (end - begin)
    return bytes(bits)


def _stretches(length: int, layout: RecordLayout) -> list[tuple[int, int]]:
    """Return the bytes before, between and behind the values."""
    ends = [0, *(end for _, end in layout.values)]
    begins = [*(begin for begin, _ in layout.values), length]
    return [(begin, end) for begin, end in zip(ends, begins, strict=True) if begin < end]


def _gathered(window: Window, rows: Integers, begin: int, size: int) -> Words:
    """Return bytes of each row side by side, as words of 8; the last word may hold what follows."""
    count = -(-size // 8)
    return unaligned(window.buffer, f"V{8 * count}")[rows + begin].view("<u8").reshape(len(rows), count)


def _as_words(data: bytes) -> NDArray[np.uint64]:
    return np.frombuffer(data + bytes(-len(data) % 8), "<u8")


def _equal(differences: Words, fixed: bytes) -> NDArray[np.bool_]:
    """Tell which rows have no difference in the bits that are fixed."""
    other = np.zeros(len(differences), np.uint64)
    for position, mask in enumerate(_as_words(fixed)):
        other |= differences[:, position] & mask
    return np.asarray(other == 0)


def _column(words: Words, dtype: str, at: int) -> NDArray[Any]:
    """Return the element at a byte of each row."""
    return np.ndarray((len(words),), dtype, words, at, (words.strides[0],))


def _summed(window: Window, rows: Integers, lengths: Integers) -> NDArray[np.bool_]:
    """Tell which records have the checksum of all their bytes."""
    content, ends = window.buffer.data, rows + lengths
    sums = [checksum(bytes(content[row:end])) for row, end in zip(rows.tolist(), ends.tolist(), strict=True)]
    stored = unaligned(window.buffer, "<u4")[ends]
    return np.asarray(unmasked(stored) == np.array(sums, np.uint32))


def _checksums(data: bytes, fixed: bytes, differences: Words) -> NDArray[np.uint32]:
    """Return the checksums of all rows from that of the exemplar and the bytes in which they differ."""
    sums = np.full(len(differences), checksum(data), np.uint32)
    for at in range(len(data)):
        if fixed[at] != 255:
            differing = _column(differences, "u1", at)
            if differing.any():
                sums ^= contributions(len(data) - 1 - at).take(differing)
    return sums


def _add(window: Window, rows: Integers, right: NDArray[np.bool_], layout: RecordLayout, words: Words | None) -> None:
    """Add the records of a class that have the right checksum; `words` are their bytes, needed for scalars."""
    positions = rows + (window.base - 12)
    if not right.all():
        for position in positions[~right].tolist():
            window.damaged(position, BAD_CHECKSUM)
        positions = positions[right]
        words = None if words is None else words[right]
    if not len(positions):
        return
    if layout.scalar is not None and words is not None:
        window.growing.extend(layout.scalar, positions, *_points(words, layout))
    elif layout.skipped:
        window.growing.skip(layout.skipped, positions)


def _points(words: Words, layout: RecordLayout) -> tuple[Integers, Floats, Floats]:
    """Return the steps, values and wall times of the scalars of a class."""
    values = as_floats(_column(words, DTYPES[layout.dtype].stored.str, layout.values[0].begin), layout.dtype)
    if layout.wall_time is None:
        return _steps(words, layout), values, np.zeros(len(words))
    return _steps(words, layout), values, _column(words, "<f8", layout.wall_time.begin).copy()


def _steps(words: Words, layout: RecordLayout) -> Integers:
    steps = np.zeros(len(words), np.int64)
    if layout.step is not None:
        begin, end = layout.step
        for position in range(end - begin):
            steps |= (_column(words, "u1", begin + position).astype(np.int64) & 127) << (7 * position)
    return steps
