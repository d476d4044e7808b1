"""ReduceLROnPlateau with every combination of settings on every fit, some fits at a time.

Lanes where the rule of the version allows it, the engine where it does not: both give the numbers of a single replay.
When it reduces hangs on patience, cooldown and min_delta, by how much on factor and min_lr: each is worked out alone.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS
from kcb_replay.replay.callbacks import ReduceLROnPlateau
from kcb_replay.replay.learning_rates import OptimizerRate, swept_rate
from kcb_replay.replay.verdicts.by_engine import FitBatch, label_of, some_at_a_time, whole_number
from kcb_replay.replay.verdicts.lanes.improvements import fits_float32
from kcb_replay.replay.verdicts.lanes.rates import NEVER, RecordedRates, rate_path, recorded_rates
from kcb_replay.replay.verdicts.lanes.reduce_lr_on_plateau import Reductions, is_vectorised, plateaus_of
from kcb_replay.replay.verdicts.lanes.series import Block, block_of
from kcb_replay.replay.verdicts.records import Rows, argument_columns, epoch_columns, looked_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pyarrow as pa

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.learning_rates import FirstRate
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.lanes.series import MonitoredFit
    from kcb_replay.replay.verdicts.plateau_totals import PlateauSummary, PlateauTotals
    from kcb_replay.replay.verdicts.table import LeftOutFit

__all__ = [
    "PLATEAU_ARGUMENTS",
    "PlateauAnswers",
    "PlateauFit",
    "PlateauSweep",
    "joined_plateaus",
    "no_reductions",
    "plateau_blocks",
]

Floats: TypeAlias = NDArray[np.float64]


Integers: TypeAlias = NDArray[np.int64]


Mask: TypeAlias = NDArray[np.bool_]


PLATEAU_ARGUMENTS = ("monitor", "mode", "patience", "factor", "cooldown", "min_delta", "min_lr", "epsilon")


@dataclass(frozen=True, slots=True)
class PlateauFit:
    """A fit that was swept: what its source allows of any answer, and the learning rate that every setting starts from.

    `assumed` where that one is Keras's default, for none is recorded and none was given.
    """

    run: str
    fit: int
    epochs: int
    label: Label
    initial_lr: float
    assumed: bool


@dataclass(frozen=True, slots=True)
class PlateauAnswers:
    """One answer per setting and fit, all of shape (settings, fits).

    Epochs are 0-based, -1 where there is none. `drops` counts the reductions, of which the first `exact_drops` come
    before the replayed rate parts from the recorded one; the metrics that the others are decided by are of a training
    that went on with another rate. `hypothetical` where it parts before the recording ends, `valid_through_index` is
    the last epoch before (-1: none). `premature` where the fit was still to reach its best epoch, as it was recorded,
    when the first reduction comes.
    """

    drops: Integers
    exact_drops: Integers
    first_drop_index: Integers
    last_drop_index: Integers
    final_lr: Floats
    hypothetical: Mask
    valid_through_index: Integers
    premature: Mask


@dataclass(frozen=True, eq=False)
class PlateauSweep(Rows):
    """Every setting on every fit; where `answered` is false (no monitor, say) there is no answer."""

    settings: tuple[ReduceLROnPlateau, ...]
    fits: tuple[PlateauFit, ...]
    answers: PlateauAnswers
    answered: Mask
    semantics: Semantics
    left_out: tuple[LeftOutFit, ...]

    def per_setting(self) -> list[PlateauSummary]:
        """Return one summary per setting, in their order."""
        return self.totals().summaries()

    def totals(self) -> PlateauTotals:
        """Return what the settings come to over all fits."""
        from kcb_replay.replay.verdicts.plateau_totals import PlateauTotals

        totals = PlateauTotals(self.settings)
        totals.add(self)
        return totals

    def to_arrow(self) -> pa.Table:
        """Return one row per setting and fit, under the names of `simulate --json`; null where there is nothing."""
        import pyarrow as pa

        number, place = np.nonzero(self.answered)
        return pa.table(dict(self._columns(number, place)))

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.settings)} settings over {len(self.fits)} fits, {self.semantics.name}>"

    def _columns(self, number: NDArray[np.intp], place: NDArray[np.intp]) -> Iterator[tuple[str, Any]]:
        import pyarrow as pa

        at = (number, place)
        for name in ("run", "fit", "epochs", "initial_lr"):
            yield name, looked_up([getattr(fit, name) for fit in self.fits], place)
        yield "semantics", looked_up([self.semantics.name], np.zeros(len(number), np.intp))
        yield from argument_columns(self.settings, PLATEAU_ARGUMENTS, number)
        yield "fired", pa.array(self.answers.drops[at] > 0)
        yield "undecided", pa.array(self.answers.drops[at] == 0)
        for name in ("drops", "exact_drops"):
            yield name, pa.array(getattr(self.answers, name)[at])
        yield from epoch_columns("first_drop", self.answers.first_drop_index[at])
        yield from epoch_columns("last_drop", self.answers.last_drop_index[at])
        yield "final_lr", pa.array(self.answers.final_lr[at])
        yield "premature", pa.array(self.answers.premature[at])
        yield "validity", pa.array(self._labels(number, place))
        yield from epoch_columns("valid_through", self.answers.valid_through_index[at])

    def _labels(self, number: NDArray[np.intp], place: NDArray[np.intp]) -> NDArray[np.str_]:
        of_fit = np.array([str(fit.label) for fit in self.fits] or [""])[place]
        beyond = self.answers.hypothetical[number, place]
        of_answer = np.where(beyond, "hypothetical", np.where(self.answers.drops[number, place] > 0, "", "undecided"))
        return np.where((of_fit == "exact") & (of_answer != ""), of_answer, of_fit)


def no_reductions(shape: tuple[int, int]) -> PlateauAnswers:
    """Return answers to be filled: nothing anywhere."""
    return PlateauAnswers(
        drops=np.zeros(shape, np.int64),
        exact_drops=np.zeros(shape, np.int64),
        first_drop_index=np.full(shape, -1),
        last_drop_index=np.full(shape, -1),
        final_lr=np.full(shape, np.nan),
        hypothetical=np.zeros(shape, np.bool_),
        valid_through_index=np.full(shape, -1),
        premature=np.zeros(shape, np.bool_),
    )


def joined_plateaus(
    parts: Sequence[PlateauSweep], settings: Sequence[ReduceLROnPlateau], version: Semantics
) -> PlateauSweep:
    """Return the sweep of the fits of one part after the other."""
    nothing = (len(settings), 0)
    answers = [no_reductions(nothing), *(part.answers for part in parts)]
    return PlateauSweep(
        tuple(settings),
        tuple(fit for part in parts for fit in part.fits),
        PlateauAnswers(
            **{
                item.name: np.concatenate([getattr(each, item.name) for each in answers], axis=1)
                for item in fields(PlateauAnswers)
            }
        ),
        np.concatenate([np.zeros(nothing, np.bool_), *(part.answered for part in parts)], axis=1),
        version,
        tuple(item for part in parts for item in part.left_out),
    )


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
    for fits in some_at_a_time(recordings, settings):
        yield _Block(settings, fits, version, start).swept()


class _Block(FitBatch[ReduceLROnPlateau]):
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
        self._answers = no_reductions((len(settings), len(self.fits)))
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
        labels = (label_of(each, self.settings, self.version) for each in self.fits)
        swept = (
            PlateauFit(each.run, each.number, len(each.fit), label, rates.start, rates.assumed)
            for each, label, rates in zip(self.fits, labels, self._rates, strict=True)
        )
        return PlateauSweep(
            tuple(self.settings), tuple(swept), self._answers, self._answered, self.version, tuple(self.left_out)
        )

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
                found = _answers_of(block, reductions, paths[amounts], starts, best_row)
                for item in fields(PlateauAnswers):
                    getattr(self._answers, item.name)[number, where] = getattr(found, item.name)
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
            found = plateaus.reductions(patiences, cooldowns)
            for number, timing in enumerate(some):
                offsets = found.offsets[number * fits : (number + 1) * fits + 1]
                yield timing, Reductions(found.rows[offsets[0] : offsets[-1]], offsets - offsets[0])


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
) -> PlateauAnswers:
    """Return one answer per fit (fits,)."""
    drops = np.minimum(reductions.counts, paths.reductions)
    first_row = reductions.row_of(np.minimum(drops, 1))
    last_exact = _last_exact(reductions, first_row, paths, drops, starts)
    hypothetical = last_exact < block.lengths - 1
    return PlateauAnswers(
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
