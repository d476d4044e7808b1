"""Decode event files record by record with protobuf: slow, and the truth that the fast decoder must equal.

The number of a summary's value is read whatever its dtype and field, rank 0 only. A tensor is read as TensorFlow writes
it: `tensor_content` if there is any, else exactly one element in the field of its dtype
(tensorflow/core/framework/tensor.proto). Strings, complex numbers and tensors of any rank are no scalars.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kcb_replay.ingest.events.columns import FileEvents, Growing
from kcb_replay.ingest.events.records import Damage, Record, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    from kcb_replay.ingest.recording import Floats


_BFLOAT16 = 14
# What writers of scalars name as their plugin; the old ones name none.
SCALAR_PLUGINS = ("", "scalars")
NO_EVENT = "a record that is no event; it is skipped"
_UNCOUNTED = (None, "file_version", "summary")


class _DType(NamedTuple):
    """How elements are stored in `tensor_content`, and the field they may stand in instead."""

    stored: np.dtype[np.generic]
    field: str
    bits: bool = False  # the field holds the bit pattern as an integer


DTYPES: dict[int, _DType] = {
    1: _DType(np.dtype("<f4"), "float_val"),
    2: _DType(np.dtype("<f8"), "double_val"),
    3: _DType(np.dtype("<i4"), "int_val"),
    4: _DType(np.dtype("u1"), "int_val"),
    5: _DType(np.dtype("<i2"), "int_val"),
    6: _DType(np.dtype("i1"), "int_val"),
    9: _DType(np.dtype("<i8"), "int64_val"),
    10: _DType(np.dtype("?"), "bool_val"),
    _BFLOAT16: _DType(np.dtype("<u2"), "half_val", bits=True),
    17: _DType(np.dtype("<u2"), "int_val"),
    19: _DType(np.dtype("<f2"), "half_val", bits=True),
    22: _DType(np.dtype("<u4"), "uint32_val"),
    23: _DType(np.dtype("<u8"), "uint64_val"),
}


def scalar(value: Summary.Value) -> float | None:
    """Return the number of a value as the exact float64 (integers beyond 2**53 rounded); None when it is no scalar."""
    if value.metadata.plugin_data.plugin_name not in SCALAR_PLUGINS:
        return None
    kind = value.WhichOneof("value")
    if kind == "simple_value":
        return float(value.simple_value)
    return _of_tensor(value.tensor) if kind == "tensor" else None


def _skipped_as(value: Summary.Value) -> str:
    """Return the plugin or the kind under which a value that is no scalar is counted."""
    return str(value.metadata.plugin_data.plugin_name or value.WhichOneof("value") or "nothing")


def as_floats(elements: np.ndarray[tuple[int], np.dtype[np.generic]], dtype: int) -> Floats:
    """Return stored elements of a dtype as float64."""
    if dtype == _BFLOAT16:
        elements = (elements.astype(np.uint32) << 16).view(np.float32)
    # A signalling NaN is a NaN like any other.
    with np.errstate(invalid="ignore"):
        return elements.astype(np.float64)


def _of_tensor(tensor: TensorProto) -> float | None:
    dtype = DTYPES.get(tensor.dtype)
    if dtype is None or tensor.tensor_shape.dim or tensor.tensor_shape.unknown_rank:
        return None
    if tensor.tensor_content:
        content = bytes(tensor.tensor_content)
    else:
        elements = getattr(tensor, dtype.field)
        if len(elements) != 1:
            return None
        content = _stored(elements[0], dtype)
    if len(content) != dtype.stored.itemsize:
        return None
    return float(as_floats(np.frombuffer(content, dtype.stored), tensor.dtype)[0])


def _stored(element: float, dtype: _DType) -> bytes:
    """Return the bytes that `tensor_content` would hold; none when the dtype cannot hold the number."""
    stored = np.dtype("<u2") if dtype.bits else dtype.stored
    if stored.kind in "iu":
        limits = np.iinfo(stored.str)
        if not limits.min <= element <= limits.max:
            return b""
    return np.array(element, stored).tobytes()


def decode_plainly(content: bytes) -> FileEvents:
    """Return what an event file holds."""
    growing, damages, read_to = Growing(), list[Damage](), 0
    for item in records(content):
        if isinstance(item, Record):
            read_to = item.offset + len(item.data) + 16
            if not add_record(item.data, item.offset, growing):
                damages.append(Damage(item.offset, NO_EVENT, ends=False))
        else:
            damages.append(item)
            read_to = item.offset if item.ends else len(content)
    (columns,), (skipped,) = growing.split([0])
    return FileEvents(columns, skipped, tuple(damages), read_to)


def add_record(data: bytes, position: int, growing: Growing) -> bool:
    """Add what the data of a record holds; tell whether it is an event at all."""
    event = _parsed(data)
    if event is None:
        return False
    what = event.WhichOneof("what")
    if what not in _UNCOUNTED:
        growing.skips[what].append(position)
    for value in event.summary.value:
        number = scalar(value)
        if number is None:
            growing.skips[_skipped_as(value)].append(position)
        else:
            key = (value.tag, value.WhichOneof("value") or "")
            growing.add(key, position, event.step, number, event.wall_time)
    return True


def _parsed(data: bytes) -> Event | None:
    """Return the event, None when the bytes are none."""
    decode, error = _protobuf()
    try:
        return decode(data)
    except error:
        return None


@cache
def _protobuf() -> tuple[Callable[[bytes], Event], type[Exception]]:
    """Import what is not needed where no event file is read; once, for it is asked for each record."""
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    return Event.FromString, DecodeError
