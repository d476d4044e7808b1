"""How names that come from files and logs are shown to people.

Control, bidi and other format characters become visible, so that a name can neither reorder the line it stands in nor
steer a terminal. What is shown is text: escaping for HTML is left to whoever writes HTML.
"""

from __future__ import annotations

import unicodedata

__all__ = ["shown"]

# Control, format (bidi, zero width), lone surrogates, line and paragraph separators.
_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def shown(name: str) -> str:
    r"""Return `name` with every invisible character written out, for example as `\u202e`."""
    if name.isascii() and name.isprintable():
        return name
    return "".join(_visible(character) for character in name)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
