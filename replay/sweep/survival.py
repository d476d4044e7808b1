"""When a setting stops, over fits of which some end before: the estimate of Kaplan and Meier (1958).

A fit whose recording ends before the stop says that it runs at least so long, and no more: dropping it, or taking its
end for a stop, would make a setting look more eager than it is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["StopEpochs", "stop_epochs"]

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


def stop_epochs(ran: NDArray[np.signedinteger[Any]]) -> StopEpochs:
    """Return the estimate from the epochs that each fit ran (fits,): negative where its recording ended, 0 for none."""
    length = np.abs(ran[ran != 0])
    if len(length) < _FEWEST_AT_RISK:
        return StopEpochs()
    at, place, ended = np.unique(length, return_inverse=True, return_counts=True)
    stopped = np.bincount(place, weights=ran[ran != 0] > 0)
    at_risk = len(length) - np.concatenate([[0], np.cumsum(ended)[:-1]])
    running = np.cumprod(1 - stopped / at_risk)
    horizon = int(np.sort(length)[-_FEWEST_AT_RISK])
    inside = at <= horizon
    halved = np.flatnonzero(inside & (running <= 0.5 + _ROUNDING))
    return StopEpochs(
        median=float(at[halved[0]]) if len(halved) else math.nan,
        restricted_mean=_area(at[inside], running[inside]),
        horizon=horizon,
    )


def _area(at: NDArray[np.signedinteger[Any]], running: NDArray[np.float64]) -> float:
    """Return the area below a curve that starts at 1 and steps down to `running` after `at` epochs, up to the last."""
    return float(np.diff(at, prepend=0) @ np.concatenate([[1.0], running[:-1]]))
