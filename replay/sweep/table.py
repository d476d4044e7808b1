"""The result of a sweep: one answer per setting and fit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.sweep.answers import no_answers, side_by_side
from kcb_replay.replay.sweep.rows import Rows
from kcb_replay.replay.sweep.totals import SettingSummary, Totals

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.sweep.answers import Answers
    from kcb_replay.replay.validity import Label

__all__ = ["FitFacts", "LeftOutFit", "Sweep", "SweptFit", "joined"]

Json: TypeAlias = dict[str, object]
Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
_ARGUMENTS = ("monitor", "mode", "patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights")


@dataclass(frozen=True, slots=True)
class SweptFit:
    """A fit that was swept: `label` is what its source allows of any answer, `exact` where it holds everything."""

    run: str
    fit: int
    epochs: int
    label: Label
    seconds: float = float("nan")


@dataclass(frozen=True, slots=True)
class LeftOutFit:
    """A fit that could not be swept with some settings, and why."""

    run: str
    fit: int
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class FitFacts:
    """What one metric of each fit shows whatever the setting, of shape (fits,).

    `noise` is how far it jumps from epoch to epoch, `since_best` the number of epochs recorded after its best one.
    """

    noise: Floats
    since_best: Integers


@dataclass(frozen=True, eq=False)
class Sweep(Rows):
    """Every setting on every fit. The arrays of `answers` have shape (settings, fits); see `Answers`.

    A fit that lacks the monitor of a setting has no answer there: `answered` is false. `facts` are by monitor and mode.
    """

    settings: tuple[EarlyStopping, ...]
    fits: tuple[SweptFit, ...]
    answers: Answers
    answered: NDArray[np.bool_]
    semantics: Semantics
    left_out: tuple[LeftOutFit, ...]
    facts: Mapping[tuple[str, str], FitFacts]

    def per_setting(self) -> list[SettingSummary]:
        """Return one summary per setting, in their order."""
        return self.totals().summaries()

    def totals(self) -> Totals:
        """Return what the settings come to over all fits."""
        totals = Totals(self.settings)
        totals.add(self)
        return totals

    def records(self) -> Iterator[Json]:
        """Yield one record per setting and fit, under the names of `simulate --json`."""
        for number, setting in enumerate(self.settings):
            for place in np.flatnonzero(self.answered[number]).tolist():
                yield {**self._fit_record(place), **_setting_record(setting), **self._answer_record(number, place)}

    def to_arrow(self) -> pa.Table:
        """Return one row per setting and fit; null where there is nothing."""
        from kcb_replay.replay.sweep.arrow import table_of

        return table_of(self)

    def __repr__(self) -> str:
        return f"<Sweep of {len(self.settings)} settings over {len(self.fits)} fits, {self.semantics.name}>"

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
            "saved_seconds": _number(answers.saved_seconds[at]),
            "regret": _number(answers.regret[at]),
            "also_regret": _number(answers.also_regret[at]),
            "validity": "undecided" if undecided and label == "exact" else label,
        }


def joined(parts: Sequence[Sweep], settings: Sequence[EarlyStopping], version: Semantics) -> Sweep:
    """Return the sweep of the fits of one part after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return Sweep(
            tuple(settings), (), no_answers((len(settings), 0)), np.zeros((len(settings), 0), np.bool_), version, (), {}
        )
    facts = {
        key: FitFacts(
            np.concatenate([part.facts[key].noise for part in parts]),
            np.concatenate([part.facts[key].since_best for part in parts]),
        )
        for key in parts[0].facts
    }
    return Sweep(
        tuple(settings),
        tuple(fit for part in parts for fit in part.fits),
        side_by_side([part.answers for part in parts]),
        np.concatenate([part.answered for part in parts], axis=1),
        version,
        tuple(item for part in parts for item in part.left_out),
        facts,
    )


def _setting_record(setting: EarlyStopping) -> Json:
    return {name: getattr(setting, name) for name in _ARGUMENTS}


def _epoch_record(name: str, index: int) -> Json:
    known = index >= 0
    return {f"{name}_index": index if known else None, f"{name}_epoch": index + 1 if known else None}


def _number(value: np.float64) -> float | None:
    return None if np.isnan(value) else float(value)
