"""The arithmetic of `replay.comparison` on arrays: float64, or float32 with denormals as 0."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Compared", "fits_float32", "operand", "unwarned"]

Floats: TypeAlias = NDArray[np.float64]
Compared: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
# For functions on what was recorded: NaN, infinities and overflow are values there, as they are to Python's floats.
unwarned = np.errstate(over="ignore", invalid="ignore")
_SMALLEST_NORMAL = np.float32(1.1754943508222875e-38)
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def operand(values: Floats, *, single: bool) -> Compared:
    """Return what is compared; a finite value beyond float32 becomes infinite, see `fits_float32`."""
    if not single:
        return values
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32)
    # Losses are all above it, and metrics to maximise all below: told without another array.
    if rounded.size and (rounded.min() >= _SMALLEST_NORMAL or rounded.max() <= -_SMALLEST_NORMAL):
        return rounded
    denormal = np.abs(rounded) < _SMALLEST_NORMAL
    if denormal.any():
        rounded[denormal] = 0.0
    return rounded


def fits_float32(values: Floats) -> bool:
    """Tell whether no finite value is beyond float32, where the tensorflow backend raises."""
    finite = values[np.isfinite(values)]
    return not len(finite) or float(np.abs(finite).max()) <= _LARGEST_FLOAT32
