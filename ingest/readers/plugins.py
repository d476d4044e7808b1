"""Readers of other packages, found by the entry points of the group `kcb_replay.readers`.

An entry point names a reader (not its class). One that cannot be loaded, is no reader or takes the name of another
format is warned of and left out; it never keeps the others from working.
"""

from __future__ import annotations

import warnings
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from importlib.metadata import EntryPoint

    from kcb_replay.ingest.readers.base import Reader

__all__ = ["GROUP", "plugin_readers"]

GROUP = "kcb_replay.readers"


def plugin_readers(taken: Iterable[str]) -> tuple[Reader, ...]:
    """Return the readers that installed packages bring; `taken` are the names of formats that are given already."""
    formats = set(taken)
    readers = []
    for entry_point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
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
