"""The arrays inside joblib's dumps: joblib writes their bytes raw, in the middle of the pickle.

A record of the wrapper is followed by a length byte, padding and the values in the machine's byte order. What the
wrapper claims is checked against what is there; arrays of objects, which are pickles of their own, are refused.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from kcb_replay.ingest.inert import Opaque

if TYPE_CHECKING:
    from kcb_replay.ingest.inert_machine import Machine

__all__ = ["JOBLIB_ARRAY", "array_bytes"]

JOBLIB_ARRAY = "joblib.numpy_pickle.NumpyArrayWrapper"
_MAX_DIMENSIONS = 32
_PLAIN_DTYPE = re.compile(r"[biuf]([1248])")


def array_bytes(machine: Machine, state: object) -> bytes | memoryview:
    """Return the bytes of the array that follow its wrapper."""
    size = _size(state)
    if size is None or not isinstance(state, dict):
        machine.refuse("a joblib array of other values than plain numbers")
    if state.get("numpy_array_alignment_bytes") is not None:
        machine.take(machine.length(1, "padding"), "padding")
    return machine.taken_bytes(size, "joblib array")


def _size(state: object) -> int | None:
    match state:
        case {"shape": tuple() as shape, "dtype": Opaque(name="numpy.dtype", args=(str() as code, *_))}:
            if (found := _PLAIN_DTYPE.fullmatch(code)) and _is_shape(shape):
                return math.prod(shape) * int(found[1])
    return None


def _is_shape(shape: tuple[object, ...]) -> bool:
    return len(shape) <= _MAX_DIMENSIONS and all(type(n) is int and 0 <= n < 2**40 for n in shape)
