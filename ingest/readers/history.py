"""Read pickled `history.history` dicts, whole `History` objects and what people make of them, without unpickling.

A pickle may stand behind the header of a `.npy` file or be compressed as joblib does. A metric that is shorter than the
others, or that holds something else than numbers, is left out and a note says so: it is never padded. Whatever is not a
History is refused by the name of the first foreign global in it.

Known shapes are a dict of lists, a whole History object, an array that holds one of these, dicts of a train and a val
part (lists, or a dict an epoch), lists or dicts of folds, and a DataFrame of pandas. A list of dicts of numbers is
none: its rows may be epochs or folds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.metric_names import ROLE_OF, name_in_role, names_of
from kcb_replay.ingest.pickles.inert import Inert, InertPickleError, Opaque
from kcb_replay.ingest.pickles.interpret import interpret_file, sniff_file
from kcb_replay.ingest.readers.base import LogReader
from kcb_replay.ingest.readers.history_numbers import (
    KNOWN,
    ColumnUnpacker,
    NotNumbersError,
    TooManyValuesError,
    UnpackedColumn,
    array_objects,
    is_array,
    what,
)
from kcb_replay.ingest.readers.pickled_frame import fits_of_data_frame, is_data_frame, is_of_pandas
from kcb_replay.ingest.readers.validation_freq import only_frequency, placed, spread, validated
from kcb_replay.ingest.recording import Fit, Integers, Series
from kcb_replay.ingest.table import Log, alignment_lost
from kcb_replay.text import counted, excerpt, is_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping


_ENDINGS = (".pkl", ".pickle", ".p", ".joblib", ".npy")
_RECONSTRUCTORS = frozenset(
    {"copyreg._reconstructor", "copy_reg._reconstructor", "builtins.object", "__builtin__.object"}
)
_MAPPINGS = frozenset({"collections.defaultdict", "collections.OrderedDict"})
_FACTORIES = frozenset({"builtins.list", "__builtin__.list"})
# A loss before a list or an array, as protocols 0 to 5 write it: the name of a file need not suggest a history then.
_CURVE = re.compile(
    rb"(?:loss|acc|accuracy)(?:\x94|q.|r.{4}|'?\r?\np\d+\r?\n)(?:\]|\(lp|h.|c(?:numpy|jax)|\x8c.(?:numpy|jax))",
    re.DOTALL,
)
_KERAS = frozenset({"keras", "tensorflow", "tensorflow_core", "tf_keras"})
_MAX_COLUMNS = 20_000
_LONGEST_NAME = 10_000
# What the parts of a training are called, and what their metrics then are.
_PARTS = {part: name_in_role("", ROLE_OF[part]) for part in ("train", "training", "val", "valid", "validation", "test")}


def _looks_like(path: str, head: bytes) -> bool:
    """Tell whether the first bytes are those of a pickle, and they or the name suggest a history."""
    name = PurePath(path).name.lower()
    named_so = name.endswith(_ENDINGS) or "history" in name
    # What is no pickle at all shows at once; to search a head takes a hundred times longer.
    return sniff_file(head) and (named_so or _CURVE.search(head) is not None)


def _fits_in(content: bytes, log: Log) -> list[Fit]:
    """Return the fits in one pickle, which is one fit or a list of folds."""
    inert = _interpreted(content, log)
    if is_data_frame(inert.value):
        _note_foreign({name: at for name, at in inert.named.items() if not is_of_pandas(name)}, log)
        return list(fits_of_data_frame(inert.value, log))
    raw_fits = _raw_fits_in(inert, log)
    # A whole History names the classes of its model; a dict of numbers has no business with any other global.
    if not _is_history(inert.value):
        _note_foreign(inert.named, log)
    if len(raw_fits) > 1:
        value = _plain(_in_array(inert.value))
        folds = [excerpt(str(name)) for name in (value if isinstance(value, dict) else range(1, len(raw_fits) + 1))]
        listed = ", ".join(folds[:5]) + (", ..." if len(folds) > 5 else "")
        log.note("folds", f"{log.path} holds {counted(len(folds), 'fold')} ({listed}): each is a fit of its own")
    numbers = ColumnUnpacker()
    return [_fit(raw, number, numbers, inert, log) for number, raw in enumerate(raw_fits)]


HISTORY = LogReader(
    format="history",
    what="a history",
    expected="Expected a pickled history.history (a dict of lists of numbers) or a History object; "
    "save it with pickle.dump(history.history, file).",
    rank=20,
    suffixes=("", ".pkl", ".pickle", ".p", ".history", ".joblib", ".npy", ".gz", ".z", ".bz2", ".xz", ".lzma"),
    version=7,
    looks_like=_looks_like,
    fits_in=_fits_in,
)


def _interpreted(content: bytes, log: Log) -> Inert:
    try:
        return interpret_file(content)
    except InertPickleError as error:
        if foreign := _first_foreign(error.named):
            raise log.refusal(f"holds {foreign}: not a History, nor a whole pickle ({error})") from error
        raise log.refusal(f"is not a whole pickle: {error}") from error


def _note_foreign(named: Mapping[str, int], log: Log) -> None:
    if foreign := _first_foreign(named):
        text = f"names {foreign}, which was not imported or called: loading this file with pickle would do so"
        log.note("foreign_global", text)


def _raw_fits_in(inert: Inert, log: Log) -> list[_RawFit]:
    try:
        return _raw_fits(inert.value)
    except _NotAHistoryError as error:
        if error.whole:
            raise log.refusal(f"holds a History whose history is {error}") from None
        raise log.refusal(f"holds {_first_foreign(inert.named) or error}: not a History") from None


def _first_foreign(named: Mapping[str, int]) -> str:
    """Return the first global that no history needs, with its place, or an empty string."""
    return next((f"{name} at byte {at}" for name, at in named.items() if _is_foreign(name)), "")


def _is_foreign(name: str) -> bool:
    return name not in KNOWN | _RECONSTRUCTORS | _MAPPINGS | _FACTORIES and not _is_history_name(name)


def _fit(raw: _RawFit, number: int, numbers: ColumnUnpacker, inert: Inert, log: Log) -> Fit:
    columns: dict[str, UnpackedColumn] = {}
    first_note = len(log.notes)
    for name, column in raw.columns.items():
        try:
            columns[name] = numbers.column(column)
        except NotNumbersError as error:
            log.note("not_a_number", f"{excerpt(name)} holds {error}, so it is left out", fit=number, metric=name)
        except TooManyValuesError as error:
            raise ReadError(f"{log.path} holds {error}. Split it, or log such streams with TensorBoard.") from None
    if raw.columns and not columns:
        raise log.refusal(f"holds {_first_foreign(inert.named) or log.notes[first_note].text}: not a History")
    length = max(map(len, columns.values()), default=0)
    if not length:
        raise log.refusal("holds an empty history: no epochs")
    epochs = _epochs(raw.epoch, length, number, log)
    return Fit(epochs, _aligned(columns, epochs, number, log))


def _aligned(columns: Mapping[str, UnpackedColumn], epochs: Integers, number: int, log: Log) -> dict[str, Series]:
    """Return the columns with one value per epoch; shorter ones where only one frequency of validation fits them."""
    length = len(epochs)
    metrics: dict[str, Series] = {}
    names = names_of(columns)
    for tag, column in columns.items():
        if len(column) == length:
            metrics[names[tag]] = Series(column.values, column.valid, tag=tag, source=log.path)
        elif frequency := only_frequency(names[tag], len(column), epochs):
            mask = validated(epochs, frequency)
            valid = spread(column.valid, mask) > 0
            metrics[names[tag]] = Series(spread(column.values, mask), valid, tag=tag, source=log.path)
            text = placed(tag, len(column), epochs, frequency)
            log.note("sampled", text, fit=number, metric=names[tag])
        else:
            log.note("alignment_lost", alignment_lost(tag, len(column), length), fit=number, metric=names[tag])
    return metrics


def _epochs(epoch: object, length: int, number: int, log: Log) -> Integers:
    """Return the epoch column of a History object where it fits, and otherwise epochs counted from 0."""
    if epoch is not None:
        if not isinstance(epoch, list) or not all(type(n) is int and abs(n) < 2**63 for n in epoch):
            odd = "is not a list of integers"
        elif len(epoch) != length:
            odd = f"has {len(epoch)} numbers for {length} epochs, so it is that of the last fit only"
        elif any(one >= two for one, two in pairwise(epoch)) or epoch[0] < 0:
            odd = "does not rise"
        else:
            return np.array(epoch, dtype=np.int64)
        log.note("epoch_column_unused", f"the epoch column {odd}: epochs are counted from 0", fit=number)
    return np.arange(length, dtype=np.int64)


class _NotAHistoryError(Exception):
    """A value is of none of these shapes; `whole` where it is a History object nevertheless."""

    def __init__(self, reason: str, *, whole: bool = False) -> None:
        super().__init__(reason)
        self.whole = whole


@dataclass(frozen=True, slots=True)
class _RawFit:
    """The columns of a fit as they stand in the file and, from a History object, its epoch column."""

    columns: Mapping[str, object]
    epoch: object = None


def _raw_fits(value: object) -> list[_RawFit]:
    """Return the fits in a value; raises `_NotAHistoryError`."""
    value = _plain(_in_array(value))
    folds = _folds(value)
    fits: list[_RawFit] = []
    columns = 0
    for fold in folds or (value,):
        fits.append(_raw_fit(fold))
        columns += len(fits[-1].columns)
        # One dict can be mentioned as a million folds.
        if columns > _MAX_COLUMNS:
            raise _NotAHistoryError(f"more than {_MAX_COLUMNS} columns")
    return fits


def _is_history(value: object) -> bool:
    """Tell whether a value is a whole History object of any Keras."""
    return _is_history_name(_class_name(value))


def _is_history_name(name: str) -> bool:
    """Tell whether a global is Keras's History."""
    return name.endswith(".History") and name.split(".", 1)[0] in _KERAS


