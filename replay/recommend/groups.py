"""Which runs belong together: seeds of one model, runs of one experiment. They are left out together."""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_GROUPS", "folded", "grouping"]

# More groups are put together at random: the answer gets no better, and the work grows with their number.
MOST_GROUPS = 500


def grouping(by: str) -> Callable[[str], str]:
    """Return the function from the name of a run to that of its group.

    `by` is "run" (each by itself), "folder" (what stands before the last / of the name, the name without one), or a
    regular expression: its first group, or the whole match. Raises `SettingError` for one that cannot be read.
    """
    if by == "run":
        return lambda name: name
    if by == "folder":
        return lambda name: name.rpartition("/")[0] or name
    try:
        pattern = re.compile(by)
    except re.error as error:
        raise SettingError(f"{by!r} is neither 'run' nor 'folder' nor a regular expression: {error}.") from None
    return lambda name: _matched(pattern, name)


def folded(groups: int) -> Callable[[str], str]:
    """Return the function that puts groups together when there are too many of them."""
    if groups <= MOST_GROUPS:
        return lambda group: group
    return lambda group: f"{zlib.crc32(group.encode()) % MOST_GROUPS}"


def _matched(pattern: re.Pattern[str], name: str) -> str:
    found = pattern.search(name)
    if found is None:
        return name
    return found[1] if pattern.groups and found[1] is not None else found[0]
