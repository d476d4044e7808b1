"""Every combination of the arguments of a callback, as settings."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.arguments import python_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["settings_grid"]

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


def _values(name: str, given: object) -> list[object]:
    """Return the values of an argument, each once; those of NumPy as the Python values equal to them."""
    values = [python_value(each) for each in _listed(python_value(given))]
    try:
        return list(dict.fromkeys(values))
    except TypeError:
        raise SettingError(f"{name} must be a value or a flat list of values, but it is {given!r}.") from None


def _listed(value: object) -> Iterable[object]:
    return [value] if isinstance(value, str) or not isinstance(value, Iterable) else value
