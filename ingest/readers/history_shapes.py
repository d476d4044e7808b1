"""The shapes in which people save a History, as columns by name: one dict of raw columns a fit.

Known are a dict of lists, a whole History object, an array that holds one of these, dicts of a train and a val part
(lists, or a dict an epoch) and lists of folds. A list of dicts of numbers is none: its rows may be epochs or folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.ingest.pickles.inert import Opaque
from kcb_replay.ingest.readers.history_numbers import array_objects, is_array, what
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["RECONSTRUCTORS", "NotAHistoryError", "RawFit", "is_history", "is_history_name", "raw_fits"]

RECONSTRUCTORS = frozenset(
    {"copyreg._reconstructor", "copy_reg._reconstructor", "builtins.object", "__builtin__.object"}
)
_KERAS = frozenset({"keras", "tensorflow", "tensorflow_core", "tf_keras"})
_MAX_COLUMNS = 20_000
_LONGEST_NAME = 10_000
# What the parts of a training are called, and what their metrics then are.
_PARTS = {"train": "", "training": "", "val": "val_", "valid": "val_", "validation": "val_", "test": "test_"}


class NotAHistoryError(Exception):
    """A value is of none of these shapes; `whole` where it is a History object nevertheless."""

    def __init__(self, reason: str, *, whole: bool = False) -> None:
        super().__init__(reason)
        self.whole = whole


@dataclass(frozen=True, slots=True)
class RawFit:
    """The columns of a fit as they stand in the file and, from a History object, its epoch column."""

    columns: Mapping[str, object]
    epoch: object = None


def raw_fits(value: object) -> list[RawFit]:
    """Return the fits in a value; raises `NotAHistoryError`."""
    value = _in_array(value)
    folds = _folds(value)
    fits: list[RawFit] = []
    columns = 0
    for fold in folds or (value,):
        fits.append(_raw_fit(fold))
        columns += len(fits[-1].columns)
        # One dict can be mentioned as a million folds.
        if columns > _MAX_COLUMNS:
            raise NotAHistoryError(f"more than {_MAX_COLUMNS} columns")
    return fits


def is_history(value: object) -> bool:
    """Tell whether a value is a whole History object of any Keras."""
    return is_history_name(_class_name(value))


def is_history_name(name: str) -> bool:
    """Tell whether a global is Keras's History."""
    return name.endswith(".History") and name.split(".", 1)[0] in _KERAS


def _class_name(value: object) -> str:
    """Return the class of an instance; protocols 0 and 1 wrap it in `copyreg._reconstructor(cls, object, None)`."""
    match value:
        case Opaque(name=name, args=(Opaque(name=cls), *_)) if name in RECONSTRUCTORS:
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


def _folds(value: object) -> list[object]:
    """Return the folds in a list of them, nothing for any other value."""
    if not isinstance(value, list | tuple) or len(value) > _MAX_COLUMNS:
        return []
    folds = [_in_array(fold) for fold in value]
    if sum(len(fold) for fold in folds if isinstance(fold, dict)) > _MAX_COLUMNS:
        return []
    are_folds = (is_history(fold) or (isinstance(fold, dict) and fold and not _oddity(fold)) for fold in folds)
    return folds if all(are_folds) else []


def _raw_fit(value: object) -> RawFit:
    whole, epoch = is_history(value), None
    if whole and isinstance(value, Opaque):
        state = value.state if isinstance(value.state, dict) else {}
        value, epoch = state.get("history"), state.get("epoch")
    if isinstance(value, dict) and len(value) > _MAX_COLUMNS:
        raise NotAHistoryError(f"a dict of more than {_MAX_COLUMNS} names", whole=whole)
    if isinstance(value, dict) and value and value.keys() <= _PARTS.keys() and (joined := _joined(value)):
        return RawFit(joined)
    odd = _oddity(value)
    if not isinstance(value, dict) or odd:
        raise NotAHistoryError(odd, whole=whole)
    return RawFit(value, epoch)


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
        try:
            key.encode()
        except UnicodeEncodeError:
            return f"a dict with the key '{excerpt(key)}', which is not valid Unicode"
        if not isinstance(column, list | tuple) and not is_array(column):
            return f"a dict whose {excerpt(key)} is {what(column)}"
    return ""
