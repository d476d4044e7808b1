"""What each setting saved and cost in each group of runs: all that a choice is made from, and how far it would vary.

Groups are runs that belong together: seeds of one model, runs of one experiment. They are left out together, and drawn
again together, whole, for the intervals in which 95 % of what comes out lies.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import SettingError
from kcb_replay.replay.verdicts.lanes.improvements import unwarned

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from kcb_replay.replay.recommend.result import Interval
    from kcb_replay.replay.verdicts.table import Sweep

__all__ = [
    "FEWEST_GROUPS",
    "MOST_GROUPS",
    "RESAMPLES",
    "Evidence",
    "Spread",
    "evidence_of",
    "folded",
    "grouping",
    "interval",
    "resampled",
    "spread_of",
]

# More groups are put together at random: the answer gets no better, and the work grows with their number.
MOST_GROUPS = 500


def grouping(by: str) -> Callable[[str], str]:
    """Return the function from the name of a run to that of its group.

    `by` is "run" (each by itself), "folder" (what stands before the last / of the name, the name without one), or a
    regular expression: its first group, or the whole match. Raises `SettingError` for one that cannot be read.
    """
    if by == "run":
        return lambda name: name
    if by == "folder":
        return lambda name: name.rpartition("/")[0] or name
    try:
        pattern = re.compile(by)
    except re.error as error:
        raise SettingError(f"{by!r} is neither 'run' nor 'folder' nor a regular expression: {error}.") from None
    return lambda name: _matched(pattern, name)


def folded(groups: int) -> Callable[[str], str]:
    """Return the function that puts groups together when there are too many of them."""
    if groups <= MOST_GROUPS:
        return lambda group: group
    return lambda group: f"{zlib.crc32(group.encode()) % MOST_GROUPS}"


def _matched(pattern: re.Pattern[str], name: str) -> str:
    found = pattern.search(name)
    if found is None:
        return name
    return found[1] if pattern.groups and found[1] is not None else found[0]


Floats: TypeAlias = NDArray[np.float64]


# Of fewer groups nobody knows how the next one differs.
FEWEST_GROUPS = 5


RESAMPLES, _SEED = 2000, 0


_PERCENTILES = (2.5, 97.5)


def resampled(groups: int) -> Floats:
    """Return how often each group counts in each resampling, of shape (resamplings, groups); always the same ones."""
    shares = np.full(groups, 1 / groups)
    return np.random.default_rng(_SEED).multinomial(groups, shares, RESAMPLES).astype(float)


def interval(values: Floats) -> Interval:
    """Return the percentiles between which 95 % of the values lie."""
    low, high = np.percentile(values, _PERCENTILES)
    return float(low), float(high)


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


@dataclass(frozen=True, slots=True)
class Spread:
    """The 95 % intervals of each setting over resampled groups."""

    saving: tuple[Interval, ...]
    regret: tuple[Interval, ...]
    groups: int


def spread_of(evidence: Evidence) -> Spread | None:
    """Return the intervals, None where there are fewer than five groups."""
    groups = len(evidence.groups)
    if groups < FEWEST_GROUPS:
        return None
    weights = resampled(groups)
    fits = weights @ evidence.fits
    saving, regret = (_intervals(weights, fits, sums) for sums in (evidence.saving, evidence.regret))
    return Spread(saving, regret, groups)


def _intervals(weights: Floats, fits: Floats, sums: Floats) -> tuple[Interval, ...]:
    # One setting after the other: all at once would take 16 kB each.
    return tuple(interval(weights @ one / fits) for one in sums.T)
