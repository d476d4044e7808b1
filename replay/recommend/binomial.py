"""How often something may really happen that was seen k times in n: the exact bound of Clopper and Pearson (1934)."""

from __future__ import annotations

import math
from functools import lru_cache

__all__ = ["fewest_runs", "most_failures", "upper_bound"]

_CONFIDENCE = 0.95


def upper_bound(k: int, n: int) -> float:
    """Return the share that is not exceeded with 95 % confidence when k of n failed; 1 for n = 0."""
    if k >= n:
        return 1.0
    low, high = k / n, 1.0
    # The bound is where so few failures would be as rare as 5 %.
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(k, n, middle) > 1 - _CONFIDENCE else (low, middle)
    return high


@lru_cache(maxsize=100_000)
def most_failures(n: int, share: float) -> int:
    """Return the largest k of n whose upper bound is not above `share`, -1 when even 0 is too many."""
    if _at_most(0, n, share) > 1 - _CONFIDENCE:
        return -1
    low, high = 0, n
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if _at_most(middle, n, share) <= 1 - _CONFIDENCE else (low, middle)
    return low


def fewest_runs(share: float) -> int:
    """Return how many runs without any failure it takes to bound the share of failures by `share`."""
    return math.ceil(math.log(1 - _CONFIDENCE) / math.log1p(-share))


def _at_most(k: int, n: int, p: float) -> float:
    """Return the probability of at most k of n at probability p."""
    if p in (0.0, 1.0):
        return 1.0 if p == 0.0 or k >= n else 0.0
    log_p, log_q = math.log(p), math.log1p(-p)
    logs = (
        math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q
        for i in range(k + 1)
    )
    return math.fsum(map(math.exp, logs))
