"""Which fonts a text is written in: the one that matplotlib brings, and an installed one for what it lacks.

Only a text that has such characters looks for fonts, so that every other figure is the same on every machine.
"""

from __future__ import annotations

import functools
from unicodedata import east_asian_width

__all__ = ["families_for"]

_OWN = "DejaVu Sans"
# The usual ones of Linux, macOS and Windows that have Chinese, Japanese and Korean.
_WIDE = (
    "Noto Sans CJK KR",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "NanumGothic",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
)


def families_for(text: str) -> list[str]:
    """Return the names of fonts, the one to try first in front."""
    wide = any(east_asian_width(character) in "WF" for character in text)
    return [_OWN, *_installed()] if wide else [_OWN]


@functools.cache
def _installed() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return tuple(name for name in _WIDE if name in known)
