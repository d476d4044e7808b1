"""The baseline of a comparison of rules: stop everything at one epoch, for every epoch at once.

It is that of R. Egele et al. (2024): a rule that looks at the curves is worth its trouble where it gives away less than
"stop everything at epoch i" does for the same share of epochs.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.verdicts.answers import MetricValues
from kcb_replay.replay.verdicts.blocks import StoppingBlock
from kcb_replay.replay.verdicts.collect import Collector
from kcb_replay.replay.verdicts.lanes.improvements import unwarned
from kcb_replay.replay.verdicts.records import without_nan
from kcb_replay.replay.verdicts.totals import over

Json: TypeAlias = dict[str, object]
Floats: TypeAlias = NDArray[np.float64]
# A curve of more points looks the same.
_MOST_POINTS = 200
_BYTES_IN_MEMORY = 64_000_000


@dataclass(frozen=True, slots=True)
class BaselinePoint:
    """Stop everything after epoch `epoch` (from 1), keeping the last or the best weights.

    `saving` is the mean share of epochs that would not have run. The regret is the mean over the fits that keep an
    epoch with a number; NaN where none does.
    """

    keeps: str
    epoch: int
    saving: float
    regret_mean: float
    unknown: int

    def to_dict(self) -> Json:
        """Return the point as a record."""
        return without_nan(asdict(self))


class Baseline(Collector["StoppingBlock", Any]):
    """Stop every training after epoch i, for i from 1 to the longest recording, keeping weights of each of `keeps`.

    Equal to `StopAt(i)` on every fit, but of all i at once. What every fit gives away is kept in a file, until it is
    known which epochs the curve has.
    """

    def __init__(self, keeps: Sequence[str]) -> None:
        self._keeps = keeps
        self._fits = self._longest = 0
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115  # closed with this object
        weakref.finalize(self, self._file.close)

    def begin(self, block: StoppingBlock) -> None:
        """Note the epochs and regrets of some fits."""
        values = block.metric_of(0)
        if values is None:
            return
        self._fits += len(block.fits)
        for lane, length in enumerate(values.block.lengths.tolist()):
            epochs = values.block.epochs[:length, lane]
            self._longest = max(self._longest, int(epochs[-1]) + 1)
            regrets = [_regrets(values, lane, length, keeps) for keeps in self._keeps]
            self._file.write(np.concatenate([[length], epochs, *regrets]).astype(np.float64).data)

    @unwarned
    def points(self) -> tuple[BaselinePoint, ...]:
        """Return the points of one curve for each of `keeps`, at most 200 each."""
        if not self._fits:
            return ()
        epochs = _shown_epochs(self._longest)
        saving, shape = np.zeros(len(epochs)), (len(self._keeps), len(epochs))
        total, count = np.zeros(shape), np.zeros(shape, np.int64)
        for recorded, regrets in self._noted():
            row = np.minimum(np.searchsorted(recorded + 1, epochs), len(recorded) - 1)
            saving += (len(recorded) - 1 - row) / len(recorded)
            known = ~np.isnan(regrets[:, row])
            total += np.where(known, regrets[:, row], 0.0)
            count += known
        mean = over(total, count)
        return tuple(
            BaselinePoint(
                keeps=keeps,
                epoch=epoch,
                saving=float(saving[place] / self._fits),
                regret_mean=float(mean[number, place]),
                unknown=int(self._fits - count[number, place]),
            )
            for number, keeps in enumerate(self._keeps)
            for place, epoch in enumerate(epochs.tolist())
        )

    def _noted(self) -> Iterator[tuple[Floats, Floats]]:
        self._file.seek(0)
        for _ in range(self._fits):
            (length,) = np.frombuffer(self._file.read(8), np.float64).astype(int).tolist()
            numbers = np.frombuffer(self._file.read(8 * length * (1 + len(self._keeps))), np.float64)
            recorded, *regrets = numbers.reshape(-1, length)
            yield recorded, np.stack(regrets)


def _shown_epochs(longest: int) -> NDArray[np.int64]:
    if longest <= _MOST_POINTS:
        return np.arange(1, longest + 1)
    # Close together where curves fall.
    return np.unique(np.geomspace(1, longest, _MOST_POINTS).round().astype(np.int64))


@unwarned
def _regrets(values: MetricValues, lane: int, length: int, keeps: str) -> Floats:
    """Return the regret after each recorded epoch, NaN where what is kept has no number."""
    block = values.block
    kept = values.sign * np.where(block.valid[:length, lane], block.values[:length, lane], np.nan)
    if keeps == "best":
        # NaN never takes the place of a number.
        kept = np.fmin.accumulate(kept)
    lowest = block.least(values.sign)[lane]
    regrets: Floats = np.where(kept == lowest, 0.0, kept - lowest)
    return regrets
