"""The pieces of a printed text: what stands between line ends, carriage returns and backspaces.

A bar that is drawn a million times is a line of 100 MB, so the pieces are never collected. Control characters and the
ANSI codes of colour are left out, so that no piece can do anything to a terminal. What stands under a redraw is not
reconstructed: each drawing is a piece.
"""

from __future__ import annotations

import codecs
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


# What callbacks say, and headers, may be glued to a drawing.
_SPOKEN = (b"Epoch ", b"Batch ", b"Restoring ")
_PIECE = re.compile(rb"([^\r\n\x08]+)(\x08?)")
_ANSI = re.compile(r"\x1b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
_UTF_16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# A long text without line ends is no line of Keras, which are a few kB even with a thousand metrics.
_LONGEST = 1_000_000
_SAMPLE = 512


class Piece(NamedTuple):
    """A printed text, the number of its line from 1, and whether a line end followed; `is_last` of all."""

    text: str
    line: int
    ended: bool
    is_last: bool = False


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
    """Yield the pieces of a text in UTF-8; what is no UTF-8 becomes replacement characters.

    Of the drawings of a line that backspaces take away again, only the first is yielded, and those in which somebody
    speaks: the others say nothing new.
    """
    line, counted, place = 1, 0, 0
    line_end = -1
    while match := _PIECE.search(content, place):
        begin, end = match.span(1)
        place = end
        # Asked once a line, for the answer takes as long as the line.
        if match[2] and begin > line_end:
            following = content.find(b"\n", end)
            line_end = len(content) if following < 0 else following
            place = _last_drawing(content, end, line_end)
        line += content.count(b"\n", counted, begin)
        counted = begin
        text = content[begin : min(end, begin + _LONGEST)].decode("utf-8", "replace")
        whole = end - begin <= _LONGEST and content[end : end + 1] in (b"\n", b"\r")
        yield Piece(_plain(text), line, ended=whole, is_last=end == len(content))


def _last_drawing(content: bytes, begin: int, end: int) -> int:
    """Return where the last drawing before `end` begins; `begin` where a line or words may stand before it."""
    if content[end - 1 : end] == b"\r":
        end -= 1
    if any(content.find(word, begin, end) >= 0 for word in _SPOKEN):
        return begin
    # A return that follows no backspace ends a line.
    if content.count(b"\r", begin, end) != content.count(b"\b\r", begin, end):
        return begin
    return content.rfind(b"\b", begin, end) + 1


def _plain(text: str) -> str:
    if text.isascii() and text.isprintable():
        return text
    return _CONTROL.sub("", _ANSI.sub("", text))
