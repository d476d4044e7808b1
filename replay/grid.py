"""Lists of values as people type them, and every combination of settings they make."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from kcb_replay.errors import SettingError
from kcb_replay.replay.settings_text import callback_from_arguments

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.replay.callbacks import Callback

__all__ = ["combinations", "numbers_from_text"]

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
