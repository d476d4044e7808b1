"""Which setting is chosen from some evidence: the rule, applied to any number of weightings of the groups at once.

Of the settings whose failures are bounded (Clopper and Pearson, 1934), the one that saves most; and of those that are
bounded and save as much but for one standard error of the paired difference, the one with the largest patience
(Breiman's one-standard-error rule).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.recommend.evidence import Evidence

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


Floats: TypeAlias = NDArray[np.float64]


Integers: TypeAlias = NDArray[np.intp]


NONE = -1


def chosen(evidence: Evidence, weights: Floats, preference: Integers, *, max_failures: float) -> Integers:
    """Return the setting that each row of `weights` (rows, groups) chooses, `NONE` where none is bounded.

    A weight says how often a group counts; `preference` (settings,) is greater for a setting that is rather taken.
    """
    fits = weights @ evidence.fits
    saving = (weights @ evidence.saving) / fits[:, np.newaxis]
    allowed = np.array([most_failures(round(count), max_failures) for count in fits.tolist()])
    bounded = weights @ evidence.failures <= allowed[:, np.newaxis] + 0.5
    best = np.where(bounded, saving, -np.inf).argmax(axis=1)
    behind = np.take_along_axis(saving, best[:, np.newaxis], axis=1) - saving
    as_good = bounded & (behind <= _standard_errors(evidence, weights, best, behind, fits))
    setting = np.where(as_good, preference, NONE).argmax(axis=1)
    return np.where(bounded.any(axis=1), setting, NONE)


def _standard_errors(evidence: Evidence, weights: Floats, best: Integers, behind: Floats, fits: Floats) -> Floats:
    """Return the standard error of how far each setting is behind the best of its row, groups as the unit."""
    saving = evidence.saving
    with_itself = weights @ saving**2
    with_best = np.empty_like(behind)
    for setting in np.unique(best):
        rows = best == setting
        with_best[rows] = (weights[rows] * saving[:, setting]) @ saving
    at_best = best[:, np.newaxis]
    with_fits = weights @ (saving * evidence.fits[:, np.newaxis])
    squares = np.take_along_axis(with_itself, at_best, axis=1) - 2 * with_best + with_itself
    products = np.take_along_axis(with_fits, at_best, axis=1) - with_fits
    residual = squares - 2 * behind * products + behind**2 * (weights @ evidence.fits**2)[:, np.newaxis]
    groups = weights.sum(axis=1, keepdims=True)
    # Rounding may leave a trace below zero where two settings act alike.
    errors: Floats = np.sqrt(np.maximum(residual, 0) * groups / np.maximum(groups - 1, 1)) / fits[:, np.newaxis]
    return errors
