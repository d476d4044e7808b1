"""How far mean saving and mean regret of every setting would vary with other groups of runs of the same kind.

The intervals of `kcb.recommend`, for all settings instead of the recommended one. Refuses to give any for less than
five groups: nothing is known then of how groups differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.recommend.resampling import FEWEST_GROUPS, interval, resampled

if TYPE_CHECKING:
    from kcb_replay.replay.recommend.evidence import Evidence
    from kcb_replay.replay.recommend.result import Interval

__all__ = ["Spread", "spread_of"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Spread:
    """The 95 % intervals of each setting over resampled groups."""

    saving: tuple[Interval, ...]
    regret: tuple[Interval, ...]
    groups: int


def spread_of(evidence: Evidence) -> Spread | None:
    """Return the intervals, None where there are fewer than five groups."""
    groups = len(evidence.groups)
    if groups < FEWEST_GROUPS:
        return None
    weights = resampled(groups)
    fits = weights @ evidence.fits
    saving, regret = (_intervals(weights, fits, sums) for sums in (evidence.saving, evidence.regret))
    return Spread(saving, regret, groups)


def _intervals(weights: Floats, fits: Floats, sums: Floats) -> tuple[Interval, ...]:
    # One setting after the other: all at once would take 16 kB each.
    return tuple(interval(weights @ one / fits) for one in sums.T)
