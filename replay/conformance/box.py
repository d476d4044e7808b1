"""The box of the small-scope proof: every stream of so many epochs over six symbols, under every setting of a list.

A symbol is relative to the lowest value of the stream so far, so that a stream becomes numbers as it goes on.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, TypeAlias

__all__ = ["FIRST_BEST", "INITIAL_LR", "METRICS", "SETTINGS", "SYMBOLS", "value_of"]

Json: TypeAlias = Any

SYMBOLS = ("best so far", "tie in float32", "better", "worse", "NaN", "missing")
FIRST_BEST = 2.0
INITIAL_LR = 0.1
METRICS = {"accuracy": "up", "custom": None}
# Also a min_delta and a baseline of the box: a step of exactly min_delta rounds differently in every version.
_STEP = 0.25


def value_of(symbol: str, best: float) -> float | None:
    """Return the value of a symbol where `best` is the best of the stream so far, None for a metric that is missing."""
    match symbol:
        case "best so far":
            return best
        case "tie in float32":
            # Better in float64, by so little that six of them in a row are still one float32.
            return best * (1 - 2.0**-29)
        case "better":
            return best - _STEP
        case "worse":
            return best + _STEP
        case "NaN":
            return math.nan
    return None


def _grid(kind: str, **axes: tuple[Any, ...]) -> list[Json]:
    combinations = itertools.product(*axes.values())
    return [{"class": kind, "kwargs": dict(zip(axes, values, strict=True))} for values in combinations]


_STOPPING = _grid(
    "EarlyStopping",
    patience=(0, 1, 2, 3),
    min_delta=(0, _STEP, -_STEP),
    mode=("min", "max", "auto"),
    baseline=(None, FIRST_BEST - _STEP),
    restore_best_weights=(False, True),
    start_from_epoch=(0, 2),
)
_REDUCING = _grid(
    "ReduceLROnPlateau",
    patience=(0, 1, 2, 3),
    cooldown=(0, 1, 2, 3),
    min_delta=(0, _STEP),
    mode=("min", "max", "auto"),
    # Half of the initial rate is the floor itself, in float32 as in float64.
    min_lr=(0.0, INITIAL_LR / 2),
    factor=(0.5,),
)
_STOPPING_OF_PAIRS = _grid(
    "EarlyStopping", patience=(0, 1, 2), min_delta=(0, _STEP), mode=("min", "max"), restore_best_weights=(True,)
)
_REDUCING_OF_PAIRS = _grid(
    "ReduceLROnPlateau", patience=(1, 2), cooldown=(0, 2), min_delta=(0,), mode=("min", "max"), factor=(0.5,)
)
# No version of Keras 3 knows whether this metric should rise: it raises at the end of the first epoch.
_UNDECIDED = [{"class": kind, "kwargs": {"monitor": "val_custom"}} for kind in ("EarlyStopping", "ReduceLROnPlateau")]
# A setting is a list of callbacks, in the order of `fit`.
SETTINGS: dict[str, list[list[Json]]] = {
    "EarlyStopping": [[one] for one in (*_STOPPING, _UNDECIDED[0])],
    "ReduceLROnPlateau": [[one] for one in (*_REDUCING, _UNDECIDED[1])],
    "both": [
        list(pair)
        for stopping, reducing in itertools.product(_STOPPING_OF_PAIRS, _REDUCING_OF_PAIRS)
        for pair in ((stopping, reducing), (reducing, stopping))
    ],
}
