"""Groups of runs drawn again with replacement, whole, and the interval that 95 % of what comes out lies in."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kcb_replay.replay.recommend.result import Interval

__all__ = ["FEWEST_GROUPS", "RESAMPLES", "interval", "resampled"]

Floats: TypeAlias = NDArray[np.float64]
# Of fewer groups nobody knows how the next one differs.
FEWEST_GROUPS = 5
RESAMPLES, _SEED = 2000, 0
_PERCENTILES = (2.5, 97.5)


def resampled(groups: int) -> Floats:
    """Return how often each group counts in each resampling, of shape (resamplings, groups); always the same ones."""
    shares = np.full(groups, 1 / groups)
    return np.random.default_rng(_SEED).multinomial(groups, shares, RESAMPLES).astype(float)


def interval(values: Floats) -> Interval:
    """Return the percentiles between which 95 % of the values lie."""
    low, high = np.percentile(values, _PERCENTILES)
    return float(low), float(high)
