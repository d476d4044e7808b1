"""Learning rates that are not what was meant: reductions that come to nothing, arguments that are ignored or refused.

Versions before TensorFlow 2.5 compare the float32 learning rate with the float64 `min_lr`: where float32 rounds it up
(0.001 is such a number), the rate stays above it and is "reduced" to itself for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import LearningRateScheduler, ReduceLROnPlateau, ReduceLROnPlateauState
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.lints.base import Case, Lint, divergence, epochs_of, events_of, reductions
from kcb_replay.replay.schedules import SCHEDULES

if TYPE_CHECKING:
    from kcb_replay.replay.engine import Run

__all__ = [
    "cooldown_of_one",
    "ignored_epsilon",
    "min_lr_at_start",
    "min_lr_unreachable",
    "overwritten_by_schedule",
    "schedule_object",
]


def min_lr_unreachable(case: Case) -> list[Lint]:
    """Speak of reductions from `min_lr` to itself, which a `min_lr` that float32 holds would end."""
    return [lint for position, given in case.each(ReduceLROnPlateau) for lint in _unreachable_of(case, position, given)]


def _unreachable_of(case: Case, position: int, given: ReduceLROnPlateau) -> list[Lint]:
    reached = float32(given.min_lr)
    phantom = _phantoms(case.events(position, LearningRateReduced), reached)
    if not phantom or _phantoms(events_of(case.alone(position, min_lr=reached), 0, LearningRateReduced), reached):
        return []
    text = (
        f"ReduceLROnPlateau reduces the learning rate from {reached:.6g} to {reached:.6g} after {epochs_of(phantom)}:"
        f" float32 holds min_lr={given.min_lr!r} as {reached!r}, which {case.version.name} takes for a rate above it."
        f" Use min_lr={reached!r}."
    )
    return [Lint("min-lr-unreachable", (position,), phantom[0], text)]


def _phantoms(reduced: list[LearningRateReduced], reached: float) -> list[int]:
    """Return the epochs of reductions from `min_lr` to itself."""
    return [event.index for event in reduced if event.old_lr == event.new_lr == reached]


def min_lr_at_start(case: Case) -> list[Lint]:
    """Speak where a plateau comes, or is under way at the end, but the learning rate is at `min_lr` from the start."""
    return [lint for position, given in case.each(ReduceLROnPlateau) for lint in _at_start_of(case, position, given)]


def _at_start_of(case: Case, position: int, given: ReduceLROnPlateau) -> list[Lint]:
    # A rate of NaN is above no min_lr, whatever that is.
    rates = [row.lr_begin for row in case.run.rows]
    state = case.run.states[position] if rates else None
    if not isinstance(state, ReduceLROnPlateauState) or not all(rate <= state.floor for rate in rates):
        return []
    free = case.alone(position, min_lr=0.0)
    drops = reductions(free)
    last = free.states[0]
    waits = isinstance(last, ReduceLROnPlateauState) and last.wait > 0 and not events_of(free, 0, LearningRateReduced)
    if not drops and not waits:
        return []
    index = drops[0].index if drops else None
    would = (
        f"would have reduced the learning rate after epoch {drops[0].index + 1}, but cannot"
        if drops
        else "waits on a plateau when the recording ends, but can never reduce the learning rate"
    )
    text = (
        f"ReduceLROnPlateau {would}: {rates[0]:.6g} is not above min_lr={given.min_lr:g} from the start. Use a smaller"
        " min_lr."
    )
    return [Lint("min-lr-at-start", (position,), index, text)]


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


def ignored_epsilon(case: Case) -> list[Lint]:
    """Speak of each epsilon that is dropped without a word, where as min_delta it would make a difference."""
    return [
        lint for position, given in case.each(ReduceLROnPlateau) for lint in _ignored_epsilon_of(case, position, given)
    ]


def _ignored_epsilon_of(case: Case, position: int, given: ReduceLROnPlateau) -> list[Lint]:
    if given.epsilon is None or case.version.plateau_epsilon != "ignored":
        return []
    meant = f"min_delta={given.epsilon:g}"
    parted = divergence(case.alone(position), case.alone(position, min_delta=given.epsilon, epsilon=None), meant)
    if parted is None:
        return []
    index, consequences = parted
    text = (
        f"{case.version.name} ignores epsilon={given.epsilon:g} of {given.name} without a word and goes by"
        f" min_delta={given.min_delta:g}: {consequences}. They part in epoch {index + 1}. Say"
        f" {meant}."
    )
    return [Lint("epsilon-ignored", (position,), index, text)]


def schedule_object(case: Case) -> list[Lint]:
    """Speak of a schedule of keras.optimizers given to LearningRateScheduler, which returns a tensor in real Keras."""
    if case.version.scheduler_takes_tensors:
        return []
    kinds = tuple(SCHEDULES.values())
    return [
        Lint(
            "schedule-returns-tensor",
            (position,),
            None,
            f"{case.version.name} refuses what {type(given.schedule).__name__} returns, a tensor (ValueError); the"
            " replay takes its value. Write LearningRateScheduler(lambda epoch: float(schedule(epoch))).",
        )
        for position, given in case.each(LearningRateScheduler)
        if isinstance(given.schedule, kinds)
    ]
