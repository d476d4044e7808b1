"""What every reader owes, whoever wrote it: each registered one is held to the same promises."""

from __future__ import annotations

import pickle
import sys
from dataclasses import replace
from pathlib import PurePosixPath

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers import _FORMATS, READERS
from kcb_replay.ingest.readers.base import Blob, Reading

ROOT = "/nowhere/mlruns/0/0123456789abcdef0123456789abcdef/metrics"
ODD_NAME = "\x1b[2J\u202eevil\u2028name"
LOSSES = [0.1, float("nan"), float("inf"), 1e-300]


def _shown(value: float) -> str:
    return {"nan": "NaN", "inf": "Infinity"}.get(repr(value), repr(value))


def _table(header: str, row: str) -> bytes:
    return f"{header}\n{''.join(row.format(n, n + 1, value) for n, value in enumerate(LOSSES))}".encode()


# A file of each format that holds LOSSES by epoch, with its path and the name that they get; None where it takes a
# library to write one.
SAMPLES = {
    "csvlogger": ("training.log", _table("epoch,loss", "{0},{2}\n"), "loss"),
    "history": ("history.pkl", pickle.dumps({"loss": LOSSES}), "loss"),
    "history_json": ("history.json", f'{{"loss": [{", ".join(map(_shown, LOSSES))}]}}'.encode(), "loss"),
    "lightning": ("metrics.csv", _table("epoch,step,train_loss", "{0},{1}0,{2}\n"), "loss"),
    "metrics_table": ("history.csv", _table(",loss,val_loss", "{0},{2},1\n"), "loss"),
    "fastai": ("history.csv", _table("epoch,train_loss,time", "{0},{2},00:0{1}\n"), "loss"),
    "yolo": ("results.csv", _table("  epoch,  train/loss,  metrics/map", " {1}, {2}, \n"), "loss"),
    "hf_trainer": (
        "trainer_state.json",
        f"""{{"epoch": 4, "global_step": 40, "log_history": [{
            ", ".join(
                f'{{"epoch": {n + 1}.0, "eval_loss": {_shown(value)}, "step": {n + 1}0}}'
                for n, value in enumerate(LOSSES)
            )
        }]}}""".encode(),
        "val_loss",
    ),
    "mlflow": (
        f"{ROOT}/loss",
        "".join(f"179524864468{n} {value} {n}\n" for n, value in enumerate(LOSSES)).encode(),
        "loss",
    ),
    "remote_monitor": (
        "epochs.jsonl",
        "".join(f'{{"epoch": {n}, "loss": {_shown(value)}}}\n' for n, value in enumerate(LOSSES)).encode(),
        "loss",
    ),
}
PATHS = [
    "a.csv",
    "metrics.csv",
    "results.csv",
    "history.pkl",
    "x.json",
    "events.out.tfevents.1",
    f"{ROOT}/a",
    "log",
    "",
]
MAGIC = [
    b"",
    b"epoch,",
    b"epoch,step,a\n",
    b'{"epoch": 0,',
    b'{"loss": [',
    b"\x80\x04",
    b"\x1f\x8b",
    b"\x93NUMPY\x01\x00",
]

every_reader = pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.format)
every_sample = pytest.mark.parametrize("format_", SAMPLES)
BYTES = st.tuples(st.sampled_from(MAGIC), st.binary(max_size=80) | st.text(max_size=80).map(lambda text: text.encode()))


def _reader(name):
    return next(reader for reader in READERS if reader.format == name)


def _read_or_refused(reader, blobs):
    try:
        reading = reader.read(blobs)
    except ReadError as error:
        return str(error)
    assert isinstance(reading, Reading)
    return reading


@every_reader
def test_a_reader_says_what_it_is(reader):
    """A name of one word, a rank, endings in lower case and a version."""
    assert reader.format.replace("_", "").isalnum()
    assert (type(reader.version), type(reader.rank)) == (int, int)
    assert reader.version >= 1
    assert isinstance(reader.suffixes, tuple)
    assert [ending for ending in reader.suffixes if ending and (ending[0] != "." or ending != ending.lower())] == []


def test_a_format_is_called_as_its_file():
    """The line that registers a reader is the name of its file, and that of its format."""
    assert [reader.format for reader in READERS[: len(_FORMATS)]] == list(_FORMATS)


def test_no_two_readers_share_a_name():
    """`--format` takes it."""
    names = [reader.format for reader in READERS]
    assert len(set(names)) == len(names)


@every_reader
@given(path=st.sampled_from(PATHS) | st.text(max_size=20), content=BYTES)
def test_any_head_is_accepted_or_not(reader, path, content):
    """Whatever the bytes are, the answer is a bool and no error."""
    assert type(reader.accepts(path, b"".join(content))) is bool


