"""Which settings nothing is better than: more saved epochs at no more regret, or less regret at no fewer epochs saved.

Settings that act alike on every fit (same stop, same weights kept) count as one, the first of them.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.sweep.table import SettingSummary, Sweep

__all__ = ["distinct", "front"]


def distinct(sweep: Sweep) -> list[int]:
    """Return the numbers of the settings, of those that act alike only the first."""
    seen: dict[tuple[bytes, bytes, bytes], int] = {}
    for number in range(len(sweep.settings)):
        answers = sweep.answers
        acts = (answers.stop_index[number], answers.kept_index[number], sweep.answered[number])
        seen.setdefault((acts[0].tobytes(), acts[1].tobytes(), acts[2].tobytes()), number)
    return list(seen.values())


def front(sweep: Sweep, summaries: Sequence[SettingSummary]) -> list[int]:
    """Return the numbers of the distinct settings on the Pareto front, least regret first.

    A setting without any regret that is known is on no front.
    """
    known = [number for number in distinct(sweep) if not math.isnan(summaries[number].regret_mean)]
    ordered = sorted(known, key=lambda number: (summaries[number].regret_mean, -summaries[number].saving))
    kept: list[int] = []
    for number in ordered:
        # With rising regret only what saves more than all before it is worth it.
        if not kept or summaries[number].saving > summaries[kept[-1]].saving:
            kept.append(number)
    return kept
