"""Whether a recorded learning rate is the replayed one, though the source may have written fewer digits of it.

NumPy before 1.14 wrote a float32 with six digits, and so did the CSVLogger of its time.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import TYPE_CHECKING

from kcb_replay.replay.comparison import float32

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["digits_kept", "is_same_rate"]

# With fewer, rates that differ could be taken for the same; with more, a float32 is told from its neighbours.
_ROUNDED_TO = (5, 6)


def digits_kept(recorded: Iterable[float]) -> int | None:
    """Return to how many digits the rates of a recording were rounded, None where nothing says so."""
    written = (Decimal(repr(rate)).normalize() for rate in recorded if math.isfinite(rate) and rate != float32(rate))
    most = max((len(number.as_tuple().digits) for number in written), default=0)
    return most if most in _ROUNDED_TO else None


def is_same_rate(recorded: float, replayed: float, digits: int | None) -> bool:
    """Tell whether a recorded rate is the float32 `replayed`, or what the source kept of it."""
    if float32(recorded) == replayed or (math.isnan(recorded) and math.isnan(replayed)):
        return True
    return digits is not None and f"{recorded:.{digits}g}" == f"{replayed:.{digits}g}"
