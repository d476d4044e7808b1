"""Where the runs of a page come from, in a few lines."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kcb_replay.ingest.recording import Recording

__all__ = ["source_lines"]

_MOST = 3


def source_lines(recordings: Iterable[Recording]) -> tuple[str, ...]:
    """Return the paths of the first sources, each once, and how many more there are."""
    paths = list(dict.fromkeys(source.path for recording in recordings for source in recording.sources))
    more = len(paths) - _MOST
    rest = [f"and {counted(more, 'more file')}"] if more > 0 else []
    return (*islice(paths, _MOST), *rest)
