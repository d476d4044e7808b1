"""A first look at all runs: what the settings come to, how noisy the metric is, and what is hard to judge."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.directions import assumed_direction
from kcb_replay.replay.verdicts.lanes.improvements import unwarned
from kcb_replay.replay.verdicts.totals import SweepSummary, overall

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.table import Sweep

__all__ = ["Survey", "survey_of"]

# So many recordings that end equally long after their best epoch were ended by a patience of that length.
_PILED_UP = 0.5
_FEWEST_PILED = 5
_MANY_IMPROVING = 0.25


@dataclass(frozen=True, slots=True)
class Survey:
    """`noise` is the median over the fits of the metric's jump from epoch to epoch, 0 where nothing is known of it.

    `groups` are the names of the groups; `alike` says of each distinct setting which ones act like it; `remarks` are
    on what the runs cannot tell.
    """

    overall: SweepSummary
    noise: float
    groups: tuple[str, ...]
    alike: Mapping[int, tuple[int, ...]]
    remarks: tuple[Reason, ...]


@unwarned
def survey_of(
    blocks: Iterable[Sweep], settings: Sequence[EarlyStopping], version: Semantics, group_of: Callable[[str], str]
) -> Survey:
    """Look at sweeps of some fits after the other."""
    seen = _Seen()
    found = overall(seen.passing(blocks, group_of), settings, version)
    noise = np.concatenate([np.zeros(0), *seen.noise])
    known = noise[~np.isnan(noise)]
    return Survey(
        overall=found,
        noise=float(np.median(known)) if len(known) else 0.0,
        groups=tuple(sorted(seen.groups)),
        alike={group[0]: group for group in found.alike},
        remarks=(*_assumed(found), *seen.remarks()),
    )


def _assumed(found: SweepSummary) -> Iterator[Reason]:
    for metric in found.assumed_metrics:
        yield reason("survey.hypothetical", assumed=assumed_direction(metric, None))


class _Seen:
    """What is noted of sweeps while they pass: they are dropped afterwards."""

    def __init__(self) -> None:
        self.groups: set[str] = set()
        self.noise: list[NDArray[np.float64]] = []
        self._since_best: Counter[int] = Counter()
        self._improving = 0
        self._labels: Counter[Label] = Counter()

    def passing(self, blocks: Iterable[Sweep], group_of: Callable[[str], str]) -> Iterator[Sweep]:
        """Yield the sweeps, and note of them what settings do not change."""
        for block in blocks:
            places = np.flatnonzero(block.answered.all(axis=0))
            self.groups.update(group_of(block.fits[place].run) for place in places)
            self._labels.update(block.fits[place].label for place in places)
            for facts in block.facts.values():
                self.noise.append(facts.noise[places])
                since_best = facts.since_best[places]
                self._since_best.update(since_best.tolist())
                lengths = np.array([block.fits[place].epochs for place in places])
                self._improving += int(((since_best >= 0) & (since_best < 0.1 * lengths)).sum())
            yield block

    def remarks(self) -> Iterator[Reason]:
        """Yield a remark on each thing that makes the runs hard to judge."""
        fits = self._since_best.total()
        waits = [(count, wait) for wait, count in self._since_best.items() if wait > 1]
        count, wait = max(waits, default=(0, 0))
        if count >= max(_FEWEST_PILED, _PILED_UP * fits):
            yield reason("survey.piled_up", count=count, fits=fits, wait=wait)
        if self._improving > _MANY_IMPROVING * fits:
            yield reason("survey.improving", count=self._improving, fits=fits)
        for label in ("sampled", "rounded"):
            if self._labels[label]:
                yield reason(f"survey.{label}", count=self._labels[label], fits=fits)
