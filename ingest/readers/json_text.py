"""JSON of trainings: the literals NaN and Infinity are values, a name that stands twice is refused, not overwritten."""

from __future__ import annotations

import codecs
import json
from collections import Counter
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["decoded", "parsed"]

_MAX_CONTENT = 64 * 1024 * 1024
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def decoded(content: bytes, path: str, expected: str) -> str:
    """Return the text of a file; raises `ReadError`."""
    if len(content) > _MAX_CONTENT:
        raise ReadError(f"{path} has {len(content)} bytes, more than the {_MAX_CONTENT} that are read. {expected}")
    try:
        return content.decode("utf-16" if content.startswith(_UTF16) else "utf-8-sig")
    except UnicodeDecodeError as error:
        raise ReadError(f"{path} is not text at byte {error.start} ({error.reason}). {expected}") from None


def parsed(text: str, path: str, expected: str) -> object:
    """Return the value of one JSON document; raises `ReadError`."""
    try:
        value: object = json.loads(text, object_pairs_hook=_object)
    except RecursionError:
        raise ReadError(f"{path} holds JSON that is nested too deep. {expected}") from None
    except ValueError as error:
        raise ReadError(f"{path} is not JSON: {excerpt(str(error))}. {expected}") from None
    return value


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"the name {excerpt(twice)!r} stands twice in one object")
    if any("\ud800" <= character <= "\udfff" for name in found for character in name):
        raise ValueError("a name is not valid Unicode")
    return found
