"""EarlyStopping with every combination of settings on every fit, some fits at a time, so that memory stays small.

Lanes where the rule of the version allows it, the engine where it does not: both give the numbers of a single replay.
Answers of a source that rounded its values are labelled so as a whole, for nobody looks at single comparisons here.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from dataclasses import fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import NotReplayableError, SettingError
from kcb_replay.ingest.recording import Recording
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.callbacks.base import Context, direction
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.outcomes import EarlyStoppingOutcome
from kcb_replay.replay.replay import replay
from kcb_replay.replay.rounding import is_rounded
from kcb_replay.replay.sweep.answers import Answers, answers_of, no_answers
from kcb_replay.replay.sweep.arithmetic import fits_float32
from kcb_replay.replay.sweep.early_stopping import Lanes, is_vectorised, stops_of
from kcb_replay.replay.sweep.series import Block, MonitoredFit, block_of
from kcb_replay.replay.sweep.table import FitFacts, LeftOutFit, Sweep, SweptFit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label

__all__ = ["engine_answer", "label_of", "swept_blocks"]

Integers: TypeAlias = NDArray[np.int64]
# Answers that are held at once: some hundred bytes each, with what it takes to find them.
_MOST_ANSWERS, _FEWEST_FITS = 1_000_000, 64


def swept_blocks(
    recordings: Iterable[Recording], settings: Sequence[EarlyStopping], version: Semantics, *, also: str | None = None
) -> Iterator[Sweep]:
    """Yield the sweep of some fits after the other; `also` is a second metric that is read off, but not monitored."""
    if also is not None and direction_of(also) is None:
        raise SettingError(f"Nobody knows whether {also} should fall or rise. Name another second metric.")
    size = max(_FEWEST_FITS, _MOST_ANSWERS // max(len(settings), 1))
    fits = (
        MonitoredFit(recording.name, number, fit, any(note.code == "sampled" for note in recording.notes))
        for recording in recordings
        for number, fit in enumerate(recording.fits)
        if len(fit)
    )
    while some := list(itertools.islice(fits, size)):
        yield _Block(settings, some, version, also).swept()


class _Block:
    """A sweep while it is filled: an answer per setting and fit, nothing where there is none."""

    def __init__(
        self, settings: Sequence[EarlyStopping], fits: Sequence[MonitoredFit], version: Semantics, also: str | None
    ) -> None:
        self._settings, self._fits, self._version, self._also = settings, fits, version, also
        shape = (len(settings), len(fits))
        self._answers = no_answers(shape)
        self._answered = np.zeros(shape, np.bool_)
        self._left_out: dict[LeftOutFit, None] = {}
        self._facts: dict[tuple[str, str], FitFacts] = {}
        monitors = {setting.monitor for setting in settings}
        self._labels: list[Label] = [label_of(each, monitors) for each in fits]

    def swept(self) -> Sweep:
        """Return the sweep when every setting has been asked of every fit."""
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, setting in enumerate(self._settings):
            groups[setting.monitor, setting.mode].append(number)
        for (monitor, mode), numbers in groups.items():
            places = self._having(monitor)
            sign = self._sign(monitor, mode, places)
            block = block_of([self._fits[place] for place in places], monitor)
            if sign is not None:
                self._facts[monitor, mode] = self._facts_of(block, sign, places)
                if places:
                    self._ask(numbers, places, block, sign)
        return Sweep(
            tuple(self._settings),
            self._swept_fits(),
            self._answers,
            self._answered,
            self._version,
            tuple(self._left_out),
            self._facts,
        )

    def _swept_fits(self) -> tuple[SweptFit, ...]:
        seconds = block_of(self._fits, "").seconds.tolist()
        return tuple(
            SweptFit(each.run, each.number, len(each.fit), label, taken)
            for each, label, taken in zip(self._fits, self._labels, seconds, strict=True)
        )

    def _facts_of(self, block: Block, sign: float, places: Sequence[int]) -> FitFacts:
        noise, since_best = np.full(len(self._fits), np.nan), np.zeros(len(self._fits), np.int64)
        if places:
            noise[places], since_best[places] = block.noise, block.lengths - 1 - block.best_row(sign)
        return FitFacts(noise, since_best)

    def _having(self, monitor: str) -> list[int]:
        """Return the fits that have a metric; the others are left out."""
        places = []
        for place, each in enumerate(self._fits):
            if monitor in each.fit.metrics and each.fit.metrics[monitor].valid.any():
                places.append(place)
            else:
                self._leave_out(place, f"{monitor} is not recorded")
        return places

    def _sign(self, monitor: str, mode: str, places: Sequence[int]) -> float | None:
        """Return 1 for a metric that should fall, -1 for one that should rise, None where the version cannot tell."""
        context = Context(self._version, direction_of)
        try:
            found = direction(EarlyStopping.name, monitor, mode, self._version.early_stopping_direction, context)
        except KerasRaises as raised:
            for place in places:
                self._leave_out(place, f"Keras raises {raised.kind}: {raised}")
            return None
        return 1.0 if found == "min" else -1.0

    def _ask(self, numbers: Sequence[int], places: Sequence[int], block: Block, sign: float) -> None:
        passes: dict[tuple[float, float | None, int, bool], list[int]] = defaultdict(list)
        for number in numbers:
            s = self._settings[number]
            passes[abs(s.min_delta), s.baseline, s.start_from_epoch, s.restore_best_weights].append(number)
        representable = self._version.early_stopping_arithmetic != "float32 or ValueError" or fits_float32(block.values)
        for (min_delta, baseline, start, restore), asked in passes.items():
            if is_vectorised(self._version) and representable and self._takes(asked):
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
            second = block_of([self._fits[place] for place in places], self._also)
            kept = second.value_at(block.row_of(self._answers.kept_index[where]))
            at_best = second.value_at(block.best_row(sign)[np.newaxis])
            rises = direction_of(self._also) == "max"
            self._answers.also_regret[where] = at_best - kept if rises else kept - at_best

    def _takes(self, numbers: Sequence[int]) -> bool:
        """Tell whether the version has the arguments that are given; the engine says what Keras says."""
        missing = self._version.missing_arguments
        given = (
            f"EarlyStopping.{item.name}"
            for number in numbers
            for item in fields(EarlyStopping)
            if getattr(self._settings[number], item.name) != item.default
        )
        return not missing.intersection(given)

    def _in_lanes(
        self, numbers: Sequence[int], places: Sequence[int], block: Block, lanes: Lanes, *, sign: float, restore: bool
    ) -> None:
        longest = len(block.values) + 1
        patiences = np.array([_whole(self._settings[number].patience, longest) for number in numbers], np.int64)
        always = self._version.early_stopping_restores_at_end
        restores = "never" if not restore else "always" if always else "when stopped"
        stops = stops_of(lanes, patiences, self._version)
        found = answers_of(block, stops, restores=restores, sign=sign)
        # Whole rows are copied many times faster than chosen places.
        where = numbers if len(places) == len(self._fits) else np.ix_(numbers, places)
        for item in fields(Answers):
            getattr(self._answers, item.name)[where] = getattr(found, item.name)
        self._answered[where] = True

    def _by_engine(self, numbers: Sequence[int], places: Sequence[int]) -> None:
        for number, place in itertools.product(numbers, places):
            each = self._fits[place]
            try:
                one = replay(Recording(each.run, (), (each.fit,)), [self._settings[number]], semantics=self._version)
            except NotReplayableError as error:
                self._leave_out(place, error.reason)
                continue
            (outcome,) = one.outcomes
            for name, value in engine_answer(outcome).items():
                getattr(self._answers, name)[number, place] = value
            self._answered[number, place] = True

    def _leave_out(self, place: int, reason: str) -> None:
        each = self._fits[place]
        self._left_out[LeftOutFit(each.run, each.number, reason)] = None


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


def label_of(each: MonitoredFit, monitors: set[str]) -> Label:
    """Return what the source of a fit allows of any answer."""
    if each.sampled:
        return "sampled"
    series = (each.fit.metrics[monitor] for monitor in monitors if monitor in each.fit.metrics)
    rounded = any(is_rounded(one.tag, one.values[one.valid].tolist()) for one in series)
    return "rounded" if rounded else "exact"


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


def _whole(patience: float, longest: int) -> int:
    return longest if math.isinf(patience) or patience > longest else math.ceil(patience)
