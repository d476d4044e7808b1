"""The fast decoder of event files gives what protobuf gives record by record, whatever the bytes are."""

from __future__ import annotations

import io
import math
import random
import struct
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from places import CORPUS
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.util.tensor_util import make_tensor_proto

from kcb_replay.ingest.events import FileEvents, boundaries, classes, decode, decode_files, decode_plainly
from kcb_replay.ingest.events.columns import Growing
from kcb_replay.ingest.events.histograms import old_histograms
from kcb_replay.ingest.events.layout import layout_of
from kcb_replay.ingest.events.plain import DTYPES, add_record, scalar
from kcb_replay.ingest.events.records import Damage, masked_checksum, records, write_record


def _facts(events: FileEvents) -> tuple[object, ...]:
    """Return everything in a form that compares bit by bit, all NaN alike."""
    columns = {
        key: [_bits(each) for each in (column.steps, column.values, column.wall_times, column.positions)]
        for key, column in events.columns.items()
    }
    return list(columns.items()), dict(events.skipped), events.damages, events.read_to


def _bits(array: np.ndarray) -> tuple[str, bytes]:
    return array.dtype.str, np.where(np.isnan(array), array.dtype.type(np.nan), array).tobytes() if (
        array.dtype.kind == "f"
    ) else array.tobytes()


def _assert_equal(contents: list[bytes], window: int = 1 << 20) -> list[FileEvents]:
    """Assert that decoding files at once gives what protobuf gives for each; return what it gave."""
    found = decode(map(io.BytesIO, contents), window=window)
    assert len(found) == len(contents)
    for number, (fast, content) in enumerate(zip(found, contents, strict=True)):
        assert _facts(fast) == _facts(decode_plainly(content)), number
    return found


@pytest.fixture
def eager(monkeypatch):
    """Make guesses and classes out of a few records already, so that small files take the fast path."""
    monkeypatch.setattr(boundaries, "_SAMPLE", 3)
    monkeypatch.setattr(boundaries, "_RECORDS_PER_LANE", 4)
    monkeypatch.setattr(classes, "_FEW", 2)
    monkeypatch.setattr(classes, "_ALONE", 1)


# Writers


def _tf(value: Summary.Value, number: float) -> None:
    """Write as tf.summary does: float32 in tensor_content."""
    value.metadata.plugin_data.plugin_name = "scalars"
    value.tensor.dtype = 1
    value.tensor.tensor_shape.SetInParent()
    value.tensor.tensor_content = struct.pack("<f", number)


def _simple(value: Summary.Value, number: float) -> None:
    """Write as Keras 2, TF 1 and PyTorch do."""
    value.simple_value = number


def _val_field(dtype: int):
    """Write in the field of a dtype, as make_tensor_proto does."""

    def write(value: Summary.Value, number: float) -> None:
        value.metadata.plugin_data.plugin_name = "scalars"
        value.tensor.dtype = dtype
        value.tensor.tensor_shape.SetInParent()
        kind = DTYPES[dtype]
        stored = _stored(dtype, number)
        element = int(stored.view(np.uint16)) if kind.bits else stored.item()
        getattr(value.tensor, kind.field).append(element)

    return write


def _content(dtype: int):
    """Write in tensor_content, as tf.make_tensor_proto does for some dtypes and tf.summary for all."""

    def write(value: Summary.Value, number: float) -> None:
        value.metadata.plugin_data.plugin_name = "scalars"
        value.tensor.dtype = dtype
        value.tensor.tensor_shape.SetInParent()
        value.tensor.tensor_content = _stored(dtype, number).tobytes()

    return write


def _stored(dtype: int, number: float) -> np.ndarray:
    if dtype == 14:
        return (np.float32(number).view(np.uint32) >> np.uint32(16)).astype(np.uint16)
    return np.array(number).astype(DTYPES[dtype].stored)


def _histogram(value: Summary.Value, number: float) -> None:
    value.metadata.plugin_data.plugin_name = "histograms"
    value.tensor.CopyFrom(make_tensor_proto(np.full((5, 3), number)))
    value.tensor.tensor_content = np.full((5, 3), number).tobytes()
    value.tensor.ClearField("double_val")


def _old_histogram(value: Summary.Value, number: float) -> None:
    value.histo.min, value.histo.num = number, 3.0
    value.histo.bucket.extend([number, 1.0])
    value.histo.bucket_limit.extend([1.0, 2.0])


