"""Sentences that every page of many runs needs: what is drawn of how many, and what the thin lines are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.recommend.evidence import FEWEST_GROUPS, RESAMPLES
from kcb_replay.text import counted, whole

if TYPE_CHECKING:
    from kcb_replay.replay.recommend.evidence import Spread

__all__ = ["drawn_remark", "interval_remark"]


def drawn_remark(fits: int, drawn: int, noun: str, under: str) -> str:
    """Return what is drawn of how many, nothing where that is all; `under` is the choice that the worst are of."""
    if drawn == fits:
        return ""
    return (
        f"Drawn and listed here are {whole(drawn)} of {whole(fits)} {noun}s: the 200 with the largest regret under the"
        f" {under}, and 300 others by lot. All means are of all {noun}s; --all draws them all."
    )


def interval_remark(spread: Spread | None, groups: int) -> str:
    """Return what the intervals are, or why there are none."""
    if spread is not None:
        return (
            f"Thin lines are 95 % intervals: where the means may lie with other runs of these {whole(groups)} groups"
            f" ({whole(RESAMPLES)} resamplings of whole groups)."
        )
    return (
        f"No intervals are drawn: the runs are of {counted(groups, 'group')} (folders of runs), and it takes"
        f" {FEWEST_GROUPS} to see how they differ."
    )