def _class_name(value: object) -> str:
    """Return the class of an instance; protocols 0 and 1 wrap it in `copyreg._reconstructor(cls, object, None)`."""
    match value:
        case Opaque(name=name, args=(Opaque(name=cls), *_)) if name in _RECONSTRUCTORS:
            return cls
        case Opaque(name=name, args=tuple()):
            return name
    return ""


def _in_array(value: object) -> object:
    """Return what an array of objects holds: `np.save` makes one of a dict."""
    match array_objects(value):
        case ((), [inner]):
            return inner
        case ((int(),), list() as elements):
            return elements
    return value


def _plain(value: object) -> object:
    """Return a mapping of the standard library as a dict, and anything else as it is."""
    match value:
        case Opaque(name=name, args=tuple(), items=items) if name in _MAPPINGS and len(items) <= _MAX_COLUMNS:
            pairs = [pair for pair in items if isinstance(pair, tuple) and len(pair) == 2]
            return dict(pairs) if pairs and len(pairs) == len(items) else value
    return value


def _size(value: object) -> int:
    """Return how many items a mapping has, before one is made of it: one can be mentioned as a million folds."""
    return len(value.items) if isinstance(value, Opaque) else len(value) if isinstance(value, dict) else 0


def _folds(value: object) -> list[object]:
    """Return the folds in a list of them, or in a dict that names them; nothing for any other value."""
    if isinstance(value, dict) and value and not all(isinstance(key, str) and key in _PARTS for key in value):
        value = list(value.values())
    if not isinstance(value, list | tuple) or len(value) > _MAX_COLUMNS:
        return []
    folds = [_in_array(fold) for fold in value]
    if sum(map(_size, folds)) > _MAX_COLUMNS:
        return []
    folds = [_plain(fold) for fold in folds]
    are_folds = (_is_history(fold) or (isinstance(fold, dict) and fold and not _oddity(fold)) for fold in folds)
    return folds if all(are_folds) else []


