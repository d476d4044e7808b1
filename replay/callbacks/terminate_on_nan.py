"""TerminateOnNaN: stop when the loss of a batch is NaN or infinite (keras/src/callbacks/terminate_on_nan.py).

Looks at `loss` and at nothing else. A recording of epochs shows in which epoch that was, not in which batch: the mean
of an epoch is finite exactly when all its batches were.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from kcb_replay.replay.callbacks.arguments import with_python_values
from kcb_replay.replay.callbacks.base import BatchEnd, Callback, Context, State, Step
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.events import Event, Terminated


@dataclass(frozen=True, slots=True)
class TerminateOnNaN(Callback):
    """Stop, or since Keras 3.13 with `raise_error` raise RuntimeError, at the first loss that is NaN or infinite."""

    name = "TerminateOnNaN"
    purpose = "terminates"

    raise_error: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)

    def start(self, context: Context) -> TerminateOnNaNState:  # noqa: ARG002  # every version does the same
        """Return the state of a new callback."""
        return TerminateOnNaNState(self)

    def printed(self, event: Event, epoch: int, *, ended: bool) -> tuple[object, ...] | None:  # noqa: ARG002
        """Return the facts of its line on a bad loss."""
        return ("terminated", event.batch) if isinstance(event, Terminated) else None


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
