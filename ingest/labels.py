"""How sources are named in a store, each folder looked up once.

Resolving a path asks the disk for each of its parts, which took longer than reading the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kcb_replay.ingest.store import Store

__all__ = ["Labels"]


class Labels:
    """The labels of a store's sources, as `Store.label` gives them."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._prefixes: dict[Path, str] = {}
        self._labels: dict[Path, str] = {}

    def __call__(self, path: Path) -> str:
        """Return the label of a file."""
        if path not in self._labels:
            self._labels[path] = self._store.label(path) if _is_link(path) else self._in_folder(path)
        return self._labels[path]

    def _in_folder(self, path: Path) -> str:
        folder = path.parent
        if folder not in self._prefixes:
            name = self._store.label(folder)
            self._prefixes[folder] = "" if name == "." else name.rstrip("/") + "/"
        return self._prefixes[folder] + path.name


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:
        # Reading it will say why it cannot be read.
        return False
