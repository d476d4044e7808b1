"""Acts in few bytes: of each fit the answers that differ, and per choice which of them it is.

Many settings stop a fit at the same epoch, so a fit of 100 epochs has some dozen answers to hundreds of settings. All
texts are made here; whoever reads the page's data only looks them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.text import Decimals

if TYPE_CHECKING:
    from kcb_replay.report.choices.acts import Acts

__all__ = ["Coded", "coded_of"]

Integers: TypeAlias = NDArray[np.int64]
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """`pick` (choices, fits) is the place of an answer among those of its fit, -1 where there is none.

    The answers of the n-th fit stand from `starts[n]` on in the other arrays. `regret` are places in `regrets`, texts
    of which the first is "unknown" and the others rise.
    """

    pick: Integers
    starts: Integers
    stop: Integers
    best: Integers
    kept: Integers
    saved: Integers
    regret: Integers
    label: Integers
    regrets: tuple[str, ...]

    def place(self, choice: int, fit: int) -> int | None:
        """Return where the answer of a choice for a fit stands, None where there is none."""
        pick = int(self.pick[choice, fit])
        return None if pick < 0 else int(self.starts[fit]) + pick


def coded_of(acts: Acts, decimals: Decimals) -> Coded:
    """Return the answers coded."""
    pick = np.full(acts.answered.shape, -1, np.int64)
    starts = np.zeros(len(acts.fits), np.int64)
    columns = np.stack([acts.stop, acts.best, acts.kept, acts.saved, acts.label], axis=-1)
    found: list[Integers] = []
    regrets: list[NDArray[np.float64]] = []
    count = 0
    for place in range(len(acts.fits)):
        asked = np.flatnonzero(acts.answered[:, place])
        distinct, first, which = np.unique(columns[asked, place], axis=0, return_index=True, return_inverse=True)
        pick[asked, place] = which.reshape(-1)
        starts[place] = count
        count += len(distinct)
        found.append(distinct)
        regrets.append(acts.regret[asked, place][first])
    rows = np.concatenate([np.zeros((0, 5), np.int64), *found])
    texts, ranks = _ranked(np.concatenate([np.zeros(0), *regrets]), decimals)
    stop, best, kept, saved, label = rows.T
    return Coded(pick, starts, stop, best, kept, saved, ranks, label, texts)


def _ranked(regrets: NDArray[np.float64], decimals: Decimals) -> tuple[tuple[str, ...], Integers]:
    """Return the different texts in rising order behind "unknown", and the place of each regret among them."""
    values, which = np.unique(regrets, return_inverse=True)
    texts = [UNKNOWN]
    places = np.zeros(len(values), np.int64)
    for number, value in enumerate(values.tolist()):
        if np.isnan(value):
            continue
        text = decimals.show(value)
        if text != texts[-1]:
            texts.append(text)
        places[number] = len(texts) - 1
    return tuple(texts), places[which.reshape(-1)]
