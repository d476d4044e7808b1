"""Which fits are drawn on a page: all of them, or beyond 500 the 200 worst and 300 others by lot, always the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_DRAWN, _WORST = 500, 200
_SEED = 0


def drawn_places(regrets: Sequence[float] | NDArray[np.float64], *, draw_all: bool = False) -> list[int]:
    """Return the places of the fits that are drawn, in their order; a regret that is NaN counts as the worst."""
    count = len(regrets)
    if draw_all or count <= MOST_DRAWN:
        return list(range(count))
    order = np.argsort(-np.nan_to_num(np.asarray(regrets), nan=np.inf), kind="stable")
    others = np.random.default_rng(_SEED).choice(order[_WORST:], MOST_DRAWN - _WORST, replace=False)
    return sorted([*order[:_WORST].tolist(), *others.tolist()])
