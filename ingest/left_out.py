"""What an ingest could not take, told by path and reason."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LeftOutSource"]


@dataclass(frozen=True, slots=True)
class LeftOutSource:
    """A file or folder that was left out, and why."""

    path: str
    reason: str
