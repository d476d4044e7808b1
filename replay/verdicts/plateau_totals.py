"""What each setting of ReduceLROnPlateau comes to over all fits, added up some fits at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.monitors import assumed_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kcb_replay.replay.callbacks import ReduceLROnPlateau
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.reducing import PlateauSweep
    from kcb_replay.replay.verdicts.table import LeftOutFit

__all__ = ["PlateauOverall", "PlateauSummary", "PlateauTotals", "overall_plateau"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class PlateauSummary:
    """What one setting comes to over all fits; shares and means are NaN where there is no fit to take them of.

    `reduced` counts the fits with a reduction; of those, `first_drop_epoch` (from 1) is the mean epoch of the first
    one, and `premature` the share in which the best epoch of the recording was still to come. `drops` is the mean
    number of reductions over all fits. `exact`, `hypothetical` and `undecided` are shares of all fits: every reduction
    is as a source that holds everything shows it; the rate parts from the recorded one, and what comes then is decided
    by metrics of another training; there is no reduction before the recording ends, whatever else limits the answer.
    """

    setting: ReduceLROnPlateau
    fits: int
    reduced: int
    drops: float
    first_drop_epoch: float
    premature: float
    exact: float
    hypothetical: float
    undecided: float


class PlateauTotals:
    """The sums of each setting, to which sweeps of further fits are added."""

    def __init__(self, settings: Sequence[ReduceLROnPlateau]) -> None:
        self._settings = settings
        self._sums = {name: np.zeros(len(settings), np.int64) for name in _COUNTED}

    def add(self, sweep: PlateauSweep) -> None:
        """Add what the same settings did with some further fits."""
        answers, answered = sweep.answers, sweep.answered
        reduced = answered & (answers.drops > 0)
        whole = np.array([fit.label == "exact" for fit in sweep.fits], np.bool_)
        counted = {
            "fits": answered,
            "reduced": reduced,
            "drops": answers.drops * answered,
            "first_drop_epoch": np.where(reduced, answers.first_drop_index + 1, 0),
            "premature": reduced & answers.premature,
            "exact": reduced & ~answers.hypothetical & whole,
            "hypothetical": answered & answers.hypothetical,
            "undecided": answered & (answers.drops == 0),
        }
        for name, values in counted.items():
            self._sums[name] += values.sum(axis=1)

    def summaries(self) -> list[PlateauSummary]:
        """Return one summary per setting, in their order."""
        sums = self._sums
        means = {name: _over(sums[name], sums[of]) for name, of in _MEANS.items()}
        return [
            PlateauSummary(
                setting=setting,
                fits=int(sums["fits"][number]),
                reduced=int(sums["reduced"][number]),
                **{name: float(values[number]) for name, values in means.items()},
            )
            for number, setting in enumerate(self._settings)
        ]


# Each over what it is a mean of.
_MEANS = {
    "drops": "fits",
    "first_drop_epoch": "reduced",
    "premature": "reduced",
    "exact": "fits",
    "hypothetical": "fits",
    "undecided": "fits",
}
_COUNTED = ("fits", "reduced", *_MEANS)


@dataclass(frozen=True, slots=True)
class PlateauOverall:
    """One summary per setting, and how much was swept.

    `answered` counts the fits of which some setting could be asked, `assumed` those of them whose initial learning rate
    is Keras's default for want of another. `labels` says of how many of the answered the source holds everything
    ("exact"), rounded values or not all points.
    """

    settings: tuple[ReduceLROnPlateau, ...]
    semantics: Semantics
    summaries: tuple[PlateauSummary, ...]
    fits: int
    epochs: int
    answered: int
    assumed: int
    left_out: tuple[LeftOutFit, ...]
    labels: Mapping[Label, int] = field(default_factory=dict)

    @property
    def assumed_metrics(self) -> tuple[str, ...]:
        """The metrics whose direction is taken from their names, where the version would have asked the model."""
        return assumed_metrics(self.settings, self.semantics, None if self.labels.get("hypothetical") else ())


def overall_plateau(
    blocks: Iterable[PlateauSweep], settings: Sequence[ReduceLROnPlateau], version: Semantics
) -> PlateauOverall:
    """Add up the sweeps of some fits after the other; each is dropped before the next one is asked for."""
    totals = PlateauTotals(settings)
    fits = epochs = answered = assumed = 0
    left_out: list[LeftOutFit] = []
    labels: Counter[Label] = Counter()
    for block in blocks:
        totals.add(block)
        asked = np.any(block.answered, axis=0).tolist()
        fits += len(block.fits)
        epochs += sum(fit.epochs for fit, each in zip(block.fits, asked, strict=True) if each)
        answered += sum(asked)
        assumed += sum(fit.assumed for fit, each in zip(block.fits, asked, strict=True) if each)
        labels.update(fit.label for fit, each in zip(block.fits, asked, strict=True) if each)
        left_out += block.left_out
    return PlateauOverall(
        tuple(settings),
        version,
        tuple(totals.summaries()),
        fits,
        epochs,
        answered,
        assumed,
        tuple(left_out),
        dict(labels),
    )


def _over(count: NDArray[np.int64], of: NDArray[np.int64]) -> Floats:
    share: Floats = np.where(of > 0, count / np.maximum(of, 1), np.nan)
    return share
