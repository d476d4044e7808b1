"""Lists of values as people type them, and every combination of settings they make."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.replay.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.arguments import python_value
from kcb_replay.replay.settings_text import callback_from_arguments

_RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?::(\d+))?")


_MOST_VALUES = 100_000


def numbers_from_text(text: str) -> list[float]:
    """Return the numbers of `3,5,10`, `1..40` or `1..40:5` (ends included); raises `SettingError`."""
    values: list[float] = []
    for part in text.split(","):
        values += _range_or_number(part.strip())
    return list(dict.fromkeys(values))


def combinations(options: Sequence[tuple[str, Mapping[str, Sequence[object]]]]) -> list[list[Callback]]:
    """Return every list of callbacks that (name, {argument: values}) describes, in a stable order."""
    per_callback = [_settings(name, arguments) for name, arguments in options]
    return [list(callbacks) for callbacks in itertools.product(*per_callback)]


def _settings(name: str, arguments: Mapping[str, Sequence[object]]) -> list[Callback]:
    names = list(arguments)
    return [
        callback_from_arguments(name, [], dict(zip(names, values, strict=True)))
        for values in itertools.product(*(arguments[argument] for argument in names))
    ]


def _range_or_number(text: str) -> Sequence[float]:
    span = _RANGE.fullmatch(text)
    if span:
        first, last, step = int(span[1]), int(span[2]), int(span[3] or 1)
        if step == 0 or last < first or last - first > _MOST_VALUES * step:
            raise SettingError(
                f"{text!r} is no range that holds 1 to {_MOST_VALUES:,} values. Write it as 1..40 or 1..40:5."
            )
        return range(first, last + 1, step)
    return [_number(text)]


def _number(text: str) -> float:
    try:
        value: Any = int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
    except ValueError:
        raise SettingError(f"{text!r} is not a number. Give a number, a list as 3,5,10 or a range as 1..40.") from None
    return float(value) if isinstance(value, float) else value


_Setting = TypeVar("_Setting", EarlyStopping, ReduceLROnPlateau)


def settings_grid(callback: type[_Setting], arguments: Mapping[str, object]) -> list[_Setting]:
    """Return every combination of arguments (values, or lists of them), the last argument changing first.

    NumPy arrays and scalars are taken as the Python values equal to them. Raises `SettingError` for an argument that
    does not exist, an empty list, or a value that the callback refuses.
    """
    known = [item.name for item in fields(callback)]
    for name in arguments:
        if name not in known:
            remedy = did_you_mean(name, known) or f"It has: {', '.join(known)}."
            raise SettingError(f"{callback.__name__} has no argument '{name}'. {remedy}")
    lists = {name: _values(name, value) for name, value in arguments.items()}
    for name, values in lists.items():
        if not values:
            raise SettingError(f"There is no value of {name} to sweep. Give at least one.")
    make: Callable[..., _Setting] = callback
    return [make(**dict(zip(lists, values, strict=True))) for values in itertools.product(*lists.values())]


def _values(name: str, argument: object) -> list[object]:
    """Return the values of an argument, each once; those of NumPy as the Python values equal to them."""
    values = [python_value(each) for each in _listed(python_value(argument))]
    try:
        return list(dict.fromkeys(values))
    except TypeError:
        raise SettingError(f"{name} must be a value or a flat list of values, but it is {argument!r}.") from None


def _listed(value: object) -> Iterable[object]:
    return [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
