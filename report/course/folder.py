"""Write the pages of a course into a folder: all of them or none, and nothing else there is touched."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay.errors import KcbReplayError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["require_place", "write_folder"]


def write_folder(folder: Path, pages: Mapping[str, str]) -> None:
    """Write `pages` by their names; files of these names are replaced whole, others stay.

    The folder is made where its parent exists. Raises `KcbReplayError` where it cannot be written; then nothing has
    changed, and a folder that was made for it is gone again.
    """
    require_place(folder)
    made = not folder.exists()
    try:
        folder.mkdir(exist_ok=True)
        try:
            _replace_all(folder, pages)
        except BaseException:
            if made:
                folder.rmdir()
            raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise KcbReplayError(
            f"{folder} cannot be written: {reason}. Choose another place, or free this one."
        ) from error


def _replace_all(folder: Path, pages: Mapping[str, str]) -> None:
    with tempfile.TemporaryDirectory(prefix=".kcb-", dir=folder) as name:
        for page, text in pages.items():
            (Path(name) / page).write_text(text, encoding="utf-8", newline="\n")
        blocked = next((page for page in pages if (folder / page).is_dir()), None)
        if blocked is not None:
            raise KcbReplayError(f"{folder / blocked} is a folder, and a page has to go there. Choose another place.")
        for page in pages:
            (Path(name) / page).replace(folder / page)


def require_place(folder: Path) -> None:
    """Raise `KcbReplayError` where no folder of that name can be: worth asking before the pages are made."""
    if folder.exists() and not folder.is_dir():
        raise KcbReplayError(f"{folder} is a file. Give the name of a folder for the course.")
    parent = folder.absolute().parent
    if not parent.is_dir():
        raise KcbReplayError(f"{folder} cannot be written: the folder {parent} does not exist. Make it first.")
