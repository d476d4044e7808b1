"""Sources that were ingested from below a path and are there no longer: their runs are kept, and that is said.

A path that cannot be looked at is not called vanished.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay.ingest.left_out import LeftOutSource

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from kcb_replay.ingest.schema import RunEntry
    from kcb_replay.ingest.store import Store

__all__ = ["VANISHED", "vanished"]

VANISHED = "has vanished since it was ingested; the run is kept as it is stored"


def vanished(
    store: Store, entries: Iterable[RunEntry], paths: Iterable[Path], there: Collection[str]
) -> Iterator[LeftOutSource]:
    """Yield the stored sources below `paths` that are gone; the labels in `there` are known to be not."""
    # As text, since there may be a hundred thousand of them.
    home = str(store.path.resolve().parent)
    roots = tuple(str(path.resolve()).rstrip(os.sep) + os.sep for path in paths)
    for label in (source.path for entry in entries for source in entry.sources if source.path not in there):
        if os.path.join(home, label).startswith(roots) and _is_gone(store.source_path(label)):  # noqa: PTH118
            yield LeftOutSource(label, VANISHED)


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False
