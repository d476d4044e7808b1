"""How sources are named in a store, each folder looked up once.

Resolving a path asks the disk for each of its parts, which took longer than reading the files.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from kcb_replay.ingest.store import Store

__all__ = ["Labels"]


class Labels:
    """The labels of a store's sources, as `Store.label` gives them."""

    def __init__(self, store: Store) -> None:
        self._beginning = _as_folder(str(store.path.resolve().parent))
        self._folders: dict[Path, str] = {}
        self._labels: dict[Path, str] = {}

    def __call__(self, path: Path) -> str:
        """Return the label of a file."""
        if path not in self._labels:
            self._labels[path] = self._real(path).removeprefix(self._beginning).replace(os.sep, "/")
        return self._labels[path]

    def _real(self, path: Path) -> str:
        """Return a path without links, asking the disk about its last part alone where its folder is known."""
        if path.name in ("", "..") or _is_link(path):
            return os.path.realpath(path)
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = _as_folder(self._real(folder))
        return self._folders[folder] + path.name


def _as_folder(path: str) -> str:
    return path.rstrip(os.sep) + os.sep


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:
        # Reading it will say why it cannot be read.
        return False
