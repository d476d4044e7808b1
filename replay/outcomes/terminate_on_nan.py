"""What TerminateOnNaN comes to: the epoch in which a loss was NaN or infinite."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.language.reason import reason
from kcb_replay.replay.events import Terminated
from kcb_replay.replay.outcomes.base import CallbackTrace, Json, Outcome, hypothetical, one_based
from kcb_replay.replay.validity import Validity

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import TerminateOnNaN, TerminateOnNaNState

__all__ = ["TerminateOnNaNOutcome", "terminate_on_nan_outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminateOnNaNOutcome(Outcome):
    """What TerminateOnNaN would have done with one fit; `batch` is None where the recording holds no batches."""

    settings: TerminateOnNaN
    stop_index: int | None
    batch: int | None

    @property
    def fired(self) -> bool:
        """Whether it set `stop_training`."""
        return self.stop_index is not None

    def facts(self) -> Json:
        """Return where it stopped."""
        return {"stop_index": self.stop_index, "stop_epoch": one_based(self.stop_index), "batch": self.batch}


def terminate_on_nan_outcome(view: CallbackTrace, state: TerminateOnNaNState) -> TerminateOnNaNOutcome:
    """Return the outcome of a TerminateOnNaN."""
    terminated = next(view.events(Terminated), None)
    return TerminateOnNaNOutcome(
        settings=state.settings,
        mode=None,
        stop_index=terminated.index if terminated else None,
        batch=terminated.batch if terminated else None,
        validity=_validity(view, terminated),
    )


def _validity(view: CallbackTrace, terminated: Terminated | None) -> Validity:
    if terminated is not None:
        loss = {"loss": str(terminated.loss), "epoch": terminated.epoch}
        if terminated.batch is None:
            return Validity("exact", reason("validity.bad_loss", **loss))
        return Validity("exact", reason("validity.bad_loss_batch", **loss, batch=terminated.batch + 1))
    if not view.stream.values_of("loss"):
        return Validity("undecided", reason("validity.no_loss"))
    if view.beyond is not None:
        return hypothetical(view.beyond)
    return Validity("exact", reason("validity.finite"))