def _raw_fit(value: object) -> _RawFit:
    whole, epoch = _is_history(value), None
    if whole and isinstance(value, Opaque):
        state = value.state if isinstance(value.state, dict) else {}
        value, epoch = _plain(state.get("history")), state.get("epoch")
    if isinstance(value, dict) and len(value) > _MAX_COLUMNS:
        raise _NotAHistoryError(f"a dict of more than {_MAX_COLUMNS} names", whole=whole)
    if isinstance(value, dict) and value and value.keys() <= _PARTS.keys() and (joined := _joined(value)):
        return _RawFit(joined)
    odd = _oddity(value)
    if not isinstance(value, dict) or odd:
        raise _NotAHistoryError(odd, whole=whole)
    return _RawFit(value, epoch)


def _joined(parts: Mapping[str, object]) -> dict[str, object]:
    """Return the columns of the parts of a training, nothing where a part is of another shape."""
    joined: dict[str, object] = {}
    for part, value in parts.items():
        columns = _by_epoch(value) if isinstance(value, list | tuple) else value
        if not isinstance(columns, dict) or not columns or _oddity(columns):
            return {}
        named = {_PARTS[part] + name: column for name, column in columns.items()}
        if not joined.keys().isdisjoint(named):
            return {}
        joined |= named
    return joined


def _by_epoch(rows: list[object] | tuple[object, ...]) -> dict[object, object] | None:
    """Turn a dict of numbers for every epoch into columns; what an epoch lacks is missing there."""
    names: dict[object, None] = {}
    for row in rows:
        if not isinstance(row, dict) or any(isinstance(value, list | tuple | dict) for value in row.values()):
            return None
        names.update(dict.fromkeys(row))
    if len(names) * len(rows) > 5 * sum(len(row) for row in rows if isinstance(row, dict)):
        return None
    return {name: [row.get(name) for row in rows if isinstance(row, dict)] for name in names}


def _oddity(value: object) -> str:
    """Return what keeps a value from being a dict of columns, or an empty string."""
    if not isinstance(value, dict):
        return what(value)
    for key, column in value.items():
        if not isinstance(key, str):
            return f"a dict with {what(key)} as a key"
        if len(key) > _LONGEST_NAME:
            return f"a dict with a key of {len(key)} characters"
        if not is_unicode(key):
            return f"a dict with the key '{excerpt(key)}', which is not valid Unicode"
        if not isinstance(column, list | tuple) and not is_array(column):
            return f"a dict whose {excerpt(key)} is {what(column)}"
    return ""
