"""The readers there are, one a file: a further format is its file and its line here, or an entry point of a package.

An entry point of the group `kcb_replay.readers` names a reader (not its class). One that cannot be loaded, is no reader
or takes the name of another format is warned of and left out; it never keeps the others from working.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcb_replay.ingest.readers.base import Reader

__all__ = ["READERS", "reader_named"]

_ENTRY_POINTS = "kcb_replay.readers"
# The names of formats, which are those of their files and, in capitals, of their readers; the first takes a file.
_FORMATS = (
    "csvlogger",
    "history",
    "tensorboard",
    "lightning",
    "yolo",
    "fastai",
    "hf_trainer",
    "mlflow",
    "remote_monitor",
    "history_json",
    "npz",
    "metrics_table",
    "dataframe",
    "console",
)


def _plugin_readers(taken: Iterable[str]) -> tuple[Reader, ...]:
    """Return the readers that installed packages bring; `taken` are the names of formats that are given already."""
    formats = set(taken)
    readers = []
    for entry_point in sorted(entry_points(group=_ENTRY_POINTS), key=lambda each: each.name):
        try:
            reader = _loaded(entry_point, formats)
        except Exception as error:  # noqa: BLE001  # a plug-in may raise anything
            reason = excerpt(f"{type(error).__name__}: {error}")
            text = f"the reader {excerpt(entry_point.value)} is left out: {reason}. Update or uninstall its package."
            warnings.warn(text, RuntimeWarning, stacklevel=2)
            continue
        formats.add(reader.format)
        readers.append(reader)
    return tuple(readers)


def _loaded(entry_point: EntryPoint, taken: set[str]) -> Reader:
    reader: Reader = entry_point.load()
    if isinstance(reader, type) or not callable(reader.accepts) or not callable(reader.read):
        raise TypeError("it is no reader, which has the methods accepts and read")
    numbers, texts = (reader.rank, reader.version), (reader.format, *reader.suffixes)
    if not all(isinstance(n, int) for n in numbers) or not all(isinstance(text, str) for text in texts):
        raise TypeError("its rank and version must be integers, its format and suffixes texts")
    if reader.format in taken:
        raise ValueError(f"there is a format {reader.format!r} already")
    return reader


# Those of other packages come last: what is read today is read the same with them.
_OWN: tuple[Reader, ...] = tuple(getattr(import_module(f"{__name__}.{name}"), name.upper()) for name in _FORMATS)
READERS: tuple[Reader, ...] = (*_OWN, *_plugin_readers(_FORMATS))


def reader_named(name: str) -> Reader:
    """Return the reader of a format; raises `SettingError` with the formats there are."""
    for reader in READERS:
        if reader.format == name:
            return reader
    known = [reader.format for reader in READERS]
    raise SettingError(f"{name!r} is no known format.{did_you_mean(name, known)} Known: {', '.join(known)}.")
