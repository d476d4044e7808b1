r"""What Keras printed, piece by piece: the lines of its bars, of any version and verbosity, and messages of callbacks.

    127/127 [==============================] - 10s - loss: 0.2349 - val_loss: 0.1870          Keras 2.0
    100/100 [==============================] - 12s 9ms/step - loss: 0.0126 - acc: 0.9963      Keras 2.1 to tf_keras
    14/14 ━━━━━━━━━━━━━━━━━━━━ 1s 36ms/step - accuracy: 0.7290 - loss: 0.6874                 Keras 3
    2/2 - 0s - loss: 0.6931 - 226ms/epoch - 113ms/step                                        verbose=2

A line with an ETA, in Keras 3 one of fewer steps than there are, is under way: only its number of steps is of interest.
A line that does not hold to the form to its last character is none, but for one case: a terminal that draws a shorter
line over a longer one leaves the end of the longer behind it, and what copies the screen glues bars together. So a bar
may begin in the middle of a line, and metrics may be followed by leftovers: Keras shows four decimals, which tells
where they begin.

A message may be glued to a bar that is still under way. The number in it counts epochs from 1, in Keras 2.0 from 0; it
is returned as it stands, for only its place in the log says which epoch is meant. `finished saving model to`, with
which Keras from 3.13 on repeats a save, is no message of its own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kcb_replay.ingest.recording import MessageKind


# int() refuses numbers of thousands of digits.
_COUNT = r"\d{1,15}"
_TIME = r"[\d.]+[mun]?s/\w+"
_CLASSIC = re.compile(rf"\s*({_COUNT})/({_COUNT}) \[[=>.]+\] - (ETA: [\d:]+s?|[\d.]+s)(?: {_TIME})?(?=\s| -|$)")
# Keras writes `=` where the console has no `━`; whatever else stands there is a `━` that was decoded wrongly.
_BLOCKS = re.compile(rf"\s*({_COUNT})/({_COUNT}) +(?:[━=]{{5,}}|[^\s\[\]]{{20,}}) +[\d:]+s? {_TIME}(?=\s| -|$)")
_LINE = re.compile(rf"(?:\s*({_COUNT})/({_COUNT}) - | - |)\d+s(?:(?: -)? ({_TIME}))?(?= - )")
_UNKNOWN = re.compile(r"\s*\d+/Unknown\b")
_TAIL = re.compile(_TIME)
_NUMBER = re.compile(r"-?(?:\d+(?:\.\d*)?(?:e[+-]?\d+)?|inf|nan)")
# Where a bar begins in a line: its number of steps done is as wide as that of all steps.
_BEGIN = re.compile(rf"(?<=\d)/({_COUNT})(?= \[[=>.]{{5,}}| +[━=]{{5,}})")
# A metric as Keras shows it, of which what follows is known to be no digit more.
_EXACT = re.compile(r" - ((?:(?! - )[^:=>\[\]━])+): (-?(?:\d+\.\d{4}(?:e[+-]\d\d)?|inf)|nan)")
_OF_A_BAR = re.compile(r"[=>━█]|\d/\d|: -?\d|\bETA: ")
# A number to which no digit can come; of 1.0000 a power of ten may have been cut off.
_COMPLETE = re.compile(
    r": (?:-?(?:0\.\d{4}|[1-9]\d+\.\d{4}|\d\.\d{4}e[+-]\d\d|inf)|nan)$|\d[mun]?s/(?:step|epoch|sample)$"
)
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
class Bar:
    """A line of a bar: how many `steps` it is for (None: not said) and, once these are done, the metrics.

    `metrics` is None while the bar is under way. `redrawn`: the line may be drawn once more with other values, as Keras
    3 does after the last batch and again at the end of the epoch. `averaged`: the metrics of the training may be means
    that the bar took, not what callbacks were given. `is_empty`: without metrics, as `predict` draws it. `leftover`:
    what an earlier drawing left stands behind the metrics, the last of which may be of it.
    """

    steps: int | None
    metrics: Mapping[str, float] | None
    redrawn: bool = False
    averaged: bool = True
    is_empty: bool = False
    leftover: bool = False

    @property
    def is_under_way(self) -> bool:
        """Whether the bar has steps still to be done."""
        return self.metrics is None and self.steps is not None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the metrics, in their order."""
        return tuple(self.metrics or ())

    @property
    def is_validated(self) -> bool:
        """Whether there are metrics of a validation, which only the last line of an epoch has."""
        return any(name.startswith("val_") for name in self.names)

    def repeats(self, other: Bar) -> bool:
        """Tell whether both show the same metrics, NaN included."""
        return repr(self.metrics) == repr(other.metrics)


