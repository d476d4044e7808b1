"""EarlyStopping with every combination of settings on every fit, some fits at a time, so that memory stays small.

Lanes where the rule of the version allows it, the engine where it does not: both give the numbers of a single replay.
Answers of a source that rounded its values are labelled so as a whole, for nobody looks at single comparisons here.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

import numpy as np

from kcb_replay.errors import SettingError
from kcb_replay.ingest.recording import Recording
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.verdicts.answers import MetricValues, StopRows
from kcb_replay.replay.verdicts.blocks import FitFacts, StoppingBlock
from kcb_replay.replay.verdicts.by_engine import FitBatch, fits_at_once, whole_number
from kcb_replay.replay.verdicts.lanes.early_stopping import Start, is_vectorised, stops_of
from kcb_replay.replay.verdicts.lanes.improvements import fits_float32
from kcb_replay.replay.verdicts.lanes.series import Block, MonitoredFit, block_of, monitored_fits
from kcb_replay.replay.verdicts.table import Sweep

# Settings of the same starts and patiences are answered in one pass.
_Passes: TypeAlias = "dict[tuple[int, ...], dict[tuple[Start, bool], list[int]]]"


def swept_blocks(
    recordings: Iterable[Recording], settings: Sequence[EarlyStopping], version: Semantics, *, also: str | None = None
) -> Iterator[Sweep]:
    """Yield the sweep of some fits after the other; `also` is a second metric that is read off, but not monitored."""
    require_second_metric(also)
    for fits in fits_at_once(monitored_fits(recordings), len(settings)):
        yield swept(fits, settings, version, also=also)


def swept(
    fits: Sequence[MonitoredFit], settings: Sequence[EarlyStopping], version: Semantics, *, also: str | None = None
) -> Sweep:
    """Return the sweep of some fits."""
    return _StoppingBlock(settings, fits, version, also).swept()


def require_second_metric(also: str | None) -> None:
    """Raise `SettingError` where nobody knows whether the second metric should fall or rise."""
    if also is not None and direction_of(also) is None:
        raise SettingError(f"Nobody knows whether {also} should fall or rise. Name another second metric.")


class _StoppingBlock(FitBatch[EarlyStopping]):
    """A sweep while it is filled: an answer per setting and fit, nothing where there is none."""

    def __init__(
        self, settings: Sequence[EarlyStopping], fits: Sequence[MonitoredFit], version: Semantics, also: str | None
    ) -> None:
        super().__init__(settings, fits, version)
        self._also, self._also_sign = None, 1.0
        if also is not None:
            self._also, self._also_sign = block_of(self.fits, also), -1.0 if direction_of(also) == "max" else 1.0
        shape = (len(settings), len(self.fits))
        self._rows = StopRows.none(shape)
        self._answered = np.zeros(shape, np.bool_)
        self._by_engine: dict[int, dict[int, dict[str, float]]] = defaultdict(dict)
        self._metrics: dict[tuple[str, str], MetricValues] = {}

    def swept(self) -> Sweep:
        """Return the sweep when every setting has been asked of every fit."""
        groups: dict[tuple[str, str], list[int]] = defaultdict(list)
        for number, setting in enumerate(self.settings):
            groups[setting.monitor, setting.mode].append(number)
        for (monitor, mode), numbers in groups.items():
            places = self.having(numbers[0])
            sign = self.sign(monitor, mode, places, self.version.early_stopping_direction)
            if sign is not None and places:
                block = block_of(self.fits, monitor)
                self._metrics[monitor, mode] = MetricValues(block, sign, self._also, self._also_sign)
                self._ask(numbers, places, block, sign)
        verdicts = StoppingBlock(
            choices=self.settings,
            fits=self._fit_facts(),
            rows=self._rows,
            answered=self._answered,
            metrics=self._metrics,
            left_out=tuple(self.left_out),
            by_engine=dict(self._by_engine),
        )
        return Sweep(tuple(self.settings), (verdicts,), self.version)

    def _fit_facts(self) -> tuple[FitFacts, ...]:
        seconds = block_of(self.fits, "").seconds.tolist() if self.fits else []
        return tuple(
            FitFacts(each.run, each.number, len(each.fit), label, taken)
            for each, label, taken in zip(self.fits, self.labels(), seconds, strict=True)
        )

    def _ask(self, numbers: Sequence[int], places: Sequence[int], block: Block, sign: float) -> None:
        representable = self.version.early_stopping_arithmetic != "float32 or ValueError" or fits_float32(block.values)
        if is_vectorised(self.version) and representable and self.takes(numbers):
            self._in_lanes(numbers, block, sign)
            self._answered[np.ix_(numbers, places)] = True
        else:
            self._ask_engine(numbers, places)

    def _in_lanes(self, numbers: Sequence[int], block: Block, sign: float) -> None:
        always = self.version.early_stopping_restores_at_end
        for patiences, same in self._passes(numbers, len(block.values) + 1, sign).items():
            starts = list(dict.fromkeys(start for start, _ in same))
            stops = stops_of(block, sign, starts, np.array(patiences), self.version)
            for (start, restore), chosen in same.items():
                restores = "never" if not restore else "always" if always else "when stopped"
                self._rows.fill(chosen, block.lengths, stops[starts.index(start)], restores)

    def _passes(self, numbers: Sequence[int], longest: int, sign: float) -> _Passes:
        patiences: dict[tuple[Start, bool], list[int]] = defaultdict(list)
        chosen: dict[tuple[Start, bool], list[int]] = defaultdict(list)
        for number in numbers:
            s = self.settings[number]
            baseline = math.nan if s.baseline is None else sign * s.baseline
            key = Start(abs(s.min_delta), baseline, s.start_from_epoch), s.restore_best_weights
            patiences[key].append(whole_number(s.patience, longest))
            chosen[key].append(number)
        passes: _Passes = defaultdict(dict)
        for key, needed in patiences.items():
            passes[tuple(needed)][key] = chosen[key]
        return passes

    def _ask_engine(self, numbers: Sequence[int], places: Sequence[int]) -> None:
        for number, place, one in self.replays(numbers, places):
            (outcome,) = one.outcomes
            answer = _engine_answer(outcome)
            epochs = self.fits[place].fit.epochs
            for name in ("stop", "best", "kept"):
                index = answer[f"{name}_index"]
                getattr(self._rows, name)[number, place] = -1 if index < 0 else np.searchsorted(epochs, index)
            self._by_engine[number][place] = answer
            self._answered[number, place] = True


def _engine_answer(outcome: Outcome) -> dict[str, float]:
    """Return the outcome of a single replay as the arrays hold it."""
    indices = {name: getattr(outcome, name) for name in ("stop_index", "best_index", "kept_index")}
    values = {name: getattr(outcome, name) for name in ("best_value", "kept_value", "regret")}
    return {
        **{name: -1 if index is None else index for name, index in indices.items()},
        **{name: math.nan if value is None else value for name, value in values.items()},
        "has_best": outcome.best_value is not None,
        "has_kept": outcome.kept_value is not None,
        "saved": outcome.saved_epochs,
        "undecided": not outcome.fired,
    }
