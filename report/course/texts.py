"""The texts of the lessons: one catalogue file per language beside this one, on top of that of all pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from kcb_replay.language.catalogue import Catalogue, catalogue
from kcb_replay.language.reason import Reason
from kcb_replay.text import visible

if TYPE_CHECKING:
    from markupsafe import Markup

    from kcb_replay.report.course.lesson import SheetCell

__all__ = ["Texts", "marked_up", "paragraphs", "plain", "texts"]

_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Texts:
    """The lessons in one language; names that come from logs are made visible."""

    catalogue: Catalogue

    def say(self, key: str, **values: object) -> str:
        """Return the text of `key`; a `Reason` among the values is put into words first."""
        return self.catalogue.say(key, **{name: self._filled(value) for name, value in values.items()})

    def of(self, cell: SheetCell) -> str:
        """Return a text of the catalogue in words, and anything else as it is."""
        return self.say(cell.code, **dict(cell.values)) if isinstance(cell, Reason) else cell

    def _filled(self, value: object) -> object:
        return self.of(value) if isinstance(value, Reason) else visible(value) if isinstance(value, str) else value


@cache
def texts(language: str) -> Texts:
    """Return the lessons' texts. Raises `SettingError` for a language that there is none of."""
    own = catalogue(language, __package__)
    return Texts(Catalogue(language, {**catalogue(language).templates, **own.templates}))


def paragraphs(text: str) -> list[str]:
    """Return the paragraphs of a text, which empty lines part."""
    return [" ".join(part.split()) for part in text.strip().split("\n\n")]


def marked_up(text: str) -> Markup:
    """Return a text as markup, with what stands in backticks as code; everything else is escaped."""
    from markupsafe import Markup, escape

    escaped = str(escape(visible(text)))
    return Markup(_CODE.sub(r"<code>\1</code>", escaped))  # noqa: S704  # escaped just now


def plain(text: str) -> str:
    """Return a text without its backticks, for attributes and for those who listen."""
    return text.replace("`", "")
