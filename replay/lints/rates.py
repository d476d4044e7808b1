"""Learning rates that are not what was meant: reductions that come to nothing, arguments that are ignored or refused.

Versions before TensorFlow 2.5 compare the float32 learning rate with the float64 `min_lr`: where float32 rounds it up
(0.001 is such a number), the rate stays above it and is "reduced" to itself for ever.
"""

from __future__ import annotations

from typing import cast

from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks import LearningRateScheduler, ReduceLROnPlateau
from kcb_replay.replay.callbacks.reduce_lr_on_plateau import ReduceLROnPlateauState
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.engine import Run
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.lints.base import Case, Lint, epochs_of, events_of, of_each, parting, reductions
from kcb_replay.replay.schedules import SCHEDULES


@of_each(ReduceLROnPlateau)
def min_lr_unreachable(case: Case, position: int, callback: ReduceLROnPlateau) -> Lint | None:
    """Speak of reductions from `min_lr` to itself, which a `min_lr` that float32 holds would end."""
    reached = float32(callback.min_lr)
    to_itself = _to_itself(case.events(position, LearningRateReduced), reached)
    with_float32 = events_of(case.alone(position, min_lr=reached), 0, LearningRateReduced)
    if not to_itself or _to_itself(with_float32, reached):
        return None
    why = reason(
        "lint.min-lr-unreachable",
        reached=reached,
        epochs=epochs_of(to_itself),
        min_lr=callback.min_lr,
        version=case.version.name,
    )
    return Lint("min-lr-unreachable", (position,), to_itself[0], why)


def _to_itself(reduced: list[LearningRateReduced], reached: float) -> list[int]:
    """Return the epochs of reductions from `min_lr` to itself."""
    return [event.index for event in reduced if event.old_lr == event.new_lr == reached]


@of_each(ReduceLROnPlateau)
def min_lr_at_start(case: Case, position: int, callback: ReduceLROnPlateau) -> Lint | None:
    """Speak where a plateau comes, or is under way at the end, but the learning rate is at `min_lr` from the start."""
    # A rate of NaN is above no min_lr, whatever that is.
    rates = [row.lr_begin for row in case.run.rows]
    state = cast("ReduceLROnPlateauState", case.run.states[position]) if rates else None
    if state is None or not all(rate <= state.floor for rate in rates):
        return None
    free = case.alone(position, min_lr=0.0)
    drops = reductions(free)
    last = cast("ReduceLROnPlateauState", free.states[0])
    waits = last.wait > 0 and not events_of(free, 0, LearningRateReduced)
    if not drops and not waits:
        return None
    rate = {"rate": rates[0], "min_lr": callback.min_lr}
    if drops:
        why = reason("lint.min-lr-at-start.cannot", epoch=drops[0].index + 1, **rate)
        return Lint("min-lr-at-start", (position,), drops[0].index, why)
    return Lint("min-lr-at-start", (position,), None, reason("lint.min-lr-at-start.waits", **rate))


def overwritten_by_schedule(case: Case) -> list[Lint]:
    """Speak where every epoch is trained at the rate that it would have had without ReduceLROnPlateau."""
    schedules = case.each(LearningRateScheduler)
    lints = []
    for position, _ in case.each(ReduceLROnPlateau) if schedules else ():
        lost = [drop.index for drop in reductions(case.run, position) if drop.index < case.run.rows[-1].index]
        without = case.replayed(
            *(
                other
                for number, other in enumerate(case.callbacks)
                if number != position and other.changes_learning_rate
            )
        )
        if lost and _same_rates(case.run, without):
            why = reason("lint.schedule-overwrites-reduction", epochs=epochs_of(lost))
            lints.append(Lint("schedule-overwrites-reduction", (schedules[0][0], position), lost[0], why))
    return lints


def _same_rates(run: Run, other: Run) -> bool:
    return all(ours.lr_begin == theirs.lr_begin for ours, theirs in zip(run.rows, other.rows, strict=False))


@of_each(ReduceLROnPlateau)
def cooldown_of_one(case: Case, position: int, callback: ReduceLROnPlateau) -> Lint | None:
    """Speak of cooldown=1, which acts like 0, where one epoch of rest would have changed the reductions."""
    if callback.cooldown != 1:
        return None
    one, none, two = (
        {drop.index for drop in reductions(case.alone(position, cooldown=cooldown))} for cooldown in (1, 0, 2)
    )
    if one != none or one == two:
        return None
    index = min(one ^ two)
    return Lint("cooldown-of-one", (position,), index, reason("lint.cooldown-of-one", epoch=index + 1))


@of_each(ReduceLROnPlateau)
def ignored_epsilon(case: Case, position: int, callback: ReduceLROnPlateau) -> Lint | None:
    """Speak of each epsilon that Keras 3 drops without a word, where as min_delta it would make a difference.

    Silent where Keras takes it for min_delta, with a warning of its own.
    """
    if callback.epsilon is None or case.version.plateau_epsilon != "ignored":
        return None
    as_min_delta = case.alone(position, min_delta=callback.epsilon, epsilon=None)
    parted = parting(case.alone(position), as_min_delta, f"min_delta={callback.epsilon:g}")
    if parted is None:
        return None
    index, consequences = parted
    why = reason(
        "lint.epsilon-ignored",
        version=case.version.name,
        epsilon=callback.epsilon,
        callback=callback.name,
        min_delta=callback.min_delta,
        consequences=consequences,
        epoch=index + 1,
    )
    return Lint("epsilon-ignored", (position,), index, why)


@of_each(LearningRateScheduler)
def schedule_object(case: Case, position: int, callback: LearningRateScheduler) -> Lint | None:
    """Speak of a schedule of keras.optimizers given to LearningRateScheduler, which returns a tensor in real Keras."""
    if case.version.scheduler_takes_tensors or not isinstance(callback.schedule, tuple(SCHEDULES.values())):
        return None
    why = reason("lint.schedule-returns-tensor", version=case.version.name, schedule=type(callback.schedule).__name__)
    return Lint("schedule-returns-tensor", (position,), None, why)
