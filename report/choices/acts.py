"""What every choice (a setting, or a stopping rule) does to every run that is drawn, as arrays.

Nothing is decided here: the numbers are those of a sweep or of a comparison of rules.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.validity import Label

__all__ = ["LABELS", "Acts", "DrawnFit", "label_place", "titles_of"]

Floats: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.int64]
Mask: TypeAlias = NDArray[np.bool_]
# An answer of a weak source may be undecided, too; both are said.
LABELS = ("exact", "undecided", "rounded", "rounded, undecided", "sampled", "sampled, undecided", "hypothetical")


@dataclass(frozen=True, slots=True, eq=False)
class DrawnFit:
    """One fit on the page: its recorded epochs (0-based) and values, and the best one of the whole recording.

    `valid` is false where an epoch has no value, `lowest_index` is None where none is a number.
    """

    run: str
    fit: int
    title: str
    epochs: Integers
    values: Floats
    valid: Mask
    lowest_index: int | None
    lowest_value: float | None

    @property
    def first_epoch(self) -> int:
        """The first recorded epoch, from 1."""
        return int(self.epochs[0]) + 1

    @property
    def last_epoch(self) -> int:
        """The last recorded epoch, from 1."""
        return int(self.epochs[-1]) + 1

    @property
    def is_nan_from_start(self) -> bool:
        """Whether its first value is NaN, which Keras takes for a best that nothing beats."""
        return bool(self.valid.any()) and bool(np.isnan(self.values[self.valid][0]))


@dataclass(frozen=True, slots=True, eq=False)
class Acts:
    """One answer per choice and fit, of shape (choices, fits); `label` are places in `LABELS`, see `label_place`.

    Epochs are 0-based, -1 where there is none; `stop` is -1 where the recording ends before the stop. `regret` is NaN
    where it is unknown. Where `answered` is false there is no answer.
    """

    fits: tuple[DrawnFit, ...]
    answered: Mask
    stop: Integers
    best: Integers
    kept: Integers
    saved: Integers
    regret: Floats
    label: Integers

    @classmethod
    def joined(cls, parts: Sequence[Acts], *, choices: int) -> Acts:
        """Return the acts on the fits of one part after the other."""
        nothing = {"answered": np.zeros((choices, 0), np.bool_), "regret": np.zeros((choices, 0))}
        names = [item.name for item in fields(cls) if item.name != "fits"]
        start = {name: nothing.get(name, np.zeros((choices, 0), np.int64)) for name in names}
        joined = {
            name: np.concatenate([start[name], *(getattr(part, name) for part in parts)], axis=1) for name in names
        }
        return cls(fits=tuple(fit for part in parts for fit in part.fits), **joined)


def label_place(label: Label, *, undecided: bool) -> int:
    """Return the place in `LABELS` of a label, of an answer before which the recording ends or not."""
    both = "undecided" if label == "exact" else f"{label}, undecided"
    return LABELS.index(both if undecided and both in LABELS else label)


def titles_of(places: Sequence[tuple[str, int]]) -> list[str]:
    """Return the names of fits, given by run and number: that of the run where it has one fit."""
    several = {run for run, fit in places if fit}
    return [f"{run}, fit {fit}" if run in several else run for run, fit in places]
