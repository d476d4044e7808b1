"""Where a result may be written: nowhere in a store, and over no file but those that kcb-replay has written itself.

A log, a bucket of a store and somebody's own page are one slip of the keyboard away from `-o`. What was written here is
known by a mark in it; another file is replaced only where that is asked for with `--force`, a file that was read never.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay.errors import KcbReplayError
from kcb_replay.ingest.store.layout import STORE_FILE

if TYPE_CHECKING:
    from collections.abc import Iterable


GENERATOR, ROWS_MARK = "kcb-replay", "kcb-replay/sweep-rows/1"
# What stands in every file of a kind that was written here, within its first or its last bytes.
_MARKS = {
    ".html": b'<meta name="generator" content="kcb-replay ',
    ".htm": b'<meta name="generator" content="kcb-replay ',
    ".png": b"Software\0kcb-replay",
    ".svg": b"<dc:title>kcb-replay</dc:title>",
    ".pdf": b"/Creator (kcb-replay)",
    ".parquet": ROWS_MARK.encode(),
    ".csv": b'"run","fit","epochs","semantics",',
}
_LOOKED_AT = 1 << 14


def output_place(path: str | os.PathLike[str], *, force: bool = False, read: Iterable[str | Path] = ()) -> Path:
    """Return where the file `path` is to be written: a link stays, and what it leads to is written.

    Raises `KcbReplayError` where no file can be written or none should: in a store, over one of the files that were
    `read`, over a file that kcb-replay did not write, the last unless `force`.
    """
    path = Path(path)
    place = Path(os.path.realpath(path)) if path.is_symlink() else path
    _require_folder(place, place.parent)
    require_no_store(place.parent)
    if not place.exists():
        return place
    if not place.is_file():
        what = "a folder" if place.is_dir() else "no regular file"
        raise KcbReplayError(f"{path} is {what}. Give the name of the file to write.")
    if _is_ours(place):
        return place
    if any(place.samefile(each) for each in map(Path, read) if each.exists()):
        raise KcbReplayError(f"{path} is a log that is read: nothing is written over it. Choose another place.")
    if not force:
        raise KcbReplayError(
            f"{path} exists, and kcb-replay did not write it: it stays as it is. Choose another place, or replace it"
            " with --force (force=True)."
        )
    return place


def _require_folder(path: Path, folder: Path) -> None:
    if not folder.exists():
        raise KcbReplayError(f"{path} cannot be written: the folder {folder} does not exist. Make it first.")
    if not folder.is_dir():
        raise KcbReplayError(f"{path} cannot be written: {folder} is a file, not a folder. Choose another place.")
    if not os.access(folder, os.W_OK):
        raise KcbReplayError(f"{path} cannot be written: {folder} is closed to writing. Choose another place.")


def require_no_store(folder: Path) -> None:
    """Raise `KcbReplayError` for a folder that is a store or lies in one, where a file would be taken for its own."""
    real = Path(os.path.realpath(folder))
    store = next((each for each in (real, *real.parents) if (each / STORE_FILE).exists()), None)
    if store is not None:
        raise KcbReplayError(f"{store} is a store: nothing but runs is written there. Choose another place.")


def _is_ours(path: Path) -> bool:
    """Tell whether kcb-replay has written a file; an empty one belongs to nobody."""
    mark = _MARKS.get(path.suffix.lower())
    try:
        with path.open("rb") as file:
            head = file.read(_LOOKED_AT)
            file.seek(max(0, path.stat().st_size - _LOOKED_AT))
            tail = file.read(_LOOKED_AT)
    except OSError:
        return False
    return not head or (mark is not None and (mark in head or mark in tail))
