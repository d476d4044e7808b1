"""When a setting stops, over fits of which some end before: the estimate of Kaplan and Meier (1958).

A fit whose recording ends before the stop says that it runs at least so long, and no more: dropping it, or taking its
end for a stop, would make a setting look more eager than it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Integers: TypeAlias = NDArray[np.signedinteger[Any]]
# With fewer fits at risk a step of the curve is mostly chance.
_FEWEST_AT_RISK = 5
# What a product of fractions may be off by where exactly half have stopped.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class StopEpochs:
    """After how many epochs a setting stops: the median, and the mean of min(stop, `horizon`); NaN where unknown.

    `horizon` is the last epoch at which five fits still ran, 0 where there never were as many. The median is NaN where
    fewer than half have stopped by then.
    """

    median: float = math.nan
    restricted_mean: float = math.nan
    horizon: int = 0


def stop_epochs(ran: Integers) -> StopEpochs:
    """Return the estimate from the epochs that each fit ran (fits,): negative where its recording ended, 0 for none."""
    answered = ran[ran != 0]
    length = np.abs(answered)
    if len(length) < _FEWEST_AT_RISK:
        return StopEpochs()
    at, place = _times(length)
    ended = np.bincount(place, minlength=len(at))
    stopped = np.bincount(place, weights=answered > 0, minlength=len(at))
    at_risk = len(length) - np.concatenate([[0], np.cumsum(ended)[:-1]])
    running = np.cumprod(1 - stopped / np.maximum(at_risk, 1))
    horizon = int(np.partition(length, -_FEWEST_AT_RISK)[-_FEWEST_AT_RISK])
    inside = at <= horizon
    halved = np.flatnonzero(inside & (running <= 0.5 + _ROUNDING))
    return StopEpochs(
        median=float(at[halved[0]]) if len(halved) else math.nan,
        restricted_mean=_area(at[inside], running[inside]),
        horizon=horizon,
    )


def _times(length: Integers) -> tuple[Integers, Integers]:
    """Return the numbers of epochs to look at, and at which of them each fit ends."""
    longest = int(length.max())
    if longest <= 4 * len(length):
        return np.arange(1, longest + 1), length - 1
    # Few fits of many epochs: only where one ends does anything change.
    at, place = np.unique(length, return_inverse=True)
    return at, place


def _area(at: Integers, running: NDArray[np.float64]) -> float:
    """Return the area below a curve that starts at 1 and steps down to `running` after `at` epochs, up to the last."""
    return float(np.diff(at, prepend=0) @ np.concatenate([[1.0], running[:-1]]))
