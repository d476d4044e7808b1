"""The framing of event files: what is whole is kept, what is damaged is reported at its byte."""

from __future__ import annotations

import struct
import tracemalloc

import google_crc32c
import pytest
from hypothesis import given, strategies as st

from kcb_replay.ingest.events.records import Damage, Record, records, write_record

DATA = [b"first", b"", b"the third record", b"\0\0\0\0", b"last"]
CONTENT = b"".join(map(write_record, DATA))
ENDS = [sum(len(write_record(data)) for data in DATA[: n + 1]) for n in range(len(DATA))]


def _data(content: bytes) -> list[bytes]:
    return [item.data for item in records(content) if isinstance(item, Record)]


def _damages(content: bytes) -> list[Damage]:
    return [item for item in records(content) if isinstance(item, Damage)]


@given(st.lists(st.binary(max_size=64)))
def test_records_come_back_as_they_were_written(data):
    """Framing and walking are inverse, and nothing is reported."""
    content = b"".join(map(write_record, data))
    assert (_data(content), _damages(content)) == (data, [])


def test_offsets_are_where_the_records_begin():
    """Each record knows its byte position."""
    assert [item.offset for item in records(CONTENT)] == [0, *ENDS[:-1]]


@pytest.mark.parametrize("bit", [0, 3, 7])
def test_every_flipped_bit_costs_its_own_record_at_most(bit):
    """Each byte of a file, flipped, is reported; the records before it stay, and no record is changed."""
    for position in range(len(CONTENT)):
        content = bytearray(CONTENT)
        content[position] ^= 1 << bit
        hit = next(n for n, end in enumerate(ENDS) if position < end)
        (damage,) = _damages(bytes(content))
        begin = ENDS[hit] - len(write_record(DATA[hit]))
        assert damage.offset == begin, position
        behind = [] if damage.ends else DATA[hit + 1 :]
        assert damage.ends == (position - begin < 12), position
        assert _data(bytes(content)) == DATA[:hit] + behind, position


def test_every_cut_keeps_the_whole_records_before_it():
    """Wherever a file ends, the records before are read and the rest is reported."""
    for size in range(len(CONTENT)):
        whole = sum(end <= size for end in ENDS)
        assert _data(CONTENT[:size]) == DATA[:whole], size
        unfinished = size not in {0, *ENDS}
        assert [damage.ends for damage in _damages(CONTENT[:size])] == [True] * unfinished, size


def test_a_huge_length_allocates_nothing():
    """A length of 2**60 with a right checksum is an unfinished record, not an allocation."""
    length = struct.pack("<Q", 2**60)
    crc = google_crc32c.value(length)
    masked = ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
    content = write_record(b"one") + length + struct.pack("<I", masked) + b"tail"
    tracemalloc.start()
    found = list(records(content))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [Record(0, b"one"), Damage(19, "16 bytes of an unfinished record at the end", ends=True)]
    assert peak < 1_000_000


@pytest.mark.parametrize("zeros", [1, 11, 12, 13, 4096])
def test_zero_bytes_at_the_end_are_reported_as_such(zeros):
    """A tail of NUL bytes, as a crash of the machine leaves it, costs no record."""
    found = list(records(CONTENT + b"\0" * zeros))
    assert found[-1] == Damage(len(CONTENT), f"{zeros} zero bytes at the end", ends=True)
    assert [item.data for item in found[:-1]] == DATA


@given(st.binary(max_size=200))
def test_any_bytes_are_walked_to_an_end(content):
    """No content raises or loops."""
    assert all(isinstance(item, Record | Damage) for item in records(content))


def test_frames_are_those_of_tensorboard(tmp_path):
    """tensorboard's own reader takes what `write_record` writes."""
    from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader

    path = tmp_path / "events.out.tfevents.1"
    path.write_bytes(CONTENT)
    assert list(RawEventFileLoader(str(path)).Load()) == DATA
