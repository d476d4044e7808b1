"""Names in sentences: a long one loses its middle, for beginnings and ends tell runs apart."""

from __future__ import annotations

from kcb_replay.report.names import shown

__all__ = ["elided"]

_MOST, _HEAD, _TAIL = 44, 24, 16


def elided(name: str) -> str:
    """Return a name as it stands in a sentence."""
    visible = shown(name)
    return visible if len(visible) <= _MOST else f"{visible[:_HEAD]}…{visible[-_TAIL:]}"
