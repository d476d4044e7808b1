"""Decode event files record by record with protobuf: slow, and the truth that the fast decoder must equal."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from kcb_replay.ingest.events.columns import FileEvents, Growing
from kcb_replay.ingest.events.scalars import scalar, skipped_as
from kcb_replay.ingest.records import Damage, Record, records

if TYPE_CHECKING:
    from collections.abc import Callable

    from tensorboard.compat.proto.event_pb2 import Event

__all__ = ["NO_EVENT", "add_record", "decode_plainly", "parsed"]

NO_EVENT = "a record that is no event; it is skipped"
_UNCOUNTED = (None, "file_version", "summary")


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
    event = parsed(data)
    if event is None:
        return False
    what = event.WhichOneof("what")
    if what not in _UNCOUNTED:
        growing.skips[what].append(position)
    for value in event.summary.value:
        number = scalar(value)
        if number is None:
            growing.skips[skipped_as(value)].append(position)
        else:
            key = (value.tag, value.WhichOneof("value") or "")
            growing.add(key, position, event.step, number, event.wall_time)
    return True


def parsed(data: bytes) -> Event | None:
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
