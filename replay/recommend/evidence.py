"""What each setting saved and cost in each group of runs: all that a choice is made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kcb_replay.replay.sweep.table import Sweep

__all__ = ["Evidence", "evidence_of"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Sums over the fits of each group, of shape (groups, settings); `fits` (groups,) is how many there are.

    `saving` sums shares of epochs, `regret` units of the metric, `failures` counts regrets above the tolerance.
    """

    groups: tuple[str, ...]
    fits: Floats
    saving: Floats
    regret: Floats
    failures: Floats
    undecided: Floats

    def of(self, settings: NDArray[np.intp]) -> Evidence:
        """Return the evidence on some of the settings."""
        chosen = (getattr(self, name)[:, settings] for name in ("saving", "regret", "failures", "undecided"))
        return Evidence(self.groups, self.fits, *chosen)


def evidence_of(blocks: Iterable[Sweep], group_of: Callable[[str], str], *, tolerance: float) -> Evidence:
    """Add up sweeps by group; a fit without the monitor, or without any value that can be compared, is not counted."""
    sums: dict[str, list[Floats]] = {}
    counts: dict[str, int] = {}
    for block in blocks:
        answers = block.answers
        lengths = np.array([fit.epochs for fit in block.fits])
        numbers = (answers.saved / lengths, answers.regret, answers.regret > tolerance, answers.undecided)
        counted = block.answered.all(axis=0) & ~np.isnan(answers.regret).any(axis=0)
        for place in np.flatnonzero(counted).tolist():
            group = group_of(block.fits[place].run)
            parts = [np.asarray(each[:, place], np.float64) for each in numbers]
            counts[group] = counts.get(group, 0) + 1
            sums[group] = [one + two for one, two in zip(sums[group], parts, strict=True)] if group in sums else parts
    names = sorted(sums)
    stacked = [np.array([sums[name][part] for name in names]) for part in range(4)] if names else [np.zeros((0, 0))] * 4
    return Evidence(tuple(names), np.array([counts[name] for name in names], np.float64), *stacked)
