"""Read pickled `history.history` dicts, whole `History` objects and what people make of them, without unpickling.

A pickle may stand behind the header of a `.npy` file or be compressed as joblib does. A metric that is shorter than the
others, or that holds something else than numbers, is left out and a note says so: it is never padded. Whatever is not a
History is refused by the name of the first foreign global in it.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import PurePath
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.pickles.interpret import Inert, InertPickleError, interpret_file, sniff_file
from kcb_replay.ingest.readers.base import Reading
from kcb_replay.ingest.readers.history_numbers import KNOWN, ColumnUnpacker, NotNumbersError, TooManyValuesError
from kcb_replay.ingest.readers.history_shapes import (
    RECONSTRUCTORS,
    NotAHistoryError,
    is_history,
    is_history_name,
    raw_fits,
)
from kcb_replay.ingest.recording import Fit, Note, Series
from kcb_replay.ingest.table import alignment_lost, names_of
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kcb_replay.ingest.readers.base import Blob, Reader
    from kcb_replay.ingest.readers.history_numbers import UnpackedColumn
    from kcb_replay.ingest.readers.history_shapes import RawFit
    from kcb_replay.ingest.recording import Integers

__all__ = ["HISTORY"]

_REMEDY = (
    "Expected a pickled history.history (a dict of lists of numbers) or a History object; "
    "save it with pickle.dump(history.history, file)."
)
_ENDINGS = (".pkl", ".pickle", ".p", ".joblib", ".npy")


class _HistoryReader:
    """Reader of Keras histories that were saved with pickle, joblib or np.save."""

    __slots__ = ()
    format = "history"
    rank = 20
    suffixes = ("", ".pkl", ".pickle", ".p", ".history", ".joblib", ".npy", ".gz", ".z", ".bz2", ".xz", ".lzma")
    version = 2

    def accepts(self, path: str, head: bytes) -> bool:
        """Tell whether the name suggests a history and the first bytes are those of a pickle."""
        name = PurePath(path).name.lower()
        return (name.endswith(_ENDINGS) or "history" in name) and sniff_file(head)

    def read(self, blobs: tuple[Blob, ...]) -> Reading:
        """Read one pickle, which is one fit or a list of folds; raises `ReadError`."""
        if len(blobs) != 1:
            paths = ", ".join(blob.path for blob in blobs) or "none"
            raise ReadError(f"a history is one file, but {len(blobs)} were given: {paths}. Read each as its own run.")
        path, inert = blobs[0].path, _opened(blobs[0])
        notes = list(_foreign_notes(inert, path))
        numbers = ColumnUnpacker()
        fits = [_fit(raw, n, numbers, inert, path, notes) for n, raw in enumerate(_raw_fits(inert, path))]
        return Reading(tuple(fits), tuple(notes))


HISTORY: Reader = _HistoryReader()


def _opened(blob: Blob) -> Inert:
    try:
        return interpret_file(blob.content)
    except InertPickleError as error:
        if foreign := _first_foreign(error.named):
            reason = f"holds {foreign}: not a History, nor a whole pickle ({error})"
        else:
            reason = f"is not a whole pickle: {error}"
        raise ReadError(f"{blob.path} {reason}. {_REMEDY}") from error


def _raw_fits(inert: Inert, path: str) -> list[RawFit]:
    try:
        return raw_fits(inert.value)
    except NotAHistoryError as error:
        if error.whole:
            raise ReadError(f"{path} holds a History whose history is {error}. {_REMEDY}") from None
        content = _first_foreign(inert.named) or error
        raise ReadError(f"{path} holds {content}: not a History. {_REMEDY}") from None


def _first_foreign(named: Mapping[str, int]) -> str:
    """Return the first global that no history needs, with its place, or an empty string."""
    return next((f"{name} at byte {at}" for name, at in named.items() if _is_foreign(name)), "")


def _is_foreign(name: str) -> bool:
    return name not in KNOWN and name not in RECONSTRUCTORS and not is_history_name(name)


def _foreign_notes(inert: Inert, path: str) -> tuple[Note, ...]:
    # A whole History names the classes of its model; a dict of numbers has no business with any other global.
    if is_history(inert.value) or not (foreign := _first_foreign(inert.named)):
        return ()
    text = f"names {foreign}, which was not imported or called: loading this file with pickle would do so"
    return (Note("foreign_global", text, path),)


def _fit(raw: RawFit, number: int, numbers: ColumnUnpacker, inert: Inert, path: str, notes: list[Note]) -> Fit:
    try:
        columns, strange = _columns(raw.columns, number, numbers, path)
    except TooManyValuesError as error:
        raise ReadError(f"{path} holds {error}. Split it, or log such streams with TensorBoard.") from None
    if raw.columns and not columns:
        raise ReadError(f"{path} holds {_first_foreign(inert.named) or strange[0].text}: not a History. {_REMEDY}")
    length = max(map(len, columns.values()), default=0)
    if not length:
        raise ReadError(f"{path} holds an empty history: no epochs. {_REMEDY}")
    epochs, odd = _epochs(raw.epoch, length, number, path)
    metrics, short = _aligned(columns, length, number, path)
    notes += [*strange, *short, *odd]
    return Fit(epochs, metrics)


def _columns(
    raw: Mapping[str, object], number: int, numbers: ColumnUnpacker, path: str
) -> tuple[dict[str, UnpackedColumn], list[Note]]:
    columns: dict[str, UnpackedColumn] = {}
    notes = []
    for name, column in raw.items():
        try:
            columns[name] = numbers.column(column)
        except NotNumbersError as error:
            text = f"{excerpt(name)} holds {error}, so it is left out"
            notes.append(Note("not_a_number", text, path, fit=number, metric=name))
    return columns, notes


def _aligned(
    columns: Mapping[str, UnpackedColumn], length: int, number: int, path: str
) -> tuple[dict[str, Series], list[Note]]:
    """Return the columns with one value per epoch; of shorter ones nobody knows which epochs they lack."""
    metrics: dict[str, Series] = {}
    notes = []
    names = names_of(columns)
    for tag, column in columns.items():
        if len(column) == length:
            metrics[names[tag]] = Series(column.values, column.valid, tag=tag, source=path)
        else:
            text = alignment_lost(tag, len(column), length)
            notes.append(Note("alignment_lost", text, path, fit=number, metric=names[tag]))
    return metrics, notes


def _epochs(epoch: object, length: int, number: int, path: str) -> tuple[Integers, tuple[Note, ...]]:
    """Return the epoch column of a History object where it fits, and otherwise epochs counted from 0."""
    counted = np.arange(length, dtype=np.int64)
    if epoch is None:
        return counted, ()
    if not isinstance(epoch, list) or not all(type(n) is int and abs(n) < 2**63 for n in epoch):
        odd = "is not a list of integers"
    elif len(epoch) != length:
        odd = f"has {len(epoch)} numbers for {length} epochs, so it is that of the last fit only"
    elif any(one >= two for one, two in pairwise(epoch)) or epoch[0] < 0:
        odd = "does not rise"
    else:
        return np.array(epoch, dtype=np.int64), ()
    text = f"the epoch column {odd}: epochs are counted from 0"
    return counted, (Note("epoch_column_unused", text, path, fit=number),)
