"""A user's own callback, which lesson 7 shows and drives: the code on the page is the source of this very class.

Keras is not needed for it: the base class here has what this one uses of Keras's, and nothing else. A test drives the
same class on the real base.
"""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.replay.stream import Epoch

__all__ = ["StopWhenReached", "TaughtCallback", "source_code", "stop_of"]


class TaughtModel:
    """What is left of a model: the flag that ends the training."""

    stop_training = False


class TaughtCallback:
    """What `keras.callbacks.Callback` gives its children: the model."""

    def __init__(self) -> None:
        self.model = TaughtModel()


class StopWhenReached(TaughtCallback):
    """Stop the training when a metric has reached a target."""

    def __init__(self, monitor: str, target: float) -> None:
        super().__init__()
        self.monitor = monitor
        self.target = target

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:  # noqa: ARG002
        """Look at what the epoch has logged; epoch counts from 0."""
        value = (logs or {}).get(self.monitor)
        if value is not None and value >= self.target:
            self.model.stop_training = True


def source_code() -> str:
    """Return the class as somebody writes it who has Keras: on its base class, without types."""
    tree = ast.parse(inspect.getsource(StopWhenReached))
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.FunctionDef):
            node.returns = None
        elif isinstance(node, ast.ClassDef):
            node.bases = [ast.parse("keras.callbacks.Callback", mode="eval").body]
    return f"import keras\n\n\n{ast.unparse(tree)}\n"


def stop_of(callback: StopWhenReached, epochs: Sequence[Epoch]) -> int | None:
    """Return the 0-based epoch after which the callback stops a recorded training, None where it never does."""
    for epoch in epochs:
        callback.on_epoch_end(epoch.index, dict(epoch.logs))
        if callback.model.stop_training:
            return epoch.index
    return None
