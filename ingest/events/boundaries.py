"""Find the boundaries of all records in a buffer that holds parts of many event files.

Each part is entered at its beginning and, where its records are small, at further places that look like the header of
a record. All these lanes are walked in lockstep, one record of each at a time. Where a lane ends exactly on the entry
of the next, both are true chains of records; where it does not, the guess was wrong and the part is walked on record
by record until it meets a chain. So a guess can cost time, and never a boundary.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from kcb_replay.ingest.events.records import length_checksums, masked_checksum

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kcb_replay.ingest.recording import Integers


HEAD = struct.Struct("<QI")
_LENGTH = struct.Struct("<Q")
# Bytes of a record beside its data: length, checksum of the length, checksum of the data.
FRAME = 16
_SAMPLE = 64
_RECORDS_PER_LANE = 64
# Larger records are few, and walked one by one as fast.
_LARGEST_FOR_LANES = 2048
# A lane can begin at any record; at a small one its header is found sooner.
_LONGEST_AT_ENTRY = (1 << 16) - 1


@dataclass(frozen=True, slots=True)
class Boundaries:
    """Where the whole records of a buffer begin, their lengths, and where each part ends or stops to be readable."""

    begins: Integers
    lengths: Integers
    stops: list[int]


def unaligned(buffer: NDArray[np.uint8], dtype: str) -> NDArray[Any]:
    """Return a view of a buffer that has an element of `dtype` at every byte."""
    size = np.dtype(dtype).itemsize
    return np.ndarray((len(buffer) - size + 1,), dtype, buffer, strides=(1,))


def boundaries(buffer: NDArray[np.uint8], parts: Sequence[tuple[int, int]]) -> Boundaries:
    """Return the boundaries of the records in the parts (begin, end) of a buffer; 8 bytes must follow the last."""
    walk = _RecordWalk(buffer.data)
    sample: list[int] = []
    begin, end = max(parts, key=lambda part: part[1] - part[0])
    stop = walk.through(begin, end, sample, most=_SAMPLE)
    mean = (stop - begin) // max(len(sample), 1)
    if len(sample) < _SAMPLE or mean > _LARGEST_FOR_LANES:
        begins, stops = _one_by_one(buffer, parts, walk)
    else:
        begins, stops = _in_lanes(buffer, parts, walk, mean)
    return Boundaries(begins, unaligned(buffer, "<i8")[begins], stops)


def _one_by_one(
    buffer: NDArray[np.uint8], parts: Sequence[tuple[int, int]], walk: _RecordWalk
) -> tuple[Integers, list[int]]:
    """Walk on the word of the lengths alone; where any of them turns out to be wrong, walk again and check each."""
    positions: list[int] = []
    stops = [_chained(buffer.data, begin, end, positions) for begin, end in parts]
    begins = np.array(positions, np.int64)
    if (unaligned(buffer, "<u4")[begins + 8] != length_checksums(unaligned(buffer, "<i8")[begins])).any():
        positions.clear()
        stops = [walk.through(begin, end, positions) for begin, end in parts]
        begins = np.array(positions, np.int64)
    return begins, stops


def _chained(buffer: memoryview, begin: int, end: int, positions: list[int]) -> int:
    """Append where records would begin, going by their lengths; return the byte behind the last."""
    unpack, append, last = _LENGTH.unpack_from, positions.append, end - FRAME
    while begin <= last:
        behind = begin + FRAME + unpack(buffer, begin)[0]
        if behind > end:
            break
        append(begin)
        begin = behind
    return begin


class _RecordWalk:
    """Walk records one by one; the checksum of each length is computed once."""

    def __init__(self, buffer: memoryview) -> None:
        self.buffer = buffer
        self.checksums: dict[int, int] = {}

    def through(self, begin: int, end: int, positions: list[int], most: int = -1) -> int:
        """Append the beginnings of whole records; return the byte behind the last."""
        unpack, known, append = HEAD.unpack_from, self.checksums, positions.append
        while begin + FRAME <= end and most != 0:
            length, stored = unpack(self.buffer, begin)
            behind = begin + FRAME + length
            # Lengths beyond the part are not looked up, so that all others fit 63 bits.
            if behind > end or (known.get(length) or self._checksum(length)) != stored:
                break
            append(begin)
            begin = behind
            most -= 1
        return begin

    def _checksum(self, length: int) -> int:
        self.checksums[length] = masked_checksum(length.to_bytes(8, "little"))
        return self.checksums[length]


@dataclass(frozen=True, slots=True)
class _Lanes:
    """Per lane the end of its part and where it should and did arrive; the chains of all lanes, one after the other."""

    ends: Integers
    until: Integers
    reached: Integers
    chains: Integers
    offsets: list[int]


def _in_lanes(
    buffer: NDArray[np.uint8], parts: Sequence[tuple[int, int]], walk: _RecordWalk, mean: int
) -> tuple[Integers, list[int]]:
    entries, part_of = _entries(buffer, parts, mean)
    ends = np.array([end for _, end in parts], np.int64)[part_of]
    # A lane is walked until the entry of the next lane of its part.
    last = np.append(part_of[1:] != part_of[:-1], True)
    walked_lanes = _lockstep(buffer, entries, np.where(last, ends, np.append(entries[1:], 0)), ends)
    if (walked_lanes.reached == walked_lanes.until)[~last].all():
        return walked_lanes.chains, walked_lanes.reached[last].tolist()
    first = np.searchsorted(part_of, np.arange(len(parts) + 1)).tolist()
    keep, walked = np.zeros(len(walked_lanes.chains), np.bool_), list[int]()
    stops = [
        _joined(begin, range(first[number], first[number + 1]), walked_lanes, walk, keep, walked)
        for number, (begin, _) in enumerate(parts)
    ]
    return np.sort(np.concatenate([walked_lanes.chains[keep], np.array(walked, np.int64)])), stops


def _entries(
    buffer: NDArray[np.uint8], parts: Sequence[tuple[int, int]], mean: int
) -> tuple[Integers, NDArray[np.intp]]:
    """Return where lanes begin, and the part of each: its beginning, and plausible headers at regular distances."""
    spacing = mean * _RECORDS_PER_LANE
    places = [np.arange(begin, max(end, begin + 1), spacing) for begin, end in parts]
    part_of = np.repeat(np.arange(len(parts)), [len(place) for place in places])
    points = np.concatenate(places)
    firsts = np.append(True, part_of[1:] != part_of[:-1])
    ends = np.array([end for _, end in parts], np.int64)[part_of]
    guesses = np.flatnonzero(~firsts)
    headers = _headers(buffer, points[guesses], ends[guesses], 2 * mean)
    points[guesses] = headers
    kept = points >= 0
    return points[kept], part_of[kept]


def _headers(buffer: NDArray[np.uint8], points: Integers, ends: Integers, search: int) -> Integers:
    """Return the first position at or behind each point that has a header with a right checksum, -1 for none."""
    wide = search + 8
    starts = np.minimum(points, len(buffer) - wide)
    # One copy for each point is faster than one for each place behind it.
    words = np.ndarray((len(points), search), "<u8", unaligned(buffer, f"V{wide}")[starts], strides=(wide, 1))
    lanes, columns = np.nonzero(words <= _LONGEST_AT_ENTRY)
    likely, small = starts[lanes] + columns, words[lanes, columns].astype(np.int64)
    right = (likely >= points[lanes]) & (small <= ends[lanes] - FRAME - likely)
    right[right] = unaligned(buffer, "<u4")[likely[right] + 8] == length_checksums(small[right])
    lanes, likely = lanes[right], likely[right]
    headers = np.full(len(points), -1, np.int64)
    # Written backwards, the first of each lane remains.
    headers[lanes[::-1]] = likely[::-1]
    return headers


def _lockstep(buffer: NDArray[np.uint8], entries: Integers, until: Integers, ends: Integers) -> _Lanes:
    """Walk all lanes at once, on the word of the lengths alone; then end each before its first bad header."""
    words = unaligned(buffer, "<i8")
    rows: list[Integers] = []
    at, together, counts = entries, 0, np.zeros(len(entries), np.int64)
    while True:
        shortest = at + FRAME
        behind = words[at] + shortest
        # A negative length leads back, and so does one that overflows.
        whole = (behind >= shortest) & (behind <= ends) & (at < until)
        if whole.all():
            together += 1
        elif whole.any():
            counts += whole
            behind = np.where(whole, behind, at)
        else:
            break
        rows.append(at)
        at = behind
    counts += together
    taken = np.arange(len(rows))[:, None] < counts
    chains = np.stack(rows).T[taken.T] if rows else np.zeros(0, np.int64)
    offsets = np.append(0, np.cumsum(counts))
    bad = np.flatnonzero(unaligned(buffer, "<u4")[chains + 8] != length_checksums(words[chains]))
    if len(bad):
        chains, offsets, at = _cut(chains, offsets, at, bad)
    return _Lanes(ends, until, at, chains, offsets.tolist())


def _cut(chains: Integers, offsets: Integers, at: Integers, bad: Integers) -> tuple[Integers, Integers, Integers]:
    """End lanes before the first of their records that are bad."""
    lanes, first = np.unique(np.searchsorted(offsets, bad, "right") - 1, return_index=True)
    begins = bad[first]
    reached = at.copy()
    reached[lanes] = chains[begins]
    lost = np.zeros(len(offsets) - 1, np.int64)
    lost[lanes] = offsets[lanes + 1] - begins
    keep = np.ones(len(chains), np.bool_)
    for begin, end in zip(begins.tolist(), offsets[lanes + 1].tolist(), strict=True):
        keep[begin:end] = False
    return chains[keep], offsets - np.append(0, np.cumsum(lost)), reached


def _joined(
    begin: int, lanes: range, walked_lanes: _Lanes, walk: _RecordWalk, keep: NDArray[np.bool_], walked: list[int]
) -> int:
    """Mark the chains that follow from the beginning of a part, walk between them, and return where the part stops."""
    at = begin
    for lane in lanes:
        first, behind = walked_lanes.offsets[lane], walked_lanes.offsets[lane + 1]
        while at < walked_lanes.until[lane]:
            met = first + int(np.searchsorted(walked_lanes.chains[first:behind], at))
            if met < behind and walked_lanes.chains[met] == at:
                keep[met:behind] = True
                at = int(walked_lanes.reached[lane])
                if at < walked_lanes.until[lane]:
                    return at
            else:
                before = at
                at = walk.through(before, int(walked_lanes.ends[lane]), walked, most=1)
                if at == before:
                    return at
    return at
