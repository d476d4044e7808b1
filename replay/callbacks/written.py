"""A text that grows by appending and whose earlier states live on: what a callback has written so far.

Every replayed epoch keeps its own state, so the states share what they have in common instead of each holding a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["NOTHING", "Written"]


class Written:
    """An immutable text: `last` after all that was written `before`."""

    __slots__ = ("before", "last")

    def __init__(self, last: str = "", before: Written | None = None) -> None:
        self.last = last
        self.before = before

    def plus(self, text: str) -> Written:
        """Return this text with `text` behind it."""
        return Written(text, self)

    def __str__(self) -> str:
        return "".join(reversed(list(self._backwards())))

    def __repr__(self) -> str:
        return f"Written({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Written) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __reduce__(self) -> tuple[type[Written], tuple[str]]:
        # Pickle would follow the chain into itself, as deep as it is long.
        return Written, (str(self),)

    def _backwards(self) -> Iterator[str]:
        at: Written | None = self
        while at is not None:
            yield at.last
            at = at.before


NOTHING: Final = Written()
