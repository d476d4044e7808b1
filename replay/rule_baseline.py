"""The baseline of a comparison: stop every training after epoch i, for i from 1 to the longest recording.

Equal to `StopAt(i)` on every fit, but of all i at once.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.outcomes.stopping import regret_of
from kcb_replay.replay.records import without_nan
from kcb_replay.replay.verdicts.lanes.arithmetic import unwarned

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.replay.directions import Direction

__all__ = ["BaselinePoint", "Judged", "baseline"]

Floats: TypeAlias = NDArray[np.float64]
# A curve of more points looks the same.
_MOST_POINTS = 200


@dataclass(frozen=True, slots=True)
class Judged:
    """The metric by which one fit is judged: its value per 0-based epoch that has one, and the best of all."""

    run: str
    fit: int
    epochs: NDArray[np.int64]
    values: Mapping[int, float]
    lowest: float


@dataclass(frozen=True, slots=True)
class BaselinePoint:
    """Stop everything after epoch `epoch` (from 1), keeping the last or the best weights.

    The regret is the mean over the fits that keep an epoch with a number; NaN where none does.
    """

    keeps: str
    epoch: int
    share: float
    regret_mean: float
    unknown: int

    def to_dict(self) -> dict[str, object]:
        """Return the point as a record."""
        return without_nan(asdict(self))


@unwarned
def baseline(fits: Sequence[Judged], mode: Direction, kept: Sequence[str]) -> list[BaselinePoint]:
    """Return the points of one curve for each of `kept` ("last", "best"), at most 200 each."""
    if not fits:
        return []
    epochs = _epochs(max(int(fit.epochs[-1]) + 1 for fit in fits))
    rows = [np.minimum(np.searchsorted(fit.epochs + 1, epochs), len(fit.epochs) - 1) for fit in fits]
    share = np.mean([(row + 1) / len(fit.epochs) for row, fit in zip(rows, fits, strict=True)], axis=0)
    points = []
    for keeps in kept:
        regrets = np.stack([_regrets(fit, mode, keeps)[row] for row, fit in zip(rows, fits, strict=True)])
        known = ~np.isnan(regrets)
        count = known.sum(axis=0)
        total = np.where(known, regrets, 0.0).sum(axis=0)
        mean = np.where(count > 0, total / np.maximum(count, 1), math.nan)
        unknown = len(fits) - count
        points += [
            BaselinePoint(keeps, int(epoch), float(share[n]), float(mean[n]), int(unknown[n]))
            for n, epoch in enumerate(epochs.tolist())
        ]
    return points


def _epochs(longest: int) -> NDArray[np.int64]:
    if longest <= _MOST_POINTS:
        return np.arange(1, longest + 1)
    # Close together where curves fall.
    return np.unique(np.geomspace(1, longest, _MOST_POINTS).round().astype(np.int64))


def _regrets(fit: Judged, mode: Direction, keeps: str) -> Floats:
    """Return the regret after each recorded epoch, NaN where what is kept has no number."""
    values = [fit.values.get(index, math.nan) for index in fit.epochs.tolist()]
    if keeps == "best":
        # NaN never takes the place of a number.
        better = np.fmin if mode == "min" else np.fmax
        values = better.accumulate(values).tolist()
    regrets = (regret_of(value, fit.lowest, mode) for value in values)
    return np.array([math.nan if regret is None else regret for regret in regrets])
