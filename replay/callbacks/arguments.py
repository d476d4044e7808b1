"""Check the arguments of callbacks at the border, and write settings as the Keras code that makes them."""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import Field, fields
from typing import Any

from kcb_replay.errors import SettingError


def python_value(value: object) -> object:
    """Return a NumPy scalar, or an array without dimensions, as the Python value equal to it; all else unchanged.

    A long double that no Python float equals stays as it is.
    """
    item = getattr(value, "item", None)
    if item is None or getattr(value, "shape", None) != ():
        return value
    plain: object = item()
    if type(plain).__module__ == "numpy":
        plain = float(plain)  # type: ignore[arg-type]  # a long double, whose item is itself
        return plain if plain == value else value
    return plain


def with_python_values(settings: object) -> None:
    """Replace every NumPy scalar among the arguments of new settings, see `python_value`.

    So settings print as code that Python reads back, and go into JSON.
    """
    for item in fields(settings):  # type: ignore[arg-type]  # every Callback is a dataclass
        value = getattr(settings, item.name)
        plain = python_value(value)
        if plain is not value:
            object.__setattr__(settings, item.name, plain)


def name_set(settings: object, argument: str) -> frozenset[str]:
    """Return the names that an argument holds, none for None; raises `SettingError` for anything else."""
    value = getattr(settings, argument)
    names = () if value is None else value
    if isinstance(names, str) or not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise SettingError(f"{type(settings).__name__}: {argument} must be a list of names, but it is {value!r}.")
    return frozenset(names)


def require_counts(settings: object, names: tuple[str, ...]) -> None:
    """Raise `SettingError` unless each named argument is a whole number from 1 on."""
    for name in names:
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            kind = type(settings).__name__
            raise SettingError(f"{kind}: {name} must be a whole number from 1 on, but it is {value!r}.")


def require_numbers(settings: object, names: tuple[str, ...]) -> None:
    """Raise `SettingError` unless each named argument is a number (NaN is not one here)."""
    for name in names:
        value = getattr(settings, name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
            raise SettingError(f"{type(settings).__name__}: {name} must be a number, but it is {value!r}.")


def require_texts(settings: object, names: tuple[str, ...] = ("monitor", "mode")) -> None:
    """Raise `SettingError` unless each named argument is a text."""
    for name in names:
        value = getattr(settings, name)
        if not isinstance(value, str):
            raise SettingError(f"{type(settings).__name__}: {name} must be a string, but it is {value!r}.")


def written_as_code(settings: object) -> str:
    """Return the settings as the line of Keras code that makes them: `monitor` and what differs from the default."""
    arguments = (argument_as_code(settings, item) for item in fields(settings))  # type: ignore[arg-type]  # every Callback is a dataclass
    return f"{type(settings).__name__}({', '.join(filter(None, arguments))})"


def argument_as_code(settings: object, item: Field[Any]) -> str:
    """Return one argument as in code, `patience=3`; an empty text for one that need not be written."""
    value = getattr(settings, item.name)
    return f"{item.name}={_literal(value)}" if item.name == "monitor" or value != item.default else ""


def _literal(value: object) -> str:
    if isinstance(value, str):
        # JSON's escapes are Python's, so that a name with a line end in it is still one literal.
        return json.dumps(value, ensure_ascii=False)
    # A function is named as it would be in code; a schedule prints itself.
    return getattr(value, "__name__", str(value)) if callable(value) else repr(value)
