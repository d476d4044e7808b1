"""TerminateOnNaN: stop when the loss of a batch is NaN or infinite (keras/src/callbacks/terminate_on_nan.py).

Looks at `loss` and at nothing else. A recording of epochs shows in which epoch that was, not in which batch: the mean
of an epoch is finite exactly when all its batches were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from kcb_replay.replay.callbacks.arguments import with_python_values
from kcb_replay.replay.callbacks.base import BatchEnd, Context, KnownCallback, State, Step
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.events import Terminated

__all__ = ["TerminateOnNaN", "TerminateOnNaNState"]


@dataclass(frozen=True, slots=True)
class TerminateOnNaN(KnownCallback):
    """Stop, or since Keras 3.13 with `raise_error` raise RuntimeError, at the first loss that is NaN or infinite."""

    name: ClassVar[str] = "TerminateOnNaN"

    raise_error: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)

    def start(self, context: Context) -> TerminateOnNaNState:  # noqa: ARG002  # every version does the same
        """Return the state of a new callback."""
        return TerminateOnNaNState(self)


@dataclass(frozen=True, slots=True)
class TerminateOnNaNState(State):
    """Nothing is remembered from batch to batch."""

    settings: TerminateOnNaN

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Look at the loss of this batch."""
        loss = end.logs.get("loss")
        if loss is None or math.isfinite(loss):
            return Step(self)
        if self.settings.raise_error:
            raise KerasRaises("RuntimeError", f"the loss is {loss}, and raise_error is True")
        event = Terminated(index=end.index, callback=TerminateOnNaN.name, batch=end.batch, loss=loss)
        return Step(self, (event,), stop=True)
