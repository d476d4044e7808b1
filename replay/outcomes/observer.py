"""What a callback comes to that is none of those with an answer of their own: loggers, and real Keras callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.outcomes.base import Json, Outcome, View, hypothetical, one_based
from kcb_replay.replay.validity import Validity

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ObserverOutcome", "observer_outcome"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserverOutcome(Outcome):
    """What a callback left behind.

    `output` is its own, for example the text of a file; `stop_index` the 0-based epoch after which it stopped.
    """

    output: Mapping[str, object]
    stop_index: int | None

    @property
    def fired(self) -> bool:
        """Whether it set `stop_training`."""
        return self.stop_index is not None

    def facts(self) -> Json:
        """Return where it stopped, and what it left behind."""
        return {"stop_index": self.stop_index, "stop_epoch": one_based(self.stop_index), **self.output}


def observer_outcome(view: View) -> ObserverOutcome:
    """Return the outcome of a callback without an answer of its own."""
    output = getattr(view.run.states[view.position], "output", None)
    stopped = view.position in view.run.rows[-1].stoppers
    return ObserverOutcome(
        settings=view.callback,
        mode=view.state.direction,
        output=output() if output else {},
        stop_index=view.last if stopped else None,
        validity=_validity(view),
    )


def _validity(view: View) -> Validity:
    if view.beyond is not None:
        return hypothetical(view.beyond)
    return Validity("exact", "It saw the recorded epochs as they were.")
