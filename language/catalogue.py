"""Every sentence that a person reads about a replay, looked up by its key in the catalogue of a language.

A catalogue is a folder of TOML files beside this one, one per theme; its templates have named placeholders, `{value}
beats {best}`. Nothing is decided here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.language.reason import ENGLISH, LANGUAGES, Reason, filled, templates

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language by their dotted keys, as `sentence.improved`."""

    language: str
    templates: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """Return the text of `key` with its placeholders filled. Raises `KeyError` for what the catalogue lacks."""
        return filled(self.templates, key, values)

    def say_of(self, epochs: int, key: str, **values: object) -> str:
        """Return the text of `key` about so many epochs: that of `key_one` where there is only one."""
        return self.say(f"{key}_one" if epochs == 1 else key, epochs=epochs, **values)

    def why(self, reason: Reason) -> str:
        """Return a reason in words."""
        return reason.text(self.templates)


@cache
def catalogue(language: str = ENGLISH, package: str = __package__) -> Catalogue:
    """Return the catalogue of a language that a package holds. Raises `SettingError` for one that there is none of."""
    if language not in LANGUAGES:
        raise SettingError(f"there is no catalogue for {language!r}. Languages: {', '.join(LANGUAGES)}.")
    # A text that nobody has translated yet is better read in English than missing.
    return Catalogue(language, {**templates(ENGLISH, package), **templates(language, package)})


# What is said where nobody asks for another language.
IN_ENGLISH = catalogue()
