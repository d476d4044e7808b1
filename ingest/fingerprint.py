"""What tells one training from another: a digest of each metric of a fit, and how much it is evidence of.

Values are compared to float32, which is what event files hold, so that the same training has the same digests in every
container. The learning rate is left aside: trainings that have nothing else in common often share it, and event files
log it at another moment than callbacks do. A digest is followed by one character, the significant digits that stand in
the first different values: two trainings that were NaN from the first epoch on, or stuck at the same 0.6931, agree
without being one.
"""

from __future__ import annotations

import base64
import hashlib
import math
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.ingest.recording import Fit, Series


# Two values of seven digits and one of two: 1 in 10^16 that others agree by chance.
ENOUGH_DIGITS = 16
_BYTES = 8
_COUNTED_VALUES = 8
_NUMBERS = "0123456789abcdefghijklmnopqrstuvwxyz"
# As many as are asked for of values that were printed.
_MOST_DIGITS = 24


def digests_of(fit: Fit) -> dict[str, str]:
    """Return the digest of each metric but the learning rate; that of a fit of which not all is loaded is stored."""
    if fit.digests is not None:
        return dict(fit.digests)
    with np.errstate(over="ignore"):
        return {
            name: _digest(fit, series)
            for name, series in fit.metrics.items()
            if name not in LEARNING_RATE_KEYS and series.valid.any()
        }


def digits_of(digest: str) -> int:
    """Return how many digits a digest is evidence of."""
    return int(digest[-1], len(_NUMBERS))


def are_same(some: Sequence[Mapping[str, str]], others: Sequence[Mapping[str, str]]) -> bool:
    """Tell whether the fits of two runs are of one training: all metrics that both have agree, with evidence enough."""
    if len(some) != len(others):
        return False
    digits = 0
    for one, two in zip(some, others, strict=True):
        shared = one.keys() & two.keys()
        if any(one[name] != two[name] for name in shared) or (not shared and (one or two)):
            return False
        digits += sum(digits_of(one[name]) for name in shared)
    return digits >= ENOUGH_DIGITS


def _digest(fit: Fit, series: Series) -> str:
    whole = series.valid.all()
    epochs, values = (fit.epochs, series.values) if whole else (fit.epochs[series.valid], series.values[series.valid])
    # All NaNs are one, and so are both zeros.
    rounded = values.astype(np.float32) + np.float32(0)
    rounded[np.isnan(rounded)] = np.nan
    hashed = hashlib.blake2b(epochs.tobytes() + rounded.tobytes(), digest_size=_BYTES).digest()
    return base64.b64encode(hashed).decode().rstrip("=") + _NUMBERS[_digits(rounded[:_COUNTED_VALUES].tolist())]


def _digits(values: Sequence[float]) -> int:
    """Return the significant digits of the different values, of the seven that float32 has, up to the most needed."""
    digits = 0
    for value in dict.fromkeys(values):
        if digits >= _MOST_DIGITS:
            return _MOST_DIGITS
        if math.isfinite(value):
            mantissa, _, _ = f"{value:.6e}".partition("e")
            digits += len(mantissa.replace(".", "").strip("-0"))
    return min(digits, _MOST_DIGITS)