def bars_in(text: str) -> list[str]:
    """Split a line where bars are glued together, before each that begins in its middle."""
    parts: list[str] = []
    done = 0
    for match in _BEGIN.finditer(text):
        begin = max(match.start() - len(match[1]), done)
        while begin < match.start() and not (text[begin].isdigit() or text[begin] == " "):
            begin += 1
        if begin > done:
            parts.append(text[done:begin])
            done = begin
    return [*parts, text[done:]]


def bar_of(text: str) -> Bar | None:
    """Return what a text says as the line of a bar, None when it is none."""
    if match := _CLASSIC.match(text):
        # tf.keras 2.2 ends an epoch that was left early with fewer steps than there are, but without an ETA.
        return _drawn(match, text, under_way=match[3].startswith("ETA"), redrawn=False)
    if match := _BLOCKS.match(text):
        return _drawn(match, text, under_way=int(match[1]) < int(match[2]), redrawn=True)
    if match := _LINE.match(text):
        metrics, times = _metrics(text[match.end() :])
        steps = int(match[2]) if match[2] else None
        # These forms came with versions that print what callbacks get.
        return Bar(steps, metrics, averaged=not (times or (steps and match[3]))) if metrics else None
    return Bar(None, None) if _UNKNOWN.match(text) else None


def _drawn(match: re.Match[str], text: str, *, under_way: bool, redrawn: bool) -> Bar | None:
    steps = int(match[2])
    if under_way:
        return Bar(steps, None, redrawn, is_empty=": " not in text[match.end() :])
    shown = text[match.end() :]
    if not shown.strip():
        return Bar(steps, None, redrawn, is_empty=True)
    metrics, _ = _metrics(shown)
    if metrics is not None:
        return Bar(steps, metrics, redrawn)
    metrics = _before_leftovers(shown)
    return Bar(steps, metrics, redrawn, leftover=True) if metrics else None


def _metrics(text: str) -> tuple[dict[str, float] | None, bool]:
    """Return the metrics of ` - loss: 0.5 - acc: 0.9`, None unless all of it is, and whether times stood behind."""
    parts = text.rstrip().split(" - ")
    if parts.pop(0).strip():
        return None, False
    count = len(parts)
    while parts and _TAIL.fullmatch(parts[-1].removeprefix("- ")):
        parts.pop()
    metrics: dict[str, float] = {}
    # A name may hold " - " itself.
    begun: list[str] = []
    for part in parts:
        before, _, number = part.rpartition(": ")
        if not before or not _NUMBER.fullmatch(number.strip()):
            begun.append(part)
            continue
        name, begun = " - ".join((*begun, before)), []
        if name in metrics or _OF_A_BAR.search(name):
            return None, False
        metrics[name] = float(number)
    return (None if begun or not metrics else metrics), len(parts) < count


def is_complete(text: str) -> bool:
    """Tell whether the last number of a line without its end can have no more digits, nor a power of ten."""
    return _COMPLETE.search(text) is not None


def _before_leftovers(text: str) -> dict[str, float]:
    """Return the metrics that a text begins with, up to the first that is none or stands there again."""
    metrics: dict[str, float] = {}
    place = 0
    while (match := _EXACT.match(text, place)) and match[1] not in metrics:
        mantissa, _, power = match[2].partition("e")
        # Keras writes the power behind one digit; any other is of the leftovers.
        metrics[match[1]] = float(match[2] if power and 1 <= abs(float(mantissa)) < 10 else mantissa)
        place = match.end()
    return metrics


@dataclass(frozen=True, slots=True)
class PrintedMessage:
    """A message: its kind, its text, the `number` of the epoch in it, the metric and the value it names.

    `begin` is where in the piece it begins.
    """

    kind: MessageKind
    text: str
    begin: int
    number: int | None = None
    metric: str | None = None
    value: float | None = None


def message_in(text: str) -> PrintedMessage | None:
    """Return the message that a text holds or ends with, None without one."""
    # A log is mostly redraws of bars: words are looked up much faster than patterns.
    if not any(word in text for word in _WORDS):
        return None
    begins = _BEGINS.search(text)
    if begins is None:
        return None
    for kind, pattern in _PATTERNS.items():
        match = pattern.match(text.rstrip(), begins.start())
        if match:
            named = match.groupdict()
            number = named.get("number")
            return PrintedMessage(
                kind,
                match[0],
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
