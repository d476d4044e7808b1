"""A reason as a value: a code and what fills its sentence. It becomes words only where somebody reads it.

The sentence of a code is a template of the catalogue, a TOML file per theme in the folder of each language. A template
says how its values are written: a number as in Python, `{share:.0%}`; `{runs:run|runs}` is the first word for one run,
the second for several; a tuple is a list, `{names:and}` one whose last item is joined as `list.and` says, `{notes:;}`
one with semicolons; `{why:.}` ends in one full stop, `{why:A}` begins with a capital, `{why:A.}` does both. A value may
be a reason itself, which is said in the same language.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from kcb_replay.text import begun, visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


ENGLISH = "en"
LANGUAGES = (ENGLISH, "ko")
# So many names are read; of more the rest is counted.
MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something is so: the dotted key of a sentence, and the values that fill it, reasons among them.

    As text it is English, what a message or a document says. Two reasons with the same code and values are equal.
    """

    code: str
    values: tuple[tuple[str, object], ...] = ()

    def __str__(self) -> str:
        """Return the English sentence."""
        return self.text(templates(ENGLISH))

    def text(self, sentences: Mapping[str, str]) -> str:
        """Return the sentence in the language of these templates."""
        return filled(sentences, self.code, dict(self.values))


def reason(code: str, **values: object) -> Reason:
    """Return the reason with this code and these values."""
    return Reason(code, tuple(values.items()))


def first_of(names: Iterable[str], most: int = MOST_NAMED) -> Reason | tuple[object, ...]:
    """Return different names as they stand in a sentence: `a, b, c and 5 more`."""
    different = list(dict.fromkeys(names))
    return of_many(different, len(different), most)


def of_many(first: Sequence[object], count: int, most: int = MOST_NAMED) -> Reason | tuple[object, ...]:
    """Return the first of `count` things as they stand in a sentence."""
    named = tuple(first[:most])
    return reason("names.more", names=named, more=count - len(named)) if count > len(named) else named


def filled(sentences: Mapping[str, str], key: str, values: Mapping[str, object]) -> str:
    """Return the sentence of a key with its values in it. Raises `KeyError` for what the catalogue lacks."""
    return sentences[key].format_map({name: _readable(value, sentences) for name, value in values.items()})


@cache
def templates(language: str, package: str = __package__) -> Mapping[str, str]:
    """Return the templates of one language by their dotted keys, as `sentence.improved`."""
    themes = (theme for theme in (files(package) / language).iterdir() if theme.name.endswith(".toml"))
    return {
        key: template for theme in themes for key, template in _flat(tomllib.loads(theme.read_text(encoding="utf-8")))
    }


class _Count(int):
    """A number of things: `1 run`, `2 runs`."""

    def __format__(self, spec: str) -> str:
        one, several, many = spec.partition("|")
        return (one if self == 1 else many) if several else super().__format__(spec)


@dataclass(frozen=True, slots=True)
class _List:
    """Things one after the other: `a, b`, and with a word before the last one `a, b and c`."""

    items: tuple[str, ...]
    sentences: Mapping[str, str]

    def __format__(self, spec: str) -> str:
        if spec in ("", ";") or len(self.items) < 2:
            return f"{spec or ','} ".join(self.items)
        return self.sentences[f"list.{spec}"].format(first=", ".join(self.items[:-1]), last=self.items[-1])


class _Text(str):
    """A name, or a sentence to be put into another."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        if spec not in (".", "A", "A."):
            return super().__format__(spec)
        text = begun(self) if "A" in spec else str(self)
        return f"{text}." if "." in spec and not text.endswith((".", "?", "!")) else text


def _readable(value: object, sentences: Mapping[str, str]) -> object:
    """Return a value as a template writes it; texts may be names from anywhere, and steer no terminal."""
    if isinstance(value, Reason):
        return _Text(value.text(sentences))
    if isinstance(value, tuple):
        return _List(tuple(f"{_readable(item, sentences)}" for item in value), sentences)
    if type(value) is str:
        return _Text(visible(value))
    return _Count(value) if type(value) is int else value


def _flat(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
