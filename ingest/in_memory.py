"""What people hold in memory as recordings: a History, lists by metric, rows, a DataFrame, an Arrow table.

Everything is recognised by what it can do; nothing of Keras, pandas or Polars is imported. Where the container can
tell, null is a missing value and NaN a number; a float column of pandas cannot, and what is taken there is said.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from kcb_replay.errors import SettingError
from kcb_replay.ingest.epoch_count import assumed_from_1
from kcb_replay.ingest.metric_names import ROLE_OF, name_in_role, names_of
from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Fit, Integers, Recording, Series
from kcb_replay.ingest.table import MAX_STEP, Log, alignment_lost, epoch_notes, exact, series_of
from kcb_replay.text import counted, excerpt

_EXPECTED = "Expected numbers by metric, one an epoch, for example {'loss': [0.9, 0.7], 'val_loss': [0.8, 0.9]}."
# What `vars(history)` holds beside the values.
_OF_HISTORY = {"history", "epoch", "params", "model", "_model", "validation_data"}
_MOST_NAMED = 8
_KEYS = ("run", "fit", "epoch")


@dataclass(frozen=True, slots=True)
class _Columns:
    """The columns of an object, the epochs that a History has beside them, and whether NaN may be no value there."""

    by_name: Mapping[str, Sequence[object]]
    epoch: Sequence[object] | None = None
    doubtful: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Stated:
    """What the caller says of a training: the 0-based number of its first epoch, and its learning rate or rates."""

    initial_epoch: int | None = None
    learning_rate: object = None


def is_training(value: object) -> bool:
    """Tell whether an object is one training, or a table of them: a History, columns, rows or a table."""
    if isinstance(value, Mapping):
        return _is_of_columns(value) or _inner_history(value) is not None or _are_parts(value)
    return _is_history(value) or _is_pandas(value) or _is_arrow(value) or _are_rows(value)


def recordings_of_object(value: object, name: str, stated: Stated) -> list[Recording]:
    """Return the recordings in an object for which `is_training` holds: several where a column says which `run`.

    Raises `ReadError` where it holds no numbers by epoch.
    """
    log = Log(f"the {_kind(value)}", _EXPECTED)
    columns = _columns_of(value, log)
    keys = {key.lower(): key for key in reversed([*columns.by_name]) if key.lower() in _KEYS}
    metrics = {tag: column for tag, column in columns.by_name.items() if tag not in keys.values()}
    numbers = _numbers(metrics, log)
    length = max([*map(len, numbers.values()), *(len(columns.by_name[key]) for key in keys.values())], default=0)
    whole = {}
    for tag, column in numbers.items():
        if len(column) == length:
            whole[tag] = column
        else:
            log.note("alignment_lost", alignment_lost(tag, len(column), length), metric=tag)
    if not whole:
        raise log.refusal("holds no metric with a number for each epoch", why=True)
    labels = {kind: columns.by_name[key] for kind, key in keys.items()}
    if "epoch" not in labels and columns.epoch is not None:
        labels["epoch"] = _epochs_of_history(columns.epoch, length, log)
    runs: dict[object, list[int]] = {}
    for place, run in enumerate(labels.get("run", [None] * length)):
        runs.setdefault(run, []).append(place)
    return [
        _recording(name if run is None else str(run), rows, whole, labels, columns.doubtful, log, stated)
        for run, rows in runs.items()
    ]


def recording_of_history(history: object, name: str, initial_epoch: int | None, learning_rate: object) -> Recording:
    """Return the one recording in an object; see `Recording.from_history`."""
    if not is_training(history):
        raise SettingError(f"A {type(history).__name__} is no history. {_EXPECTED}")
    recordings = recordings_of_object(history, name, Stated(initial_epoch, learning_rate))
    if len(recordings) > 1:
        raise SettingError(
            f"{', '.join(each.name for each in recordings[:8])} are several runs. Give kcb.simulate the whole table."
        )
    return recordings[0]


def _recording(
    name: str,
    rows: Sequence[int],
    columns: Mapping[str, Sequence[float | None]],
    labels: Mapping[str, Sequence[object]],
    doubtful: frozenset[str],
    shared: Log,
    stated: Stated,
) -> Recording:
    log = Log(shared.path, shared.expected, [*shared.notes])
    fits = []
    groups = _fits_of(rows, labels, log)
    if stated.initial_epoch is not None and len(groups) > 1:
        raise SettingError(f"initial_epoch is for one fit, but {log.path} holds {len(groups)}.")
    counts_from_1 = stated.initial_epoch is None and "epoch" in labels and min(group[0][1] for group in groups) == 1
    if counts_from_1:
        log.notes.append(assumed_from_1(log.path))
    for number, group in enumerate(groups):
        epochs = np.array([epoch for _, epoch in group], np.int64) - counts_from_1
        if stated.initial_epoch is not None:
            epochs += stated.initial_epoch - epochs[0]
        places = [place for place, _ in group]
        fit_columns = {tag: [column[place] for place in places] for tag, column in columns.items()}
        fits.append(_fit(epochs, fit_columns, number, doubtful, log, stated))
    if not any(fit.metrics for fit in fits):
        raise log.refusal("holds no value", why=True)
    return Recording(name, (), tuple(fits), tuple(log.notes))


def _fit(
    epochs: Integers,
    columns: Mapping[str, Sequence[float | None]],
    number: int,
    doubtful: frozenset[str],
    log: Log,
    stated: Stated,
) -> Fit:
    metrics = {}
    for tag, name in names_of(columns).items():
        values = columns[tag]
        if any(value is not None for value in values):
            metrics[name] = series_of(values, tag, log.path)
            if tag in doubtful:
                _doubt_nan(metrics[name], columns.get(name.removeprefix("val_")) or columns.get("loss"), number, log)
    if stated.learning_rate is not None:
        if recorded := [key for key in LEARNING_RATE_KEYS if key in metrics]:
            raise SettingError(f"learning_rate is given, but {log.path} records {recorded[0]}. Leave it out.")
        rate = stated.learning_rate
        rates = list(rate) if isinstance(rate, (list, tuple, np.ndarray)) else [rate] * len(epochs)
        if len(rates) != len(epochs):
            raise SettingError(f"learning_rate has {counted(len(rates), 'value')} for {len(epochs)} epochs.")
        given = [_number(each) for each in rates]
        metrics[LEARNING_RATE_KEYS[0]] = series_of(given, LEARNING_RATE_KEYS[0], log.path)
    log.notes += epoch_notes(epochs, number, log.path)
    return Fit(epochs, metrics)


def _doubt_nan(series: Series, trained: Sequence[float | None] | None, number: int, log: Log) -> None:
    """Say where a NaN of the validation may be a missing value: its training went on with numbers."""
    if trained is None or not series.tag.startswith("val_"):
        return
    places = np.flatnonzero(np.isnan(series.values)).tolist()
    count = sum((value := trained[place]) is not None and value == value for place in places)  # noqa: PLR0124  # not NaN
    if count:
        text = (
            f"{excerpt(series.tag)} of {log.path} is NaN in {counted(count, 'epoch')} of fit {number} in which the"
            " training has numbers: a float column of pandas holds a missing value and NaN alike, and it is read as"
            " NaN; if there was no validation then, give frame.convert_dtypes(), where it is missing"
        )
        log.note("sampled", text, fit=number, metric=series.tag)


def _fits_of(rows: Sequence[int], labels: Mapping[str, Sequence[object]], log: Log) -> list[list[tuple[int, int]]]:
    """Return the fits as rows with their epochs: by the column that says it, and where epochs do not rise."""
    by_label: dict[object, list[tuple[int, int]]] = {}
    for place in rows:
        group = by_label.setdefault(labels["fit"][place] if "fit" in labels else None, [])
        group.append((place, _epoch(labels["epoch"][place], place, log) if "epoch" in labels else len(group)))
    fits: list[list[tuple[int, int]]] = []
    for group in by_label.values():
        if len({epoch for _, epoch in group}) == len(group):
            # Rows in the order of another column are still those of one fit.
            fits.append(sorted(group, key=lambda row: row[1]))
            continue
        last = MAX_STEP
        for place, epoch in group:
            if epoch <= last:
                fits.append([])
            fits[-1].append((place, epoch))
            last = epoch
    return fits


def _epoch(value: object, place: int, log: Log) -> int:
    try:
        number = _number(value)
    except ValueError:
        number = None
    if number is None or not 0 <= number < MAX_STEP or number != int(number):
        raise log.refusal(f"has {excerpt(repr(value))} as the epoch of row {place + 1}, not a whole number from 0 on")
    return int(number)


def _epochs_of_history(epoch: Sequence[object], length: int, log: Log) -> Sequence[object]:
    """Return the epochs of a History; one that went through several fits has those of the last only."""
    if len(epoch) == length:
        return epoch
    text = (
        f"the epochs of {log.path} are {len(epoch)} for {length} values of its metrics, as where one History goes"
        f" through several fits: the first {length - len(epoch)} are counted from 0, as of one fit"
    )
    log.note("sampled", text)
    return [*range(max(0, length - len(epoch))), *epoch][:length]


def _numbers(columns: Mapping[str, Sequence[object]], log: Log) -> dict[str, list[float | None]]:
    """Return the columns that hold numbers; the others are left out by name."""
    numbers = {}
    for tag, column in columns.items():
        try:
            numbers[tag] = [_number(each) for each in column]
        except ValueError as error:
            log.note("not_a_number", f"{excerpt(tag)} holds {excerpt(str(error))}, so it is left out", metric=tag)
    return numbers


def _number(value: object) -> float | None:
    """Return a number of Python, NumPy or a tensor without a dimension; None for what says that there is none."""
    if value is None or type(value) is float:
        return value
    if type(value).__name__ in ("NAType", "MaskedConstant"):
        return None
    if isinstance(value, (bool, np.bool_)):
        return float(value)
    if isinstance(value, (str, bytes, Mapping)):
        raise ValueError(f"{value!r}, which is no number")  # noqa: TRY004  # a fact of the column
    if isinstance(value, np.integer):
        return exact(int(value))
    if isinstance(value, (int, float)):
        return exact(value)
    try:
        return float(value)  # type: ignore[arg-type]  # whatever has no __float__ is refused
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"a {type(value).__name__}, which is no number") from None


def _columns_of(value: object, log: Log) -> _Columns:
    if _is_pandas(value):
        return _of_pandas(value)
    if _is_arrow(value):
        return _of_arrow(value)
    if _is_history(value):
        history: Any = value
        return _Columns(_lists(history.history), _listed(history.epoch))
    if not isinstance(value, Mapping):
        rows: Any = value
        names = dict.fromkeys(str(name) for row in rows for name in row)
        return _Columns({name: [row.get(name) for row in rows] for name in names})
    inner = _inner_history(value)
    if inner is not None:
        return _Columns(_lists(inner), _listed(value["epoch"]) if value.get("epoch") else None)
    if not _are_parts(value):
        return _Columns(_lists(value))
    joined: dict[str, Sequence[object]] = {}
    for part, columns in value.items():
        named = {name_in_role(tag, ROLE_OF[part.lower()]): column for tag, column in _lists(columns).items()}
        if repeated := joined.keys() & named.keys():
            raise log.refusal(f"holds {excerpt(min(repeated))} twice")
        joined |= named
    return _Columns(joined)


def _lists(columns: Mapping[object, object]) -> dict[str, Sequence[object]]:
    """Return columns as lists; what stands beside them is a column of one, and left out by its length or its text."""
    return {str(tag): _listed(column) if _is_column(column) else [column] for tag, column in columns.items()}


def _listed(column: Any) -> Sequence[object]:
    """Return a list, an array, a tensor or a Series as a list, whose numbers equal those that are in it."""
    if isinstance(column, (list, tuple, range)):
        return column
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(column, method):
            return list(getattr(column, method)())
    return list(np.asarray(column).tolist())


def _of_pandas(frame: Any) -> _Columns:
    named = [level for level in frame.index.names if isinstance(level, str) and level.lower() in _KEYS]
    frame = frame.reset_index(level=named) if named else frame
    names = ["_".join(map(str, name)) if isinstance(name, tuple) else str(name) for name in frame.columns]
    series = {name: frame.iloc[:, place] for place, name in enumerate(names)}
    doubtful = frozenset(name for name, each in series.items() if isinstance(each.dtype, np.dtype))
    columns = {name: _listed(each) for name, each in series.items()}
    # An index that was written and read back.
    index = [name for name in names if name.startswith("Unnamed: ") and columns[name] == list(range(len(frame)))]
    return _Columns({name: column for name, column in columns.items() if name not in index}, None, doubtful)


def _of_arrow(table: Any) -> _Columns:
    if hasattr(table, "__arrow_c_stream__"):
        # `pa.table` would import pandas.
        arrow = pa.RecordBatchReader.from_stream(table).read_all()
    else:
        arrow = table.to_arrow()
    return _Columns({name: arrow.column(place).to_pylist() for place, name in enumerate(arrow.column_names)})


def _is_history(value: object) -> bool:
    return isinstance(getattr(value, "history", None), Mapping) and isinstance(getattr(value, "epoch", None), list)


def _is_pandas(value: object) -> bool:
    return all(hasattr(value, name) for name in ("iloc", "columns", "dtypes", "reset_index"))


def _is_arrow(value: object) -> bool:
    is_table = hasattr(value, "columns") or hasattr(value, "column_names") or hasattr(value, "schema")
    return is_table and (hasattr(value, "__arrow_c_stream__") or hasattr(value, "to_arrow"))


def _are_rows(value: object) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(isinstance(row, Mapping) and len(row) > 0 and all(map(_is_cell, row.values())) for row in value)
    )


def _is_cell(value: object) -> bool:
    return value is None or isinstance(value, (str, bytes, int, float, np.generic)) or getattr(value, "ndim", None) == 0


def _is_column(value: object) -> bool:
    """Tell whether a value is a list, an array or a Series of cells."""
    if isinstance(value, (list, tuple, range)):
        return not value or _is_cell(next((each for each in value if each is not None), None))
    if isinstance(value, (str, bytes, Mapping)) or _is_pandas(value) or hasattr(value, "schema"):
        return False
    return getattr(value, "ndim", 1) == 1 and any(
        hasattr(value, each) for each in ("tolist", "to_list", "to_pylist", "__array__")
    )


def _is_of_columns(value: Mapping[Any, object]) -> bool:
    """Tell whether a mapping has columns, and beside them no more than numbers and texts."""
    columns = list(map(_is_column, value.values()))
    return any(columns) and all(column or _is_cell(each) for column, each in zip(columns, value.values(), strict=True))


def _inner_history(value: Mapping[Any, object]) -> Mapping[Any, object] | None:
    """Return what `vars(history)` holds as its history, None for another mapping."""
    inner = value.get("history")
    is_inner = isinstance(inner, Mapping) and _is_of_columns(inner) and value.keys() <= _OF_HISTORY
    return inner if is_inner and isinstance(inner, Mapping) else None


def _are_parts(value: Mapping[Any, object]) -> bool:
    """Tell whether a mapping holds the columns of the training and of the validation apart."""
    return bool(value) and all(
        isinstance(part, str) and part.lower() in ROLE_OF and isinstance(each, Mapping) and _is_of_columns(each)
        for part, each in value.items()
    )


def _kind(value: object) -> str:
    return "list of rows" if isinstance(value, (list, tuple)) else type(value).__name__
