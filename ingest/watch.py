"""Follow trainings while they run: ingest again and again what has changed.

Files are looked at in turn rather than waited for, since notifications do not cross network file systems. Whoever stops
it in between leaves a store that is whole.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.ingest import IngestReport, ingest
from kcb_replay.ingest.left_out import LeftOutSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from kcb_replay.ingest.store import Store

__all__ = ["watch"]


def watch(
    store: Store,
    paths: Sequence[str | Path],
    *,
    format: str = "auto",  # noqa: A002  # the option's name
    interval: float = 2.0,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[IngestReport]:
    """Yield the report of every ingest that wrote a run or left out something that was not left out before.

    A folder without a log is waited for. Never ends by itself; `interval` seconds lie between two looks.
    """
    told: object = None
    while True:
        report = _ingested(store, paths, format)
        left_out = sorted((left.path, left.reason) for left in report.left_out)
        if report.written or left_out != told:
            yield report
        told = left_out
        wait(interval)


def _ingested(store: Store, paths: Sequence[str | Path], format: str) -> IngestReport:  # noqa: A002
    try:
        return ingest(store, paths, format=format)
    except ReadError as error:
        # Nothing to read yet, or a writer that does not rest: it may be otherwise the next time.
        return IngestReport(left_out=[LeftOutSource(", ".join(map(str, paths)), str(error))])
