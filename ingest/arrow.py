"""NumPy arrays to Arrow columns and back, through their buffers.

`pa.array` and `to_numpy` would do, but their first call imports pandas, which takes longer than most of our commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kcb_replay.ingest.recording import Mask


_T = TypeVar("_T", bound=np.generic)
_ARROW = {np.dtype(np.int32): pa.int32(), np.dtype(np.int64): pa.int64(), np.dtype(np.float64): pa.float64()}


def numbers(values: NDArray[np.generic], valid: Mask | None = None) -> pa.Array:
    """Return an Arrow array of int32, int64 or float64; null where `valid` is false."""
    bitmap = None if valid is None else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [bitmap, pa.py_buffer(np.ascontiguousarray(values))]
    return pa.Array.from_buffers(_ARROW[values.dtype], len(values), buffers)


def texts(codes: NDArray[np.int32], words: Sequence[str]) -> pa.DictionaryArray:
    """Return an Arrow dictionary array that holds `words[code]` for each code."""
    encoded = [word.encode() for word in words]
    offsets = np.zeros(len(encoded) + 1, np.int32)
    np.cumsum([len(word) for word in encoded], out=offsets[1:])
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded))]
    vocabulary = pa.Array.from_buffers(pa.string(), len(encoded), buffers)
    return pa.DictionaryArray.from_arrays(numbers(codes), vocabulary)


def numbers_of(column: pa.ChunkedArray, dtype: type[_T]) -> NDArray[_T]:
    """Return the values of a number column; what stands where it is null is not defined."""
    array = _one_array(column)
    return np.frombuffer(array.buffers()[1], dtype)[array.offset : array.offset + len(array)]


def validity_of(column: pa.ChunkedArray) -> Mask:
    """Return where a column is not null."""
    array = _one_array(column)
    bitmap = array.buffers()[0]
    if bitmap is None:
        return np.ones(len(array), np.bool_)
    bits = np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")
    return bits[array.offset : array.offset + len(array)].astype(np.bool_)


def codes_and_words(column: pa.ChunkedArray) -> tuple[NDArray[np.generic], list[str]]:
    """Return the codes and the vocabulary of a text column that was read as a dictionary."""
    array = _one_array(column.unify_dictionaries())
    indices = array.indices
    codes = np.frombuffer(indices.buffers()[1], np.int32)[indices.offset : indices.offset + len(array)]
    return codes, array.dictionary.to_pylist()


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
