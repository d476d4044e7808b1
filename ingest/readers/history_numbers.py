"""The numbers in a pickled History: Python's, NumPy's scalars and arrays, JAX's arrays, TensorFlow's
eager tensors.

All of them are recognised in inert data by their names and arguments; nothing is called. The values of a file are
counted before they are unpacked, for a pickle can mention one array a million times.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.pickles.inert import Opaque, type_name
from kcb_replay.ingest.pickles.opcodes import JOBLIB_ARRAY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from kcb_replay.ingest.recording import Floats, Mask


_MAX_VALUES = 4_000_000
_MAX_ROWS = 20_000
_EXACT = 2**53

_SCALARS = frozenset({"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"})
_ARRAYS = frozenset({"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"})
_BUFFERS = frozenset({"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"})
_EMPTY_BYTES = frozenset({"builtins.bytes", "__builtin__.bytes"})
_PLAIN = frozenset({"numpy.dtype", "numpy.ndarray", "_codecs.encode", JOBLIB_ARRAY})
_TENSORS = frozenset(
    {
        "tensorflow.python.framework.ops.convert_to_tensor",
        "tensorflow.python.framework.tensor_conversion.convert_to_tensor_v2",
        "tensorflow.python.framework.tensor_conversion_registry.convert",
    }
)
_JAX_ARRAY = "jax._src.array._reconstruct_array"
KNOWN = _SCALARS | _ARRAYS | _BUFFERS | _EMPTY_BYTES | _PLAIN | _TENSORS | {_JAX_ARRAY}
_DTYPE = re.compile(r"b1|[iu][1248]|f[248]")
_BYTE_ORDERS = frozenset({"<", ">", "|"})


class NotNumbersError(Exception):
    """A column holds something else than numbers; the message says what."""


class TooManyValuesError(Exception):
    """The columns of a file have more values, all together, than are unpacked."""


@dataclass(frozen=True, slots=True)
class UnpackedColumn:
    """The values of a metric, and where there is one."""

    values: Floats
    valid: Mask

    def __len__(self) -> int:
        return len(self.values)


class ColumnUnpacker:
    """What unpacks the columns of one file, and counts their values."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = _MAX_VALUES

    def column(self, raw: object) -> UnpackedColumn:
        """Return a list, a tuple, an array or a tensor as a column; raises `NotNumbersError`."""
        raw = _of_tensor(raw)
        if isinstance(raw, Opaque):
            values = _as_floats(self._array(raw))
            return UnpackedColumn(values, np.ones(len(values), np.bool_))
        if not isinstance(raw, list | tuple):
            raise NotNumbersError(f"{what(raw)}, which is no list")
        self._count(len(raw))
        if set(map(type, raw)) <= {float}:
            return UnpackedColumn(np.array(raw, np.float64), np.ones(len(raw), np.bool_))
        alike = _alike(raw)
        if alike is not None:
            return UnpackedColumn(_as_floats(alike), np.ones(len(raw), np.bool_))
        numbers = [_number(item) for item in raw]
        return UnpackedColumn(
            np.array([0.0 if value is None else value for value in numbers], np.float64),
            np.array([value is not None for value in numbers], np.bool_),
        )

    def rows(self, raw: object) -> list[Floats]:
        """Return the rows of an array of two dimensions; raises `NotNumbersError`."""
        order: object = None
        match raw:
            case Opaque(name=name, state=(_, shape, dtype, bool() as is_fortran, packed)) if name in _ARRAYS:
                order = "F" if is_fortran else "C"
            case Opaque(name=name, args=(packed, dtype, shape, order)) if name in _BUFFERS:
                pass
            case _:
                raise NotNumbersError(what(raw))
        kind, length = _dtype(dtype), _packed_length(packed)
        match shape:
            case (int() as height, int() as width) if min(height, width) >= 0 and order in ("C", "F"):
                pass
            case _:
                raise NotNumbersError("an array that is not two-dimensional")
        if length != height * width * kind.itemsize or (height and not width):
            raise NotNumbersError("an array of another length than it says")
        if height > _MAX_ROWS:
            raise NotNumbersError(f"an array of more than {_MAX_ROWS} rows")
        self._count(height * width)
        values = np.frombuffer(_packed(packed), kind)
        return [_as_floats(row) for row in values.reshape((height, width), order="F" if order == "F" else "C")]

    def _count(self, values: int) -> None:
        self._left -= values
        if self._left < 0:
            raise TooManyValuesError(f"more than {_MAX_VALUES} values")

    def _array(self, value: Opaque) -> NDArray[np.generic]:
        layout = _layout(value)
        if layout is None:
            raise NotNumbersError(f"an array of unknown layout at byte {value.at}")
        shape, dtype, raw = layout
        kind = _dtype(dtype)
        length = _packed_length(raw)
        if length is None or length % kind.itemsize:
            raise NotNumbersError("numpy values that are not plain numbers")
        self._count(length // kind.itemsize)
        values = np.frombuffer(_packed(raw), kind)
        if shape != (len(values),):
            raise NotNumbersError(f"an array at byte {value.at} that is not one-dimensional")
        return values


def is_array(value: object) -> bool:
    """Tell whether a value is an array or a tensor."""
    value = _of_tensor(value)
    return isinstance(value, Opaque) and value.args is not None and value.name in _ARRAYS | _BUFFERS | {JOBLIB_ARRAY}


def array_objects(value: object) -> tuple[object, Sequence[object]] | None:
    """Return the shape and the elements of an array of objects, None for anything else."""
    match value:
        case Opaque(name=name, state=(_, shape, Opaque(args=(str() as code, *_)), _, list() as objects)):
            if name in _ARRAYS and code in {"O", "O8", "O4"}:
                return shape, objects
    return None


def bytes_of(raw: object) -> bytes | memoryview | None:
    """Return packed bytes, in a bytearray perhaps, None for anything else; raises `NotNumbersError`."""
    match raw:
        case Opaque(name="builtins.bytearray" | "__builtin__.bytearray", args=(inner,)):
            raw = inner
    return None if _packed_length(raw) is None else _packed(raw)


def what(value: object) -> str:
    """Say what a value is, for messages."""
    if isinstance(value, Opaque):
        return f"{value.name} at byte {value.at}"
    return "None" if value is None else f"{'an' if isinstance(value, int) else 'a'} {type_name(value)}"


def _alike(items: Sequence[object]) -> NDArray[np.generic] | None:
    """Return NumPy's scalars of one dtype all at once, None for anything else."""
    match items[0]:
        case Opaque(args=(dtype, bytes())):
            pass
        case _:
            return None
    packed = []
    for item in items:
        if not isinstance(item, Opaque) or item.name not in _SCALARS or not item.args or len(item.args) != 2:
            return None
        if item.args[0] is not dtype or not isinstance(item.args[1], bytes):
            return None
        packed.append(item.args[1])
    kind = _dtype(dtype)
    if set(map(len, packed)) != {kind.itemsize}:
        return None
    return np.frombuffer(b"".join(packed), kind)


def _of_tensor(value: object) -> object:
    match value:
        case Opaque(name=name, args=(inner, *_)) if name in _TENSORS:
            return inner
        # It holds what NumPy would be called with.
        case Opaque(name=name, args=(Opaque(name=inner_name), tuple() as args, tuple() as state, *_)) if (
            name == _JAX_ARRAY
        ):
            return Opaque(inner_name, args, state=state, at=value.at)
    return value


def _number(item: object) -> float | None:
    if item is None or type(item) is float:
        return item
    item = _of_tensor(item)
    value = _scalar(item) if isinstance(item, Opaque) else item
    if not isinstance(value, int | float):
        raise NotNumbersError(f"{what(item)}, which is no number")
    number = float(value)
    if isinstance(value, int) and number != value:
        raise NotNumbersError("an integer that no 64-bit float equals")
    return number


def _scalar(item: Opaque) -> object:
    match item:
        case Opaque(name=name, args=(dtype, raw)) if name in _SCALARS:
            pass
        case Opaque(name=name) if name in _ARRAYS | _BUFFERS and (layout := _layout(item)) and layout[0] == ():
            _, dtype, raw = layout
        case _:
            return None
    kind = _dtype(dtype)
    if _packed_length(raw) != kind.itemsize:
        raise NotNumbersError("numpy values that are not plain numbers")
    return np.frombuffer(_packed(raw), kind)[0].item()


def _layout(value: Opaque) -> tuple[object, object, object] | None:
    """Return shape, dtype and bytes of an array."""
    match value:
        case Opaque(name=name, state=(_, shape, dtype, _, raw)) if name in _ARRAYS:
            return shape, dtype, raw
        case Opaque(name=name, args=(raw, dtype, shape, *_)) if name in _BUFFERS:
            return shape, dtype, raw
        case Opaque(name=name, state={"shape": shape, "dtype": dtype}, items=[raw]) if name == JOBLIB_ARRAY:
            return shape, dtype, raw
    return None


def _dtype(dtype: object) -> np.dtype[np.generic]:
    match dtype:
        case Opaque(name="numpy.dtype", args=(str() as code, *_), state=(_, str() as order, *_)):
            if _DTYPE.fullmatch(code) and order in _BYTE_ORDERS:
                return np.dtype(order + code)
    raise NotNumbersError("numpy values that are not plain numbers")


def _packed_length(raw: object) -> int | None:
    """Return how many bytes there are, without making them."""
    match raw:
        case bytes() | memoryview() | str():
            return len(raw)
        case Opaque(name="_codecs.encode", args=(str() as text, "latin1")):
            return len(text)
        case Opaque(name=name, args=()) if name in _EMPTY_BYTES:
            return 0
    return None


def _packed(raw: object) -> bytes | memoryview:
    """Return bytes, which protocols up to 2 write as text: Python 3 with a call to encode it, Python 2 without."""
    match raw:
        case bytes() | memoryview():
            return raw
        case Opaque(name="_codecs.encode", args=(str() as text, "latin1")) | (str() as text):
            try:
                return text.encode("latin-1")
            except UnicodeEncodeError:
                raise NotNumbersError("numpy values that are not plain numbers") from None
    return b""


def _as_floats(values: NDArray[np.generic]) -> Floats:
    """Return numbers as floats; raises `NotNumbersError` where one has no equal float."""
    floats = values.astype(np.float64)
    if values.dtype.kind in "iu" and values.dtype.itemsize == 8:
        for number in values[np.abs(floats) >= _EXACT].tolist():
            if float(number) != number:
                raise NotNumbersError("an integer that no 64-bit float equals")
    return floats