def _no_value(value: Summary.Value, number: float) -> None:
    """Write no value at all but metadata, as some plugins do."""
    value.metadata.plugin_data.plugin_name = "graphs"
    value.metadata.plugin_data.content = b"content"
    value.metadata.display_name = f"graph {number}"


def _histogram_of(size: int) -> bytes:
    """Return an old histogram of so many buckets."""
    event = Event(step=size, wall_time=size + 1)
    histogram = event.summary.value.add(tag=f"é{size}").histo
    histogram.sum = size
    histogram.bucket.extend([0.0] * size)
    histogram.bucket_limit.extend([1.0] * size)
    return event.SerializeToString()


WRITERS = {
    "tf": _tf,
    "simple": _simple,
    "histogram": _histogram,
    "no value": _no_value,
    "old histogram": _old_histogram,
    **{f"field {number}": _val_field(number) for number in DTYPES},
    **{f"content {number}": _content(number) for number in DTYPES},
}


def _file(write, count: int = 200, tags: tuple[str, ...] = ("epoch_loss", "epoch_acc"), first: int = 0) -> bytes:
    """Return a file of `count` steps with numbers that every dtype can hold."""
    parts = [write_record(Event(wall_time=5.0, file_version="brain.Event:2").SerializeToString())]
    for step in range(first, first + count):
        for tag in tags:
            event = Event(step=step, wall_time=1e9 + step * 1.1)
            write(event.summary.value.add(tag=tag), float(step % 97))
            parts.append(write_record(event.SerializeToString()))
    return b"".join(parts)


@pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)
@pytest.mark.parametrize("window", [300, 4096, 1 << 20])
def test_every_writer_is_decoded_as_by_protobuf(write, window):
    """Scalars of every dtype and field, and what is none, across the ends of windows."""
    _assert_equal([_file(write), b"", _file(write, 20, ("x",), first=120)], window)


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: DTYPES[dtype].stored.str)
@pytest.mark.parametrize("write", [_val_field, _content])
def test_numbers_of_every_dtype_are_exact(dtype, write):
    """0 to 96 are what was written, in whatever field."""
    (found,) = decode([io.BytesIO(_file(write(dtype), 97, ("x",)))])
    expected = [1.0] * 97 if DTYPES[dtype].stored.kind == "b" else list(range(97))
    expected[0] = 0.0
    assert found.columns["x", "tensor"].values.tolist() == expected


def test_bfloat16_keeps_its_bits():
    """0.1 as bfloat16 is 0.10009765625, which other readers refuse or drop."""
    value = Summary.Value()
    _content(14)(value, 0.1003)
    assert scalar(value) == 0.10009765625


@pytest.mark.parametrize(
    ("dtype", "field", "elements"),
    [
        (4, "int_val", [256]),
        (4, "int_val", [-1]),
        (1, "float_val", []),
        (1, "float_val", [1.0, 2.0]),
        (99, "int_val", [1]),
    ],
)
def test_a_number_that_its_dtype_cannot_hold_is_no_scalar(dtype, field, elements):
    """Too large, too many, none, or of a dtype that nobody knows: skipped, never guessed."""
    value = Summary.Value()
    value.tensor.dtype = dtype
    getattr(value.tensor, field).extend(elements)
    assert scalar(value) is None


@pytest.mark.parametrize("shape", [[1], [1, 1], "unknown"])
def test_a_tensor_with_a_rank_is_no_scalar(shape):
    """One element in a vector is a vector."""
    value = Summary.Value()
    _tf(value, 1.0)
    if shape == "unknown":
        value.tensor.tensor_shape.unknown_rank = True
    else:
        for size in shape:
            value.tensor.tensor_shape.dim.add(size=size)
    assert scalar(value) is None


def test_the_fast_path_is_taken(monkeypatch):
    """Of 4,000 scalars, protobuf decodes one in a hundred at most."""
    slow = _decoded_by_protobuf(monkeypatch)
    (found,) = decode([io.BytesIO(_file(_tf, 2000))])
    assert sum(map(len, found.columns.values())) == 4000
    assert len(slow) < 40


