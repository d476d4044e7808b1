"""What ReduceLROnPlateau, of Keras or of PyTorch, comes to: its reductions, each with its label."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kcb_replay.language.reason import reason
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.outcomes.base import CallbackTrace, Json, Outcome, hypothetical
from kcb_replay.replay.validity import Horizon, Label, Validity

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import (
        ReduceLROnPlateau,
        ReduceLROnPlateauState,
        TorchReduceLROnPlateau,
        TorchReduceLROnPlateauState,
    )

__all__ = ["Drop", "ReduceLROnPlateauOutcome", "drops_in", "reduce_lr_on_plateau_outcome", "validity_of_drops"]


@dataclass(frozen=True, slots=True)
class Drop:
    """One reduction of the learning rate, in effect from the epoch after `index`."""

    index: int
    old_lr: float
    new_lr: float
    validity: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceLROnPlateauOutcome(Outcome):
    """What ReduceLROnPlateau would have done with one fit."""

    settings: ReduceLROnPlateau | TorchReduceLROnPlateau
    drops: tuple[Drop, ...]

    @property
    def fired(self) -> bool:
        """Whether it reduced the learning rate at all."""
        return bool(self.drops)

    def facts(self) -> Json:
        """Return every drop."""
        return {"drops": [{"index": drop.index, "epoch": drop.index + 1, **asdict(drop)} for drop in self.drops]}


def reduce_lr_on_plateau_outcome(
    view: CallbackTrace, state: ReduceLROnPlateauState | TorchReduceLROnPlateauState
) -> ReduceLROnPlateauOutcome:
    """Return the outcome of a ReduceLROnPlateau."""
    drops = drops_in(view)
    return ReduceLROnPlateauOutcome(
        settings=state.settings, mode=state.direction, drops=drops, validity=_validity(view, drops)
    )


def drops_in(view: CallbackTrace) -> tuple[Drop, ...]:
    """Return every reduction by one callback, of whatever kind, with its label."""
    return tuple(
        Drop(event.index, event.old_lr, event.new_lr, "exact" if view.is_exact_at(event.index) else "hypothetical")
        for event in view.events(LearningRateReduced)
    )


def _validity(view: CallbackTrace, drops: tuple[Drop, ...]) -> Validity:
    is_ended = len(view.run.rows) < len(view.stream.epochs) or bool(view.run.rows[-1].stoppers)
    return validity_of_drops(drops, view.last, view.beyond, is_ended=is_ended)


def validity_of_drops(drops: tuple[Drop, ...], last: int, beyond: Horizon | None, *, is_ended: bool) -> Validity:
    """Return how far reductions hold; `beyond` is the limit that the replay went beyond, None without one.

    `last` is the 0-based epoch that ran last, and `is_ended` whether another callback stopped the training there.
    """
    if beyond is not None:
        return hypothetical(beyond, undecided=not drops and not is_ended)
    if drops:
        return Validity("exact", reason("validity.drops"))
    if is_ended:
        return Validity("exact", reason("validity.stops_before_drops", epoch=last + 1))
    return Validity("undecided", reason("validity.ends_before_drops", epoch=last + 1))
