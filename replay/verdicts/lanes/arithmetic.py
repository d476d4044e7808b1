"""The arithmetic of `replay.comparison` on arrays: float64, or float32 with denormals as 0 or as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kcb_replay.replay.behaviours import Arithmetic

__all__ = ["Compared", "comparable", "fits_float32", "operand", "unwarned"]

Floats: TypeAlias = NDArray[np.float64]
Compared: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
# For functions on what was recorded: NaN, infinities and overflow are values there, as they are to Python's floats.
unwarned = np.errstate(over="ignore", invalid="ignore")
_SMALLEST_NORMAL = np.float32(1.1754943508222875e-38)
_LARGEST_FLOAT32 = float(np.finfo(np.float32).max)


def operand(values: Floats, arithmetic: Arithmetic) -> Compared:
    """Return what is compared; a finite value beyond float32 becomes infinite, see `fits_float32`."""
    if arithmetic == "float64":
        return values
    with np.errstate(over="ignore"):
        rounded = values.astype(np.float32)
    if arithmetic == "float32 with denormals":
        return rounded
    # Losses are all above it, and metrics to maximise all below: told without another array.
    if rounded.size and (rounded.min() >= _SMALLEST_NORMAL or rounded.max() <= -_SMALLEST_NORMAL):
        return rounded
    denormal = np.abs(rounded) < _SMALLEST_NORMAL
    if denormal.any():
        rounded[denormal] = 0.0
    return rounded


def comparable(arithmetic: Arithmetic) -> Arithmetic:
    """Return the arithmetic where no value is beyond float32: those that differ in that alone are one."""
    return "float32" if arithmetic == "float32 or ValueError" else arithmetic


def fits_float32(values: Floats) -> bool:
    """Tell whether no finite value is beyond float32, where the tensorflow backend raises."""
    finite = values[np.isfinite(values)]
    return not len(finite) or float(np.abs(finite).max()) <= _LARGEST_FLOAT32
