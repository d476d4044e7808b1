"""Write a file so that nobody ever sees half of it: beside its place first, then renamed.

Refuses nothing by itself; a folder that is missing or closed becomes an error that says what to do.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay.errors import KcbReplayError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["require_place", "write_whole"]


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a temporary file in the folder of `path`, then put it in place in one step.

    The temporary file has the suffix of `path`. Raises `KcbReplayError` when the folder does not exist or cannot be
    written; whatever `write` raises passes through. No temporary file is left behind in either case.
    """
    require_place(path)
    try:
        temporary = _temporary_beside(path)
        try:
            write(temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise KcbReplayError(f"{path} cannot be written: {reason}. Choose another place, or free this one.") from error


def require_place(path: Path) -> None:
    """Raise `KcbReplayError` where no file can be written to `path`: asked before the work, not only behind it."""
    folder = path.parent
    if not folder.exists():
        raise KcbReplayError(f"{path} cannot be written: the folder {folder} does not exist. Make it first.")
    if not folder.is_dir():
        raise KcbReplayError(f"{path} cannot be written: {folder} is a file, not a folder. Choose another place.")
    if path.is_dir():
        raise KcbReplayError(f"{path} is a folder. Give the name of the file to write in it.")
    if not os.access(folder, os.W_OK):
        raise KcbReplayError(f"{path} cannot be written: {folder} is closed to writing. Choose another place.")


def _temporary_beside(path: Path) -> Path:
    handle, name = tempfile.mkstemp(prefix=".kcb-", suffix=path.suffix, dir=path.parent)
    try:
        # mkstemp makes a private file; the result should be as readable as any other new file.
        umask = os.umask(0)
        os.umask(umask)
        Path(name).chmod(0o666 & ~umask)
    finally:
        os.close(handle)
    return Path(name)
