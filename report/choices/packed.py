"""Arrays of whole numbers as text: base64 of the smallest integers that hold them, lowest byte first."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["packed"]

_KINDS = (("Int8Array", "<i1"), ("Int16Array", "<i2"), ("Uint16Array", "<u2"), ("Int32Array", "<i4"))


def packed(numbers: NDArray[np.integer[Any]]) -> tuple[str, str]:
    """Return the name of the typed array that a program reads the numbers into, and their bytes in base64.

    Raises `ValueError` for a number beyond 32 bits.
    """
    low, high = (int(numbers.min()), int(numbers.max())) if numbers.size else (0, 0)
    for kind, code in _KINDS:
        limits = np.iinfo(code)
        if limits.min <= low and high <= limits.max:
            return kind, base64.b64encode(np.ascontiguousarray(numbers, code).tobytes()).decode()
    raise ValueError(f"{high if high > 0 else low} takes more than 32 bits.")
