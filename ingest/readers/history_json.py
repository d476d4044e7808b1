"""Read a History that was written as text: JSON of any shape, JSON lines, or the `repr` of a dict.

`history_shapes` says which shapes there are. A list that is shorter than the others is left out, for nobody knows which
epochs it lacks. Objects without a loss or an accuracy are not taken: lists of numbers stand in many files.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.metric_names import names_of
from kcb_replay.ingest.readers.base import LogReader
from kcb_replay.ingest.readers.history_shapes import NotAShapeError, ShapedFit, shaped_fits
from kcb_replay.ingest.readers.literals import LiteralError, literal
from kcb_replay.ingest.readers.texts import cell, decoded, parsed
from kcb_replay.ingest.readers.validation_freq import only_frequency, placed, validated
from kcb_replay.ingest.recording import Fit, Integers, Series
from kcb_replay.ingest.table import MAX_STEP, Log, alignment_lost, epoch_notes, exact, series
from kcb_replay.text import counted, excerpt

_NUMBER = r"""["']?(?:-?\d|-?\.\d|NaN|nan|-?inf|-?Infinity|null|None|np\.|numpy\.)"""
_NAME = r"""["'](?:[^"'\\\n]*[_/ .-])?(?:loss|acc|accuracy)["']"""
_FIRST = re.compile(
    rb"""(?:\xef\xbb\xbf)?\s*(?:"\{\s*'|[\[{]\s*["'{\[]|(?:collections\.)?(?:defaultdict|OrderedDict)\()"""
)
_CURVE = re.compile(
    rf"""(?i:{_NAME})\s*[:,]\s*(?:(?:np\.|numpy\.)?array\(\s*)?(?:\[\s*{_NUMBER}|\{{\s*["']?[01]["']?\s*:\s*{_NUMBER})""".encode()
)
# What RemoteMonitor sends.
_EPOCH_FIRST = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"epoch"\s*:\s*\d')
_CELL = re.compile(rf"(?i:{_NAME})\s*:\s*{_NUMBER}".encode())
_SPLIT = re.compile(rb'"columns"\s*:\s*\[[^\]]*(?:loss|acc|accuracy)"')
# Lines that count something else than epochs.
_OTHERS = re.compile(rb"""["'](?:iter|iteration|step|global_step|mode)["']\s*:""")
_LONGEST_REPR = 16 * 1024 * 1024
_LONGEST_CELL = 64


def _looks_like(_: str, head: bytes) -> bool:
    """Tell whether the first bytes are of values by name, one of them a loss or an accuracy by epoch."""
    if _FIRST.match(head) is None:
        return False
    if _CURVE.search(head) or _SPLIT.search(head):
        return True
    if _EPOCH_FIRST.match(head):
        return False
    # One value of a metric is the result of an evaluation; two are epochs.
    metrics = Counter(match[0].split(b":")[0] for match in _CELL.finditer(head))
    return max(metrics.values(), default=0) > 1 and _OTHERS.search(head) is None


def _fits_in(content: bytes, log: Log) -> list[Fit]:
    try:
        shaped = shaped_fits(_document(decoded(content, log), log))
    except NotAShapeError as error:
        raise log.refusal(f"holds {error}") from None
    if len(shaped) > 1 or shaped[0].fold:
        folds = ", ".join(excerpt(fit.fold) for fit in shaped[:5]) + (", ..." if len(shaped) > 5 else "")
        log.note("folds", f"{log.path} holds {counted(len(shaped), 'fold')} ({folds}): each is a fit of its own")
    return [fit_of(one, number, log) for number, one in enumerate(shaped)]


HISTORY_JSON = LogReader(
    format="history_json",
    what="a History in JSON",
    expected="Expected the JSON of history.history, an object of lists of numbers, or an object an epoch.",
    rank=20,
    suffixes=("", ".json", ".history"),
    version=3,
    looks_like=_looks_like,
    fits_in=_fits_in,
)


def _document(text: str, log: Log) -> object:
    """Return the value of a text that is JSON, JSON lines, or a literal of Python."""
    try:
        value = parsed(text, log)
    except ReadError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") and line.rstrip().endswith("}") for line in lines):
            return [parsed(line, Log(f"line {n} of {log.path}", log.expected)) for n, line in enumerate(lines, start=1)]
        if "'" not in text[:1000]:
            raise error from None
        return _literal(text, log)
    # What was a text already when it was written.
    return _literal(value, log) if isinstance(value, str) else value


