"""How large a page may be: what somebody can still mail, and open within a second or two."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.errors import KcbReplayError, SettingError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["DEFAULT_SIZE", "require_size", "size_from_text"]

DEFAULT_SIZE = "2MB"
_UNITS = {"MB": 1_000_000, "KB": 1_000, "B": 1}


def size_from_text(text: str) -> int:
    """Return the bytes that `2MB`, `500kB` or `800000` stand for. Raises `SettingError` for anything else."""
    number, factor = text.strip().upper(), 1
    for unit, value in _UNITS.items():
        if number.endswith(unit):
            number, factor = number.removesuffix(unit), value
            break
    try:
        size = float(number) * factor
    except ValueError:
        size = 0.0
    if not 1 <= size < 1e12:
        raise SettingError(f"{text!r} is no size. Give one as 2MB or 500kB.")
    return int(size)


def require_size(html: str, most: int, path: Path) -> None:
    """Raise `KcbReplayError` for a page that is larger than `most` bytes, and say what makes it smaller."""
    size = len(html.encode())
    if size <= most:
        return
    enough = -(-size // 100_000) / 10
    raise KcbReplayError(
        f"{path} was not written: it would take {size / 1e6:.1f} MB, more than --max-size {most / 1e6:g}MB."
        f" Name fewer runs, ask for fewer settings, leave out --all, or give --max-size {enough:g}MB."
    )