def test_five_hundred_tags_of_one_length_take_the_fast_path(monkeypatch):
    """Each tag is a class of its own, and of each hardly more than the exemplar goes through protobuf."""
    slow = _decoded_by_protobuf(monkeypatch)
    content = _file(_simple, 40, tuple(f"layer_{number:03}" for number in range(500)), first=1)
    (found,) = decode([io.BytesIO(content)])
    assert [len(column) for column in found.columns.values()] == [40] * 500
    assert len(slow) < 100


def _decoded_by_protobuf(monkeypatch) -> list[int]:
    """Return a list that grows with each record that protobuf decodes."""
    slow: list[int] = []
    plainly = classes.add_record
    monkeypatch.setattr(classes, "add_record", lambda *arguments: slow.append(1) or plainly(*arguments))
    return slow


def test_old_histograms_of_any_length_are_counted_in_bulk(monkeypatch):
    """100 histograms of as many lengths are none for protobuf, and one that is damaged is reported."""
    slow = _decoded_by_protobuf(monkeypatch)
    parts = [write_record(_histogram_of(size)) for size in range(100)]
    damaged = bytearray(parts[50])
    damaged[-9] ^= 1
    (found,) = _assert_equal([b"".join(parts[:50]) + bytes(damaged) + b"".join(parts[51:])])
    assert (found.skipped, len(found.damages), slow) == ({"histo": 99}, 1, [])


@pytest.mark.parametrize("count", [1, 500])
def test_whole_files_need_no_protobuf(monkeypatch, count):
    """File versions, graphs, scalars and histograms, few or many, are known field by field."""
    slow = _decoded_by_protobuf(monkeypatch)
    graph = write_record(Event(wall_time=1.0, graph_def=b"graph" * 100).SerializeToString())
    contents = [_file(_tf, 1) + graph for _ in range(count)] + [_file(_simple, 60), _file(_histogram, 60)]
    found = _assert_equal(contents)
    assert (slow, found[0].skipped) == ([], {"graph_def": 1})


def test_files_of_tensorboards_own_writer(tmp_path):
    """Scalars, histograms, images and text written by tensorboard's EventFileWriter."""
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(tmp_path))
    for step in range(300):
        for write in (_tf, _simple, _histogram):
            event = Event(step=step, wall_time=step)
            write(event.summary.value.add(tag=write.__name__), step / 7)
            writer.add_event(event)
    writer.close()
    (path,) = tmp_path.iterdir()
    (found,) = decode_files([path])
    assert _facts(found) == _facts(decode_plainly(path.read_bytes()))
    assert found.columns["_simple", "simple_value"].values.tolist() == [float(np.float32(n / 7)) for n in range(300)]
    assert found.skipped == {"histograms": 300}


@pytest.mark.parametrize(
    "path", sorted((CORPUS / "tfevents").rglob("*tfevents.*")) if CORPUS.is_dir() else [], ids=lambda path: path.name
)
def test_real_files_are_decoded_as_by_protobuf(path):
    """Each event file of the corpus, through small windows and a large one."""
    content = path.read_bytes()
    for window in (1000, 1 << 20):
        _assert_equal([content], window)


# Damage

PARTS = [write_record(b"")] + [
    _file(_tf, 60)[:0] + part
    for part in (_file(_tf, 60), _file(_histogram, 30, ("w",)), _file(_simple, 60, ("loss",), first=100))
]
PARTS.append(b"".join(write_record(_histogram_of(size)) for size in range(40)))
CONTENT = b"".join(PARTS)


def test_what_stands_behind_a_bad_checksum_is_kept(eager):
    """One record of a class is lost, named by its byte, and no other."""
    begin = len(_file(_tf, 0))
    size = len(_file(_tf, 1, ("x",))) - begin
    content = bytearray(_file(_tf, 100, ("x",)))
    # Step 0 is not on the wire, so all later records are longer by two bytes.
    hit = begin + size + 49 * (size + 2)
    content[hit + size - 8] ^= 1
    (found,) = _assert_equal([bytes(content)])
    assert found.damages == (Damage(hit, "a record whose checksum is wrong", ends=False),)
    assert found.columns["x", "tensor"].steps.tolist() == [*range(50), *range(51, 100)]


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 5000, b"\0" * 5000 + b"1", b"garbage" * 900, CONTENT[:100]])
@pytest.mark.parametrize("window", [64, 1000, 1 << 20])
def test_tails_are_told_apart(tail, window):
    """Zeros, garbage and an unfinished record, in whatever window they fall; the file behind is whole."""
    _assert_equal([CONTENT + tail, CONTENT, tail, CONTENT], window)


