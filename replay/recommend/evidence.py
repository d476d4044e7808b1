"""What each setting saved and cost in each group of runs: all that a choice is made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.verdicts.lanes.arithmetic import unwarned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kcb_replay.replay.verdicts.table import Sweep

__all__ = ["Evidence", "evidence_of"]

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Sums over the fits of each group, of shape (groups, settings); `fits` (groups,) is how many there are.

    `saving` sums shares of epochs, `regret` units of the metric, `failures` counts regrets above the tolerance.
    `uncounted` fits keep, with some setting, an epoch without a number: no regret is known of them.
    """

    groups: tuple[str, ...]
    fits: Floats
    saving: Floats
    regret: Floats
    failures: Floats
    undecided: Floats
    uncounted: int = 0

    def of(self, settings: NDArray[np.intp]) -> Evidence:
        """Return the evidence on some of the settings."""
        names = ("saving", "regret", "failures", "undecided")
        return replace(self, **{name: getattr(self, name)[:, settings] for name in names})


@unwarned
def evidence_of(blocks: Iterable[Sweep], group_of: Callable[[str], str], *, tolerance: float) -> Evidence:
    """Add up sweeps by group; a fit without the monitor, or without any value that can be compared, is not counted."""
    sums: dict[str, list[Floats]] = {}
    counts: dict[str, int] = {}
    uncounted = 0
    for block in blocks:
        answers = block.answers
        lengths = np.array([fit.epochs for fit in block.fits])
        numbers = (answers.saved / lengths, answers.regret, answers.regret > tolerance, answers.undecided)
        answered = block.answered.all(axis=0)
        counted = answered & ~np.isnan(answers.regret).any(axis=0)
        uncounted += int((answered & ~counted).sum())
        for place in np.flatnonzero(counted).tolist():
            group = group_of(block.fits[place].run)
            parts = [np.asarray(each[:, place], np.float64) for each in numbers]
            counts[group] = counts.get(group, 0) + 1
            sums[group] = [one + two for one, two in zip(sums[group], parts, strict=True)] if group in sums else parts
    names = sorted(sums)
    stacked = [np.array([sums[name][part] for name in names]) for part in range(4)] if names else [np.zeros((0, 0))] * 4
    fits = np.array([counts[name] for name in names], np.float64)
    saving, regret, failures, undecided = stacked
    return Evidence(tuple(names), fits, saving, regret, failures, undecided, uncounted)
