"""A `min_lr` that is never reached, or that is reached before the training begins.

Versions before TensorFlow 2.5 compare the float32 learning rate with the float64 `min_lr`: where float32 rounds it up
(0.001 is such a number), the rate stays above it and is "reduced" to itself for ever.
"""

from __future__ import annotations

from kcb_replay.replay.callbacks import ReduceLROnPlateau, ReduceLROnPlateauState
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.lints.base import Case, Lint, epochs_of, events_of, reductions

__all__ = ["min_lr_at_start", "min_lr_unreachable"]


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
