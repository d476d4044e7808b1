"""What each setting comes to over all fits, added up some fits at a time.

The median needs every regret, so they are kept: in a file once they are many, so that memory does not grow with them.
"""

from __future__ import annotations

import hashlib
import tempfile
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.sweep.table import Sweep

__all__ = ["SettingSummary", "Totals"]

Floats: TypeAlias = NDArray[np.float64]
_BYTES_IN_MEMORY = 64_000_000
# A recording whose best epoch is among so many of its last was still improving, whatever the patience.
_LAST_TENTH = 0.1


@dataclass(frozen=True, slots=True)
class SettingSummary:
    """What one setting comes to over all fits.

    `saving` is the mean share of recorded epochs that would not have run, `saving_seconds` that of the recorded time
    over the fits with wall times. `regret_*` are in units of the metric, NaN where no fit has one; `noise` is
    the mean of what the metric jumps from epoch to epoch, a measure for regret; `also_regret` is the mean of the metric
    that was not monitored.

    `undecided` is the share of fits whose recording ends before the stop: they count with the regret of the whole
    recording, `regret_decided` is the mean without them, and the truth may lie beyond both. `improving` is the share
    of fits that still improved when they ended, whose regret is a lower bound.
    """

    setting: EarlyStopping
    fits: int
    stopped: int
    saving: float
    saving_seconds: float
    regret_mean: float
    regret_decided: float
    regret_median: float
    regret_worst: float
    noise: float
    also_regret: float
    undecided: float
    improving: float


class Totals:
    """The sums of each setting of `settings`, to which sweeps of further fits are added."""

    def __init__(self, settings: Sequence[EarlyStopping]) -> None:
        self._settings = settings
        self._fits = np.zeros(len(settings), np.int64)
        self._stopped = np.zeros(len(settings), np.int64)
        self._improving = np.zeros(len(settings), np.int64)
        self._worst = np.full(len(settings), -np.inf)
        self._means = {name: _Mean(len(settings)) for name in _MEANS}
        self._acts = [hashlib.blake2b(digest_size=16) for _ in settings]
        self._regrets = _Regrets(len(settings))

    def add(self, sweep: Sweep) -> None:
        """Add what the same settings did with some further fits."""
        answers, answered = sweep.answers, sweep.answered
        lengths = np.array([fit.epochs for fit in sweep.fits])
        seconds = np.array([fit.seconds for fit in sweep.fits])
        self._fits += answered.sum(axis=1)
        self._stopped += (answered & ~answers.undecided).sum(axis=1)
        noise, improving = self._by_setting(sweep, lengths)
        self._improving += (answered & improving).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            numbers = {
                "saving": answers.saved / lengths,
                "saving_seconds": answers.saved_seconds / seconds,
                "regret_mean": answers.regret,
                "regret_decided": np.where(answers.undecided, np.nan, answers.regret),
                "noise": noise,
                "also_regret": answers.also_regret,
            }
        for name, values in numbers.items():
            self._means[name].add(np.where(answered, values, np.nan))
        regret = np.where(answered, answers.regret, np.nan)
        self._worst = np.fmax(self._worst, np.fmax.reduce(regret, axis=1, initial=-np.inf))
        self._regrets.add(regret)
        for number, act in enumerate(self._acts):
            for part in (answers.stop_index, answers.kept_index, answered):
                act.update(part[number].tobytes())

    def summaries(self) -> list[SettingSummary]:
        """Return one summary per setting, in their order."""
        means = {name: mean.values() for name, mean in self._means.items()}
        medians = self._regrets.medians()
        return [
            SettingSummary(
                setting=setting,
                fits=int(self._fits[number]),
                stopped=int(self._stopped[number]),
                regret_median=float(medians[number]),
                regret_worst=_finite_or_nan(self._worst[number]),
                undecided=_share(self._fits[number] - self._stopped[number], self._fits[number]),
                improving=_share(self._improving[number], self._fits[number]),
                **{name: float(values[number]) for name, values in means.items()},
            )
            for number, setting in enumerate(self._settings)
        ]

    def alike(self) -> list[tuple[int, ...]]:
        """Return the numbers of the settings, those together that act alike on every fit: same stop, same weights."""
        groups: dict[bytes, list[int]] = {}
        for number, act in enumerate(self._acts):
            groups.setdefault(act.digest(), []).append(number)
        return [tuple(group) for group in groups.values()]

    def _by_setting(self, sweep: Sweep, lengths: NDArray[np.int64]) -> tuple[Floats, NDArray[np.bool_]]:
        """Return the noise and whether it still improved of each fit, for the monitor and patience of each setting."""
        shape = (len(self._settings), len(lengths))
        noise, improving = np.full(shape, np.nan), np.zeros(shape, np.bool_)
        for number, setting in enumerate(self._settings):
            facts = sweep.facts.get((setting.monitor, setting.mode))
            if facts is not None:
                noise[number] = facts.noise
                improving[number] = facts.since_best < np.maximum(setting.patience, _LAST_TENTH * lengths)
        return noise, improving


