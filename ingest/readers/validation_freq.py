"""Which epochs the values of a validation belong to, where a History has fewer of them than epochs.

`fit(validation_freq=N)` validates after every epoch whose number, counted from 1, N divides. A History holds the values
without their epochs: they are placed where one N alone gives as many of them, and a note says so. It is an assumption
all the same, for `validation_freq` may be a list of epochs: no answer from it is exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.text import counted, excerpt

if TYPE_CHECKING:
    from kcb_replay.ingest.recording import Floats, Integers, Mask

# A single value fits too much to be placed.
_FEWEST = 2


def only_frequency(name: str, values: int, epochs: Integers) -> int | None:
    """Return the one N > 1 that gives a metric of the validation so many values at these epochs, None for others."""
    if not name.startswith("val_") or not _FEWEST <= values < len(epochs):
        return None
    most = int(epochs[-1]) + 1
    # N gives about len / N values: only these few can give as many.
    near = range(max(2, len(epochs) // (values + 1)), min(most, 2 * len(epochs) // values + 1) + 1)
    fitting = [n for n in near if int(validated(epochs, n).sum()) == values]
    return fitting[0] if len(fitting) == 1 else None


def validated(epochs: Integers, frequency: int) -> Mask:
    """Tell of each epoch, counted from 0, whether Keras validates after it."""
    mask: Mask = (epochs + 1) % frequency == 0
    return mask


def placed(name: str, values: int, epochs: Integers, frequency: int) -> str:
    """Return what is said of a metric that was placed."""
    numbers = (epochs[validated(epochs, frequency)] + 1).tolist()
    shown = ", ".join(map(str, numbers[:3])) + (", ..." if len(numbers) > 3 else "")
    return (
        f"{excerpt(name)} has {counted(values, 'value')} for {len(epochs)} epochs: taken as of"
        f" validation_freq={frequency} (epochs {shown}), the only frequency that gives so many;"
        " a list of epochs as validation_freq is not recorded"
    )


def spread(values: Floats | Mask, mask: Mask) -> Floats:
    """Return values at the epochs of a mask, 0.0 at the others."""
    floats = np.zeros(len(mask), np.float64)
    floats[mask] = values
    return floats
