"""Which folder the run of an event file is, and which data the folder of the file names.

Keras writes into `train/` and `validation/` of a log folder, loops of one's own into `train/` and `test/`, Estimators
into the folder and its `eval/`, and add_scalars of PyTorch into `Loss_train/`, `Loss_val/` beside each other. A folder
that is merely called so, `test` or `resnet_train`, is a run of its own.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

# Whatever lies beside them.
_OF_KERAS = ("train", "validation")
_TRAINED = ("train", "training")
_EVALUATED = ("test", "testing", "val", "valid", "eval", "evaluation")
_OF_ESTIMATOR = "eval"
_OF_SCALARS = re.compile(r"(.+)_(train|training|val|valid|validation|test)", re.IGNORECASE)
_HEAD = 1 << 16
# Keras 2 wrote its validation beside its training: such a folder is no part of another run.
_OWN_VALIDATION = re.compile(rb"\x0a[\x05-\x40](?:epoch_)?val_")


def run_folder(path: Path) -> Path:
    """Return the folder that names the run of an event file."""
    folder = path.parent
    name = folder.name or folder.absolute().name
    if name in _OF_KERAS:
        return _above(folder)
    if name in _EVALUATED or name in _TRAINED:
        return _above(folder) if _is_part(path, folder, name) else folder
    if (match := _OF_SCALARS.fullmatch(name)) and _is_of_scalars(path, folder, match):
        return _above(folder)
    return folder


def roles(files: Sequence[tuple[str, str]]) -> list[str]:
    """Return which data each file (its path, the name of its folder) of a run is of, "" for that of the run itself."""
    folders = [PurePosixPath(path).parent for path, _ in files]
    names = [name or folder.name for (_, name), folder in zip(files, folders, strict=True)]
    several = len(set(folders)) > 1
    above = {folder.parent for folder in folders}
    return [
        _role(name, several=several) if folder not in above or not several else ""
        for name, folder in zip(names, folders, strict=True)
    ]


def _role(name: str, *, several: bool) -> str:
    if name in _OF_KERAS or (several and name in (*_TRAINED, *_EVALUATED)):
        return name
    return name if several and _OF_SCALARS.fullmatch(name) else ""


def _above(folder: Path) -> Path:
    return folder.parent if folder.name else folder.absolute().parent


def _is_part(path: Path, folder: Path, name: str) -> bool:
    above = _above(folder)
    beside = [above / other for other in (*_TRAINED, *_OF_KERAS, *_EVALUATED) if other != name]
    part = any(_holds_events(other) for other in (beside if name in _TRAINED else beside[:3]))
    if name == _OF_ESTIMATOR:
        part = part or _holds_events(above)
    return part and not _OWN_VALIDATION.search(_head(path))


def _is_of_scalars(path: Path, folder: Path, match: re.Match[str]) -> bool:
    """Tell whether the folder has the name of a tag in its file, and others of the same tag lie beside it."""
    tag = match[1].encode()
    length = bytes([len(tag)]) if len(tag) < 128 else b""
    pattern = re.escape(b"\x0a" + length) + re.escape(tag).replace(b"_", b"[_/]")
    if not re.search(pattern, _head(path)):
        return False
    try:
        with os.scandir(_above(folder)) as entries:
            return any(entry.name != match[0] and entry.name.startswith(f"{match[1]}_") for entry in entries)
    except OSError:
        return False


def _holds_events(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any("tfevents" in entry.name for entry in entries)
    except OSError:
        return False


def _head(path: Path) -> bytes:
    # Regular files only: a FIFO would hang its reader.
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""