@every_reader
@given(path=st.sampled_from(PATHS), content=BYTES)
def test_any_bytes_are_read_or_refused_by_name(reader, path, content):
    """Nothing else comes out, and the refusal names the file in one printable line."""
    found = _read_or_refused(reader, (Blob(path, b"".join(content)),))
    if isinstance(found, str):
        assert path in found
        assert found.isprintable()


@every_reader
def test_no_file_is_refused(reader):
    """A run has at least one."""
    with pytest.raises(ReadError):
        reader.read(())


@every_reader
def test_an_empty_file_is_refused(reader):
    """There is nothing in it."""
    with pytest.raises(ReadError):
        reader.read((Blob("empty", b""),))


def test_every_reader_has_a_sample():
    """A new one needs a line here; event files, consoles, archives and DataFrames have tests of their own."""
    assert {reader.format for reader in READERS} - {"tensorboard", "console", "npz", "dataframe"} <= SAMPLES.keys()


@every_sample
def test_only_its_own_reader_takes_a_file(format_):
    """Formats do not overlap."""
    path, content, _ = SAMPLES[format_]
    assert [reader.format for reader in READERS if reader.accepts(path, content)] == [format_]


@every_sample
def test_values_are_exact_and_in_their_epochs(format_):
    """Each float of the file, NaN and infinity included, from epoch 0 on, with its tag and its source."""
    path, content, name = SAMPLES[format_]
    (fit,) = _reader(format_).read((Blob(path, content),)).fits
    series = fit.metrics[name]
    assert fit.epochs.tolist() == [0, 1, 2, 3]
    assert np.array_equal(series.values, LOSSES, equal_nan=True)
    assert series.valid.all()
    assert series.source == path
    assert series.tag in content.decode("latin-1") or series.tag in path


@every_sample
def test_every_cut_is_read_in_part_or_refused(format_):
    """What is read of a cut file is a part of the whole: no value that the whole has not, and none elsewhere."""
    path, content, name = SAMPLES[format_]
    for end in range(len(content)):
        found = _read_or_refused(_reader(format_), (Blob(path, content[:end]),))
        if isinstance(found, str):
            assert found.startswith(path)
            continue
        for fit in found.fits:
            values = fit.metrics[name].values
            assert np.array_equal(values, LOSSES[: len(values)], equal_nan=True)


@every_sample
@given(at=st.integers(0, 10**6), byte=st.integers(0, 255))
def test_a_changed_byte_never_gives_another_error(format_, at, byte):
    """Damage gives a reading or a `ReadError`, with notes that name the file."""
    path, content, _ = SAMPLES[format_]
    changed = bytearray(content)
    changed[at % len(content)] = byte
    found = _read_or_refused(_reader(format_), (Blob(path, bytes(changed)),))
    if isinstance(found, Reading):
        assert {note.source for note in found.notes} <= {path}
        assert [note.text for note in found.notes if not note.text.isprintable()] == []


@every_sample
def test_the_same_bytes_give_the_same_reading(format_):
    """Reading has no memory."""
    path, content, _ = SAMPLES[format_]
    blob = Blob(path, content)
    assert _reader(format_).read((blob,)) == _reader(format_).read((replace(blob),))


_OPENED: list[str] = []


@pytest.fixture(scope="module")
def opened():
    """Return the list of files that were opened; an audit hook can never be removed."""
    sys.addaudithook(lambda event, _: _OPENED.append(event) if event in {"open", "os.listdir", "os.scandir"} else None)
    return _OPENED


@every_sample
def test_no_file_is_opened(format_, opened):
    """A reader gets bytes; paths that do not exist do as well as others."""
    path, content, _ = SAMPLES[format_]
    # What a first reading imports is opened by Python.
    _reader(format_).read((Blob(path, content),))
    opened.clear()
    _reader(format_).accepts(path, content)
    _reader(format_).read((Blob(path, content),))
    assert opened == []


@every_sample
def test_odd_names_are_kept_and_disturb_no_terminal(format_):
    """Control characters stand in names, but in no note and no error."""
    path, content, _ = SAMPLES[format_]
    if format_ == "history":
        content = pickle.dumps({ODD_NAME: LOSSES, ODD_NAME + "2": ["text"]})
    elif PurePosixPath(path).suffix.startswith(".json"):
        content = content.replace(b"loss", ODD_NAME.encode("unicode_escape").replace(b"\\x", b"\\u00"))
    else:
        content = content.replace(b"loss", ODD_NAME.encode())
        path = path.replace("metrics/loss", f"metrics/{ODD_NAME}")
    found = _read_or_refused(_reader(format_), (Blob(path, content),))
    if isinstance(found, str):
        assert found.replace(path, "").isprintable()
        return
    assert [name for fit in found.fits for name in fit.metrics if ODD_NAME in name]
    assert [note.text for note in found.notes if not note.text.replace(path, "").isprintable()] == []
