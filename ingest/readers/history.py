"""Read pickled `history.history` dicts and whole pickled `History` objects, without unpickling.

Numbers may be Python's or numpy's; a metric is a list, a tuple or a one-dimensional array. A metric that is shorter
than the others, or that holds something else than numbers, is left out and a note says so: it is never padded.
Whatever is not a History is refused by the name of the first foreign global in it.
"""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.inert_pickle import Inert, InertPickleError, Opaque, interpret, sniff
from kcb_replay.ingest.readers.base import Reading
from kcb_replay.ingest.recording import Fit, Note, Series

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.ingest.readers.base import Blob, Reader
    from kcb_replay.ingest.recording import Integers

__all__ = ["HISTORY"]

_Column: TypeAlias = "list[float | None]"

_REMEDY = (
    "Expected a pickled history.history (a dict of lists of numbers) or a History object; "
    "save it with pickle.dump(history.history, file)."
)
_SCALARS = frozenset({"numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"})
_ARRAYS = frozenset({"numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct"})
_BUFFERS = frozenset({"numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer"})
_EMPTY_BYTES = frozenset({"builtins.bytes", "__builtin__.bytes"})
_RECONSTRUCTORS = frozenset({"copyreg._reconstructor", "copy_reg._reconstructor"})
_PLAIN = frozenset({"numpy.dtype", "numpy.ndarray", "_codecs.encode", "builtins.object", "__builtin__.object"})
_KNOWN = _SCALARS | _ARRAYS | _BUFFERS | _EMPTY_BYTES | _RECONSTRUCTORS | _PLAIN
_KERAS = frozenset({"keras", "tensorflow", "tensorflow_core", "tf_keras"})
_NUMBER_CODES = frozenset({"b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"})
_BYTE_ORDERS = frozenset({"<", ">", "|"})
_LONGEST_NAME = 200


class _NotNumbersError(Exception):
    """A column holds something else than numbers; the message says what."""


class _HistoryReader:
    """Reader of Keras histories that were saved with pickle."""

    __slots__ = ()
    format = "history"
    rank = 20
    suffixes = ("", ".pkl", ".pickle", ".p", ".history")
    version = 1

    def accepts(self, path: str, head: bytes) -> bool:
        """Tell whether the name suggests a history and the first bytes are those of a pickle."""
        name = PurePath(path).name.lower()
        return (name.endswith((".pkl", ".pickle", ".p")) or "history" in name) and sniff(head)

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Read one pickle as one fit; raises `ReadError`."""
        if len(blobs) != 1:
            paths = ", ".join(blob.path for blob in blobs) or "none"
            raise ReadError(f"a history is one file, but {len(blobs)} were given: {paths}. Read each as its own run.")
        path, inert = blobs[0].path, _opened(blobs[0])
        history, epoch = _history(inert, path)
        columns, strange = _columns(history, path)
        if history and not columns:
            raise ReadError(f"{path} holds {_first_foreign(inert.named) or strange[0].text}: not a History. {_REMEDY}")
        length = max(map(len, columns.values()), default=0)
        if not length:
            raise ReadError(f"{path} holds an empty history: no epochs. {_REMEDY}")
        epochs, odd = _epochs(epoch, length, path)
        metrics, short = _aligned(columns, length, path)
        return Reading((Fit(epochs, metrics),), (*_foreign_notes(inert, path), *strange, *short, *odd))


HISTORY: Reader = _HistoryReader()


def _opened(blob: Blob) -> Inert:
    try:
        return interpret(blob.content)
    except InertPickleError as error:
        if foreign := _first_foreign(error.named):
            found = f"holds {foreign}: not a History, nor a whole pickle ({error})"
        else:
            found = f"is not a whole pickle: {error}"
        raise ReadError(f"{blob.path} {found}. {_REMEDY}") from error


def _history(inert: Inert, path: str) -> tuple[dict[str, object], object]:
    """Return the dict of columns and, from a whole History object, its epoch column."""
    value, epoch = inert.value, None
    whole = _is_history(_class_name(value))
    if whole and isinstance(value, Opaque):
        state = value.state if isinstance(value.state, dict) else {}
        value, epoch = state.get("history"), state.get("epoch")
    odd = _oddity(value)
    if isinstance(value, dict) and not odd:
        return value, epoch
    if whole:
        raise ReadError(f"{path} holds a History whose history is {odd}. {_REMEDY}")
    raise ReadError(f"{path} holds {_first_foreign(inert.named) or odd}: not a History. {_REMEDY}")


def _class_name(value: object) -> str:
    """Return the class of an instance; protocols 0 and 1 wrap it in `copyreg._reconstructor(cls, object, None)`."""
    match value:
        case Opaque(name=name, args=(Opaque(name=cls), *_)) if name in _RECONSTRUCTORS:
            return cls
        case Opaque(name=name, args=tuple()):
            return name
    return ""


def _is_history(name: str) -> bool:
    return name.endswith(".History") and name.split(".", 1)[0] in _KERAS


def _first_foreign(named: Mapping[str, int]) -> str:
    """Return the first global that no history needs, with its place, or an empty string."""
    return next((f"{name} at byte {at}" for name, at in named.items() if _is_foreign(name)), "")


def _is_foreign(name: str) -> bool:
    return name not in _KNOWN and not _is_history(name)


def _foreign_notes(inert: Inert, path: str) -> tuple[Note, ...]:
    # A whole History names the classes of its model; a dict of numbers has no business with any other global.
    if _is_history(_class_name(inert.value)) or not (foreign := _first_foreign(inert.named)):
        return ()
    text = f"names {foreign}, which was not imported or called: loading this file with pickle would do so"
    return (Note("foreign_global", text, path),)


def _oddity(value: object) -> str:
    """Return what keeps a value from being a dict of columns, or an empty string."""
    if not isinstance(value, dict):
        return _what(value)
    for key, column in value.items():
        if not isinstance(key, str):
            return f"a dict with {_what(key)} as a key"
        if any("\ud800" <= character <= "\udfff" for character in key):
            return f"a dict with the key {_shown(key)}, which is not valid Unicode"
        if not isinstance(column, list | tuple) and not _is_array(column):
            return f"a dict whose {_shown(key)} is {_what(column)}"
    return ""


def _what(value: object) -> str:
    if isinstance(value, Opaque):
        return f"{value.name} at byte {value.at}"
    return "None" if value is None else f"{'an' if isinstance(value, int) else 'a'} {type(value).__name__}"


def _shown(name: str) -> str:
    # Notes and errors end on terminals; a name that would disturb them is escaped and cut.
    return name if name.isprintable() and len(name) <= _LONGEST_NAME else repr(name[:_LONGEST_NAME])


def _columns(history: Mapping[str, object], path: str) -> tuple[dict[str, _Column], list[Note]]:
    columns: dict[str, _Column] = {}
    notes = []
    for name, raw in history.items():
        try:
            columns[name] = _column(raw)
        except _NotNumbersError as error:
            notes.append(
                Note("not_a_number", f"{_shown(name)} holds {error}, so it is left out", path, fit=0, metric=name)
            )
    return columns, notes


def _column(raw: object) -> _Column:
    items = _array(raw) if isinstance(raw, Opaque) else raw
    return [_number(item) for item in items] if isinstance(items, list | tuple) else []


def _number(item: object) -> float | None:
    if item is None or type(item) is float:
        return item
    value = _scalar(item) if isinstance(item, Opaque) else item
    if not isinstance(value, int | float):
        raise _NotNumbersError(f"{_what(item)}, which is no number")
    number = float(value)
    if isinstance(value, int) and number != value:
        raise _NotNumbersError("an integer that no 64-bit float equals")
    return number


def _scalar(item: Opaque) -> object:
    match item:
        case Opaque(name=name, args=(dtype, raw)) if name in _SCALARS:
            values = _unpacked(dtype, raw)
            return values[0] if len(values) == 1 else None
    return None


def _is_array(value: object) -> bool:
    return isinstance(value, Opaque) and value.args is not None and value.name in _ARRAYS | _BUFFERS


def _array(value: Opaque) -> Sequence[object]:
    match value:
        case Opaque(name=name, state=(_, shape, dtype, _, raw)) if name in _ARRAYS:
            values = _unpacked(dtype, raw)
        case Opaque(name=name, args=(raw, dtype, shape, *_)) if name in _BUFFERS:
            values = _unpacked(dtype, raw)
        case _:
            raise _NotNumbersError(f"an array of unknown layout at byte {value.at}")
    if shape != (len(values),):
        raise _NotNumbersError(f"an array at byte {value.at} that is not one-dimensional")
    return values


def _unpacked(dtype: object, raw: object) -> list[object]:
    """Return the numbers that numpy packed into bytes, exactly, as Python's int, bool or float."""
    match dtype:
        case Opaque(name="numpy.dtype", args=(str() as code, *_), state=(_, str() as order, *_)):
            packed = _packed(raw)
            if code in _NUMBER_CODES and order in _BYTE_ORDERS and packed is not None:
                kind: np.dtype[np.generic] = np.dtype(order + code)
                if len(packed) % kind.itemsize == 0:
                    return list(np.frombuffer(packed, kind).tolist())
    raise _NotNumbersError("numpy values that are not plain numbers")


