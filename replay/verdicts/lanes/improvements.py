"""The rows at which a metric improves: in lanes, epoch by epoch, or along one long stream, minimum by minimum.

What is compared comes ready made, as the version compares it: an improvement is a candidate (value plus min_delta)
below the best value so far. NaN never is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from kcb_replay.replay.verdicts.lanes.arithmetic import Compared

__all__ = ["along_stream", "in_lanes"]

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
_FEW_LEAPS = 4096


def in_lanes(compared: Compared, candidate: Compared, *, first_always: bool) -> Mask:
    """Return where lanes improve, of the shape of `candidate` (rows, ...), to which that of `compared` is extended."""
    improved = np.zeros(candidate.shape, np.bool_)
    best = np.full(candidate.shape[1:], np.inf, candidate.dtype)
    for row in range(len(candidate)):
        np.less(candidate[row], best, out=improved[row])
        if row == 0 and first_always:
            improved[0] = True
        np.copyto(best, compared[row], where=improved[row])
    return improved


def along_stream(value: Floats, compared: Compared, candidate: Compared, *, first_always: bool) -> Mask:
    """Return where one stream (rows,) improves; `compared` and `candidate` must not fall where `value` rises.

    Only a new minimum can improve, and among minima the next improvement is found by bisection, for their candidates
    only fall.
    """
    improved = np.zeros(len(value), np.bool_)
    is_minimum = value < np.fmin.accumulate(np.concatenate([[np.inf], value[:-1]]))
    # inf - inf: no margin makes an infinite value one that improves.
    is_minimum &= ~np.isnan(candidate)
    is_minimum[:1] |= first_always and not np.isnan(value[:1])
    minima = np.flatnonzero(is_minimum)
    improved[:1] = first_always
    if len(minima) and not (first_always and minima[0] > 0):
        improved[minima[_leaps(compared[minima], candidate[minima], first_always=first_always)]] = True
    return improved


def _leaps(compared: Compared, candidate: Compared, *, first_always: bool) -> list[int]:
    """Return the places of the improvements among falling values."""
    rising, values = -candidate, -compared
    place = 0 if first_always else int(np.searchsorted(rising, -np.inf, side="right"))
    places: list[int] = []
    # Few and far between they are searched for one by one, else all at once.
    while place < len(values) and len(places) < _FEW_LEAPS:
        places.append(place)
        place = int(np.searchsorted(rising, values[place], side="right"))
    if place == len(values):
        return places
    following = (place + np.searchsorted(rising[place:], values[place:], side="right")).tolist()
    first = place
    while place < len(values):
        places.append(place)
        place = following[place - first]
    return places
