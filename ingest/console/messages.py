"""Find what Keras's callbacks print of themselves, in the words of every version from 2.0 on.

A message may be glued to a bar that is still under way. The number in it counts epochs from 1, in Keras 2.0 from 0; it
is returned as it stands, for only its place in the log says which epoch is meant. `finished saving model to`, with
which Keras from 3.13 on repeats a save, is no message of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import MessageKind

__all__ = ["Said", "said_in"]

# int() refuses numbers of thousands of digits.
_EPOCH = r"Epoch (?P<number>\d{1,15}): "
_RATE = r"(?:\S+ )?learning rate to (?P<value>\S+?)\.?$"
_PATTERNS: dict[MessageKind, re.Pattern[str]] = {
    "stopped": re.compile(rf"{_EPOCH}early stopping"),
    "scheduled": re.compile(rf"{_EPOCH}LearningRateScheduler (?:setting|reducing) {_RATE}"),
    "reduced": re.compile(rf"{_EPOCH}(?:ReduceLROnPlateau )?reducing {_RATE}"),
    "improved": re.compile(rf"{_EPOCH}(?P<metric>.+?) improved from \S+ to (?P<value>\S+), saving model to .*"),
    "not improved": re.compile(rf"{_EPOCH}(?P<metric>.+?) did not improve(?: from (?P<value>\S+))?$"),
    "saved": re.compile(rf"{_EPOCH}saving model to .*"),
    "restored": re.compile(r"Restoring model weights from the end of the best epoch(?:: \d+)?\.?"),
    "terminated": re.compile(r"Batch \d+: Invalid loss, terminating training"),
}
_WORDS = ("Epoch ", "Batch ", "Restoring ")
_BEGINS = re.compile(r"Epoch \d+: |Restoring model|Batch \d+: ")


@dataclass(frozen=True, slots=True)
class Said:
    """A message: its kind, its text, the `number` of the epoch in it, the metric and the value it names.

    `begin` is where in the piece it begins.
    """

    kind: MessageKind
    text: str
    begin: int
    number: int | None = None
    metric: str | None = None
    value: float | None = None


def said_in(text: str) -> Said | None:
    """Return the message that a text holds or ends with, None without one."""
    # A log is mostly redraws of bars: words are looked up much faster than patterns.
    if not any(word in text for word in _WORDS):
        return None
    begins = _BEGINS.search(text)
    if begins is None:
        return None
    for kind, pattern in _PATTERNS.items():
        found = pattern.match(text.rstrip(), begins.start())
        if found:
            named = found.groupdict()
            number = named.get("number")
            return Said(
                kind,
                found[0],
                begins.start(),
                number=int(number) if number else None,
                metric=named.get("metric"),
                value=_number(named.get("value")),
            )
    return None


def _number(text: str | None) -> float | None:
    try:
        return None if text is None or "_" in text else float(text)
    except ValueError:
        return None
