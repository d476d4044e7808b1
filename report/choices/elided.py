"""Names in sentences: a long one loses its middle, for beginnings and ends tell runs apart."""

from __future__ import annotations

from kcb_replay.text import visible

__all__ = ["elided"]

_MOST, _HEAD, _TAIL = 44, 24, 16


def elided(name: str) -> str:
    """Return a name as it stands in a sentence."""
    text = visible(name)
    return text if len(text) <= _MOST else f"{text[:_HEAD]}…{text[-_TAIL:]}"
