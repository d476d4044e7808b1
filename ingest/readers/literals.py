"""Read what `str(history.history)` prints: a literal of Python, taken apart by hand and never evaluated.

Dicts, lists, tuples, texts without escapes, numbers, `nan`, `inf`, `None`, and what stands for the numbers of NumPy:
`np.float32(0.5)` and `array([0.5], dtype=float32)`. Everything else is refused with its position; so is a literal that
is nested deep.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable


_MAX_DEPTH = 20
_MAX_DIGITS = 400
_TOKEN = re.compile(
    r"""\s*(?:
    (?P<number>[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])
    |(?P<text>'[^'\\\n]*'|"[^"\\\n]*")
    |(?P<word>[-+]?[A-Za-z_][\w.]*)
    |(?P<class><class\ '[\w.]+'>)
    |(?P<mark>[][{}(),:=])
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)
_WORDS = {
    "None": None,
    "True": True,
    "False": False,
    "nan": np.nan,
    "inf": np.inf,
    "-inf": -np.inf,
    "NaN": np.nan,
    "Infinity": np.inf,
    "-Infinity": -np.inf,
}
_SCALAR = re.compile(r"(?:np|numpy)\.(float(?:16|32|64)|u?int(?:8|16|32|64))")
_DTYPE = re.compile(r"float(?:16|32|64)|u?int(?:8|16|32|64)")
_ARRAYS = frozenset({"array", "np.array", "numpy.array", "Array"})
_MAPPINGS = frozenset({"defaultdict", "OrderedDict", "collections.defaultdict", "collections.OrderedDict"})


class LiteralError(ValueError):
    """A text is no literal that is read; the message says what stands where."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


def literal(text: str) -> object:
    """Return the value of a literal; raises `LiteralError`."""
    reader = _LiteralReader(text)
    value = reader.value(0)
    if reader.token.kind != "end":
        reader.refuse()
    return value


class _LiteralReader:
    """A text, and the token at which its reading stands."""

    __slots__ = ("text", "token")

    def __init__(self, text: str) -> None:
        self.text = text
        self.token = self._token(0)

    def _token(self, at: int) -> _Token:
        match = _TOKEN.match(self.text, at)
        if match is None or match.lastgroup is None:
            raise LiteralError(f"{self.text[at : at + 20]!r} at character {at} is no part of a literal")
        return _Token(match.lastgroup, match[match.lastgroup], match.end())

    def refuse(self) -> NoReturn:
        at = self.token.at - len(self.token.text)
        raise LiteralError(f"{self.token.text[:20]!r} at character {at} is not expected there")

    def take(self) -> _Token:
        token = self.token
        self.token = self._token(token.at)
        return token

    def takes(self, mark: str) -> bool:
        """Go on behind a mark where it stands here."""
        is_here = self.token.kind == "mark" and self.token.text == mark
        if is_here:
            self.take()
        return is_here

    def expect(self, mark: str) -> None:
        if not self.takes(mark):
            self.refuse()

    def value(self, depth: int) -> object:
        if depth > _MAX_DEPTH:
            raise LiteralError(f"more than {_MAX_DEPTH} values inside each other")
        kind = self.token.kind
        if kind == "number":
            return _number(self.take().text)
        if kind == "text":
            return self.take().text[1:-1]
        if kind == "word":
            return self._word(depth)
        if self.takes("{"):
            return self._dict(depth)
        if self.takes("["):
            return self.items("]", lambda: self.value(depth + 1))
        if not self.takes("("):
            self.refuse()
        return self.items(")", lambda: self.value(depth + 1))

    def items(self, end: str, one: Callable[[], object]) -> list[object]:
        items: list[object] = []
        while not self.takes(end):
            items.append(one())
            if not self.takes(","):
                self.expect(end)
                break
        return items

    def _dict(self, depth: int) -> dict[object, object]:
        values: dict[object, object] = {}

        def pair() -> None:
            key = self.value(depth + 1)
            self.expect(":")
            if not isinstance(key, str | int | float) or key in values:
                raise LiteralError(f"a dict with {key!r:.40} as a key, or twice")
            values[key] = self.value(depth + 1)

        self.items("}", pair)
        return values

    def _word(self, depth: int) -> object:
        word = self.token.text
        if word in _WORDS:
            self.take()
            return _WORDS[word]
        scalar = _SCALAR.fullmatch(word)
        if not scalar and word not in _ARRAYS | _MAPPINGS:
            self.refuse()
        self.take()
        self.expect("(")
        if scalar:
            value = self.value(depth + 1)
            self.expect(")")
            return _of_type(value, scalar[1])
        return self._array(depth) if word in _ARRAYS else self._mapping(depth)

    def _array(self, depth: int) -> object:
        value = self.value(depth + 1)
        dtype = "float64"
        while self.takes(","):
            name = self.take().text
            self.expect("=")
            if name == "dtype":
                dtype = self.take().text.strip("'\"")
            else:
                self.value(depth + 1)
        self.expect(")")
        if not _DTYPE.fullmatch(dtype):
            raise LiteralError(f"an array of {dtype[:20]}")
        if isinstance(value, list):
            return [_of_type(item, dtype) for item in value]
        return _of_type(value, dtype)

    def _mapping(self, depth: int) -> object:
        if self.token.kind == "class":
            self.take()
            self.expect(",")
        value = self.value(depth + 1)
        self.expect(")")
        if isinstance(value, list):
            pairs = [item for item in value if isinstance(item, list) and len(item) == 2 and isinstance(item[0], str)]
            if len(pairs) < len(value) or len({name for name, _ in pairs}) < len(pairs):
                raise LiteralError("an OrderedDict of other things than named values")
            return dict(pairs)
        return value


def _number(text: str) -> int | float:
    if len(text) > _MAX_DIGITS:
        raise LiteralError(f"a number of {len(text)} characters")
    return int(text) if text.lstrip("+-").isdecimal() else float(text)


def _of_type(value: object, dtype: str) -> object:
    """Return a number as the type that printed it holds it: the shortest digits of a float32 are not its value."""
    if not isinstance(value, int | float):
        raise LiteralError(f"a {dtype} of {value!r:.40}")
    if not dtype.startswith("float"):
        return value
    with np.errstate(over="ignore"):
        return float(np.dtype(dtype).type(float(value) if abs(value) < 2**1000 else np.inf))
