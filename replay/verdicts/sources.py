"""The recordings to sweep: one, those of a list, or some metrics of all runs of a store, read bucket by bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.ingest.recording import Recording
from kcb_replay.ingest.store import Store

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["asked_of"]


def asked_of(recordings: Iterable[Recording] | Recording | Store, metrics: Collection[str]) -> Iterable[Recording]:
    """Return the recordings; those of a store hold these metrics only."""
    if isinstance(recordings, Recording):
        return [recordings]
    return recordings.recordings(metrics=metrics) if isinstance(recordings, Store) else recordings
