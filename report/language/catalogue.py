"""Every sentence that a person reads about a replay, looked up by its key in the catalogue of a language.

A catalogue is a TOML file beside this one; its templates have named placeholders, `{value} beats {best}`, which are
filled with text that is written already. Numbers are not formatted here, and nothing is decided.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["ENGLISH", "LANGUAGES", "Catalogue", "catalogue"]

LANGUAGES = ("en", "ko")
ENGLISH = "en"


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The texts of one language by their dotted keys, as `sentence.improved`."""

    language: str
    templates: Mapping[str, str]

    def say(self, key: str, **values: object) -> str:
        """Return the text of `key` with its placeholders filled. Raises `KeyError` for what the catalogue lacks."""
        return self.templates[key].format_map(values)

    def say_of(self, epochs: int, key: str, **values: object) -> str:
        """Return the text of `key` about so many epochs: that of `key_one` where there is only one."""
        return self.say(f"{key}_one" if epochs == 1 else key, epochs=epochs, **values)


@cache
def catalogue(language: str = ENGLISH, package: str = __package__) -> Catalogue:
    """Return the catalogue of a language that a package holds. Raises `SettingError` for one that there is none of."""
    if language not in LANGUAGES:
        raise SettingError(f"there is no catalogue for {language!r}. Languages: {', '.join(LANGUAGES)}.")
    # A text that nobody has translated yet is better read in English than missing.
    return Catalogue(language, {**_templates(ENGLISH, package), **_templates(language, package)})


def _templates(language: str, package: str) -> dict[str, str]:
    text = (files(package) / f"{language}.toml").read_text(encoding="utf-8")
    return dict(_flat(tomllib.loads(text)))


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
