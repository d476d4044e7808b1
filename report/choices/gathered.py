"""Everything that the page of a sweep is made from, gathered in passes over the recordings.

The means are those of all fits; curves and rows are drawn of some hundred at most: beyond that, of those that the first
setting costs most and of others drawn by lot. No pass holds more than a block of fits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.replay.recommend.evidence import evidence_of, folded, grouping, spread_of
from kcb_replay.replay.recommend.recommend import recommended
from kcb_replay.replay.verdicts.stopping import swept_blocks
from kcb_replay.replay.verdicts.totals import overall
from kcb_replay.report.choices_table import ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.recommend.evidence import Evidence, Spread
    from kcb_replay.replay.recommend.result import Recommendation
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.verdicts.table import Sweep
    from kcb_replay.replay.verdicts.totals import SweepSummary

    Recordings: TypeAlias = Callable[[], Iterable[Recording]]

__all__ = ["Gathered", "Place", "Recordings", "gathered"]

Floats: TypeAlias = NDArray[np.float64]
Place: TypeAlias = tuple[str, int]
_GROUPS = "folder"


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What all fits come to under each setting; `mode` is None where no fit has the monitor.

    `worst` (settings,) is the fit with the largest regret, None where none is known. `lowest_mean` is the mean over
    fits of the best value of the recording, NaN without one; `several` are the runs that hold more than one fit.
    `spread` is None where there are too few groups of runs.
    """

    overall: SweepSummary
    mode: Direction | None
    worst: tuple[Place | None, ...]
    lowest_mean: float
    several: frozenset[str]
    spread: Spread | None
    groups: int
    recommendation: Recommendation

    @property
    def worst_titles(self) -> tuple[str, ...]:
        """The name of the fit with the largest regret under each setting, empty where none is known."""
        return tuple("" if place is None else self._title(*place) for place in self.worst)

    def _title(self, run: str, fit: int) -> str:
        return f"{run}, fit {fit}" if run in self.several else run


def gathered(recordings: Recordings, settings: Sequence[EarlyStopping], version: Semantics) -> Gathered:
    """Sweep settings of one monitor over all recordings, and ask which of them can be recommended."""
    seen = _Seen(len(settings))
    found = overall(seen.passing(swept_blocks(recordings(), settings, version)), settings, version)
    evidence = _evidence(recordings, settings, version)
    return Gathered(
        overall=found,
        mode=seen.mode,
        worst=tuple(seen.worst),
        lowest_mean=float(np.mean(seen.lowest)) if seen.lowest else math.nan,
        several=frozenset(seen.several),
        spread=spread_of(evidence),
        groups=len(evidence.groups),
        recommendation=recommended(recordings, semantics=version, group_by=_GROUPS, **_arguments(settings)),
    )


def _evidence(recordings: Recordings, settings: Sequence[EarlyStopping], version: Semantics) -> Evidence:
    group_of = grouping(_GROUPS)
    fold = folded(len({group_of(recording.name) for recording in recordings()}))
    return evidence_of(
        swept_blocks(recordings(), settings, version), lambda run: fold(group_of(run)), tolerance=math.inf
    )


def _arguments(settings: Sequence[EarlyStopping]) -> dict[str, Any]:
    """Return the values of each argument: those that nobody gave are asked as they are, too."""
    return {name: list(dict.fromkeys(getattr(each, name) for each in settings)) for name in ARGUMENTS}


class _Seen:
    """What is noted of sweeps while they pass: which fit each setting costs most, and what was best in each."""

    def __init__(self, settings: int) -> None:
        self.worst: list[Place | None] = [None] * settings
        self.lowest: list[float] = []
        self.several: set[str] = set()
        self.mode: Direction | None = None
        self._regret = np.full(settings, -np.inf)

    def passing(self, blocks: Iterable[Sweep]) -> Iterator[Sweep]:
        """Yield the sweeps and look at each."""
        for block in blocks:
            for part in block.parts:
                for prices in part.prices.values():
                    self.mode = "max" if prices.sign < 0 else "min"
                    lowest = prices.sign * prices.block.least(prices.sign)
                    self.lowest += lowest[np.isfinite(lowest)].tolist()
            self.several.update(fit.run for fit in block.fits if fit.fit)
            self._note_worst(block)
            yield block

    def _note_worst(self, block: Sweep) -> None:
        regret = np.where(block.answered & ~np.isnan(block.answers.regret), block.answers.regret, -np.inf)
        if not regret.shape[1]:
            return
        place = regret.argmax(axis=1)
        for number, (fit, value) in enumerate(zip(place.tolist(), regret.max(axis=1).tolist(), strict=True)):
            if value > self._regret[number]:
                self._regret[number] = value
                self.worst[number] = (block.fits[fit].run, block.fits[fit].fit)
