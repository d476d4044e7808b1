"""The data block of a page: what the program looks up, as text that is safe inside a script element.

Plain JSON, which a curious reader can look at, up to 200 kB; beyond it the same JSON deflated, as one base64 string.
"""

from __future__ import annotations

import base64
import json
import zlib

__all__ = ["data_block"]

_PLAIN_UP_TO = 200_000
# What could end the element, or begin another one, is written as JSON's own escapes.
_ESCAPES = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})


def data_block(data: object) -> str:
    """Return `data` as the text of a script element of type application/json.

    Raises `ValueError` for NaN and infinities: they are text before they come here.
    """
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).translate(_ESCAPES)
    if len(text) <= _PLAIN_UP_TO:
        return text
    return f'"{base64.b64encode(zlib.compress(text.encode(), 9)).decode()}"'
