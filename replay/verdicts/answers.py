"""From the rows at which settings stop to what a user asks: stop, best, kept, saved, regret, and how far that holds.

Three small integers per setting and fit are all that is kept; the rest is read off when it is asked for, some settings
at a time. Definitions are those of a single replay (`replay.outcomes.stopping`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.verdicts.lanes.improvements import unwarned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.verdicts.lanes.early_stopping import Stops
    from kcb_replay.replay.verdicts.lanes.series import Block

__all__ = ["Answers", "MetricValues", "StopRows", "answers_of", "no_answers", "side_by_side"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.signedinteger[Any]]
Rows: TypeAlias = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer per setting and fit, all of shape (settings, fits).

    Epochs are 0-based, -1 where there is none. `has_best` and `has_kept` say where there is a value, which may be NaN:
    a missing value and a recorded NaN are two things. `saved` counts recorded epochs that would not have run,
    `saved_seconds` the time they took (NaN without wall times). `regret` is what the kept epoch gives away against the
    best of the recording, `also_regret` what it gives away in a second metric against the epoch at which the monitored
    one is best (negative: it gains); both are NaN where they are not known, for want of a value or for a value of NaN.
    `undecided` where the recording ends before the stop.

    `by_chance` is n / (n + patience) for a stop whose best epoch is the n-th monitored one: with this probability no
    better value comes for `patience` epochs of a plateau that is nothing but noise, whatever its distribution.
    """

    stop_index: Integers
    best_index: Integers
    best_value: Floats
    has_best: NDArray[np.bool_]
    kept_index: Integers
    kept_value: Floats
    has_kept: NDArray[np.bool_]
    saved: Integers
    saved_seconds: Floats
    regret: Floats
    also_regret: Floats
    by_chance: Floats
    undecided: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class StopRows:
    """Rows of a block, of shape (settings, fits): after which a setting stops (-1: never), and whose weights it keeps.

    `best` is the one that the callback takes for the best, -1 without any. Of -2 - row, the weights count as the best
    for want of better ones, but there is no best value.
    """

    stop: Rows
    best: Rows
    kept: Rows

    @classmethod
    def none(cls, shape: tuple[int, int]) -> StopRows:
        """Return rows to be filled."""
        return cls(*(np.full(shape, -1, np.int32) for _ in fields(cls)))

    def of(self, chosen: slice) -> StopRows:
        """Return the rows of some settings."""
        return StopRows(self.stop[chosen], self.best[chosen], self.kept[chosen])

    def fill(self, chosen: Sequence[int], lengths: Integers, stops: Stops, restores: str) -> None:
        """Fill in what lanes found for some settings; `restores` is "never", "when stopped" or "always"."""
        undecided = stops.row < 0
        ran = np.where(undecided, lengths - 1, stops.row)
        # Where there is no best, the first weights count as such, and versions that always restore say so.
        held = np.where(stops.best_row < 0, stops.first_row, stops.best_row)
        best, kept = stops.best_row, ran
        if restores != "never":
            kept = np.where((held < 0) | (undecided & (restores != "always")), ran, held)
        if restores == "always":
            best = np.where((best < 0) & (held >= 0), -2 - held, best)
        # A stretch of rows is copied many times faster than chosen ones.
        together = chosen[-1] - chosen[0] == len(chosen) - 1
        where = slice(chosen[0], chosen[-1] + 1) if together else list(chosen)
        self.stop[where], self.best[where], self.kept[where] = stops.row, best, kept


@dataclass(frozen=True, slots=True, eq=False)
class MetricValues:
    """What rows are worth: the monitored metric of all fits, and another one that is not monitored.

    `sign` and `also_sign` are 1 for a metric that should fall and -1 for one that should rise.
    """

    block: Block
    sign: float
    also: Block | None
    also_sign: float


@unwarned
def answers_of(prices: MetricValues, settings: Sequence[EarlyStopping], found: StopRows) -> Answers:
    """Return the answers of some settings, whose rows have shape (settings, fits)."""
    block, stop, best, kept = prices.block, found.stop, found.best, found.kept
    undecided = stop < 0
    ran = np.where(undecided, block.lengths - 1, stop)
    kept_value = block.value_at(kept)
    return Answers(
        stop_index=block.epoch_at(stop),
        best_index=block.epoch_at(np.where(best < -1, -2 - best, best)),
        best_value=block.value_at(best),
        has_best=best >= 0,
        kept_index=block.epoch_at(kept),
        kept_value=kept_value,
        has_kept=block.valid_at(kept),
        saved=block.lengths - 1 - ran,
        saved_seconds=block.seconds_after(ran),
        regret=_regret(block, kept_value, prices.sign),
        also_regret=_also_regret(prices, kept),
        by_chance=_by_chance(block, settings, found),
        undecided=undecided,
    )


def no_answers(shape: tuple[int, int]) -> Answers:
    """Return answers to be filled: nothing anywhere."""
    return Answers(
        stop_index=np.full(shape, -1),
        best_index=np.full(shape, -1),
        best_value=np.full(shape, np.nan),
        has_best=np.zeros(shape, np.bool_),
        kept_index=np.full(shape, -1),
        kept_value=np.full(shape, np.nan),
        has_kept=np.zeros(shape, np.bool_),
        saved=np.zeros(shape, np.int64),
        saved_seconds=np.full(shape, np.nan),
        regret=np.full(shape, np.nan),
        also_regret=np.full(shape, np.nan),
        by_chance=np.full(shape, np.nan),
        undecided=np.zeros(shape, np.bool_),
    )


def side_by_side(parts: Sequence[Answers], axis: int) -> Answers:
    """Return the answers of one part after the other: of further settings (axis 0) or of further fits (1)."""
    return Answers(
        **{
            item.name: np.concatenate([getattr(part, item.name) for part in parts], axis=axis)
            for item in fields(Answers)
        }
    )


def _regret(block: Block, kept_value: Floats, sign: float) -> Floats:
    lowest = block.least(sign)
    given_up: Floats = sign * kept_value - lowest
    # Both infinite: nothing was given up, and the difference would be NaN.
    given_up[np.isinf(kept_value) & (sign * kept_value == lowest)] = 0.0
    return given_up


def _also_regret(prices: MetricValues, kept: Rows) -> Floats:
    if prices.also is None:
        return np.full(kept.shape, np.nan)
    at_best = prices.also.value_at(prices.block.best_row(prices.sign)[np.newaxis])
    regret: Floats = prices.also_sign * (prices.also.value_at(kept) - at_best)
    return regret


def _by_chance(block: Block, settings: Sequence[EarlyStopping], found: StopRows) -> Floats:
    patience = np.maximum(np.ceil([setting.patience for setting in settings]), 1)[:, np.newaxis]
    before = {epoch: block.monitored_before(epoch) for epoch in {setting.start_from_epoch for setting in settings}}
    passed_over = np.stack([before[setting.start_from_epoch] for setting in settings])
    monitored = block.monitored_until(found.best) - passed_over
    chance: Floats = monitored / (monitored + patience)
    chance[(found.stop < 0) | (found.best < 0)] = np.nan
    return chance
