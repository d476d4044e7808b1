"""What loggers share: a text that grows by appending and whose earlier states live on, and which values are float32.

Every replayed epoch keeps its own state, so the states share what they have in common instead of each holding a copy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.comparison import float32


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


def was_float32(key: str, value: object, semantics: Semantics) -> bool:
    """Tell whether the value of `key` was an np.float32.

    From Keras 2.3 to tf.keras 2.1 the losses are means in float64 and metrics are float32 of the model; a metric that
    the model does not keep is a mean, too, and is told by its digits.
    """
    if semantics.float32_logs == "none" or not isinstance(value, float) or float32(value) != value:
        return False
    if key == semantics.learning_rate_key:
        return True
    kept = {"training metrics": not key.startswith("val_"), "metrics": True}
    return key not in ("loss", "val_loss") and kept.get(semantics.float32_logs, False)
