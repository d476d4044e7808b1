"""ReduceLROnPlateau with every combination of settings on every fit, some fits at a time.

Lanes where the rule of the version allows it, the engine where it does not: both give the numbers of a single replay.
When it reduces hangs on patience, cooldown and min_delta, by how much on factor and min_lr: each is worked out alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Recording
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import ReduceLROnPlateau
from kcb_replay.replay.learning_rates import FirstRate, OptimizerRate, swept_rate
from kcb_replay.replay.result import Replay
from kcb_replay.replay.verdicts.blocks import FitFacts
from kcb_replay.replay.verdicts.by_engine import FitBatch, fits_at_once, whole_number
from kcb_replay.replay.verdicts.lanes.improvements import fits_float32
from kcb_replay.replay.verdicts.lanes.rates import NEVER, RecordedRates, rate_path, recorded_rates
from kcb_replay.replay.verdicts.lanes.reduce_lr_on_plateau import Reductions, is_vectorised, plateaus_of
from kcb_replay.replay.verdicts.lanes.series import Block, MonitoredFit, block_of, monitored_fits
from kcb_replay.replay.verdicts.plateau import PlateauSweep, ReducingAnswers, ReducingBlock

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
_Timing: TypeAlias = tuple[int, int, float]


# Lanes whose state fits into the cache of a core.
_WIDTH = 4096


def plateau_blocks(
    recordings: Iterable[Recording],
    settings: Sequence[ReduceLROnPlateau],
    version: Semantics,
    *,
    initial_lr: FirstRate | None = None,
) -> Iterator[PlateauSweep]:
    """Yield the sweep of some fits after the other, each from the recorded learning rate unless one is given."""
    start = None if initial_lr is None else swept_rate(initial_lr)
    for fits in fits_at_once(monitored_fits(recordings), len(settings)):
        yield _ReducingBlock(settings, fits, version, start).swept()


class _ReducingBlock(FitBatch[ReduceLROnPlateau]):
    """A sweep while it is filled: an answer per setting and fit, nothing where there is none."""

    def __init__(
        self,
        settings: Sequence[ReduceLROnPlateau],
        fits: Sequence[MonitoredFit],
        version: Semantics,
        initial_lr: float | None,
    ) -> None:
        super().__init__(settings, fits, version)
        self._initial_lr = initial_lr
        self._plain = not isinstance(initial_lr, OptimizerRate)
        self._rates = [recorded_rates(each.fit, initial_lr) for each in self.fits]
        self._answers = ReducingAnswers.none((len(settings), len(self.fits)))
        self._answered = np.zeros((len(settings), len(self.fits)), np.bool_)

    def swept(self) -> PlateauSweep:
        """Return the sweep when every setting has been asked of every fit."""
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, setting in enumerate(self.settings):
            groups[setting.monitor, setting.mode].append(number)
        for (monitor, mode), numbers in groups.items():
            # It watches the learning rate that it sets itself: no recording holds that.
            places = list(range(len(self.fits))) if monitor in LEARNING_RATE_KEYS else self.having(numbers[0])
            sign = self.sign(monitor, mode, places, self.version.plateau_direction)
            if sign is not None and places:
                self._ask(numbers, places, monitor, sign)
        facts = tuple(
            FitFacts(
                run=each.run,
                fit=each.number,
                epochs=len(each.fit),
                label=label,
                initial_lr=rates.start,
                initial_lr_assumed=rates.assumed,
            )
            for each, label, rates in zip(self.fits, self.labels(), self._rates, strict=True)
        )
        block = ReducingBlock(facts, self._answers, self._answered, tuple(self.left_out))
        return PlateauSweep(tuple(self.settings), (block,), self.version)

    def _ask(self, numbers: Sequence[int], places: Sequence[int], monitor: str, sign: float) -> None:
        block = block_of([self.fits[place] for place in places], monitor)
        representable = self.version.plateau_arithmetic != "float32 or ValueError" or fits_float32(block.values)
        in_lanes = self._plain and is_vectorised(self.version) and representable and monitor not in LEARNING_RATE_KEYS
        if in_lanes and self.takes(numbers):
            self._in_lanes(numbers, places, block, sign)
            return
        for number, place, one in self.replays(numbers, places, initial_lr=self._initial_lr):
            best_row = block.best_row(sign)[places.index(place)]
            for name, value in _engine_answer(one, int(best_row)).items():
                getattr(self._answers, name)[number, place] = value
            self._answered[number, place] = True

    def _in_lanes(self, numbers: Sequence[int], places: Sequence[int], block: Block, sign: float) -> None:
        longest = len(block.values) + 1
        timings: dict[_Timing, list[int]] = defaultdict(list)
        for number in numbers:
            s = self.settings[number]
            timing = whole_number(s.patience, longest), whole_number(s.cooldown, longest), s.margin(self.version)
            timings[timing].append(number)
        starts = _Starts([self._rates[place] for place in places])
        best_row = block.best_row(sign)
        # Whole rows are copied many times faster than chosen places.
        where = slice(None) if len(places) == len(self.fits) else places
        for timing, reductions in _timed(block, sign, timings, self.version):
            paths: dict[tuple[float, float], _Paths] = {}
            for number in timings[timing]:
                setting = self.settings[number]
                amounts = setting.factor, setting.min_lr
                if amounts not in paths:
                    paths[amounts] = starts.paths(setting, self.version, int(reductions.counts.max(initial=0)))
                answers = _answers_of(block, reductions, paths[amounts], starts, best_row)
                for item in fields(ReducingAnswers):
                    getattr(self._answers, item.name)[number, where] = getattr(answers, item.name)
                self._answered[number, where] = True


def _timed(
    block: Block, sign: float, timings: Iterable[_Timing], version: Semantics
) -> Iterator[tuple[_Timing, Reductions]]:
    """Yield when each timing reduces, for all fits of the block, several timings in one pass."""
    fits = block.values.shape[1]
    several = max(1, _WIDTH // max(fits, 1))
    of_delta: dict[float, list[_Timing]] = defaultdict(list)
    for timing in timings:
        of_delta[timing[2]].append(timing)
    for min_delta, same in of_delta.items():
        plateaus = plateaus_of(sign * block.values, block.valid, min_delta, version)
        for first in range(0, len(same), several):
            some = same[first : first + several]
            patiences, cooldowns = (np.array(each) for each in list(zip(*some, strict=True))[:2])
            together = plateaus.reductions(patiences, cooldowns)
            for number, timing in enumerate(some):
                offsets = together.offsets[number * fits : (number + 1) * fits + 1]
                yield timing, Reductions(together.rows[offsets[0] : offsets[-1]], offsets - offsets[0])


class _Starts:
    """The learning rates of the fits of a block, and where the recorded ones leave the one that replays start from."""

    def __init__(self, fits: Sequence[RecordedRates]) -> None:
        self.fits = fits
        self.first_parting = np.array([fit.first_parting() for fit in fits])
        self.plain = np.array([fit.compares_plainly for fit in fits])
        self._distinct, self._number = np.unique([fit.start for fit in fits], return_inverse=True)

    def paths(self, setting: ReduceLROnPlateau, version: Semantics, most: int) -> _Paths:
        """Return the rates that a setting goes through in at most so many reductions."""
        paths = [rate_path(setting, version, start, most) for start in self._distinct.tolist()]
        rates = np.array([path + (path[-1],) * (most + 1 - len(path)) for path in paths])
        return _Paths(rates[self._number], np.array([len(path) - 1 for path in paths])[self._number])


@dataclass(frozen=True, slots=True)
class _Paths:
    """The rates of each fit: `rates` (fits, any), of which `reductions` (fits,) are reductions."""

    rates: Floats
    reductions: Integers


def _answers_of(
    block: Block, reductions: Reductions, paths: _Paths, starts: _Starts, best_row: Integers
) -> ReducingAnswers:
    """Return one answer per fit (fits,)."""
    drops = np.minimum(reductions.counts, paths.reductions)
    first_row = reductions.row_of(np.minimum(drops, 1))
    last_exact = _last_exact(reductions, first_row, paths, drops, starts)
    hypothetical = last_exact < block.lengths - 1
    return ReducingAnswers(
        drops=drops,
        exact_drops=np.minimum(reductions.count_until(last_exact), drops),
        first_drop_index=block.epoch_at(first_row[np.newaxis])[0],
        last_drop_index=block.epoch_at(reductions.row_of(drops)[np.newaxis])[0],
        final_lr=paths.rates[np.arange(len(drops)), drops],
        hypothetical=hypothetical,
        valid_through_index=block.epoch_at(np.where(hypothetical, last_exact, -1)[np.newaxis])[0],
        premature=(drops > 0) & (first_row < best_row),
    )


def _last_exact(
    reductions: Reductions, first_row: Integers, paths: _Paths, drops: Integers, starts: _Starts
) -> Integers:
    """Return the last row of each fit until which its metrics are those of the replayed training."""
    first_drop = np.where(drops > 0, first_row, NEVER)
    # The replay leaves the first rate after its first reduction, the recording with its first other rate.
    last_exact = np.where(first_drop < starts.first_parting, first_drop, starts.first_parting - 1)
    last_exact[last_exact >= NEVER - 1] = NEVER
    changes = paths.rates[:, min(1, paths.rates.shape[1] - 1)] != paths.rates[:, 0]
    together = starts.first_parting == first_drop + 1
    for fit in np.flatnonzero(~starts.plain | ((drops > 0) & (together | ~changes))).tolist():
        last_exact[fit] = starts.fits[fit].last_exact(reductions.of(fit)[: drops[fit]], paths.rates[fit])
    return last_exact


def _engine_answer(one: Replay, best_row: int) -> dict[str, float]:
    """Return a single replay as the arrays hold it."""
    (outcome,) = one.outcomes
    indices = [epoch.index for epoch in one.stream.epochs]
    beyond = None if one.horizon is None or one.horizon.covers(indices[-1]) else one.horizon
    drops = outcome.drops
    return {
        "drops": len(drops),
        "exact_drops": sum(drop.validity == "exact" for drop in drops),
        "first_drop_index": drops[0].index if drops else -1,
        "last_drop_index": drops[-1].index if drops else -1,
        "final_lr": one.run_record.final_lr,
        "hypothetical": beyond is not None,
        "valid_through_index": -1 if beyond is None or beyond.index is None else beyond.index,
        "premature": bool(drops) and best_row >= 0 and drops[0].index < indices[best_row],
    }
