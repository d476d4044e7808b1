"""The axis of regret: linear, or logarithmic where one training that diverged would hide all others."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["linear_end", "scale_said"]

# A regret is not seen beside one so many times as large.
_HIDES = 1000


def linear_end(regrets: Iterable[float]) -> float | None:
    """Return the power of ten below the least regret above 0, up to which the axis is linear; None for all of it."""
    above = [regret for regret in regrets if regret > 0]
    if not above or max(above) < _HIDES * min(above):
        return None
    return float(10.0 ** math.floor(math.log10(min(above))))


def scale_said(end: float | None) -> str:
    """Return what the name of the axis says of its scale."""
    return "" if end is None else f", logarithmic above {end:g}"
