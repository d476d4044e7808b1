"""From the rows at which choices stop to what a user asks: stop, best, kept, saved, regret, and how far that holds.

Three small integers per choice and fit are all that is kept; the rest is read off when it is asked for, some choices at
a time. Definitions are those of a single replay (`replay.outcomes.stopping`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.validity import Label
from kcb_replay.replay.verdicts.lanes.early_stopping import Stops
from kcb_replay.replay.verdicts.lanes.improvements import unwarned
from kcb_replay.replay.verdicts.lanes.series import Block

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.signedinteger[Any]]
Mask: TypeAlias = NDArray[np.bool_]
Rows: TypeAlias = NDArray[np.int32]
# An answer of a weak source may be undecided, too; both are said.
LABELS = ("exact", "undecided", "rounded", "rounded, undecided", "sampled", "sampled, undecided", "hypothetical")


def label_number(label: Label, *, undecided: bool) -> int:
    """Return the place in `LABELS` of a label, of an answer before which the recording ends or not."""
    both = "undecided" if label == "exact" else f"{label}, undecided"
    return LABELS.index(both if undecided and both in LABELS else label)


@dataclass(frozen=True, slots=True)
class Answers:
    """One answer per stopping choice and fit, all of shape (choices, fits).

    Epochs are 0-based, -1 where there is none. `has_best` and `has_kept` say where there is a value, which may be NaN:
    a missing value and a recorded NaN are two things. `saved` counts recorded epochs that would not have run,
    `saved_seconds` the time they took (NaN without wall times). `regret` is what the kept epoch gives away against the
    best of the recording, `also_regret` what it gives away in a second metric against the epoch at which the monitored
    one is best (negative: it gains); both are NaN where they are not known, for want of a value or for a value of NaN.
    `undecided` where the recording ends before the stop; `label` are places in `LABELS`.

    `by_chance` is n / (n + patience) for a stop of EarlyStopping whose best epoch is the n-th monitored one: with this
    probability no better value comes for `patience` epochs of a plateau that is nothing but noise, whatever its
    distribution.
    """

    stop_index: Integers
    best_index: Integers
    best_value: Floats
    has_best: Mask
    kept_index: Integers
    kept_value: Floats
    has_kept: Mask
    saved: Integers
    saved_seconds: Floats
    regret: Floats
    also_regret: Floats
    by_chance: Floats
    undecided: Mask
    label: NDArray[np.int8]

    @classmethod
    def none(cls, shape: tuple[int, int]) -> Answers:
        """Return answers to be filled: nothing anywhere."""
        return cls(**{name: np.full(shape, nothing) for name, nothing in _NOTHING.items()})

    @classmethod
    def joined(cls, parts: Sequence[Answers], axis: int) -> Answers:
        """Return the answers of one part after the other: of further choices (axis 0) or of further fits (1)."""
        return cls(
            **{
                item.name: np.concatenate([getattr(part, item.name) for part in parts], axis=axis)
                for item in fields(cls)
            }
        )


_NOTHING: Mapping[str, Any] = {
    **dict.fromkeys(("stop_index", "best_index", "kept_index"), -1),
    **dict.fromkeys(("best_value", "kept_value", "saved_seconds", "regret", "also_regret", "by_chance"), math.nan),
    **dict.fromkeys(("has_best", "has_kept", "undecided"), False),
    "saved": 0,
    "label": np.int8(0),
}


@dataclass(frozen=True, slots=True)
class StopRows:
    """Rows of a block, of shape (choices, fits): after which a choice stops (-1: never), and whose weights it keeps.

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
        """Return the rows of some choices."""
        return StopRows(self.stop[chosen], self.best[chosen], self.kept[chosen])

    def of_fits(self, places: Sequence[int]) -> StopRows:
        """Return the rows of some fits."""
        return StopRows(self.stop[:, places], self.best[:, places], self.kept[:, places])

    def fill(self, chosen: Sequence[int], lengths: Integers, stops: Stops, restores: str) -> None:
        """Fill in what lanes found for some settings; `restores` is "never", "when stopped" or "always"."""
        undecided = stops.row < 0
        ran = np.where(undecided, lengths - 1, stops.row)
        # Where there is no best, the first weights count as such, and versions that always restore say so.
        restored = np.where(stops.best_row < 0, stops.first_row, stops.best_row)
        best, kept = stops.best_row, ran
        if restores != "never":
            kept = np.where((restored < 0) | (undecided & (restores != "always")), ran, restored)
        if restores == "always":
            best = np.where((best < 0) & (restored >= 0), -2 - restored, best)
        # A stretch of rows is copied many times faster than chosen ones.
        together = chosen[-1] - chosen[0] == len(chosen) - 1
        where = slice(chosen[0], chosen[-1] + 1) if together else list(chosen)
        self.stop[where], self.best[where], self.kept[where] = stops.row, best, kept


@dataclass(frozen=True, slots=True, eq=False)
class MetricValues:
    """What rows are worth: the metric that all fits are judged by, and another one that is not monitored.

    `sign` and `also_sign` are 1 for a metric that should fall and -1 for one that should rise.
    """

    block: Block
    sign: float
    also: Block | None = None
    also_sign: float = 1.0

    @property
    def since_best(self) -> Integers:
        """The number of epochs recorded after the best one of each fit (fits,), -1 where no value is a number."""
        best = self.block.best_row(self.sign)
        return np.where(best < 0, -1, self.block.lengths - 1 - best)

    def of_fits(self, places: Sequence[int]) -> MetricValues:
        """Return the values of some fits."""
        also = None if self.also is None else self.also.of_fits(places)
        return MetricValues(self.block.of_fits(places), self.sign, also, self.also_sign)


@unwarned
def answers_of(
    values: MetricValues,
    choices: Sequence[Callback],
    rows: StopRows,
    labels: NDArray[np.int8],
    *,
    judged: bool = True,
) -> Answers:
    """Return the answers of some choices, whose rows have shape (choices, fits).

    `judged` where each is judged by what it monitors itself: then a stop may be by chance.
    """
    block, stop, best, kept = values.block, rows.stop, rows.best, rows.kept
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
        regret=_regret(block, kept_value, values.sign),
        also_regret=_also_regret(values, kept),
        by_chance=_by_chance(block, choices, rows) if judged else np.full(stop.shape, np.nan),
        undecided=undecided,
        label=labels,
    )


def _regret(block: Block, kept_value: Floats, sign: float) -> Floats:
    lowest = block.least(sign)
    given_up: Floats = sign * kept_value - lowest
    # Both infinite: nothing was given up, and the difference would be NaN.
    given_up[np.isinf(kept_value) & (sign * kept_value == lowest)] = 0.0
    return given_up


def _also_regret(values: MetricValues, kept: Rows) -> Floats:
    if values.also is None:
        return np.full(kept.shape, np.nan)
    at_best = values.also.value_at(values.block.best_row(values.sign)[np.newaxis])
    regret: Floats = values.also_sign * (values.also.value_at(kept) - at_best)
    return regret


def _by_chance(block: Block, settings: Sequence[Any], rows: StopRows) -> Floats:
    patience = np.maximum(np.ceil([setting.patience for setting in settings]), 1)[:, np.newaxis]
    before = {epoch: block.monitored_before(epoch) for epoch in {setting.start_from_epoch for setting in settings}}
    passed_over = np.stack([before[setting.start_from_epoch] for setting in settings])
    monitored = block.monitored_until(rows.best) - passed_over
    chance: Floats = monitored / (monitored + patience)
    chance[(rows.stop < 0) | (rows.best < 0)] = np.nan
    return chance
