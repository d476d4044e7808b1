"""Which settings nothing is better than: none saves more at no more regret, or costs less at no less saving."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.replay.verdicts.totals import SettingSummary

__all__ = ["front"]


def front(summaries: Sequence[SettingSummary], distinct: Iterable[int]) -> list[int]:
    """Return the numbers of the settings on the Pareto front, least regret first.

    `distinct` are the settings to choose from, one of each that act alike. A setting without any regret that is known
    is on no front.
    """
    known = [number for number in distinct if not math.isnan(summaries[number].regret_mean)]
    ordered = sorted(known, key=lambda number: (summaries[number].regret_mean, -summaries[number].saving))
    kept: list[int] = []
    for number in ordered:
        # With rising regret only what saves more than all before it is worth it.
        if not kept or summaries[number].saving > summaries[kept[-1]].saving:
            kept.append(number)
    return kept
