"""Numbers of all choices on all fits, kept until a median or a tolerance is known: in memory, and in a file beyond."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats: TypeAlias = NDArray[np.float64]
_BYTES_IN_MEMORY = 64_000_000


class Spool:
    """One number per choice and fit, to which fits are added: in memory, or in a file that goes away with this object.

    Numbers have shape (choices, fits).
    """

    def __init__(self, choices: int, kind: DTypeLike) -> None:
        self._choices, self._kind = choices, np.dtype(kind)
        self._widths: list[int] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115  # closed with this object
        weakref.finalize(self, self._file.close)

    @property
    def step(self) -> int:
        """How many choices are read at once."""
        return max(1, _BYTES_IN_MEMORY // self._kind.itemsize // max(sum(self._widths), 1))

    def begin(self, fits: int) -> None:
        """Begin some further fits, whose numbers are added for some choices after the other."""
        self._widths.append(fits)

    def add(self, numbers: NDArray[Any]) -> None:
        """Add the numbers of the next choices for the fits that were begun, of shape (some choices, those fits)."""
        self._file.write(np.ascontiguousarray(numbers, self._kind).data)

    def of(self, choice: int) -> NDArray[Any]:
        """Return the numbers of one choice (fits,)."""
        rows = [np.zeros((1, 0), self._kind), *self._read(choice, choice + 1)]
        return np.concatenate(rows, axis=1).reshape(-1)

    def pieces(self, step: int | None = None) -> Iterator[NDArray[Any]]:
        """Yield the numbers of some choices after the other, each of shape (some choices, all fits)."""
        step = step or self.step
        for first in range(0, self._choices, step):
            end = min(first + step, self._choices)
            nothing = np.zeros((end - first, 0), self._kind)
            yield np.concatenate([nothing, *self._read(first, end)], axis=1)

    def _read(self, first: int, end: int) -> Iterator[NDArray[Any]]:
        offset, size = 0, self._kind.itemsize
        for width in self._widths:
            self._file.seek(offset + first * width * size)
            yield np.frombuffer(self._file.read((end - first) * width * size), self._kind).reshape(end - first, width)
            offset += self._choices * width * size
        self._file.seek(offset)
