"""Reductions that come to nothing: a schedule overwrites them, or a cooldown of 1 does not hold them back."""

from __future__ import annotations

from kcb_replay.replay.callbacks import LearningRateScheduler, ReduceLROnPlateau
from kcb_replay.replay.engine import Run
from kcb_replay.replay.lints.base import Case, Lint, epochs_of, reductions

__all__ = ["cooldown_of_one", "overwritten_by_schedule"]


def overwritten_by_schedule(case: Case) -> list[Lint]:
    """Speak where every epoch is trained at the rate that it would have had without ReduceLROnPlateau."""
    schedules = case.each(LearningRateScheduler)
    lints = []
    for position, _ in case.each(ReduceLROnPlateau) if schedules else ():
        lost = [drop.index for drop in reductions(case.run, position) if drop.index < case.run.rows[-1].index]
        without = case.replayed(
            *(
                other
                for place, other in enumerate(case.callbacks)
                if place != position and isinstance(other, (LearningRateScheduler, ReduceLROnPlateau))
            )
        )
        if not lost or not _same_rates(case.run, without):
            continue
        text = (
            f"LearningRateScheduler overwrites what ReduceLROnPlateau reduces after {epochs_of(lost)}: no epoch is"
            " trained at a reduced learning rate. Let schedule(epoch, lr) return a multiple of lr, or use only one of"
            " the two."
        )
        lints.append(Lint("schedule-overwrites-reduction", (schedules[0][0], position), lost[0], text))
    return lints


def _same_rates(run: Run, other: Run) -> bool:
    return all(ours.lr_begin == theirs.lr_begin for ours, theirs in zip(run.rows, other.rows, strict=False))


def cooldown_of_one(case: Case) -> list[Lint]:
    """Speak of cooldown=1, which acts like 0, where one epoch of rest would have changed the reductions."""
    lints = []
    for position, given in case.each(ReduceLROnPlateau):
        if given.cooldown != 1:
            continue
        acts, none, rest = (_drops(case.alone(position, cooldown=cooldown)) for cooldown in (1, 0, 2))
        if acts != none or acts == rest:
            continue
        index = min(set(acts) ^ set(rest))
        text = (
            "cooldown=1 acts like cooldown=0, because the counter ticks before it is looked at. For one epoch of rest"
            f" after a reduction use cooldown=2, which makes a difference from epoch {index + 1} on."
        )
        lints.append(Lint("cooldown-of-one", (position,), index, text))
    return lints


def _drops(run: Run) -> list[int]:
    return [drop.index for drop in reductions(run)]
