"""Pickled histories come back value for value; what is not a history is refused by name, and never run."""

from __future__ import annotations

import bz2
import collections
import gzip
import io
import lzma
import pickle
import struct
import sys
import zlib
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, strategies as st

from kcb_replay.errors import ReadError
from kcb_replay.ingest.readers.base import Blob, Reading
from kcb_replay.ingest.readers.history import HISTORY
from kcb_replay.ingest.recording import Note

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PROTOCOLS = range(6)
PATH = "runs/history.pkl"
REMEDY = "save it with pickle.dump(history.history, file)."


def _read(content: bytes) -> Reading:
    return HISTORY.read((Blob(PATH, content),))


def _values(reading: Reading) -> dict[str, list[float | None]]:
    (fit,) = reading.fits
    return {
        name: [float(v) if ok else None for v, ok in zip(series.values, series.valid, strict=True)]
        for name, series in fit.metrics.items()
    }


def _refusal(content: bytes) -> str:
    with pytest.raises(ReadError) as caught:
        _read(content)
    assert str(caught.value).startswith(f"{PATH} ")
    return str(caught.value)


def _metrics() -> st.SearchStrategy[dict[str, list[float]]]:
    names = st.text(st.characters(exclude_categories=["Cs"]))
    return st.integers(1, 8).flatmap(
        lambda n: st.dictionaries(names, st.lists(st.floats(), min_size=n, max_size=n), min_size=1, max_size=4),
    )


@given(_metrics(), st.sampled_from(PROTOCOLS))
def test_dicts_of_floats_come_back_equal(history: dict[str, list[float]], protocol: int) -> None:
    """Every protocol gives back every float, NaN and infinities included, under its tag and without a note."""
    reading = _read(pickle.dumps(history, protocol))
    tags = {name: series.tag for name, series in reading.fits[0].metrics.items()}
    assert repr({tags[name]: values for name, values in _values(reading).items()}) == repr(history)
    assert reading.notes == ()


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i4", "i8", "u1", "u8", "b1", ">f4", ">i8"])
@pytest.mark.parametrize("wrap", [list, tuple, np.array], ids=["list", "tuple", "array"])
def test_numpy_numbers_come_back_exactly(wrap: type, kind: str, protocol: int) -> None:
    """Scalars and one-dimensional arrays of each kind become the float64 that equals them."""
    numbers = np.array([0.1, 1, 3.7, 100], dtype=kind)
    reading = _read(pickle.dumps({"loss": wrap(numbers)}, protocol))
    assert _values(reading) == {"loss": numbers.astype(np.float64).tolist()}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_numpy_1_names_are_known_too(protocol: int) -> None:
    """Files of numpy 1 name `numpy.core` where those of numpy 2 name `numpy._core`."""
    content = pickle.dumps({"loss": [np.float32(0.1)]}, protocol)
    old = content.replace(b"numpy._core", b"numpy.core").replace(b"\x8c\x16numpy.core", b"\x8c\x15numpy.core")
    if protocol >= 4:
        old = old.replace(old[2:11], b"\x95" + struct.pack("<Q", len(old) - 11), 1)
    assert old != content
    assert _values(_read(old)) == {"loss": [float(np.float32(0.1))]}


def test_python_2_files_are_read() -> None:
    """Python 2 writes the bytes of a number as the repr of a string."""
    dtype = b"cnumpy\ndtype\n(S'f8'\nI0\nI1\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntb"
    number = repr(struct.pack("<d", 0.1))[1:].encode()
    content = b"(dp1\nS'acc'\np2\n(lp3\ncnumpy.core.multiarray\nscalar\n(" + dtype + b"S" + number + b"\ntRaI1\nas."
    assert HISTORY.accepts(PATH, content[:64])
    assert _values(_read(content)) == {"acc": [0.1, 1.0]}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_none_is_missing_and_nan_is_a_value(protocol: int) -> None:
    """A validity mask keeps them apart; numbers of other kinds are numbers."""
    reading = _read(pickle.dumps({"a": [None, float("nan"), 1, True]}, protocol))
    assert repr(_values(reading)["a"]) == "[None, nan, 1.0, 1.0]"


