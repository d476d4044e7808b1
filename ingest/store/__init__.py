"""The store: the format of its files below, `Store` above."""

from kcb_replay.ingest.store.store import Store

__all__ = ["Store"]
