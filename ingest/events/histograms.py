"""Tell histograms as TensorFlow 1 and PyTorch write them from everything else, many records of any length at once.

They are no scalars and only counted, but each is of another length, so that no class holds many of them. Taken for one
is a record that is nothing else down to its last byte: wall time, step, one summary of one value, its tag and the
fields of a histogram, each at most once and in order. Whatever differs is left to protobuf.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.events.boundaries import unaligned

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kcb_replay.ingest.recording import Integers


_WALL_TIME, _STEP, _SUMMARY, _VALUE, _TAG, _HISTOGRAM = 0x09, 0x10, 0x2A, 0x0A, 0x0A, 0x2A
# Minimum, maximum, number, sum and sum of squares; then the limits and the counts of the buckets.
_DOUBLES, _ARRAYS = (0x09, 0x11, 0x19, 0x21, 0x29), (0x32, 0x3A)
# Bytes of a varint that are looked at, three for lengths up to two million.
_LONGEST_STEP, _LONGEST_LENGTH = 5, 3


def old_histograms(buffer: NDArray[np.uint8], rows: Integers, lengths: Integers) -> NDArray[np.bool_]:
    """Tell which records, given where their data begin and how long they are, are surely one old histogram."""
    are_histograms = np.zeros(len(rows), np.bool_)
    likely = np.flatnonzero(buffer[rows] == _WALL_TIME)
    walk = _HistogramWalk(buffer, rows[likely] + 9, rows[likely] + lengths[likely])
    walk.skip_step()
    for key in (_SUMMARY, _VALUE):
        walk.enter(key)
    tags = walk.texts(_TAG)
    walk.enter(_HISTOGRAM)
    for key in _DOUBLES:
        walk.skip_double(key)
    for key in _ARRAYS:
        walk.skip_array(key)
    are_histograms[likely] = walk.right & tags & (walk.at == walk.ends)
    return are_histograms


class _HistogramWalk:
    """Where each record is looked at, and whether it was right so far; behind its end nothing is right."""

    def __init__(self, buffer: NDArray[np.uint8], at: Integers, ends: Integers) -> None:
        self.buffer, self.at, self.ends = buffer, at, ends
        self.right = at <= ends

    def skip_step(self) -> None:
        """Pass over the step where there is one."""
        present = self._has(_STEP)
        size, _ = self._varint(self.at + 1, _LONGEST_STEP)
        self._forward(np.where(present, 1 + size, 0), present & (size == 0))

    def enter(self, key: int) -> None:
        """Step into a message that goes to the end of the record."""
        size, length = self._varint(self.at + 1, _LONGEST_LENGTH)
        wrong = ~self._has(key) | (size == 0) | (self.at + 1 + size + length != self.ends)
        self._forward(1 + size, wrong)

    def texts(self, key: int) -> NDArray[np.bool_]:
        """Pass over a text of at most 127 bytes; tell which are UTF-8."""
        lengths = self._byte(self.at + 1).astype(np.int64)
        begins, wrong = self.at + 2, ~self._has(key) | (lengths > 127)
        self._forward(2 + lengths, wrong)
        content = self.buffer.data
        tags = [
            bytes(content[begin:end]) if right else b""
            for begin, end, right in zip(begins.tolist(), self.at.tolist(), self.right.tolist(), strict=True)
        ]
        known = {tag: _is_text(tag) for tag in set(tags)}
        return np.array([known[tag] for tag in tags], np.bool_)

    def skip_double(self, key: int) -> None:
        """Pass over a number of 8 bytes where there is one."""
        self._forward(9 * self._has(key), np.False_)

    def skip_array(self, key: int) -> None:
        """Pass over whole numbers of 8 bytes where there are any."""
        present = self._has(key)
        size, length = self._varint(self.at + 1, _LONGEST_LENGTH)
        self._forward(np.where(present, 1 + size + length, 0), present & ((size == 0) | (length % 8 != 0)))

    def _has(self, key: int) -> NDArray[np.bool_]:
        return np.asarray((self.at < self.ends) & (self._byte(self.at) == key))

    def _byte(self, at: Integers) -> NDArray[np.uint8]:
        return self.buffer[np.minimum(at, len(self.buffer) - 1)]

    def _varint(self, at: Integers, longest: int) -> tuple[Integers, Integers]:
        """Return the size and the number of varints; size 0 where one is longer, or longer than need be."""
        word = unaligned(self.buffer, "<i8")[np.minimum(at, len(self.buffer) - 8)]
        size, number = np.zeros(len(at), np.int64), np.zeros(len(at), np.int64)
        goes_on = np.ones(len(at), np.bool_)
        for position in range(longest):
            byte = (word >> (8 * position)) & 255
            number |= np.where(goes_on, (byte & 127) << (7 * position), 0)
            last = goes_on & (byte < 128)
            size[last & ((byte > 0) | (position == 0))] = position + 1
            goes_on &= byte >= 128
        return size, number

    def _forward(self, size: Integers, wrong: NDArray[np.bool_] | np.bool_) -> None:
        """Go on by so many bytes where that is right and within the record."""
        right = self.right & ~wrong & (self.at + size <= self.ends)
        self.at = np.where(right, self.at + size, self.ends)
        self.right = right


def _is_text(tag: bytes) -> bool:
    try:
        tag.decode()
    except UnicodeDecodeError:
        return False
    return True
