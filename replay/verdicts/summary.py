"""What settings come to over all fits of a sweep that was never held whole."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.replay.monitors import assumed_metrics
from kcb_replay.replay.verdicts.front import front
from kcb_replay.replay.verdicts.totals import Totals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.validity import Label
    from kcb_replay.replay.verdicts.table import LeftOutFit, Sweep
    from kcb_replay.replay.verdicts.totals import SettingSummary

__all__ = ["SweepSummary", "overall"]


@dataclass(frozen=True, slots=True)
class SweepSummary:
    """One summary per setting, which of them act alike on every fit, and how much was swept.

    `front` are the numbers of the settings that nothing beats, least regret first; `fits` counts what was swept,
    `answered` the fits of which some setting could be asked, `epochs` theirs. `labels` says of how many of these the
    source holds everything ("exact"), rounded values or not all points; how many answers are undecided is in the
    summaries.
    """

    settings: tuple[EarlyStopping, ...]
    semantics: Semantics
    summaries: tuple[SettingSummary, ...]
    alike: tuple[tuple[int, ...], ...]
    front: tuple[int, ...]
    fits: int
    epochs: int
    answered: int
    left_out: tuple[LeftOutFit, ...]
    labels: Mapping[Label, int] = field(default_factory=dict)

    @property
    def assumed_metrics(self) -> tuple[str, ...]:
        """The metrics whose direction is taken from their names, where the version would have asked the model."""
        return assumed_metrics(self.settings, self.semantics, None if self.labels.get("hypothetical") else ())

    @property
    def distinct(self) -> tuple[int, ...]:
        """One setting of each that act alike."""
        return tuple(group[0] for group in self.alike)


def overall(blocks: Iterable[Sweep], settings: Sequence[EarlyStopping], version: Semantics) -> SweepSummary:
    """Add up the sweeps of some fits after the other; each is dropped before the next one is asked for."""
    totals = Totals(settings)
    fits = epochs = answered = 0
    left_out: list[LeftOutFit] = []
    labels: Counter[Label] = Counter()
    for block in blocks:
        totals.add(block)
        fits += len(block.fits)
        asked = np.any(block.answered, axis=0).tolist()
        epochs += sum(fit.epochs for fit, each in zip(block.fits, asked, strict=True) if each)
        answered += sum(asked)
        labels.update(fit.label for fit, each in zip(block.fits, asked, strict=True) if each)
        left_out += block.left_out
    summaries, alike = totals.summaries(), totals.alike()
    return SweepSummary(
        settings=tuple(settings),
        semantics=version,
        summaries=tuple(summaries),
        alike=tuple(alike),
        front=tuple(front(summaries, [group[0] for group in alike])),
        fits=fits,
        epochs=epochs,
        answered=answered,
        left_out=tuple(left_out),
        labels=dict(labels),
    )
