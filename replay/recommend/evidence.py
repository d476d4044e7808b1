"""What each choice saved and cost in each group of runs: all that a choice is made from, and how far it would vary.

Groups are runs that belong together: seeds of one model, runs of one experiment. They are left out together, and drawn
again together, whole, for the intervals in which 95 % of what comes out lies. Everything is worked out of one pass over
the verdicts: of each fit what no choice changes is noted, and the totals hold the rest.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.errors import SettingError
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.validity import Label
from kcb_replay.replay.verdicts.answers import Answers
from kcb_replay.replay.verdicts.blocks import StoppingBlock
from kcb_replay.replay.verdicts.collect import Collector
from kcb_replay.replay.verdicts.lanes.improvements import unwarned
from kcb_replay.replay.verdicts.totals import Totals

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
# More groups are put together at random: the answer gets no better, and the work grows with their number.
MOST_GROUPS = 500
# Of fewer groups nobody knows how the next one differs.
FEWEST_GROUPS = 5
RESAMPLES, _SEED = 2000, 0
_PERCENTILES = (2.5, 97.5)


Interval: TypeAlias = tuple[float, float]


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
    match = pattern.search(name)
    if match is None:
        return name
    return match[1] if pattern.groups and match[1] is not None else match[0]


class FitsSeen(Collector["StoppingBlock", "Answers"]):
    """What is noted of every fit while verdicts by one metric pass; all arrays have shape (fits,).

    `noise` and `since_best` are those of the metric, `lowest` is the best value of the recording. `asked` is true where
    some choice has an answer, `answered` where every one has, `counted` where the regret of each is known, too. `mode`
    says whether the metric should fall or rise, None where no fit has it.
    """

    def __init__(self) -> None:
        self.mode: Direction | None = None
        self.runs: list[str] = []
        self.numbers: list[int] = []
        self.labels: list[Label] = []
        self._parts: dict[str, list[NDArray[Any]]] = {name: [] for name in _PARTS}

    def begin(self, block: StoppingBlock) -> None:
        """Note the fits of a block."""
        self.runs += [fit.run for fit in block.fits]
        self.numbers += [fit.fit for fit in block.fits]
        self.labels += [fit.label for fit in block.fits]
        values, count = block.metric_of(0), len(block.fits)
        if values is not None:
            self.mode = "max" if values.sign < 0 else "min"
        noted: dict[str, NDArray[Any]] = {
            "epochs": block.lengths,
            "noise": np.full(count, np.nan) if values is None else values.block.noise,
            "since_best": np.full(count, -1) if values is None else values.since_best,
            "lowest": np.full(count, np.nan) if values is None else values.sign * values.block.least(values.sign),
            "asked": np.any(block.answered, axis=0, keepdims=True)[0],
            "answered": np.all(block.answered, axis=0, keepdims=True)[0],
            "counted": np.ones(count, np.bool_),
        }
        for name, each in noted.items():
            self._parts[name].append(each)

    def add(self, block: StoppingBlock, chosen: slice, answers: Answers) -> None:
        """Note where some choices keep an epoch without a number."""
        known = block.answered[chosen] & ~np.isnan(answers.regret)
        self._parts["counted"][-1] &= known.all(axis=0)

    def of_all(self, name: str) -> NDArray[Any]:
        """Return `epochs`, `noise`, `since_best`, `lowest`, `asked`, `answered` or `counted` of all fits."""
        kind = np.bool_ if name in _MASKS else np.float64
        return np.concatenate([np.zeros(0, kind), *self._parts[name]])

    def key_of(self, place: int) -> tuple[str, int]:
        """Return the run and the number of a fit."""
        return self.runs[place], self.numbers[place]

    def noise(self) -> float:
        """Return the median over the fits of the metric's jump from epoch to epoch, 0 where nothing is known of it."""
        noise = self.of_all("noise")[self.of_all("answered")]
        known = noise[~np.isnan(noise)]
        return float(np.median(known)) if len(known) else 0.0

    def groups(self, group_of: Callable[[str], str]) -> tuple[str, ...]:
        """Return the names of the groups of the fits that every choice answers."""
        return tuple(sorted({group_of(self.runs[place]) for place in np.flatnonzero(self.of_all("answered"))}))


_MASKS = ("asked", "answered", "counted")
_PARTS = ("epochs", "noise", "since_best", "lowest", *_MASKS)


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """Sums over the fits of each group, of shape (groups, choices); `fits` (groups,) is how many there are.

    `saving` sums shares of epochs, `regret` units of the metric, `failures` counts regrets above the tolerance.
    `uncounted` fits keep, with some choice, an epoch without a number: no regret is known of them.
    """

    groups: tuple[str, ...]
    fits: Floats
    saving: Floats
    regret: Floats
    failures: Floats
    undecided: Floats
    uncounted: int = 0

    def of(self, choices: NDArray[np.intp]) -> Evidence:
        """Return the evidence on some of the choices."""
        names = ("saving", "regret", "failures", "undecided")
        return replace(self, **{name: getattr(self, name)[:, choices] for name in names})


@unwarned
def evidence_in(totals: Totals[Any], fits: FitsSeen, group_of: Callable[[str], str], *, tolerance: float) -> Evidence:
    """Return the sums by group of verdicts that have passed.

    A fit without the monitor, or without any value that can be compared, is not counted.
    """
    counted = np.flatnonzero(fits.of_all("counted"))
    of_fit = [group_of(fits.runs[place]) for place in counted]
    names = sorted(set(of_fit))
    places = {name: place for place, name in enumerate(names)}
    group = np.array([places[name] for name in of_fit], np.intp)
    epochs = fits.of_all("epochs")[counted]
    sums = {name: np.zeros((len(names), len(totals.choices))) for name in ("saving", "regret", "failures", "undecided")}
    for chosen, all_regrets, all_ran in totals.by_fit():
        for number, regrets, ran in zip(range(chosen.start, chosen.stop), all_regrets, all_ran, strict=True):
            regret, run = regrets[counted], ran[counted]
            numbers = {
                "saving": (epochs - np.abs(run)) / epochs,
                "regret": regret,
                "failures": regret > tolerance,
                "undecided": run < 0,
            }
            for name, each in numbers.items():
                # One fit after the other: the sums are those of any blocks.
                sums[name][:, number] = np.bincount(group, weights=each, minlength=len(names))
    uncounted = int((fits.of_all("answered") & ~fits.of_all("counted")).sum())
    return Evidence(
        groups=tuple(names),
        fits=np.bincount(group, minlength=len(names)).astype(np.float64),
        uncounted=uncounted,
        **sums,
    )


def resampled(groups: int) -> Floats:
    """Return how often each group counts in each resampling, of shape (resamplings, groups); always the same ones."""
    shares = np.full(groups, 1 / groups)
    return np.random.default_rng(_SEED).multinomial(groups, shares, RESAMPLES).astype(float)


def interval(values: Floats) -> Interval:
    """Return the percentiles between which 95 % of the values lie."""
    low, high = np.percentile(values, _PERCENTILES)
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Spread:
    """The 95 % intervals of each choice over resampled groups."""

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
    # One choice after the other: all at once would take 16 kB each.
    return tuple(interval(weights @ one / fits) for one in sums.T)
