"""The learning rates of ReduceLROnPlateau, and where they part from the recorded ones.

`replay.validity.horizon_of` for many replays of one fit: until there the recorded metrics are what the replayed
training would have seen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import SettingError
from kcb_replay.ingest.recording import Fit
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.learning_rates import ScheduledRate, digits_kept, is_same_rate, rate_of
from kcb_replay.replay.request import KERAS_DEFAULT_LR
from kcb_replay.replay.stream import learning_rate_key, may_be_late


def rate_path(setting: ReduceLROnPlateau, version: Semantics, initial_lr: float, most: int) -> tuple[float, ...]:
    """Return the initial rate and that after each reduction, until the floor is reached or `most` are made."""
    state = setting.start(Context(version, direction_of))
    rate = rate_of(initial_lr)
    if isinstance(rate, ScheduledRate):
        raise SettingError(f"{rate} is a schedule of the optimizer, which only single replays follow, step by step.")
    rates = [float(rate)]
    while len(rates) <= most and state.reduces(rates[-1]):
        rates.append(rate.assigned(state.reduced(rates[-1]), version))
    return tuple(rates)


Floats: TypeAlias = NDArray[np.float64]


Integers: TypeAlias = NDArray[np.int64]


Mask: TypeAlias = NDArray[np.bool_]


# The row of a parting that does not come, behind all others.
NEVER = 2**40


@dataclass(frozen=True, slots=True, eq=False)
class RecordedRates:
    """What a fit tells of its learning rate, by row: `believed` is the recorded one, or the last one that was.

    `known` tells where one is recorded, `start` is the one that a replay starts from, `assumed` whether that is
    Keras's default for want of another. `digits` and `may_be_late` are those of `Stream`.
    """

    believed: Floats
    known: Mask
    start: float
    assumed: bool
    digits: int | None
    may_be_late: bool

    @property
    def compares_plainly(self) -> bool:
        """Whether nothing but the recorded rate before an epoch tells, and any other number of it is another rate."""
        return self.digits is None and not self.may_be_late and not math.isnan(self.start)

    def first_parting(self) -> int:
        """Return the first row at which the rate is no more the one that a replay starts from, `NEVER` without one."""
        parted = np.flatnonzero(self._differs(np.full(len(self.believed), float32(self.start))))
        return int(parted[0]) if len(parted) else NEVER

    def last_exact(self, drops: Integers, path: Floats) -> int:
        """Return the last row that is exact, -1 where none is and `NEVER` where all are.

        `drops` are the rows of the reductions, in order, `path` the rates before, between and after them.
        """
        rows = np.arange(len(self.believed))
        parted = np.flatnonzero(self._differs(path[np.searchsorted(drops, rows, side="left")]))
        last = int(parted[0]) - 1 if len(parted) else NEVER
        if not self.may_be_late:
            return last
        # A rate that may be late must agree with the one after the epoch too, or nobody knows when it changed.
        late = np.flatnonzero(self._differs(path[np.searchsorted(drops, rows, side="right")]) & self.known)
        return min(last, int(late[0])) if len(late) else last

    def _differs(self, replayed: Floats) -> Mask:
        with np.errstate(over="ignore"):
            differs: Mask = self.believed.astype(np.float32) != replayed
        differs &= ~(np.isnan(self.believed) & np.isnan(replayed))
        if self.digits is not None:
            for row in np.flatnonzero(differs).tolist():
                differs[row] = not is_same_rate(float(self.believed[row]), float(replayed[row]), self.digits)
        return differs


def recorded_rates(fit: Fit, initial_lr: float | None) -> RecordedRates:
    """Return the learning rates of a fit; `initial_lr` is the one to start from, None for the recorded one."""
    key = learning_rate_key(fit)
    rates = None if key is None else fit.metrics[key]
    known = np.zeros(len(fit), np.bool_) if rates is None else rates.valid
    first = float(rates.values[0]) if rates is not None and known[0] else None
    start = initial_lr if initial_lr is not None else KERAS_DEFAULT_LR if first is None else first
    believed = np.full(len(fit), float32(start))
    if rates is not None and known.any():
        latest = np.maximum.accumulate(np.where(known, np.arange(len(fit)), -1))
        believed = np.where(latest < 0, believed, rates.values[latest])
    return RecordedRates(
        believed=believed,
        known=known,
        start=start,
        assumed=initial_lr is None and first is None,
        digits=None if rates is None else digits_kept(rates.values[known].tolist()),
        may_be_late=rates is not None and may_be_late(rates),
    )
