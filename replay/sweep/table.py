"""The result of a sweep: one answer per setting and fit, and what they come to per setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.sweep.answers import Answers
    from kcb_replay.replay.validity import Label

__all__ = ["LeftOutFit", "SettingSummary", "Sweep", "SweptFit"]

Json: TypeAlias = dict[str, object]
Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SweptFit:
    """A fit that was swept: `label` is what its source allows of any answer, `exact` where it holds everything."""

    run: str
    fit: int
    epochs: int
    label: Label


@dataclass(frozen=True, slots=True)
class LeftOutFit:
    """A fit that could not be swept with some settings, and why."""

    run: str
    fit: int
    reason: str


@dataclass(frozen=True, slots=True)
class SettingSummary:
    """What one setting comes to over all fits.

    `saving` is the mean share of recorded epochs that would not have run, `regret_*` are in units of the metric (NaN
    where no fit has one), `undecided` is the share of fits whose recording ends before the stop: their regret is that
    of the whole recording, a lower bound.
    """

    setting: EarlyStopping
    fits: int
    stopped: int
    saving: float
    regret_mean: float
    regret_median: float
    regret_worst: float
    undecided: float


@dataclass(frozen=True, eq=False)
class Sweep:
    """Every setting on every fit. The arrays of `answers` have shape (settings, fits); see `Answers`.

    A fit that lacks the monitor of a setting has no answer there: `answered` is false.
    """

    settings: tuple[EarlyStopping, ...]
    fits: tuple[SweptFit, ...]
    answers: Answers
    answered: NDArray[np.bool_]
    semantics: Semantics
    left_out: tuple[LeftOutFit, ...]

    def per_setting(self) -> list[SettingSummary]:
        """Return one summary per setting, in their order."""
        return [self._summary(number) for number in range(len(self.settings))]

    def records(self) -> Iterator[Json]:
        """Yield one record per setting and fit, under the names of `simulate --json`."""
        for number, setting in enumerate(self.settings):
            for place in np.flatnonzero(self.answered[number]).tolist():
                yield {**self._fit_record(place), **_setting_record(setting), **self._answer_record(number, place)}

    def to_pandas(self) -> pd.DataFrame:
        """Return one row per setting and fit."""
        import pandas as pd

        return pd.DataFrame.from_records(list(self.records()))

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.settings)} settings over {len(self.fits)} fits, {self.semantics.name}>"

    def _summary(self, number: int) -> SettingSummary:
        chosen = self.answered[number]
        lengths = np.array([fit.epochs for fit in self.fits])[chosen]
        regret = self.answers.regret[number][chosen]
        known = regret[~np.isnan(regret)]
        undecided = self.answers.undecided[number][chosen]
        nothing = float("nan")
        return SettingSummary(
            setting=self.settings[number],
            fits=int(chosen.sum()),
            stopped=int((~undecided).sum()),
            saving=float((self.answers.saved[number][chosen] / lengths).mean()) if len(lengths) else nothing,
            regret_mean=float(known.mean()) if len(known) else nothing,
            regret_median=float(np.median(known)) if len(known) else nothing,
            regret_worst=float(known.max()) if len(known) else nothing,
            undecided=float(undecided.mean()) if len(undecided) else nothing,
        )

    def _fit_record(self, place: int) -> Json:
        fit = self.fits[place]
        return {"run": fit.run, "fit": fit.fit, "epochs": fit.epochs, "semantics": self.semantics.name}

    def _answer_record(self, number: int, place: int) -> Json:
        answers, at = self.answers, (number, place)
        undecided = bool(answers.undecided[at])
        label = self.fits[place].label
        return {
            "fired": not undecided,
            **_epoch_record("stop", int(answers.stop_index[at])),
            **_epoch_record("best", int(answers.best_index[at])),
            "best_value": _number(answers.best_value[at]),
            **_epoch_record("kept", int(answers.kept_index[at])),
            "kept_value": _number(answers.kept_value[at]),
            "saved_epochs": int(answers.saved[at]),
            "regret": _number(answers.regret[at]),
            "validity": "undecided" if undecided and label == "exact" else label,
        }


def _setting_record(setting: EarlyStopping) -> Json:
    return {name: getattr(setting, name) for name in (
        "monitor", "mode", "patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights",
    )}  # fmt: skip


def _epoch_record(name: str, index: int) -> Json:
    known = index >= 0
    return {f"{name}_index": index if known else None, f"{name}_epoch": index + 1 if known else None}


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
