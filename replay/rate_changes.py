"""Whether a replayed training has its own learning rate: decided here, and asked of the `Replay` everywhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import changes_learning_rate
from kcb_replay.replay.events import LearningRateReduced, LearningRateSet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.engine import Run

__all__ = ["changes_rate"]


def changes_rate(callbacks: Sequence[Callback], run: Run) -> bool:
    """Tell whether a callback is there to change the learning rate, or did so: a user's own says nothing before."""
    kinds = (LearningRateReduced, LearningRateSet)
    events = (event for row in run.rows for events in row.events for event in events)
    return any(map(changes_learning_rate, callbacks)) or any(isinstance(event, kinds) for event in events)
