"""Archives of NumPy's arrays are read as Histories, and never unpickled."""

from __future__ import annotations

import io
import random
import struct
import zipfile

import numpy as np
import pytest

from kcb_replay.errors import KcbReplayError, ReadError
from kcb_replay.ingest.ingest import ingest
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.npz import NPZ
from kcb_replay.ingest.store.store import Store

LOSS = [0.9, float("nan"), 0.1 + 0.2, 1e-300]


def _saved(save=np.savez, **arrays: object) -> bytes:
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


def _read(content: bytes) -> Reading:
    assert NPZ.accepts("x", content)
    return NPZ.read((Blob("x", content),))


def _zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def _npy(array: object) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array))
    return buffer.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_arrays_by_name_are_metrics(save):
    """Each value to the bit, packed or not, whatever the byte order."""
    content = _saved(save, loss=np.array(LOSS), val_loss=np.array(LOSS, ">f8"), train_acc=np.array([1, 2, 3, 4]))
    reading = _read(content)
    (fit,) = reading.fits
    assert (fit.epochs.tolist(), reading.notes) == ([0, 1, 2, 3], ())
    assert np.array_equal(fit.metrics["loss"].values, LOSS, equal_nan=True)
    assert np.array_equal(fit.metrics["val_loss"].values, LOSS, equal_nan=True)
    assert (fit.metrics["accuracy"].tag, fit.metrics["accuracy"].values.tolist()) == ("train_acc", [1, 2, 3, 4])


def test_float32_keeps_its_value():
    """As JSON of the same History would not."""
    values = np.array([0.1, 0.2], np.float32)
    assert _read(_saved(loss=values)).fits[0].metrics["loss"].values.tolist() == values.astype(np.float64).tolist()


def test_an_array_of_epochs_counts_them():
    """From 1 as is likely, which is said."""
    reading = _read(_saved(loss=[3.0, 2.0, 1.0], epoch=np.arange(1, 4)))
    assert reading.fits[0].epochs.tolist() == [0, 1, 2]
    assert [note.code for note in reading.notes] == ["counts_from_1"]


def test_values_of_a_validation_are_placed_where_one_frequency_fits():
    """As in a pickled History."""
    reading = _read(_saved(loss=np.zeros(10), val_loss=np.ones(5)))
    assert reading.fits[0].metrics["val_loss"].valid.tolist() == [False, True] * 5
    assert [note.code for note in reading.notes] == ["sampled"]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (np.array([{"a": 1}, None], object), "an array of objects: it is a pickle, which is not loaded"),
        (np.zeros((2, 2)), "an array of 2 dimensions"),
        (np.float64(3), "a single number"),
        (np.array(["a", "b"]), "an array of something else than numbers"),
        (np.zeros(2, [("a", "f8")]), "an array of something else than numbers"),
        (np.zeros(2, "c16"), "an array of something else than numbers"),
    ],
)
def test_what_is_no_column_is_left_out_by_name(other, why):
    """The metrics beside it are read; alone it is refused for that reason."""
    reading = _read(_saved(loss=[2.0, 1.0], other=other))
    assert list(reading.fits[0].metrics) == ["loss"]
    assert [note.text for note in reading.notes] == [f"other holds {why}, so it is left out"]
    with pytest.raises(ReadError, match=why):
        _read(_saved(loss=other))


@pytest.mark.parametrize("members", [{"weights.npy": b""}, {"a.txt": b"", "loss.npy": b""}, {"x_train.npy": b""}, {}])
def test_an_archive_of_something_else_is_not_accepted(members):
    """Weights and data sets are saved so, too."""
    assert not NPZ.accepts("history.npz", _zipped(members))


def test_a_bomb_is_refused_before_it_is_unpacked():
    """The sizes of all members are added up."""
    content = _zipped({f"{n}_loss.npy": b"\0" * (1 << 24) for n in range(5)})
    with pytest.raises(ReadError, match="declares 83,886,080 bytes unpacked, more than the 67,108,864"):
        _read(content)


def test_a_member_that_declares_too_little_is_not_unpacked_beyond_it():
    """What it holds is another file then, and its checksum says so."""
    content = bytearray(_zipped({"loss.npy": _npy(np.zeros(1 << 20))}))
    entry = content.rindex(b"PK\x01\x02")
    content[entry + 24 : entry + 28] = struct.pack("<I", 136)
    with pytest.raises(ReadError, match="no whole archive of arrays"):
        _read(bytes(content))


def test_a_header_that_says_another_length_is_refused():
    """Nothing is made on the word of a header."""
    array = _npy(np.zeros(3)).replace(b"(3,), }", b"(9,), }")
    with pytest.raises(ReadError, match="loss holds an array with more or fewer values than its header says"):
        _read(_zipped({"loss.npy": array}))


def test_a_cut_archive_is_refused():
    """Its directory stands at its end."""
    content = _saved(loss=LOSS)
    for end in range(40, len(content), 7):
        with pytest.raises(ReadError):
            _read(content[:end])


def test_an_archive_below_a_folder_is_ingested(tmp_path):
    """It is known by its content, whatever its name."""
    (tmp_path / "logs" / "one").mkdir(parents=True)
    (tmp_path / "logs" / "one" / "hist.npz").write_bytes(_saved(loss=[2.0, 1.0]))
    (tmp_path / "logs" / "two").write_bytes(_saved(loss=[3.0, 1.0]))
    store = Store(tmp_path / "store")
    ingest(store, [tmp_path / "logs"])
    assert len(store.runs()) == 2


def test_mutants_raise_nothing_but_our_errors():
    """Bytes changed or cut off."""
    noise = random.Random(13)
    seeds = [_saved(save, loss=LOSS, val_loss=LOSS, x=np.array([None])) for save in (np.savez, np.savez_compressed)]
    for _ in range(300):
        data = bytearray(noise.choice(seeds))
        for _ in range(noise.randrange(1, 4)):
            data[noise.randrange(len(data))] = noise.randrange(256)
        content = bytes(data[: noise.choice([len(data), len(data), noise.randrange(1, len(data))])])
        try:
            NPZ.accepts("x", content)
            NPZ.read((Blob("x", content),))
        except KcbReplayError:
            continue