def _packed(raw: object) -> bytes | None:
    """Return bytes, which protocols up to 2 write as text: Python 3 with a call to encode it, Python 2 without."""
    match raw:
        case bytes() | bytearray():
            return bytes(raw)
        case Opaque(name="_codecs.encode", args=(str() as text, "latin1")) | (str() as text):
            return text.encode("latin-1") if all(character <= "\xff" for character in text) else None
        case Opaque(name=name, args=()) if name in _EMPTY_BYTES:
            return b""
    return None


def _aligned(columns: Mapping[str, _Column], length: int, path: str) -> tuple[dict[str, Series], list[Note]]:
    """Return the columns with one value per epoch; of shorter ones nobody knows which epochs they lack."""
    metrics: dict[str, Series] = {}
    notes = []
    for name, column in columns.items():
        if len(column) == length:
            values = np.array([0.0 if value is None else value for value in column], dtype=np.float64)
            valid = np.array([value is not None for value in column], dtype=np.bool_)
            metrics[name] = Series(values, valid, tag=name, source=path)
        else:
            text = (
                f"{_shown(name)} has {len(column)} values for {length} epochs: "
                "which epochs they belong to is not recorded, so it is left out"
            )
            notes.append(Note("alignment_lost", text, path, fit=0, metric=name))
    return metrics, notes


def _epochs(epoch: object, length: int, path: str) -> tuple[Integers, tuple[Note, ...]]:
    """Return the epoch column of a History object where it fits, and otherwise epochs counted from 0."""
    counted = np.arange(length, dtype=np.int64)
    if epoch is None:
        return counted, ()
    if not isinstance(epoch, list) or not all(type(n) is int and abs(n) < 2**63 for n in epoch):
        odd = "is not a list of integers"
    elif len(epoch) != length:
        odd = f"has {len(epoch)} numbers for {length} epochs, so it is that of the last fit only"
    else:
        return np.array(epoch, dtype=np.int64), ()
    return counted, (Note("epoch_column_unused", f"the epoch column {odd}: epochs are counted from 0", path, fit=0),)
