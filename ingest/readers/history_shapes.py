"""The shapes in which people write a History down, as plain dicts and lists: which columns of which fits they hold.

Lists by name, alone, under `history`, or under `train` and `val`; an object an epoch, in a list or counted by its keys;
what pandas writes; folds by number or by name. What is no curve is left out by name; what is of no such shape is
refused with the reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kcb_replay.ingest.metric_names import ROLE_OF, name_in_role
from kcb_replay.text import is_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


# The columns of all folds, and the cells of all columns, which a record that holds few of them makes many.
_MAX_COLUMNS = 20_000
_MAX_CELLS = 4_000_000
_LONGEST_NAME = 10_000
_PANDAS_SPLIT = frozenset({"columns", "data"})
_INTEGER = re.compile(r"\d{1,9}")
_EPOCH = "epoch"


class NotAShapeError(Exception):
    """A value is of no shape that is known; the message goes on after "holds"."""


@dataclass(frozen=True, slots=True)
class ShapedFit:
    """The columns of a fit by name, its epoch column where it has one, what was left out, and the name of its fold."""

    columns: Mapping[str, Sequence[object]]
    epoch: object = None
    left_out: Mapping[str, str] = field(default_factory=dict)
    fold: str = ""


def shaped_fits(value: object) -> tuple[ShapedFit, ...]:
    """Return the fits in a value; raises `NotAShapeError`."""
    try:
        return _shaped_fits(value)
    except RecursionError:
        raise NotAShapeError("objects inside each other, too deep") from None


def _shaped_fits(value: object) -> tuple[ShapedFit, ...]:
    if isinstance(value, dict) and (folds := _folds_by_name(value)):
        fits = folds
    elif isinstance(value, list) and value and all(_is_columns(fold) for fold in value):
        fits = tuple((str(number), fold) for number, fold in enumerate(value, start=1))
    else:
        return (_fit(value),)
    if sum(len(fold) for _, fold in fits if isinstance(fold, dict)) > _MAX_COLUMNS:
        raise NotAShapeError(f"more than {_MAX_COLUMNS} columns")
    return tuple(_fit(fold, name) for name, fold in fits)


def _folds_by_name(value: dict[object, object]) -> tuple[tuple[str, object], ...]:
    if not value or "history" in value or _is_parts(value) or not all(map(_is_columns, value.values())):
        return ()
    # Objects that count their rows are columns of a data frame.
    if all(isinstance(column, dict) and _counted(column) for column in value.values()):
        return ()
    return tuple((str(name), fold) for name, fold in value.items())


def _is_columns(value: object) -> bool:
    """Tell whether a value is a dict of lists of numbers, alone or under `history`."""
    if not isinstance(value, dict):
        return False
    inner = value.get("history", value)
    return isinstance(inner, dict) and any(isinstance(name, str) and _is_curve(c) for name, c in inner.items())


def _is_curve(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and not isinstance(value[0], list | tuple | dict)


def _is_parts(value: dict[object, object]) -> bool:
    return all(isinstance(name, str) and name.lower() in ROLE_OF for name in value)


def _fit(value: object, fold: str = "") -> ShapedFit:
    if isinstance(value, list):
        return _of_records(value, fold)
    if not isinstance(value, dict):
        raise NotAShapeError(f"a {type(value).__name__}")
    if isinstance(value.get("history"), dict):
        inner = _fit(value["history"], fold)
        return ShapedFit(inner.columns, value.get(_EPOCH, inner.epoch), inner.left_out, fold)
    if isinstance(value.get("schema"), dict) and isinstance(value.get("data"), list):
        return _of_records([_without_index(row) for row in value["data"]], fold)
    if value.keys() >= _PANDAS_SPLIT and isinstance(value["data"], list) and isinstance(value["columns"], list):
        names = [str(name) for name in value["columns"]]
        if any(not isinstance(row, list) or len(row) != len(names) for row in value["data"]):
            raise NotAShapeError("rows that do not fit their columns")
        return _of_records([dict(zip(names, row, strict=True)) for row in value["data"]], fold)
    if value and _is_parts(value) and all(isinstance(part, list | dict) and part for part in value.values()):
        return _of_parts(value, fold)
    if (rows := _counted(value)) and all(isinstance(row, dict) for row in rows):
        return _of_records(rows, fold)
    return _of_columns(value, fold)


def _without_index(row: object) -> object:
    return {name: value for name, value in row.items() if name != "index"} if isinstance(row, dict) else row


def _counted(value: Mapping[object, object]) -> list[object]:
    """Return the values of a dict whose keys count from 0 or 1, nothing for any other."""
    if not all(isinstance(key, int) or (isinstance(key, str) and _INTEGER.fullmatch(key)) for key in value):
        return []
    counts = [int(key) for key in value if isinstance(key, int | str)]
    return list(value.values()) if counts and counts == list(range(counts[0], counts[0] + len(counts))) else []


def _of_parts(value: dict[object, object], fold: str) -> ShapedFit:
    columns: dict[str, Sequence[object]] = {}
    left_out: dict[str, str] = {}
    epoch = None
    for part, inner in value.items():
        fit = _fit(inner)
        # `{"val": {"val_loss": ...}}` is named already.
        prefix = name_in_role("", ROLE_OF[str(part).lower()])
        named = {prefix + name.removeprefix(prefix): column for name, column in fit.columns.items()}
        if not columns.keys().isdisjoint(named):
            raise NotAShapeError(f"{', '.join(columns.keys() & named.keys())} in two parts")
        columns |= named
        left_out |= {f"{part}/{name}": why for name, why in fit.left_out.items()}
        epoch = fit.epoch if epoch is None else epoch
    return ShapedFit(columns, epoch, left_out, fold)


def _of_columns(value: dict[object, object], fold: str) -> ShapedFit:
    columns: dict[str, Sequence[object]] = {}
    left_out: dict[str, str] = {}
    for name, column in value.items():
        rows = _counted(column) if isinstance(column, dict) else column
        _require_name(name)
        if isinstance(rows, list) and (rows or not isinstance(column, dict)):
            columns[str(name)] = rows
        else:
            left_out[str(name)] = f"a {type(column).__name__}, which is no list"
    if len(columns) > _MAX_COLUMNS:
        raise NotAShapeError(f"more than {_MAX_COLUMNS} columns")
    epoch = columns.pop(_EPOCH, None) if len(columns) > 1 else None
    return ShapedFit(columns, epoch, left_out, fold)


def _of_records(rows: list[object], fold: str) -> ShapedFit:
    if not rows or not all(isinstance(row, dict) for row in rows):
        what = "rows without the names of their columns" if rows and isinstance(rows[0], list) else "a list"
        raise NotAShapeError(f"{what}, not an object an epoch")
    records = [row for row in rows if isinstance(row, dict)]
    names = list(dict.fromkeys(name for row in records for name in row))
    for name in names:
        _require_name(name)
    if len(names) * len(records) > _MAX_CELLS:
        raise NotAShapeError(f"more than {_MAX_CELLS} cells")
    columns = {str(name): [row.get(name) for row in records] for name in names}
    return ShapedFit(columns, columns.pop(_EPOCH, None), {}, fold)


def _require_name(name: object) -> None:
    if not isinstance(name, str):
        raise NotAShapeError(f"{name!r:.40} as the name of a metric")
    if len(name) > _LONGEST_NAME:
        raise NotAShapeError(f"a name of {len(name)} characters")
    if not is_unicode(name):
        raise NotAShapeError("a name that is not valid Unicode")
