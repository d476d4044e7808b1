"""Make names and messages of foreign files fit for a terminal."""

from __future__ import annotations

__all__ = ["MAX_SHOWN", "printable"]

MAX_SHOWN = 200


def printable(text: str, longest: int = MAX_SHOWN) -> str:
    """Escape and cut a text: a name must bring neither control sequences nor megabytes."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text[:longest])
    return shown if len(text) <= longest else f"{shown}..."
