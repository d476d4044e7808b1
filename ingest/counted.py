"""Numbers of things in sentences."""

from __future__ import annotations

__all__ = ["are_left_out", "counted"]


def counted(number: int, noun: str, *, plural: str = "") -> str:
    """Return `1 epoch`, `2 epochs`, `1,000 epochs`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def are_left_out(number: int) -> str:
    """Return `is left out`, or `are left out`."""
    return f"{'is' if number == 1 else 'are'} left out"
