"""A snapshot of a store: for outside tools that must read while an ingest writes.

Some of them open a file twice, and a bucket that is replaced in between shows them two states. The files of a snapshot
are never replaced: they are hard links, which cost nothing, or copies where links do not exist.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from kcb_replay.errors import StoreError
from kcb_replay.ingest.discover import STORE_FILE

if TYPE_CHECKING:
    from pathlib import Path

    from kcb_replay.ingest.store import Store

__all__ = ["snapshot"]


def snapshot(store: Store, folder: Path) -> int:
    """Link every bucket of a store, whose locks are held, into `folder`; return the number of buckets."""
    _require_empty(store, folder)
    try:
        for part in (folder / "data", folder / ".tmp"):
            part.mkdir(parents=True, exist_ok=True)
        buckets = [path for number in range(store.layout().buckets) if (path := store.bucket_path(number)).exists()]
        for path in buckets:
            _link(path, folder / "data" / path.name)
        # Last, so that what is half made is no store. A copy: links would not survive a tool that edits in place.
        shutil.copyfile(store.path / STORE_FILE, folder / STORE_FILE)
    except OSError as error:
        raise StoreError(
            f"{folder} could not be written: {error.strerror or error}. Delete it and choose another folder."
        ) from None
    return len(buckets)


def _require_empty(store: Store, folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file. Name a new or an empty folder.")
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"{folder} is not empty. Name a new or an empty folder.")
    if folder.resolve().is_relative_to(store.path.resolve()):
        raise StoreError(f"{folder} lies in the store, where it would be read as part of it. Name another folder.")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
