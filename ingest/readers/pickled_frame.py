"""The columns of a pickled DataFrame, as pandas 1.3 to 3 write it: blocks of numbers, their names, and the index.

Nothing of pandas is imported or called. What is no plain number is left out by name; a frame whose index is neither
that of its rows nor one of numbers with a name is refused, for its rows may stand in any order.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from kcb_replay.ingest.frames import Cell, Frame, are_columns_of_epochs, fits_of
from kcb_replay.ingest.pickles.inert import Opaque
from kcb_replay.ingest.readers.history_numbers import (
    ColumnUnpacker,
    NotNumbersError,
    TooManyValuesError,
    array_objects,
    bytes_of,
    what,
)
from kcb_replay.text import excerpt, is_unicode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Fit, Floats
    from kcb_replay.ingest.table import Log

_FRAMES = frozenset({"pandas.DataFrame", "pandas.core.frame.DataFrame"})
_MANAGERS = frozenset({"pandas.core.internals.managers.BlockManager", "pandas._libs.internals.BlockManager"})
_BLOCK = "pandas._libs.internals._unpickle_block"
_INDEX = "pandas.core.indexes.base._new_Index"
_RANGES = frozenset({"pandas.RangeIndex", "pandas.core.indexes.range.RangeIndex"})
_SLICES = frozenset({"builtins.slice", "__builtin__.slice"})
_BYTEARRAYS = frozenset({"builtins.bytearray", "__builtin__.bytearray"})
_MAX_COLUMNS = 20_000
_MAX_ROWS = 4_000_000
_LONGEST_NAME = 10_000
_REMEDY = "save it with to_csv or to_parquet"


class _NotPlainError(Exception):
    """A part of a DataFrame is of no layout that is known; the message says which."""


def is_data_frame(value: object) -> TypeGuard[Opaque]:
    """Tell whether a value is a DataFrame of pandas."""
    return isinstance(value, Opaque) and value.name in _FRAMES


def is_of_pandas(name: str) -> bool:
    """Tell whether a global belongs to a DataFrame."""
    return name.startswith(("pandas.", "pyarrow.lib.")) or name in _SLICES or name in _BYTEARRAYS


def fits_of_data_frame(frame: Opaque, log: Log) -> tuple[Fit, ...]:
    """Return the fits of a DataFrame, a row an epoch; raises the refusal of the log."""
    try:
        names, columns = _named_columns(frame, log)
    except (_NotPlainError, NotNumbersError, TooManyValuesError) as error:
        raise log.refusal(f"holds a pandas DataFrame with {error} ({_REMEDY})") from None
    if not columns:
        raise log.refusal(f"holds a pandas DataFrame without a column of plain numbers ({_REMEDY})", why=True)
    if not are_columns_of_epochs(names):
        raise log.refusal("holds a pandas DataFrame that has no columns of a training")
    rows: list[Sequence[Cell]] = [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    fits = fits_of([Frame(tuple(names), rows, list(range(1, len(rows) + 1)))] if rows else [], log)
    for number, fit in enumerate(fits):
        for name, series in fit.metrics.items():
            trained = fit.metrics.get("loss")
            lacking = np.isnan(series.values) & series.valid
            if trained is not None and name.startswith("val_") and (lacking & ~np.isnan(trained.values)).any():
                text = (
                    f"{excerpt(series.tag)} is NaN in epochs in which loss has numbers: a float column of pandas holds"
                    " a missing value and NaN alike, and it is read as NaN"
                )
                log.note("sampled", text, fit=number, metric=name)
    return fits


def _named_columns(frame: Opaque, log: Log) -> tuple[list[str], list[Floats]]:
    match frame.state:
        case {"_mgr": Opaque(name=name, args=(tuple() as blocks, [tags, index]))} if name in _MANAGERS:
            pass
        case _:
            raise _NotPlainError("blocks as only pandas before 1.3 or after 3 wrote them")
    names = _texts(tags)
    if len(names) > _MAX_COLUMNS:
        raise _NotPlainError(f"more than {_MAX_COLUMNS} columns")
    if len(set(names)) < len(names):
        raise _NotPlainError("two columns of one name")
    numbers = ColumnUnpacker()
    at: dict[int, Floats] = {}
    for block in blocks:
        _place(block, names, numbers, at, log)
    if not at:
        return [], []
    length = max(map(len, at.values()))
    label, rows = _index(index, length, numbers)
    if any(len(column) != length for column in [*at.values(), rows]):
        raise _NotPlainError("columns of different lengths")
    kept = sorted(at)
    return [label, *(names[place] for place in kept)], [rows, *(at[place] for place in kept)]


def _place(block: object, names: Sequence[str], numbers: ColumnUnpacker, at: dict[int, Floats], log: Log) -> None:
    """Put the columns of a block in their places; one of something else than numbers is left out by name."""
    match block:
        case Opaque(name=name, args=(values, placement, 2)) if name == _BLOCK:
            places = _places(placement, len(names), numbers)
        case _:
            raise _NotPlainError("a block of unknown layout")
    try:
        rows = numbers.rows(values)
    except NotNumbersError as error:
        for place in places:
            text = f"{excerpt(names[place])} holds {error}, so it is left out"
            log.note("not_a_number", text, metric=names[place])
        return
    if len(rows) != len(places) or not at.keys().isdisjoint(places):
        raise _NotPlainError("a block that is not that of its columns")
    at.update(zip(places, rows, strict=True))


def _places(placement: object, count: int, numbers: ColumnUnpacker) -> list[int]:
    match placement:
        case Opaque(name=name, args=(int() as start, int() as stop, int() as step)) if name in _SLICES:
            if not (0 <= start <= stop <= count + step and 0 < step <= count):
                raise _NotPlainError("a block outside of its columns")
            places = list(range(start, stop, step))
        case _:
            places = [int(place) if place == place // 1 else -1 for place in numbers.column(placement).values.tolist()]
    if not all(0 <= place < count for place in places) or len(set(places)) < len(places):
        raise _NotPlainError("a block outside of its columns")
    return places


def _index(index: object, length: int, numbers: ColumnUnpacker) -> tuple[str, Floats]:
    """Return the name and the numbers of an index."""
    match index:
        case Opaque(
            name=name,
            args=(
                Opaque(name=kind),
                {"name": label, "start": int() as start, "stop": int() as stop, "step": int() as step},
            ),
        ) if name == _INDEX and kind in _RANGES and step:
            counted = range(start, stop, step)
            if max(abs(start), abs(stop)) > _MAX_ROWS or len(counted) > length:
                raise _NotPlainError("an index of another length")
            rows = np.array(counted, np.float64)
        case Opaque(name=name, args=(Opaque(), {"data": data, "name": label})) if name == _INDEX:
            rows = numbers.column(data).values
        case _:
            raise _NotPlainError("an index of something else than numbers")
    if isinstance(label, str) and label.strip() and len(label) <= _LONGEST_NAME:
        return label, rows
    # Rows in another order than that of their numbers were sorted by a metric perhaps.
    if label is not None or rows.tolist() not in (list(range(length)), list(range(1, length + 1))):
        raise _NotPlainError("an index that is not that of its rows in their order (reset_index makes one)")
    return "", rows


def _texts(index: object) -> list[str]:
    """Return the names of columns."""
    match index:
        case Opaque(name=name, args=(Opaque(), {"data": data})) if name == _INDEX:
            tags = _objects(data)
        case _:
            raise _NotPlainError("columns without plain names")
    for tag in tags:
        if not isinstance(tag, str) or len(tag) > _LONGEST_NAME or not is_unicode(tag):
            raise _NotPlainError(f"{what(tag)} as the name of a column")
    return [str(tag) for tag in tags]


def _objects(data: object) -> Sequence[object]:
    """Return the texts in an array of objects, or in one of those that pandas 3 makes of it."""
    match data:
        case Opaque(args=(Opaque(name="pandas.arrays.StringArray"), *_), state=(_, array)):
            data = array
        case Opaque(name="pandas.arrays.ArrowStringArray", state={"_pa_array": Opaque(args=(array,))}):
            return _arrow_texts(array)
    match array_objects(data):
        case ((int() as count,), elements) if count == len(elements):
            return elements
    raise _NotPlainError("columns without plain names")


def _arrow_texts(array: object) -> list[str]:
    """Return the texts of an Arrow array without a missing one: the offsets of its texts, and all of them as bytes."""
    match array:
        case (
            Opaque(args=("large_string" | "string" as kind,)),
            int() as count,
            0,
            0,
            [
                None,
                Opaque(name="pyarrow.lib.py_buffer", args=(packed,)),
                Opaque(name="pyarrow.lib.py_buffer", args=(raw,)),
            ],
            *_,
        ):
            offsets, texts = bytes_of(packed), bytes_of(raw)
        case _:
            raise _NotPlainError("columns without plain names")
    width = np.dtype("<i8" if kind == "large_string" else "<i4")
    if (
        offsets is None
        or texts is None
        or not 0 <= count <= _MAX_COLUMNS
        or len(offsets) < (count + 1) * width.itemsize
    ):
        raise _NotPlainError("columns without plain names")
    ends = np.frombuffer(offsets, width, count + 1).tolist()
    if ends != sorted(ends) or ends[0] < 0 or ends[-1] > len(texts):
        raise _NotPlainError("columns without plain names")
    try:
        return [bytes(texts[one:two]).decode() for one, two in pairwise(ends)]
    except UnicodeDecodeError:
        raise _NotPlainError("columns without plain names") from None
