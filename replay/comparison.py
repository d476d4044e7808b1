"""The arithmetic behind "is this an improvement", to the bit.

Sources: `np.less` and `np.greater` on Python floats in Keras 2; since Keras 3 `ops.less` and `ops.greater`, to which
EarlyStopping, and since 3.11 `MonitorCallback`, hands Python floats that the backend rounds to float32. What torch does
was run on its CPU build.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass

from kcb_replay.replay.behaviours import Arithmetic
from kcb_replay.replay.directions import Direction

_FLOAT32 = struct.Struct("<f")
_SMALLEST_NORMAL = 1.1754943508222875e-38


class KerasRaises(Exception):  # noqa: N818  # not our error: the exception that the real class raises here
    """The real callback raises `kind` at this point; the engine records it and ends the replay."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def float32(value: float) -> float:
    """Round to the nearest float32, as an exact float64; a finite value beyond its range becomes infinite."""
    try:
        rounded: float = _FLOAT32.unpack(_FLOAT32.pack(value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return rounded


@dataclass(frozen=True, slots=True)
class Comparison:
    """How one callback compares: its direction, its min_delta and the arithmetic of the backend.

    With `margin_on_reference` min_delta is taken from the best instead of added to the value: they round differently.
    """

    direction: Direction
    min_delta: float
    arithmetic: Arithmetic
    margin_on_reference: bool = False

    @property
    def worst(self) -> float:
        """The value that everything but NaN and itself improves on."""
        return math.inf if self.direction == "min" else -math.inf

    def beats(self, value: float, reference: float | None) -> bool:
        """Tell whether `value` is an improvement on `reference`; anything, NaN too, improves on None.

        Strict: ties and NaN are never improvements. Raises `KerasRaises` where the backend cannot hold a value.
        """
        if reference is None:
            return True
        margin = self.min_delta if self.direction == "min" else -self.min_delta
        left, right = (value, reference - margin) if self.margin_on_reference else (value + margin, reference)
        left, right = self._operand(left), self._operand(right)
        return left < right if self.direction == "min" else left > right

    def leans(self, value: float, reference: float) -> bool:
        """Tell whether `value` is on the better side of `reference` when min_delta is left aside."""
        return value < reference if self.direction == "min" else value > reference

    def _operand(self, value: float) -> float:
        if self.arithmetic == "float64":
            return value
        rounded = float32(value)
        if math.isinf(rounded) and math.isfinite(value) and self.arithmetic == "float32 or ValueError":
            raise KerasRaises("ValueError", f"{value!r} cannot be held as float32 by the tensorflow backend")
        # The compare kernels of tensorflow and jax flush denormals to zero, those of torch do not.
        flushes = self.arithmetic != "float32 with denormals"
        return 0.0 if flushes and abs(rounded) < _SMALLEST_NORMAL else rounded