def test_a_fit_counts_epochs_from_0_and_names_its_source() -> None:
    """The epoch column is 0 to N-1, a series has the tag and path it came from."""
    (fit,) = _read(pickle.dumps({"a": [1.0, 2.0, 3.0]})).fits
    assert fit.epochs.tolist() == [0, 1, 2]
    assert (fit.metrics["a"].tag, fit.metrics["a"].source) == ("a", PATH)


def test_shorter_metrics_are_left_out_with_their_counts() -> None:
    """Which epochs they lack is unknown, so they are not padded."""
    reading = _read(pickle.dumps({"val_loss": [1.0] * 30, "loss": [0.5] * 40, "empty": []}))
    assert list(_values(reading)) == ["loss"]
    rest = "which epochs they belong to is not recorded, so it is left out"
    assert reading.notes == (
        Note("alignment_lost", f"val_loss has 30 values for 40 epochs: {rest}", PATH, fit=0, metric="val_loss"),
        Note("alignment_lost", f"empty has 0 values for 40 epochs: {rest}", PATH, fit=0, metric="empty"),
    )


ODD_COLUMNS = {
    "text": (["high"], "odd holds a str, which is no number, so it is left out"),
    "nested list": ([[1.0]], "odd holds a list, which is no number, so it is left out"),
    "complex": ([np.complex64(1)], "odd holds numpy values that are not plain numbers, so it is left out"),
    "longdouble": ([np.longdouble(1)], "odd holds numpy values that are not plain numbers, so it is left out"),
    "huge integer": ([2**53 + 1], "odd holds an integer that no 64-bit float equals, so it is left out"),
    "huge int64": ([np.int64(2**53 + 1)], "odd holds an integer that no 64-bit float equals, so it is left out"),
    "text array": (np.array(["a"]), "odd holds numpy values that are not plain numbers, so it is left out"),
    "object array": (np.array([None]), "odd holds numpy values that are not plain numbers, so it is left out"),
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("column", "text"), ODD_COLUMNS.values(), ids=ODD_COLUMNS)
def test_columns_of_other_things_are_left_out(column: object, text: str, protocol: int) -> None:
    """What is not a number leaves its metric out with a note, and does not count as epochs."""
    reading = _read(pickle.dumps({"loss": [1.0], "odd": column}, protocol))
    assert _values(reading) == {"loss": [1.0]}
    assert reading.notes == (Note("not_a_number", text, PATH, fit=0, metric="odd"),)


@pytest.mark.parametrize("order", [b"=", b"Z", b"<f4,"])
def test_unknown_byte_orders_are_left_out(order: bytes) -> None:
    """The bytes of a number are read only in an order that the file states."""
    dtype = b"cnumpy\ndtype\n(S'f4'\ntR(I3\nS'" + order + b"'\ntb"
    column = b"(lcnumpy.core.multiarray\nscalar\n(" + dtype + b"S'abcd'\ntRa"
    (note,) = _read(b"(dS'loss'\n(lI1\nasS'odd'\n" + column + b"s.").notes
    assert (note.code, note.metric) == ("not_a_number", "odd")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_empty_arrays_are_short_and_not_odd(protocol: int) -> None:
    """An array without values lacks epochs like a list without values."""
    (note,) = _read(pickle.dumps({"loss": [1.0], "empty": np.array([])}, protocol)).notes
    assert (note.code, note.metric) == ("alignment_lost", "empty")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_arrays_of_more_dimensions_are_left_out(protocol: int) -> None:
    """A table is no metric."""
    (note,) = _read(pickle.dumps({"loss": [1.0], "odd": np.ones((1, 1))}, protocol)).notes
    assert note.code == "not_a_number"
    assert note.text.endswith("that is not one-dimensional, so it is left out")


def test_foreign_objects_beside_numbers_are_named() -> None:
    """A list of tensors leaves its metric out; that the file names something to run is a note of its own."""
    reading = _read(
        b"}(X\x04\x00\x00\x00loss](G?\xf0\x00\x00\x00\x00\x00\x00eX\x02\x00\x00\x00lr](cposix\nsystem\n)Reu."
    )
    assert _values(reading) == {"loss": [1.0]}
    foreign, left_out = reading.notes
    assert (foreign.code, left_out.code) == ("foreign_global", "not_a_number")
    assert foreign.text.startswith("names posix.system at byte 32,")
    assert left_out.text == "lr holds posix.system at byte 32, which is no number, so it is left out"


