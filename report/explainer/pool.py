"""Values that occur many times, kept once and referred to by their number."""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["NO_VALUE", "Pool"]

NO_VALUE = -1
_T = TypeVar("_T")


class Pool(Generic[_T]):
    """Numbers values in the order in which they first come."""

    def __init__(self) -> None:
        self._numbers: dict[_T, int] = {}

    def number(self, value: _T) -> int:
        """Return the number of a value."""
        return self._numbers.setdefault(value, len(self._numbers))

    @property
    def values(self) -> tuple[_T, ...]:
        """Return every value by its number."""
        return tuple(self._numbers)
