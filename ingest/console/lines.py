r"""What Keras printed, piece by piece: the lines of its bars, of any version and verbosity, and messages of callbacks.

    127/127 [==============================] - 10s - loss: 0.2349 - val_loss: 0.1870          Keras 2.0
    100/100 [==============================] - 12s 9ms/step - loss: 0.0126 - acc: 0.9963      Keras 2.1 to tf_keras
    14/14 ━━━━━━━━━━━━━━━━━━━━ 1s 36ms/step - accuracy: 0.7290 - loss: 0.6874                 Keras 3
    2/2 - 0s - loss: 0.6931 - 226ms/epoch - 113ms/step                                        verbose=2

A line with an ETA, in Keras 3 one of fewer steps than there are, is under way: only its number of steps is of interest.
A line that does not hold to the form to its last character is none.

A piece stands between line ends, carriage returns and backspaces; since a bar that is drawn a million times is a line
of 100 MB, the pieces are never collected. Control characters and the ANSI codes of colour are left out, so that no
piece can do anything to a terminal. What stands under a redraw is not reconstructed: each drawing is a piece. Of a
notebook only what went to stdout is taken: Keras prints there, and a warning on stderr may stand in the middle of its
line.

A message may be glued to a bar that is still under way. The number in it counts epochs from 1, in Keras 2.0 from 0; it
is returned as it stands, for only its place in the log says which epoch is meant. `finished saving model to`, with
which Keras from 3.13 on repeats a save, is no message of its own.
"""

from __future__ import annotations

import codecs
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kcb_replay.ingest.recording import MessageKind


_PIECE = re.compile(rb"[^\r\n\x08]+")
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_UTF_16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# A long text without line ends is no line of Keras, which are a few kB even with a thousand metrics.
_LONGEST = 1_000_000
_SAMPLE = 512
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


class Piece(NamedTuple):
    """A printed text, the number of its line from 1, and whether a line end followed."""

    text: str
    line: int
    ended: bool


def as_utf8(content: bytes) -> bytes:
    """Return the text as UTF-8; what a Windows console redirected is UTF-16, with or without its mark."""
    if content.startswith(codecs.BOM_UTF8):
        return content[len(codecs.BOM_UTF8) :]
    encoding = next((name for mark, name in _UTF_16 if content.startswith(mark)), _unmarked_utf_16(content[:_SAMPLE]))
    if encoding is None:
        return content
    return content.decode(encoding, "replace").removeprefix("\ufeff").encode("utf-8", "replace")


def _unmarked_utf_16(sample: bytes) -> str | None:
    """Return the encoding where nearly every other byte is zero, as in UTF-16 of plain letters."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    enough = len(sample) * 3 // 8
    if not sample or max(even, odd) <= enough:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def pieces(content: bytes) -> Iterator[Piece]:
    """Yield the pieces of a text in UTF-8; what is no UTF-8 becomes replacement characters."""
    line, counted = 1, 0
    for match in _PIECE.finditer(content):
        begin, end = match.span()
        line += content.count(b"\n", counted, begin)
        counted = begin
        text = content[begin : min(end, begin + _LONGEST)].decode("utf-8", "replace")
        whole = end - begin <= _LONGEST and content[end : end + 1] in (b"\n", b"\r")
        yield Piece(_plain(text), line, ended=whole)


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub("", _ANSI.sub("", text))


def cell_texts(content: bytes, path: str) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each code cell, from 1, and what it printed, as UTF-8; raises `ReadError`."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReadError(f"{path} is no whole notebook: {error}. Expected the JSON of a Jupyter notebook.") from None
    cells = _cells(notebook)
    if cells is None:
        raise ReadError(f"{path} is JSON without `cells`. Expected a Jupyter notebook.")
    for number, cell in enumerate(cells, start=1):
        outputs = cell.get("outputs") if isinstance(cell, dict) else None
        text = "".join(_printed(output) for output in outputs) if isinstance(outputs, list) else ""
        if text:
            # A lone surrogate is legal JSON, and no text.
            yield number, text.encode("utf-8", "replace")


def _cells(notebook: object) -> list[object] | None:
    if not isinstance(notebook, dict):
        return None
    if isinstance(notebook.get("cells"), list):
        return list(notebook["cells"])
    sheets = notebook.get("worksheets")
    if not isinstance(sheets, list):
        return None
    cells = (sheet.get("cells") for sheet in sheets if isinstance(sheet, dict))
    return [cell for listed in cells if isinstance(listed, list) for cell in listed]


def _printed(output: object) -> str:
    match output:
        case {"name": "stderr"} | {"stream": "stderr"}:
            return ""
        case {"output_type": "stream", "text": str() | list() as text}:
            return text if isinstance(text, str) else "".join(line for line in text if isinstance(line, str))
    return ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A line of a bar: how many `steps` it is for (None: not said) and, once these are done, the metrics.

    `metrics` is None while the bar is under way. `redrawn`: the line may be drawn once more with other values, as Keras
    3 does after the last batch and again at the end of the epoch. `averaged`: the metrics of the training may be means
    that the bar took, not what callbacks were given. `is_empty`: without metrics, as `predict` draws it.
    """

    steps: int | None
    metrics: Mapping[str, float] | None
    redrawn: bool = False
    averaged: bool = True
    is_empty: bool = False

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
    if not text[match.end() :].strip():
        return Bar(steps, None, redrawn, is_empty=True)
    metrics, _ = _metrics(text[match.end() :])
    return None if metrics is None else Bar(steps, metrics, redrawn)


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
        if name in metrics:
            return None, False
        metrics[name] = float(number)
    return (None if begun or not metrics else metrics), len(parts) < count


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