def _whole_history(monkeypatch: pytest.MonkeyPatch, protocol: int, module: str, **state: object) -> bytes:
    history_class = type("History", (), {"__module__": module})
    fake = ModuleType(module)
    fake.History = history_class  # type: ignore[attr-defined]
    history = history_class()
    vars(history).update(state)
    with monkeypatch.context() as patch:
        parts = module.split(".")
        for end in range(1, len(parts)):
            patch.setitem(sys.modules, ".".join(parts[:end]), ModuleType(".".join(parts[:end])))
        patch.setitem(sys.modules, module, fake)
        return pickle.dumps(history, protocol)


KERAS_MODULES = [
    "keras.src.callbacks.history",
    "keras.callbacks",
    "tensorflow.python.keras.callbacks",
    "tensorflow_core.python.keras.callbacks",
    "tf_keras.src.callbacks",
]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("module", KERAS_MODULES)
def test_whole_history_objects_are_read(module: str, protocol: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The history and the epoch column come from its state; its model does not matter."""
    state = {"history": {"loss": [2.0, 1.0]}, "epoch": [5, 6], "model": collections.Counter("ab"), "params": {}}
    reading = _read(_whole_history(monkeypatch, protocol, module, **state))
    assert (_values(reading), reading.notes) == ({"loss": [2.0, 1.0]}, ())
    assert reading.fits[0].epochs.tolist() == [5, 6]


@pytest.mark.parametrize(
    ("epoch", "odd"),
    [
        ([0, 1, 2], "has 3 numbers for 2 epochs, so it is that of the last fit only"),
        ([0.0, 1.0], "is not a list of integers"),
        ([1, 1], "does not rise"),
        ([-1, 0], "does not rise"),
        ([0, 2**63], "is not a list of integers"),
        ("ab", "is not a list of integers"),
    ],
)
def test_an_epoch_column_that_does_not_fit_is_noted(epoch: object, odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Epochs are then counted from 0."""
    content = _whole_history(monkeypatch, 4, KERAS_MODULES[0], history={"loss": [2.0, 1.0]}, epoch=epoch)
    reading = _read(content)
    assert reading.fits[0].epochs.tolist() == [0, 1]
    assert [(note.code, note.text) for note in reading.notes] == [
        ("epoch_column_unused", f"the epoch column {odd}: epochs are counted from 0")
    ]


@pytest.mark.parametrize("history", [None, 3, [1.0], {"a": 1.0}])
def test_a_history_object_without_columns_is_refused(history: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object that was never fitted, or whose history is something else, is refused as such."""
    text = _refusal(_whole_history(monkeypatch, 4, KERAS_MODULES[0], history=history))
    assert "holds a History whose history is " in text
    assert text.endswith(REMEDY)


@pytest.mark.parametrize("history", [{}, {"loss": []}, {"loss": [], "acc": ()}], ids=repr)
def test_empty_histories_are_refused(history: dict[str, object]) -> None:
    """There is nothing to replay in a history without epochs."""
    assert "holds an empty history: no epochs." in _refusal(pickle.dumps(history))


NOT_HISTORIES = {
    "a list": ([1.0], "holds a list: not a History."),
    "a text": ("loss", "holds a str: not a History."),
    "nothing": (None, "holds None: not a History."),
    "a word index": ({"the": 1}, "holds a dict whose the is an int: not a History."),
    "parts of other shapes": ({"train": [{"loss": [1.0]}]}, "holds a dict, which is no number"),
    "rows that may be epochs or folds": ([{"loss": 1.0}, {"loss": 0.5}], "holds a list: not a History."),
    "a long name": ({"a" * 10_001: [1.0]}, "a dict with a key of 10001 characters: not a History."),
    "too many names": ({str(n): [1.0] for n in range(20_001)}, "a dict of more than 20000 names: not a History."),
    "numbers as names": ({1: [1.0]}, "holds a dict with an int as a key: not a History."),
    "broken name": ({"\ud800": [1.0]}, "holds a dict with the key '\\ud800', which is not valid Unicode"),
    "an ordered dict of numbers": (collections.OrderedDict(a=1.0), "holds a dict whose a is a float: not a History."),
    "a counter": (collections.Counter(a=1), "holds collections.Counter at byte "),
}


@pytest.mark.parametrize(("value", "text"), NOT_HISTORIES.values(), ids=NOT_HISTORIES)
def test_other_objects_are_refused_by_what_they_are(value: object, text: str) -> None:
    """The message says what the file holds and how to save a history."""
    message = _refusal(pickle.dumps(value))
    assert text in message
    assert message.endswith(REMEDY)


SHAPES = {
    "lists by part": (
        {"train": {"loss": [2.0, 1.0]}, "val": {"loss": [4.0, 3.0]}},
        [{"loss": [2.0, 1.0], "val_loss": [4.0, 3.0]}],
    ),
    "epochs by part": (
        {"train": [{"loss": 2.0}, {"loss": 1.0, "acc": 0.5}], "val": [{"loss": 4.0}, {"loss": 3.0}]},
        [{"loss": [2.0, 1.0], "acc": [None, 0.5], "val_loss": [4.0, 3.0]}],
    ),
    "named by part": (
        {"train_loss": [2.0, 1.0], "test_loss": [4.0, 3.0]},
        [{"loss": [2.0, 1.0], "val_loss": [4.0, 3.0]}],
    ),
    "named twice": ({"train_loss": [2.0], "loss": [1.0]}, [{"train_loss": [2.0], "loss": [1.0]}]),
    "folds": ([{"loss": [2.0, 1.0]}, {"loss": [3.0]}], [{"loss": [2.0, 1.0]}, {"loss": [3.0]}]),
    "folds by name": ({"fold 1": {"loss": [2.0]}, "fold 2": {"loss": [3.0]}}, [{"loss": [2.0]}, {"loss": [3.0]}]),
    "folds by number": ({1: {"loss": [2.0]}, 2: {"loss": [3.0]}}, [{"loss": [2.0]}, {"loss": [3.0]}]),
    "a defaultdict": (collections.defaultdict(list, loss=[2.0, 1.0]), [{"loss": [2.0, 1.0]}]),
    "an ordered dict": (collections.OrderedDict(loss=[2.0, 1.0]), [{"loss": [2.0, 1.0]}]),
    "defaultdicts of folds": (
        {"a": collections.defaultdict(list, loss=[2.0]), "b": collections.OrderedDict(loss=[3.0])},
        [{"loss": [2.0]}, {"loss": [3.0]}],
    ),
    "array of folds": (
        np.array([{"loss": [2.0]}, {"loss": [3.0]}], dtype=object),
        [{"loss": [2.0]}, {"loss": [3.0]}],
    ),
    "array of numbers": ({"loss": np.array([2, 1], np.float16)}, [{"loss": [2.0, 1.0]}]),
    "arrays without dimensions": ({"loss": [np.array(2.0), np.array(1, np.float32)]}, [{"loss": [2.0, 1.0]}]),
}


def _all_values(reading: Reading) -> list[dict[str, list[float | None]]]:
    return [_values(Reading((fit,))) for fit in reading.fits]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(("value", "fits"), SHAPES.values(), ids=SHAPES)
def test_shapes_that_people_save_are_read(value: object, fits: object, protocol: int) -> None:
    """Parts of a training become its metrics, folds become fits."""
    assert _all_values(_read(pickle.dumps(value, protocol))) == fits


@pytest.mark.parametrize("named", [True, False])
def test_a_note_names_folds(named: bool) -> None:
    """A fold is a fit, which a reader of its answers should know."""
    folds = {"left": {"loss": [2.0]}, "right": {"loss": [3.0]}}
    reading = _read(pickle.dumps(folds if named else [*folds.values()]))
    assert [note.code for note in reading.notes] == ["folds"]
    assert ("2 folds (left, right)" if named else "2 folds (1, 2)") in reading.notes[0].text


def test_the_tag_is_the_name_in_the_file() -> None:
    """`train_loss` is Keras's `loss`."""
    (fit,) = _read(pickle.dumps({"train_loss": [1.0]})).fits
    assert fit.metrics["loss"].tag == "train_loss"


def test_arrays_that_numpy_saved_are_read() -> None:
    """`np.save` of a dict pickles it inside an array; it is not loaded with `allow_pickle`."""
    file = io.BytesIO()
    np.save(file, {"loss": [np.float32(0.1), 0.5]}, allow_pickle=True)
    assert HISTORY.accepts("run.npy", file.getvalue()[:200])
    assert _values(_read(file.getvalue())) == {"loss": [float(np.float32(0.1)), 0.5]}


def test_arrays_of_numbers_are_no_history() -> None:
    """A `.npy` file without a pickle is not taken."""
    file = io.BytesIO()
    np.save(file, np.ones(3))
    assert not HISTORY.accepts("history.npy", file.getvalue())
    assert "is not a whole pickle" in _refusal(file.getvalue())


COMPRESSIONS = {
    "zlib": zlib.compress,
    "zlib, fast": lambda content: zlib.compress(content, 1),
    "zlib, best": lambda content: zlib.compress(content, 9),
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "lzma": lambda content: lzma.compress(content, lzma.FORMAT_ALONE),
}


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_compressed_histories_are_read(compress: Callable[[bytes], bytes]) -> None:
    """Whatever joblib may have compressed with; what is cut off is refused, and so is what follows."""
    content = compress(pickle.dumps({"loss": [2.0, 1.0] * 100}))
    assert HISTORY.accepts("history.joblib", content[:100])
    assert _values(_read(content)) == {"loss": [2.0, 1.0] * 100}
    assert "compressed data that is cut off" in _refusal(content[:-1])
    assert "compressed data" in _refusal(content[:-1] + b"\x00\x00")
    assert " behind the compressed data" in _refusal(content + b"more") or compress is COMPRESSIONS["lzma"]


@pytest.mark.parametrize("compress", COMPRESSIONS.values(), ids=COMPRESSIONS)
def test_what_is_unpacked_in_many_steps_is_whole(compress: Callable[[bytes], bytes]) -> None:
    """Neither a value is lost nor a byte behind it, whether a step packs little or much."""
    for loss in (np.random.default_rng(0).random(30_000).tolist(), [1.0] * 100_000):
        content = compress(pickle.dumps({"loss": loss}))
        assert _values(_read(content)) == {"loss": loss}
        assert "compressed data" in _refusal(content[: len(content) // 2])
        refusal = _refusal(content + b"z" * 200_000)
        assert "200000 bytes behind the compressed data" in refusal or compress is COMPRESSIONS["lzma"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_long_arrays_are_read(protocol: int) -> None:
    """Their bytes are looked at where they stand in the file."""
    loss = np.random.default_rng(0).random(200_000)
    assert _values(_read(pickle.dumps({"loss": loss}, protocol))) == {"loss": loss.tolist()}


# joblib.dump({"loss": np.array([2.0, 1.0]), "acc": [0.5, 0.75]}, file) of joblib 1.6.0, NumPy 2.4.6
JOBLIB = (
    b"\x80\x04\x95\xdb\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x04loss\x94\x8c\x13joblib.numpy_pick"
    b"le\x94\x8c\x11NumpyArrayWrapper\x94\x93\x94)\x81\x94}\x94(\x8c\x08subclas"
    b"s\x94\x8c\x05numpy\x94\x8c\x07ndarray\x94\x93\x94\x8c\x05shape\x94K\x02\x85\x94\x8c\x05orde"
    b"r\x94\x8c\x01C\x94\x8c\x05dtype\x94h\x08\x8c\x05dtype\x94\x93\x94\x8c\x02f8\x94\x89\x88\x87\x94R\x94(K\x03"
    b"\x8c\x01<\x94NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t\x94b\x8c\nallow_mmap\x94\x88\x8c\x1bnu"
    b"mpy_array_alignment_bytes\x94K\x10ub\t\xff\xff\xff\xff\xff\xff\xff\xff\xff"
    b"\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00\x00\x00\xf0?\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x03acc\x94]\x94(G?\xe0\x00\x00\x00"
    b"\x00\x00\x00G?\xe8\x00\x00\x00\x00\x00\x00eu."
)


@pytest.mark.parametrize("compress", [bytes, zlib.compress, gzip.compress])
def test_dumps_of_joblib_are_read(compress: Callable[[bytes], bytes]) -> None:
    """Arrays stand raw in the middle of the pickle."""
    content = compress(JOBLIB)
    assert HISTORY.accepts("model.joblib", content)
    assert _values(_read(content)) == {"loss": [2.0, 1.0], "acc": [0.5, 0.75]}


@pytest.mark.parametrize("cut", range(5, len(JOBLIB), 7))
def test_dumps_of_joblib_that_are_cut_off_are_refused(cut: int) -> None:
    """Nothing is made of a part of an array."""
    assert "is not a whole pickle" in _refusal(JOBLIB[:cut]) or "nor a whole pickle" in _refusal(JOBLIB[:cut])


@pytest.mark.keras
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_eager_tensors_are_read(protocol: int) -> None:
    """Tensors of TensorFlow, one by one or as a whole column, are recognised by what makes them."""
    tensorflow = pytest.importorskip("tensorflow")
    history = {"loss": [tensorflow.constant(0.1), tensorflow.constant(2.0, tensorflow.float64)]}
    history["acc"] = tensorflow.constant([1.0, 0.5])
    reading = _read(pickle.dumps(history, protocol))
    assert (_values(reading), reading.notes) == ({"loss": [float(np.float32(0.1)), 2.0], "acc": [1.0, 0.5]}, ())


def test_too_many_values_are_refused() -> None:
    """An array can be mentioned any number of times, but is not unpacked as often."""
    array = np.zeros(250_000)
    history = {str(n): array for n in range(17)}
    assert "holds more than 4000000 values" in _refusal(pickle.dumps(history))


def test_a_history_class_of_somebody_else_is_refused() -> None:
    """Only Keras's own History is known, whatever the state looks like."""
    content = b"c__main__\nHistory\n)\x81}X\x07\x00\x00\x00history}X\x04\x00\x00\x00loss]K\x01assb."
    assert "holds __main__.History at byte 0: not a History." in _refusal(content)


def test_the_refusal_names_the_global_and_its_byte() -> None:
    """The whole sentence."""
    assert _refusal(b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.") == (
        f"{PATH} holds posix.system at byte 17: not a History. Expected a pickled history.history "
        f"(a dict of lists of numbers) or a History object; {REMEDY}"
    )


_COMMAND = b"X\x04\x00\x00\x00true"
HOSTILE = {
    "REDUCE": b"cposix\nsystem\n(" + _COMMAND + b"tR.",
    "NEWOBJ": b"cposix\nsystem\n(" + _COMMAND + b"t\x81.",
    "GLOBAL and BUILD": b"cposix\nsystem\n}" + _COMMAND + b"Nsb.",
    "INST": b"(" + _COMMAND + b"iposix\nsystem\n.",
    "OBJ": b"(cposix\nsystem\n" + _COMMAND + b"o.",
    "in a column": b"}X\x04\x00\x00\x00loss](cposix\nsystem\n(" + _COMMAND + b"tRes.",
    "as a column": b"}X\x04\x00\x00\x00losscposix\nsystem\n(" + _COMMAND + b"tRs.",
    "as the history": b"}X\x07\x00\x00\x00historycposix\nsystem\n(" + _COMMAND + b"tRs.",
    "as a key": b"}cposix\nsystem\n(" + _COMMAND + b"tRNs.",
    "as a dtype": b"}X\x04\x00\x00\x00loss](cnumpy.core.multiarray\nscalar\n(cposix\nsystem\n)RX\x00\x00\x00\x00tRes.",
    "then truncated": b"cposix\nsystem\n(" + _COMMAND + b"tR",
    "then garbage": b"cposix\nsystem\n(" + _COMMAND + b"tR.garbage",
    "then a persistent id": b"cposix\nsystem\nPid\n.",
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_pickles_are_refused_by_name(content: bytes) -> None:
    """Wherever the foreign global is, the message names it with its byte."""
    assert f"holds posix.system at byte {content.index(b'posix') - 1}: not a History" in _refusal(content)


@pytest.mark.parametrize("way", ["REDUCE", "INST", "OBJ"])
def test_reading_runs_nothing(way: str, tmp_path: Path) -> None:
    """A command that unpickling would run leaves no trace."""
    marker = tmp_path / "marker"
    command = f"touch {marker}".encode()
    content = HOSTILE[way].replace(_COMMAND, b"X" + struct.pack("<I", len(command)) + command)
    assert "holds posix.system" in _refusal(content)
    assert not marker.exists()
    pickle.loads(content)
    assert marker.exists()


BROKEN = {
    "truncated": (pickle.dumps({"loss": [1.0]}, 3)[:-3], "is not a whole pickle: "),
    "trailing garbage": (pickle.dumps({"loss": [1.0]}, 3) + b"more", "4 bytes after the end of the pickle at byte "),
    "two pickles": (pickle.dumps({"loss": [1.0]}, 3) * 2, "bytes after the end of the pickle at byte "),
    "foreign then broken": (b"c__main__\nETL\n)\x81\n", "holds __main__.ETL at byte 0: not a History, nor a whole "),
    "doubled key": (b"})" + b"2\x86" * 60 + b"Ns.", "a tuple as a key at byte "),
}


@pytest.mark.parametrize(("content", "text"), BROKEN.values(), ids=BROKEN)
def test_broken_pickles_are_refused_with_their_position(content: bytes, text: str) -> None:
    """What is wrong with the bytes, where, and what to do instead."""
    message = _refusal(content)
    assert text in message
    assert message.endswith(REMEDY)


@given(_metrics(), st.sampled_from(PROTOCOLS), st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte_gives_a_reading_or_a_refusal(
    history: dict[str, list[float]], protocol: int, at: int, byte: int
) -> None:
    """Damage never surfaces as another kind of error."""
    content = bytearray(pickle.dumps({name: [np.float32(1), *column] for name, column in history.items()}, protocol))
    content[at % len(content)] = byte
    try:
        reading = _read(bytes(content))
    except ReadError as error:
        assert PATH in str(error)  # noqa: PT017
    else:
        assert len(reading.fits) == 1


@pytest.mark.parametrize("count", [0, 2])
def test_a_history_is_one_file(count: int) -> None:
    """Several files are several runs."""
    with pytest.raises(ReadError, match=f"a history is one file, but {count} were given"):
        HISTORY.read((Blob(PATH, pickle.dumps({"loss": [1.0]})),) * count)


@pytest.mark.parametrize(
    ("path", "head", "accepted"),
    [
        ("a/run.pkl", b"\x80\x04\x95", True),
        ("a/run.PICKLE", b"\x80\x03}q\x00", True),
        ("run.p", b"(dp1\nS'acc'\n", True),
        ("trainHistoryDict", b"\x80\x03}q\x00", True),
        ("history/run.bin", b"\x80\x03}q\x00", False),
        ("model.bin", b"\x80\x03}q\x00", False),
        ("history.csv", b"epoch,loss\n0,1\n", False),
        ("history.json", b'{"loss": [1]}', False),
        ("run.pkl", b"\x1f\x8b\x08", False),
    ],
)
def test_files_are_accepted_by_name_and_first_bytes(path: str, head: bytes, accepted: bool) -> None:
    """Both the name and the bytes have to look like a pickled history."""
    assert HISTORY.accepts(path, head) is accepted


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("make", [list, np.array], ids=["lists", "arrays"])
@pytest.mark.parametrize("name", ["a.hist", "a.dill", "a.bin", "a.data", "a.txt", "a"])
def test_a_history_is_known_by_its_content(name: str, make: type, protocol: int) -> None:
    """Whatever its name; a model that names a loss is none."""
    assert HISTORY.accepts(name, pickle.dumps({"loss": make([2.0, 1.0]), "acc": make([0.5, 1.0])}, protocol))
    assert not HISTORY.accepts(name, pickle.dumps({"loss": "hinge", "alpha": 0.1, "acc": 3}, protocol))


def test_metric_names_cannot_disturb_a_terminal() -> None:
    """Notes escape control characters and cut long names."""
    reading = _read(pickle.dumps({"loss": [1.0], "\x1b[2J" + "x" * 1000: []}))
    (note,) = reading.notes
    assert note.text.isprintable()
    assert len(note.text) < 400


def test_the_reader_is_immutable() -> None:
    """The one instance is shared, so nobody can change it."""
    assert (HISTORY.format, HISTORY.version) == ("history", 7)
    with pytest.raises(AttributeError):
        HISTORY.version = 2
