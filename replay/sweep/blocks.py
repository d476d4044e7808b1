"""EarlyStopping with every combination of settings on every fit, some fits at a time, so that memory stays small.

Lanes where the rule of the version allows it, the engine where it does not: both give the numbers of a single replay.
Answers of a source that rounded its values are labelled so as a whole, for nobody looks at single comparisons here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import SettingError
from kcb_replay.ingest.recording import Recording
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.outcomes import EarlyStoppingOutcome
from kcb_replay.replay.sweep.answers import Answers, answers_of, no_answers
from kcb_replay.replay.sweep.arithmetic import fits_float32
from kcb_replay.replay.sweep.asking import Asking, some_at_a_time, whole_number
from kcb_replay.replay.sweep.early_stopping import Lanes, is_vectorised, stops_of
from kcb_replay.replay.sweep.labels import label_of
from kcb_replay.replay.sweep.series import Block, MonitoredFit, block_of
from kcb_replay.replay.sweep.table import FitFacts, Sweep, SweptFit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label

__all__ = ["engine_answer", "swept_blocks"]

Integers: TypeAlias = NDArray[np.int64]


def swept_blocks(
    recordings: Iterable[Recording], settings: Sequence[EarlyStopping], version: Semantics, *, also: str | None = None
) -> Iterator[Sweep]:
    """Yield the sweep of some fits after the other; `also` is a second metric that is read off, but not monitored."""
    if also is not None and direction_of(also) is None:
        raise SettingError(f"Nobody knows whether {also} should fall or rise. Name another second metric.")
    for fits in some_at_a_time(recordings, settings):
        yield _Block(settings, fits, version, also).swept()


class _Block(Asking[EarlyStopping]):
    """A sweep while it is filled: an answer per setting and fit, nothing where there is none."""

    def __init__(
        self, settings: Sequence[EarlyStopping], fits: Sequence[MonitoredFit], version: Semantics, also: str | None
    ) -> None:
        super().__init__(settings, fits, version)
        self._also = also
        shape = (len(settings), len(fits))
        self._answers = no_answers(shape)
        self._answered = np.zeros(shape, np.bool_)
        self._facts: dict[tuple[str, str], FitFacts] = {}
        monitors = {setting.monitor for setting in settings}
        self._labels: list[Label] = [label_of(each, monitors) for each in fits]

    def swept(self) -> Sweep:
        """Return the sweep when every setting has been asked of every fit."""
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, setting in enumerate(self.settings):
            groups[setting.monitor, setting.mode].append(number)
        for (monitor, mode), numbers in groups.items():
            places = self.having(monitor)
            sign = self.sign(monitor, mode, places, self.version.early_stopping_direction)
            block = block_of([self.fits[place] for place in places], monitor)
            if sign is not None:
                self._facts[monitor, mode] = self._facts_of(block, sign, places)
                if places:
                    self._ask(numbers, places, block, sign)
        return Sweep(
            tuple(self.settings),
            self._swept_fits(),
            self._answers,
            self._answered,
            self.version,
            tuple(self.left_out),
            self._facts,
        )

    def _swept_fits(self) -> tuple[SweptFit, ...]:
        seconds = block_of(self.fits, "").seconds.tolist()
        return tuple(
            SweptFit(each.run, each.number, len(each.fit), label, taken)
            for each, label, taken in zip(self.fits, self._labels, seconds, strict=True)
        )

    def _facts_of(self, block: Block, sign: float, places: Sequence[int]) -> FitFacts:
        noise, since_best = np.full(len(self.fits), np.nan), np.zeros(len(self.fits), np.int64)
        if places:
            noise[places], since_best[places] = block.noise, block.lengths - 1 - block.best_row(sign)
        return FitFacts(noise, since_best)

    def _ask(self, numbers: Sequence[int], places: Sequence[int], block: Block, sign: float) -> None:
        passes: dict[tuple[float, float | None, int, bool], list[int]] = defaultdict(list)
        for number in numbers:
            s = self.settings[number]
            passes[abs(s.min_delta), s.baseline, s.start_from_epoch, s.restore_best_weights].append(number)
        representable = self.version.early_stopping_arithmetic != "float32 or ValueError" or fits_float32(block.values)
        for (min_delta, baseline, start, restore), asked in passes.items():
            if is_vectorised(self.version) and representable and self.takes(asked):
                lanes = _lanes(block, sign, min_delta, baseline, start)
                self._in_lanes(asked, places, block, lanes, sign=sign, restore=restore)
            else:
                self._by_engine(asked, places)
        self._price(numbers, places, block, sign)

    def _price(self, numbers: Sequence[int], places: Sequence[int], block: Block, sign: float) -> None:
        """Fill in what the answers come to in seconds and in the metric that was not monitored."""
        where = np.ix_(numbers, places)
        answered = self._answered[where]
        if not np.isnan(block.seconds).all():
            ran = block.lengths - 1 - self._answers.saved[where]
            self._answers.saved_seconds[where] = np.where(answered, block.seconds_after(ran), np.nan)
        if self._also is not None:
            second = block_of([self.fits[place] for place in places], self._also)
            kept = second.value_at(block.row_of(self._answers.kept_index[where]))
            at_best = second.value_at(block.best_row(sign)[np.newaxis])
            rises = direction_of(self._also) == "max"
            self._answers.also_regret[where] = at_best - kept if rises else kept - at_best

    def _in_lanes(
        self, numbers: Sequence[int], places: Sequence[int], block: Block, lanes: Lanes, *, sign: float, restore: bool
    ) -> None:
        longest = len(block.values) + 1
        patiences = np.array([whole_number(self.settings[number].patience, longest) for number in numbers], np.int64)
        always = self.version.early_stopping_restores_at_end
        restores = "never" if not restore else "always" if always else "when stopped"
        stops = stops_of(lanes, patiences, self.version)
        found = answers_of(block, stops, restores=restores, sign=sign)
        # Whole rows are copied many times faster than chosen places.
        where = numbers if len(places) == len(self.fits) else np.ix_(numbers, places)
        for item in fields(Answers):
            getattr(self._answers, item.name)[where] = getattr(found, item.name)
        self._answered[where] = True

    def _by_engine(self, numbers: Sequence[int], places: Sequence[int]) -> None:
        for number, place, one in self.replays(numbers, places):
            (outcome,) = one.outcomes
            for name, value in engine_answer(outcome).items():
                getattr(self._answers, name)[number, place] = value
            self._answered[number, place] = True


def engine_answer(outcome: Outcome) -> dict[str, float]:
    """Return the outcome of a single replay as the arrays hold it."""
    if not isinstance(outcome, EarlyStoppingOutcome):
        raise AssertionError("only EarlyStopping is swept")  # noqa: TRY004  # cannot happen
    indices = {name: getattr(outcome, name) for name in ("stop_index", "best_index", "kept_index")}
    values = {name: getattr(outcome, name) for name in ("best_value", "kept_value", "regret")}
    return {
        **{name: -1 if index is None else index for name, index in indices.items()},
        **{name: math.nan if value is None else value for name, value in values.items()},
        "saved": outcome.saved_epochs,
        "undecided": not outcome.fired,
    }


def _lanes(block: Block, sign: float, min_delta: float, baseline: float | None, start: int) -> Lanes:
    count = block.values.shape[1]
    return Lanes(
        values=sign * block.values,
        valid=block.valid,
        epochs=block.epochs,
        min_delta=np.full(count, min_delta),
        baseline=np.full(count, math.nan if baseline is None else sign * baseline),
        start_from_epoch=np.full(count, start, np.int64),
    )
