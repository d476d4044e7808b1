"""Find the variable bytes of an event: wall time, step and value of a record that holds one value and nothing odd.

A record that equals an exemplar outside these bytes parses as the exemplar does, field by field: the bytes have a
fixed width, any pattern of bits is valid in them, and the continuation bits of the step are compared. Only records of
known fields, each once and to its last byte, have a layout; for them protobuf could say nothing else, so it is not
even imported. Everything else is left to it, record by record.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.ingest.events.plain import DTYPES, SCALAR_PLUGINS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from kcb_replay.ingest.events.columns import Key


_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_WIDTHS = {_FIXED64: 8, _FIXED32: 4}
# event.proto and summary.proto: what may stand beside the value, by field number and wire type.
_EVENT = {
    (1, _FIXED64): "wall_time",
    (2, _VARINT): "step",
    (3, _BYTES): "file_version",
    (4, _BYTES): "graph_def",
    (5, _BYTES): "summary",
    (9, _BYTES): "meta_graph_def",
}
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
_METADATA = {(1, _BYTES): "plugin", (2, _BYTES): "display_name", (3, _BYTES): "description", (4, _VARINT): "class"}
_PLUGIN = {(1, _BYTES): "name", (2, _BYTES): "content"}
# Nine bytes hold 63 bits; a negative step has ten.
_LONGEST_STEP = 8
_LONGEST_LENGTH = 4


class _Span(NamedTuple):
    begin: int
    end: int


class _UnknownError(Exception):
    """The record is none that this module knows for certain."""


@dataclass(frozen=True, slots=True)
class RecordLayout:
    """Where the variable bytes of an exemplar are, and what its class is.

    `scalar` is the key of a scalar and `dtype` the number of its type, else `skipped` the kind it is counted under, ""
    where there is nothing to count. `tag` is what tells most classes apart.
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


def layout_of(data: bytes) -> RecordLayout | None:
    """Return the layout of the data of a record, None when it is not known for certain."""
    try:
        return _layout(data)
    except _UnknownError:
        return None


def _layout(data: bytes) -> RecordLayout:
    event = _fields(data, _Span(0, len(data)), _EVENT)
    wall_time, step = event.pop("wall_time", None), event.pop("step", None)
    if step is not None and step.end - step.begin > _LONGEST_STEP:
        raise _UnknownError
    what = _only(event)
    if what == "file_version":
        _text(data, event[what])
        return RecordLayout(event[what], wall_time, step, (), None, 0, "")
    if what != "summary":
        return RecordLayout(_Span(0, 0), wall_time, step, (event[what],), None, 0, what)
    value = _fields(data, _required(_fields(data, event[what], {(1, _BYTES): "value"}), "value"), _VALUE | _VALUE_KINDS)
    kind = _only(value.keys() & set(_VALUE_KINDS.values()))
    spans, dtype = _payload(data, kind, value[kind])
    tag, plugin = value.get("tag", _Span(0, 0)), _plugin(data, value.get("metadata"))
    _text(data, value.get("node_name", _Span(0, 0)))
    if dtype and plugin in SCALAR_PLUGINS:
        return RecordLayout(tag, wall_time, step, spans, (_text(data, tag), kind), dtype, "")
    _text(data, tag)
    return RecordLayout(tag, wall_time, step, spans, None, 0, plugin or kind)


def _plugin(data: bytes, metadata: _Span | None) -> str:
    """Return the name of the plugin that a value is for; every text of the metadata must be one."""
    if metadata is None:
        return ""
    fields = _fields(data, metadata, _METADATA)
    plugin = _fields(data, fields.get("plugin", _Span(0, 0)), _PLUGIN)
    for name in fields.keys() & {"display_name", "description"}:
        _text(data, fields[name])
    return _text(data, plugin.get("name", _Span(0, 0)))


def _payload(data: bytes, kind: str, span: _Span) -> tuple[tuple[_Span, ...], int]:
    """Return the bytes that hold the numbers of a value, and its dtype where it can be a scalar, else 0."""
    if kind == "simple_value":
        return (span,), 1
    if kind == "histo":
        fields = _fields(data, span, _HISTOGRAM)
        if any((part.end - part.begin) % 8 for part in fields.values()):
            raise _UnknownError
        return tuple(fields.values()), 0
    fields = _fields(data, span, _TENSOR | _TENSOR_PAYLOADS)
    name = _only(fields.keys() & set(_TENSOR_PAYLOADS.values()))
    payload = fields[name]
    size = payload.end - payload.begin
    # Anything longer than a byte would have to be cut to 32 bits as protobuf does.
    dtype = data[fields["dtype"].begin] if "dtype" in fields else 0
    if size % _ELEMENT_SIZES[name] or dtype > 127:
        raise _UnknownError
    known = DTYPES.get(dtype)
    has_rank = _has_rank(data, fields.get("tensor_shape", _Span(0, 0)))
    fits = known is not None and size == known.stored.itemsize and name in ("tensor_content", known.field)
    return (payload,), dtype if fits and not has_rank else 0


def _has_rank(data: bytes, shape: _Span) -> bool:
    dimensions = list(_parts(data, shape))
    for number, wire, span in dimensions:
        if (number, wire) != (2, _BYTES):
            raise _UnknownError
        _fields(data, span, {(1, _VARINT): "size"})
    return bool(dimensions)


def _text(data: bytes, span: _Span) -> str:
    try:
        return data[span.begin : span.end].decode()
    except UnicodeDecodeError:
        raise _UnknownError from None


def _only(names: Collection[str]) -> str:
    if len(names) != 1:
        raise _UnknownError
    return next(iter(names))


def _required(fields: dict[str, _Span], name: str) -> _Span:
    if name not in fields:
        raise _UnknownError
    return fields[name]


def _fields(data: bytes, within: _Span, known: dict[tuple[int, int], str]) -> dict[str, _Span]:
    """Return the spans of the fields of a message: only known ones, each at most once."""
    spans: dict[str, _Span] = {}
    for number, wire, span in _parts(data, within):
        name = known.get((number, wire))
        if name is None or name in spans:
            raise _UnknownError
        spans[name] = span
    return spans


def _parts(data: bytes, within: _Span) -> Iterable[tuple[int, int, _Span]]:
    at = within.begin
    while at < within.end:
        key, at = data[at], at + 1
        wire = key & 7
        if wire == _VARINT:
            end = _varint(data, at, within.end)[1]
        elif wire == _BYTES:
            length, begin = _varint(data, at, within.end)
            # As writers write them; protobuf takes some that are longer than need be, and not others.
            if begin - at > _LONGEST_LENGTH or (begin - at > 1 and data[begin - 1] == 0):
                raise _UnknownError
            at, end = begin, begin + length
        else:
            end = at + _WIDTHS.get(wire, len(data) + 1)
        if end > within.end or key > 127:
            raise _UnknownError
        yield key >> 3, wire, _Span(at, end)
        at = end


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """Return a varint of at most nine bytes and the position behind it."""
    number = 0
    for position in range(min(9, end - at)):
        number |= (data[at + position] & 127) << (7 * position)
        if data[at + position] < 128:
            return number, at + position + 1
    raise _UnknownError
