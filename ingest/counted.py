"""Numbers of things in sentences."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, noun: str, *, plural: str = "") -> str:
    """Return `1 epoch`, `2 epochs`, `1,000 epochs`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