_MEANS = ("saving", "saving_seconds", "regret_mean", "regret_decided", "noise", "also_regret")


class _Mean:
    """The mean of each setting over the fits that have a number."""

    def __init__(self, settings: int) -> None:
        self._sum, self._count = np.zeros(settings), np.zeros(settings, np.int64)

    def add(self, numbers: Floats) -> None:
        known = ~np.isnan(numbers)
        self._sum += np.where(known, numbers, 0.0).sum(axis=1)
        self._count += known.sum(axis=1)

    def values(self) -> Floats:
        with np.errstate(invalid="ignore"):
            return np.where(self._count > 0, self._sum / np.maximum(self._count, 1), np.nan)


class _Regrets:
    """All regrets, of shape (settings, fits), in pieces: in memory, or in a file that goes away with this object."""

    def __init__(self, settings: int) -> None:
        self._settings = settings
        self._widths: list[int] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115  # closed with this object
        weakref.finalize(self, self._file.close)

    def add(self, regrets: Floats) -> None:
        self._file.write(regrets.tobytes())
        self._widths.append(regrets.shape[1])

    def medians(self) -> Floats:
        step = max(1, _BYTES_IN_MEMORY // 8 // max(sum(self._widths), 1))
        parts = [self._medians(slice(first, first + step)) for first in range(0, self._settings, step)]
        return np.concatenate([np.zeros(0), *parts])

    def _medians(self, settings: slice) -> Floats:
        rows = np.concatenate([np.zeros((len(range(self._settings)[settings]), 0)), *self._rows(settings)], axis=1)
        known = ~np.isnan(rows)
        rows.sort(axis=1)  # NaN last
        count = known.sum(axis=1, keepdims=True)
        if not rows.shape[1]:
            return np.full(len(rows), np.nan)
        low, high = np.maximum(count - 1, 0) // 2, np.minimum(count // 2, rows.shape[1] - 1)
        middle = np.take_along_axis(rows, low, axis=1) + np.take_along_axis(rows, high, axis=1)
        medians: Floats = middle[:, 0] / 2
        return medians

    def _rows(self, settings: slice) -> Iterator[Floats]:
        first, end, _ = settings.indices(self._settings)
        offset = 0
        for width in self._widths:
            self._file.seek(offset + first * width * 8)
            rows = np.frombuffer(self._file.read((end - first) * width * 8))
            yield rows.reshape(end - first, width)
            offset += self._settings * width * 8
        self._file.seek(offset)


def _share(part: np.int64, whole: np.int64) -> float:
    return float(part / whole) if whole else float("nan")


def _finite_or_nan(worst: np.float64) -> float:
    return float("nan") if worst == -np.inf else float(worst)
