"""How often something may really happen that was seen k times in n: the exact bound of Clopper and Pearson (1934)."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]

__all__ = ["fewest_runs", "most_failures", "upper_bound"]

_RARE = 0.05


def upper_bound(k: int, n: int) -> float:
    """Return the share that is not exceeded with 95 % confidence when k of n failed; 1 for n = 0."""
    if k >= n:
        return 1.0
    low, high = k / n, 1.0
    # The bound is where so few failures would be as rare as 5 %.
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if _at_most(k, n, middle)[-1] <= _RARE else (middle, high)
    return high


@lru_cache(maxsize=100_000)
def most_failures(n: int, share: float) -> int:
    """Return the largest k of n whose upper bound is not above `share`, -1 when even 0 is too many."""
    return int(np.searchsorted(_at_most(n, n, share), _RARE, side="right")) - 1


def fewest_runs(share: float) -> int:
    """Return how many runs without any failure it takes to bound the share of failures by `share`."""
    return math.ceil(math.log(_RARE) / math.log1p(-share))


def _at_most(k: int, n: int, p: float) -> Floats:
    """Return the probabilities of at most 0, 1, ... k of n at probability p, which is neither 0 nor 1."""
    i = np.arange(1, k + 1)
    ratios = np.log((n - i + 1) / i) + (math.log(p) - math.log1p(-p))
    logs = np.cumsum(np.concatenate([[n * math.log1p(-p)], ratios]))
    return np.cumsum(np.exp(logs))
