"""What each setting comes to over all fits, added up some fits at a time.

Medians need every number, so some are kept: see `Spool`.
"""

from __future__ import annotations

import hashlib
import math
import tempfile
import weakref
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from kcb_replay.replay.monitors import assumed_metrics
from kcb_replay.replay.verdicts.lanes.improvements import unwarned
from kcb_replay.replay.verdicts.survival import stop_epochs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.answers import Answers
    from kcb_replay.replay.verdicts.table import LeftOutFit, Part, Sweep

__all__ = ["SettingSummary", "Spool", "SweepSummary", "Totals", "front", "overall"]

Floats: TypeAlias = NDArray[np.float64]


# A recording whose best epoch is among so many of its last was still improving, whatever the patience.
_LAST_TENTH = 0.1


@dataclass(frozen=True, slots=True)
class SettingSummary:
    """What one setting comes to over all fits.

    `saving` is the mean share of recorded epochs that would not have run, `saving_seconds` that of the recorded time
    over the fits with wall times. `regret_*` are in units of the metric, NaN where no fit has one; `noise` is
    the mean of what the metric jumps from epoch to epoch, a measure for regret; `also_regret` is the mean of the metric
    that was not monitored. `stop_epoch_*` are those of `StopEpochs`; `by_chance` is the mean chance that a stop would
    have come on a plateau of nothing but noise, see `Answers`.

    `undecided` is the share of fits whose recording ends before the stop: they count with the regret of the whole
    recording, `regret_decided` is the mean without them, and the truth may lie beyond both. `improving` is the share
    of fits that still improved when they ended, whose regret is a lower bound. `unknown` fits keep an epoch without a
    number, and are in no regret.
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
    unknown: int
    by_chance: float
    stop_epoch_median: float
    stop_epoch_mean: float
    stop_epoch_horizon: int


class Totals:
    """The sums of each setting of `settings`, to which sweeps of further fits are added."""

    def __init__(self, settings: Sequence[EarlyStopping]) -> None:
        self._settings = settings
        self._fits = np.zeros(len(settings), np.int64)
        self._stopped = np.zeros(len(settings), np.int64)
        self._improving = np.zeros(len(settings), np.int64)
        self._unknown = np.zeros(len(settings), np.int64)
        self._worst = np.full(len(settings), -np.inf)
        self._means = {name: _Mean(len(settings)) for name in _MEANS}
        self._acts = [hashlib.blake2b(digest_size=16) for _ in settings]
        self._regrets, self._ran = Spool(len(settings), np.float64), Spool(len(settings), np.int32)

    def add(self, sweep: Sweep) -> None:
        """Add what the same settings did with some further fits."""
        for part in sweep.parts:
            self._regrets.begin(len(part.fits))
            self._ran.begin(len(part.fits))
            for chosen, answers in part.chunks():
                self._add(part, chosen, answers)

    @unwarned
    def _add(self, part: Part, chosen: slice, answers: Answers) -> None:
        answered = part.answered[chosen]
        lengths = part.lengths
        facts = part.facts(chosen)
        self._fits[chosen] += answered.sum(axis=1)
        self._stopped[chosen] += (answered & ~answers.undecided).sum(axis=1)
        patience = np.array([setting.patience for setting in self._settings[chosen]])[:, np.newaxis]
        improving = (facts.since_best >= 0) & (facts.since_best < np.maximum(patience, _LAST_TENTH * lengths))
        self._improving[chosen] += (answered & improving).sum(axis=1)
        with np.errstate(divide="ignore"):
            numbers = {
                "saving": answers.saved / lengths,
                "saving_seconds": answers.saved_seconds / part.seconds,
                "regret_mean": answers.regret,
                "regret_decided": np.where(answers.undecided, np.nan, answers.regret),
                "noise": np.broadcast_to(facts.noise, answered.shape),
                "also_regret": answers.also_regret,
                "by_chance": answers.by_chance,
            }
        for name, values in numbers.items():
            self._means[name].add(chosen, values, answered)
        regret = np.where(answered, answers.regret, np.nan)
        self._unknown[chosen] += (answered & np.isnan(regret)).sum(axis=1)
        self._worst[chosen] = np.fmax(self._worst[chosen], np.fmax.reduce(regret, axis=1, initial=-np.inf))
        self._regrets.add(regret)
        ran = lengths - answers.saved
        self._ran.add(np.where(answered, np.where(answers.undecided, -ran, ran), 0))
        for number in range(chosen.start, chosen.stop):
            for rows in (part.found.stop, part.found.kept, part.answered):
                self._acts[number].update(np.ascontiguousarray(rows[number]).data)

    @unwarned
    def summaries(self) -> list[SettingSummary]:
        """Return one summary per setting, in their order."""
        means = {name: mean.values() for name, mean in self._means.items()}
        medians = np.concatenate([np.zeros(0), *map(_medians, self._regrets.pieces())])
        stops = [stop_epochs(ran) for piece in self._ran.pieces() for ran in piece]
        return [
            SettingSummary(
                setting=setting,
                fits=int(self._fits[number]),
                stopped=int(self._stopped[number]),
                regret_median=float(medians[number]),
                stop_epoch_median=stops[number].median,
                stop_epoch_mean=stops[number].restricted_mean,
                stop_epoch_horizon=stops[number].horizon,
                regret_worst=_finite_or_nan(self._worst[number]),
                undecided=_share(self._fits[number] - self._stopped[number], self._fits[number]),
                unknown=int(self._unknown[number]),
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


_MEANS = ("saving", "saving_seconds", "regret_mean", "regret_decided", "noise", "also_regret", "by_chance")


class _Mean:
    """The mean of each setting over the fits that have a number."""

    def __init__(self, settings: int) -> None:
        self._sum, self._count = np.zeros(settings), np.zeros(settings, np.int64)

    def add(self, settings: slice, numbers: Floats, answered: NDArray[np.bool_]) -> None:
        known = answered & ~np.isnan(numbers)
        self._sum[settings] += np.where(known, numbers, 0.0).sum(axis=1)
        self._count[settings] += known.sum(axis=1)

    def values(self) -> Floats:
        return np.where(self._count > 0, self._sum / np.maximum(self._count, 1), np.nan)


def _medians(rows: Floats) -> Floats:
    """Return the median of each row (settings, fits) without its NaN, NaN where there is nothing else."""
    medians = np.full(len(rows), np.nan)
    counts = (~np.isnan(rows)).sum(axis=1)
    for count in np.unique(counts[counts > 0]).tolist():
        chosen = counts == count
        low, high = (count - 1) // 2, count // 2
        # NaN comes last.
        middle = np.partition(rows[chosen], sorted({low, high}), axis=1)
        medians[chosen] = (middle[:, low] + middle[:, high]) / 2
    return medians


def _share(part: np.int64, whole: np.int64) -> float:
    return float(part / whole) if whole else float("nan")


def _finite_or_nan(worst: np.float64) -> float:
    return float("nan") if worst == -np.inf else float(worst)


_BYTES_IN_MEMORY = 64_000_000


class Spool:
    """Numbers of shape (settings, fits), of which further fits are added; a file goes away with this object."""

    def __init__(self, settings: int, kind: DTypeLike) -> None:
        self._settings, self._kind = settings, np.dtype(kind)
        self._widths: list[int] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=_BYTES_IN_MEMORY)  # noqa: SIM115  # closed with this object
        weakref.finalize(self, self._file.close)

    def begin(self, fits: int) -> None:
        """Begin some further fits, whose numbers are added for some settings after the other."""
        self._widths.append(fits)

    def add(self, numbers: NDArray[Any]) -> None:
        """Add the numbers of the next settings for the fits that were begun, of shape (some settings, those fits)."""
        self._file.write(np.ascontiguousarray(numbers, self._kind).data)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Yield the numbers of some settings after the other, each of shape (some settings, all fits)."""
        step = max(1, _BYTES_IN_MEMORY // self._kind.itemsize // max(sum(self._widths), 1))
        for first in range(0, self._settings, step):
            end = min(first + step, self._settings)
            nothing = np.zeros((end - first, 0), self._kind)
            yield np.concatenate([nothing, *self._read(first, end)], axis=1)

    def _read(self, first: int, end: int) -> Iterator[NDArray[Any]]:
        offset, size = 0, self._kind.itemsize
        for width in self._widths:
            self._file.seek(offset + first * width * size)
            yield np.frombuffer(self._file.read((end - first) * width * size), self._kind).reshape(end - first, width)
            offset += self._settings * width * size
        self._file.seek(offset)


def front(summaries: Sequence[SettingSummary], distinct: Iterable[int]) -> list[int]:
    """Return the numbers of the settings on the Pareto front, least regret first.

    `distinct` are the settings to choose from, one of each that act alike. A setting without any regret that is known
    is on no front.
    """
    known = [number for number in distinct if not math.isnan(summaries[number].regret_mean)]
    ordered = sorted(known, key=lambda number: (summaries[number].regret_mean, -summaries[number].saving))
    kept: list[int] = []
    for number in ordered:
        # With rising regret only what saves more than all before it is worth it.
        if not kept or summaries[number].saving > summaries[kept[-1]].saving:
            kept.append(number)
    return kept


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """One summary per setting, which of them act alike on every fit, and how much was swept.

    `front` are the numbers of the settings that nothing beats, least regret first; `fits` counts what was swept,
    `answered` the fits of which some setting could be asked, `epochs` theirs. `labels` says of how many of these the
    source holds everything ("exact"), rounded values or not all points; how many answers are undecided is in the
    summaries.
    """

    settings: tuple[EarlyStopping, ...]
    semantics: Semantics
    summaries: tuple[SettingSummary, ...]
    alike: tuple[tuple[int, ...], ...]
    front: tuple[int, ...]
    fits: int
    epochs: int
    answered: int
    left_out: tuple[LeftOutFit, ...]
    labels: Mapping[Label, int] = field(default_factory=dict)

    @property
    def assumed_metrics(self) -> tuple[str, ...]:
        """The metrics whose direction is taken from their names, where the version would have asked the model."""
        return assumed_metrics(self.settings, self.semantics, None if self.labels.get("hypothetical") else ())

    @property
    def distinct(self) -> tuple[int, ...]:
        """One setting of each that act alike."""
        return tuple(group[0] for group in self.alike)


def overall(blocks: Iterable[Sweep], settings: Sequence[EarlyStopping], version: Semantics) -> SweepSummary:
    """Add up the sweeps of some fits after the other; each is dropped before the next one is asked for."""
    totals = Totals(settings)
    fits = epochs = answered = 0
    left_out: list[LeftOutFit] = []
    labels: Counter[Label] = Counter()
    for block in blocks:
        totals.add(block)
        fits += len(block.fits)
        asked = np.any(block.answered, axis=0).tolist()
        epochs += sum(fit.epochs for fit, each in zip(block.fits, asked, strict=True) if each)
        answered += sum(asked)
        labels.update(fit.label for fit, each in zip(block.fits, asked, strict=True) if each)
        left_out += block.left_out
    summaries, alike = totals.summaries(), totals.alike()
    return SweepSummary(
        settings=tuple(settings),
        semantics=version,
        summaries=tuple(summaries),
        alike=tuple(alike),
        front=tuple(front(summaries, [group[0] for group in alike])),
        fits=fits,
        epochs=epochs,
        answered=answered,
        left_out=tuple(left_out),
        labels=dict(labels),
    )
