"""Find the variable bytes of an event: wall time, step and value of a record that holds one value and nothing odd.

A record that equals an exemplar outside these bytes parses as the exemplar does, field by field: the bytes have a
fixed width, any pattern of bits is valid in them, and the continuation bits of the step are compared. Anything that
this module does not know for certain has no layout, and is left to protobuf record by record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.ingest.events.plain import parsed
from kcb_replay.ingest.events.scalars import DTYPES, scalar, skipped_as

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcb_replay.ingest.events.columns import Key

__all__ = ["Layout", "layout_of"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
# event.proto and summary.proto: what may stand beside the value, by field number and wire type.
_EVENT = {(1, _FIXED64): "wall_time", (2, _VARINT): "step", (5, _BYTES): "summary"}
_VALUE = {(1, _BYTES): "tag", (7, _BYTES): "node_name", (9, _BYTES): "metadata"}
_VALUE_KINDS = {(2, _FIXED32): "simple_value", (5, _BYTES): "histo", (8, _BYTES): "tensor"}
_TENSOR = {(1, _VARINT): "dtype", (2, _BYTES): "tensor_shape", (3, _VARINT): "version_number"}
_TENSOR_PAYLOADS = {(4, _BYTES): "tensor_content", (5, _BYTES): "float_val", (6, _BYTES): "double_val"}
_ELEMENT_SIZES = {"tensor_content": 1, "float_val": 4, "double_val": 8}
_HISTOGRAM = {
    **{(number, _FIXED64): str(number) for number in range(1, 6)},
    (6, _BYTES): "limits",
    (7, _BYTES): "counts",
}
# Nine bytes hold 63 bits; a negative step has ten.
_LONGEST_STEP = 8


class _Span(NamedTuple):
    begin: int
    end: int


class _UnknownError(Exception):
    """The record is none that this module knows for certain."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the variable bytes of an exemplar are, and what its class is.

    `scalar` is the key of a scalar and `dtype` the number of its type, else `skipped` the kind it is counted under.
    """

    tag: _Span
    wall_time: _Span | None
    step: _Span | None
    values: tuple[_Span, ...]
    scalar: Key | None
    dtype: int
    skipped: str

    @property
    def free(self) -> tuple[_Span, ...]:
        """Bytes that may hold anything."""
        return self.values if self.wall_time is None else (self.wall_time, *self.values)


def layout_of(data: bytes) -> Layout | None:
    """Return the layout of the data of a record, None when it is not known for certain."""
    try:
        return _layout(data)
    except _UnknownError:
        return None


def _layout(data: bytes) -> Layout:
    event = _fields(data, _Span(0, len(data)), _EVENT)
    value_in = _fields(data, _required(event, "summary"), {(1, _BYTES): "value"})
    inside = _fields(data, _required(value_in, "value"), {**_VALUE, **_VALUE_KINDS})
    kinds = [kind for kind in _VALUE_KINDS.values() if kind in inside]
    if len(kinds) != 1:
        raise _UnknownError
    spans = _payload(data, kinds[0], inside[kinds[0]])
    step = event.get("step")
    if step is not None and step.end - step.begin > _LONGEST_STEP:
        raise _UnknownError
    message = parsed(data)
    if message is None or len(message.summary.value) != 1:
        raise _UnknownError
    value = message.summary.value[0]
    number = scalar(value)
    wall_time, tag = event.get("wall_time"), inside.get("tag", _Span(0, 0))
    if number is None:
        return Layout(tag, wall_time, step, spans, None, 0, skipped_as(value))
    dtype = 1 if kinds[0] == "simple_value" else int(value.tensor.dtype)
    if len(spans) != 1 or spans[0].end - spans[0].begin != DTYPES[dtype].stored.itemsize:
        raise _UnknownError
    return Layout(tag, wall_time, step, spans, (value.tag, kinds[0]), dtype, "")


def _payload(data: bytes, kind: str, span: _Span) -> tuple[_Span, ...]:
    """Return the bytes that hold the numbers of a value."""
    if kind == "simple_value":
        return (span,)
    if kind == "histo":
        fields = _fields(data, span, _HISTOGRAM)
        if any((part.end - part.begin) % 8 for part in fields.values()):
            raise _UnknownError
        return tuple(fields.values())
    fields = _fields(data, span, {**_TENSOR, **_TENSOR_PAYLOADS})
    payloads = [name for name in _TENSOR_PAYLOADS.values() if name in fields]
    if len(payloads) != 1 or (fields[payloads[0]].end - fields[payloads[0]].begin) % _ELEMENT_SIZES[payloads[0]]:
        raise _UnknownError
    return (fields[payloads[0]],)


def _required(fields: dict[str, _Span], name: str) -> _Span:
    if name not in fields:
        raise _UnknownError
    return fields[name]


def _fields(data: bytes, within: _Span, known: dict[tuple[int, int], str]) -> dict[str, _Span]:
    """Return the spans of the fields of a message: only known ones, each at most once."""
    found: dict[str, _Span] = {}
    for number, wire, span in _parts(data, within):
        name = known.get((number, wire))
        if name is None or name in found:
            raise _UnknownError
        found[name] = span
    return found


def _parts(data: bytes, within: _Span) -> Iterable[tuple[int, int, _Span]]:
    at = within.begin
    while at < within.end:
        key, at = _varint(data, at, within.end)
        wire = key & 7
        if wire == _VARINT:
            end = _varint(data, at, within.end)[1]
        elif wire == _BYTES:
            length, at = _varint(data, at, within.end)
            end = at + length
        else:
            end = at + _WIDTHS.get(wire, len(data) + 1)
        if end > within.end:
            raise _UnknownError
        yield key >> 3, wire, _Span(at, end)
        at = end


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a varint of at most nine bytes and the position behind it."""
    number = 0
    for place in range(min(9, end - at)):
        number |= (data[at + place] & 127) << (7 * place)
        if data[at + place] < 128:
            return number, at + place + 1
    raise _UnknownError