def _literal(text: str, log: Log) -> object:
    if len(text) > _LONGEST_REPR:
        raise log.refusal(f"has {len(text)} characters, more than the {_LONGEST_REPR} of a literal that are read")
    try:
        return literal(text)
    except LiteralError as error:
        raise log.refusal(f"is neither JSON nor a literal of Python: {excerpt(str(error))}") from None


def fit_of(shaped: ShapedFit, number: int, log: Log) -> Fit:
    """Return the columns of a shape as a fit; raises the refusal of the log."""
    for name, why in shaped.left_out.items():
        log.note("not_a_number", f"{excerpt(name)} holds {excerpt(why)}, so it is left out", fit=number, metric=name)
    columns: dict[str, list[float | None]] = {}
    for name, column in shaped.columns.items():
        try:
            columns[name] = [None if value is None else _number(value) for value in column]
        except ValueError as error:
            log.note("not_a_number", f"{excerpt(name)} holds {error}, so it is left out", fit=number, metric=name)
    # A list of something else may be longer; of the loss there is one value an epoch.
    length = len(columns.get("loss", ())) or max(map(len, columns.values()), default=0)
    if not length:
        raise log.refusal(
            "holds an empty history: no epochs" if not log.notes else "holds no list of numbers", why=True
        )
    return _fit(columns, length, shaped.epoch, number, log)


def _fit(columns: dict[str, list[float | None]], length: int, epoch: object, number: int, log: Log) -> Fit:
    epochs = _epochs(epoch, length, number, log)
    names = names_of(columns)
    metrics: dict[str, Series] = {}
    for tag, column in columns.items():
        if frequency := only_frequency(names[tag], len(column), epochs):
            at_epochs = epochs[validated(epochs, frequency)]
            values = {int(at): value for at, value in zip(at_epochs, column, strict=True) if value is not None}
            metrics[names[tag]] = series(values, epochs, tag, log.path)
            text = placed(tag, len(column), epochs, frequency)
            log.note("sampled", text, fit=number, metric=names[tag])
        elif len(column) != length:
            log.note("alignment_lost", alignment_lost(tag, len(column), length), fit=number, metric=names[tag])
        else:
            values = {int(at): value for at, value in zip(epochs, column, strict=True) if value is not None}
            metrics[names[tag]] = series(values, epochs, tag, log.path)
    log.notes += epoch_notes(epochs, number, log.path)
    return Fit(epochs, metrics)


def _epochs(column: object, length: int, number: int, log: Log) -> Integers:
    """Return the epochs of a fit, counted from 0; without a column that tells them, they are those of a new fit."""
    counted_so = np.arange(length, dtype=np.int64)
    if column is None:
        return counted_so
    epochs = _rising(column)
    if epochs is None or len(epochs) != length:
        text = f"the epoch column is not {counted(length, 'integer')} that rise: epochs are counted from 0"
        log.note("epoch_column_unused", text, fit=number)
        return counted_so
    if epochs[0] == 1:
        text = (
            f"the epochs of {log.path} begin with 1: they are assumed to count from 1;"
            " if the training was resumed after its first epoch, every epoch is one later"
        )
        log.note("counts_from_1", text, fit=number)
        epochs = [epoch - 1 for epoch in epochs]
    return np.array(epochs, np.int64)


def _rising(column: object) -> list[int] | None:
    if not isinstance(column, list):
        return None
    try:
        numbers = [_number(value) for value in column]
    except ValueError:
        return None
    if not all(value.is_integer() and 0 <= value < MAX_STEP for value in numbers):
        return None
    return [int(value) for value in numbers] if all(one < two for one, two in pairwise(numbers)) else None


def _number(value: object) -> float:
    """Return a number, which may stand as a text; raises `ValueError`."""
    if not isinstance(value, str):
        return exact(value)
    try:
        number = cell(value.strip()) if len(value) <= _LONGEST_CELL else None
    except ValueError:
        number = None
    if number is None:
        raise ValueError(f"the text {excerpt(value)!r}, which is no number")
    return number
