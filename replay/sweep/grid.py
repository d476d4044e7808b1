"""Every combination of the arguments of a callback, as settings."""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import TYPE_CHECKING, TypeVar

from kcb_replay.errors import SettingError, did_you_mean
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = ["settings_grid"]

_Setting = TypeVar("_Setting", EarlyStopping, ReduceLROnPlateau)


def settings_grid(callback: type[_Setting], arguments: Mapping[str, object]) -> list[_Setting]:
    """Return every combination of arguments (values, or lists of them), the last argument changing first.

    Raises `SettingError` for an argument that does not exist, an empty list, or a value that the callback refuses.
    """
    known = [item.name for item in fields(callback)]
    for name in arguments:
        if name not in known:
            remedy = did_you_mean(name, known) or f"It has: {', '.join(known)}."
            raise SettingError(f"{callback.__name__} has no argument '{name}'. {remedy}")
    lists = {name: list(dict.fromkeys(_listed(value))) for name, value in arguments.items()}
    for name, values in lists.items():
        if not values:
            raise SettingError(f"There is no value of {name} to sweep. Give at least one.")
    make: Callable[..., _Setting] = callback
    return [make(**dict(zip(lists, values, strict=True))) for values in itertools.product(*lists.values())]


def _listed(value: object) -> Iterable[object]:
    return [value] if isinstance(value, str) or not hasattr(value, "__iter__") else value
