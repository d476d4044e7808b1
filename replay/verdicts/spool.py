"""One number per setting and fit, kept until all are there: in memory, or in a file once they are many."""

from __future__ import annotations

import tempfile
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Spool"]

_BYTES_IN_MEMORY = 64_000_000


class Spool:
    """Numbers of shape (settings, fits), of which further fits are added; a file goes away with this object."""

    def __init__(self, settings: int, kind: DTypeLike) -> None:
        self._settings, self._kind = settings, np.dtype(kind)
        self._widths: list[int] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115  # closed with this object
        weakref.finalize(self, self._file.close)

    def begin(self, fits: int) -> None:
        """Begin some further fits, whose numbers are added for some settings after the other."""
        self._widths.append(fits)

    def add(self, numbers: NDArray[Any]) -> None:
        """Add the numbers of the next settings for the fits that were begun, of shape (some settings, those fits)."""
        self._file.write(np.ascontiguousarray(numbers, self._kind).data)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Yield the numbers of some settings after the other, each of shape (some settings, all fits)."""
        step = max(1, _BYTES_IN_MEMORY // self._kind.itemsize // max(sum(self._widths), 1))
        for first in range(0, self._settings, step):
            end = min(first + step, self._settings)
            nothing = np.zeros((end - first, 0), self._kind)
            yield np.concatenate([nothing, *self._read(first, end)], axis=1)

    def _read(self, first: int, end: int) -> Iterator[NDArray[Any]]:
        offset, size = 0, self._kind.itemsize
        for width in self._widths:
            self._file.seek(offset + first * width * size)
            yield np.frombuffer(self._file.read((end - first) * width * size), self._kind).reshape(end - first, width)
            offset += self._settings * width * size
        self._file.seek(offset)