@pytest.mark.parametrize("length", [2**60, 2**63 - 17, 2**63, 2**64 - 1, 2**31, 5000])
def test_nothing_is_allocated_on_the_word_of_a_length(length):
    """A length that is not there, its checksum right, is an unfinished record."""
    head = struct.pack("<Q", length)
    content = CONTENT + head + struct.pack("<I", masked_checksum(head)) + b"tail"
    decode([io.BytesIO(content)], window=1000)
    tracemalloc.start()
    (found,) = decode([io.BytesIO(content)], window=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.damages[-1] == Damage(len(CONTENT), "16 bytes of an unfinished record at the end", ends=True)
    assert found.read_to == len(CONTENT)
    assert peak < 2_000_000
    assert _facts(found) == _facts(decode_plainly(content))


@pytest.mark.parametrize("length", [-1, -16, -17, -100, 2**63 - 1, 2**63 - 20, 2**62, 2**31])
def test_a_length_that_would_lead_anywhere_ends_its_file_alone(length, eager):
    """Backwards, beyond 63 bits or beyond the end: lanes that are walked at once stop as one alone would."""
    head = struct.pack("<q", length)
    content = CONTENT + head + struct.pack("<I", masked_checksum(head)) + CONTENT
    for found in _assert_equal([content, CONTENT, content]):
        assert found.read_to == len(CONTENT)


def test_event_files_inside_a_record_are_not_entered(eager):
    """An image that holds a whole event file is one record: a guess in its midst is found to be wrong."""
    event = Event(step=1)
    event.summary.value.add(tag="picture").image.encoded_image_string = _file(_tf, 40, ("inner",))
    picture = write_record(event.SerializeToString())
    content = _file(_tf, 40) + picture + _file(_tf, 40) + picture + picture
    for window in (1000, 1 << 20):
        (found,) = _assert_equal([content], window)
        assert [tag for tag, _ in found.columns] == ["epoch_loss", "epoch_acc"]


def test_a_file_that_shrinks_while_it_is_read_ends_early():
    """The bytes that were promised and are gone are no points and no error."""

    class Shrinking(io.BytesIO):
        def readinto(self, view):
            self.truncate(len(CONTENT) // 2)
            return super().readinto(view)

    (found,) = decode([Shrinking(CONTENT)], window=500)
    assert _facts(found) == _facts(decode_plainly(CONTENT[: len(CONTENT) // 2]))


# Any bytes

NUMBERS = st.floats(width=32)
STEPS = st.one_of(st.integers(0, 300), st.integers(-(2**63), 2**63 - 1), st.sampled_from([127, 128, 2**56 - 1, 2**56]))


@st.composite
def _odd_records(draw) -> bytes:
    """Draw a record of some writer, repeated with other numbers; fields left out, doubled or unknown."""
    write = draw(st.sampled_from(list(WRITERS.values())))
    times = draw(st.lists(st.floats(), min_size=1, max_size=6))
    tag = draw(st.sampled_from(["loss", "", "é", "epoch_loss" * 9]))
    extra = draw(
        st.sampled_from([b"", b"", b"", b"\x10\x05", b"\x2a\x00", b"\x98\x06\x01", b"\x09" + b"\0" * 8, b"\xff"])
    )
    content = b""
    for time in times:
        event = Event(step=draw(STEPS), wall_time=time)
        for _ in range(draw(st.sampled_from([1, 1, 1, 0, 2]))):
            write(event.summary.value.add(tag=tag), draw(st.integers(0, 1)))
        content += write_record(event.SerializeToString() + extra)
    return content


@given(st.lists(_odd_records(), max_size=6), st.sampled_from([100, 1000, 1 << 16]))
@settings(max_examples=150)
def test_odd_records_are_decoded_as_by_protobuf(odd, window):
    """NaN times, negative and huge steps, unknown and doubled fields, several values, no protobuf at all."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(boundaries, "_SAMPLE", 2)
        patch.setattr(boundaries, "_RECORDS_PER_LANE", 3)
        patch.setattr(classes, "_FEW", 2)
        _assert_equal([b"".join(odd), *odd], window)


@given(_odd_records(), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=3))
@settings(max_examples=300)
def test_what_is_known_field_by_field_is_what_protobuf_says(odd, changes):
    """A layout, of a record as it is or with bytes changed, names the tag and the kind that protobuf finds."""
    for item in records(odd):
        data = bytearray(item.data)
        for at, byte in changes:
            data[at % len(data)] = byte
        layout = layout_of(bytes(data))
        if layout is not None:
            growing = Growing()
            assert add_record(bytes(data), 0, growing)
            assert list(growing.points) == ([layout.scalar] if layout.scalar else [])
            assert list(growing.skips) == ([layout.skipped] if layout.skipped else [])


@given(st.integers(0, 40), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=3), st.integers(0, 9))
@settings(max_examples=300)
def test_what_is_taken_for_an_old_histogram_is_one_for_protobuf(size, changes, lost):
    """With bytes changed and lost, behind another record and before one."""
    data = bytearray(_histogram_of(size))
    for at, byte in changes:
        data[at % len(data)] = byte
    del data[len(data) - lost :]
    buffer = np.frombuffer(b"before" + bytes(data) + b"behind" * 3, np.uint8)
    (found,) = old_histograms(buffer, np.array([6]), np.array([len(data)]))
    assert found or changes or lost
    if found:
        growing = Growing()
        assert add_record(bytes(data), 0, growing)
        assert (list(growing.skips), list(growing.points)) == (["histo"], [])


@given(st.lists(NUMBERS, min_size=1, max_size=40), st.sampled_from([_tf, _simple]))
def test_every_float32_is_the_exact_float64(numbers, write):
    """Subnormals, infinities, zeros of either sign and NaN."""
    content = b""
    for number in numbers:
        event = Event(wall_time=math.nan)
        write(event.summary.value.add(tag="x"), number)
        content += write_record(event.SerializeToString())
    (found,) = _assert_equal([content])
    (column,) = found.columns.values()
    assert repr(column.values.tolist()) == repr(numbers)


def _damaged(noise: random.Random) -> bytes:
    """Return the content cut, with flipped bits, with bytes lost, put in or changed together with their checksum."""
    content = bytearray(CONTENT if noise.random() < 0.2 else noise.choice(PARTS))
    for _ in range(noise.choice((1, 1, 2, 5))):
        at, kind = noise.randrange(len(content) or 1), noise.randrange(5)
        if kind == 0:
            del content[at:]
        elif kind == 1 and content:
            content[at] ^= 1 << noise.randrange(8)
        elif kind == 2:
            del content[at : at + noise.choice((1, 4, 16, 90))]
        elif kind == 3:
            content[at:at] = noise.choice((b"\0" * 20, write_record(b"\xff"), PARTS[3][:300], noise.randbytes(9)))
        elif content:
            content = bytearray(_changed_within(bytes(content), at, noise))
    return bytes(content)


def _changed_within(content: bytes, at: int, noise: random.Random) -> bytes:
    """Change a byte in the data of the record at a position, and make its checksum right again."""
    begin = 0
    while begin + 12 <= len(content):
        length = int.from_bytes(content[begin : begin + 8], "little")
        behind = begin + length + 16
        if behind > at or behind > len(content):
            break
        begin = behind
    data = bytearray(content[begin + 12 : behind - 4]) if begin + 12 <= len(content) and behind <= len(content) else b""
    if not data:
        return content
    data[noise.randrange(len(data))] = noise.choice((0, 1, 8, 127, 128, 255, noise.randrange(256)))
    return content[:begin] + write_record(bytes(data)) + content[behind:]


def _fuzz(cases: int, seed: int) -> None:
    noise = random.Random(seed)
    for _ in range(cases // 100):
        _assert_equal([_damaged(noise) for _ in range(100)], noise.choice((64, 700, 5000, 1 << 16, 1 << 20)))


def test_damaged_files_are_decoded_as_by_protobuf(eager):
    """400 files with flipped bits, cuts and false fields: the same answer, and never an exception."""
    _fuzz(400, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_ten_thousand_damaged_files_are_decoded_as_by_protobuf(eager, seed):
    """2,500 more of each seed."""
    _fuzz(2500, seed=seed)


@pytest.mark.slow
def test_damaged_files_are_decoded_alike_without_eagerness():
    """The numbers that real files are decoded with."""
    _fuzz(1000, seed=9)
