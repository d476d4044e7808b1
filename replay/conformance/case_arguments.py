"""The arguments that a case describes in JSON, as Python values: infinities, functions, schedules that misbehave.

Both sides of a comparison read the same case, so this is all they share; it imports nothing of kcb-replay.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

# One JSON document: its shape is that of the golden files, not ours.
Json: TypeAlias = Any


class Seen:
    """A function for LambdaCallback that remembers what it was called with: the epoch or batch, and the logs.

    With `raises` that call, from 1, raises.
    """

    def __init__(self, raises: int | None = None) -> None:
        self.calls: list[list[object]] = []
        self._raises = raises

    def __call__(self, *positional: object, **named: object) -> None:
        """Remember one call."""
        self.calls.append([_plain(value) for value in (*positional, *named.values())])
        if len(self.calls) == self._raises:
            raise RuntimeError("the function of the case")


def arguments(kwargs: Json) -> Json:
    """Return the arguments that a case describes, its schedule and its functions made anew."""
    return {key: _argument(key, value) for key, value in kwargs.items()}


def number(value: Json) -> Json:
    """Return a float for the three strings that stand for one, all else as it is."""
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else value


def _argument(key: str, value: Json) -> Json:
    if key == "schedule":
        return _schedule(value)
    if isinstance(value, dict) and value.get("type") == "seen":
        return Seen(value.get("raises"))
    return number(value)


def _schedule(described: Json) -> Callable[..., object]:
    """Return the function that a golden case describes."""
    d = described
    schedules: dict[str, Callable[..., object]] = {
        "exp": lambda epoch, lr: lr if epoch < d["start"] else lr * d["rate"],
        "step": lambda epoch, lr: lr * d["factor"] if epoch > 0 and epoch % d["every"] == 0 else lr,
        # Keras 2.1.4 to 2.1.6 pass the rate as lr=, so that both have to be called so.
        "table": lambda epoch, lr: d["values"][min(epoch, len(d["values"]) - 1)],  # noqa: ARG005
        "epoch_only": lambda epoch: d["base"] * d["rate"] ** epoch,
        "warmup": lambda epoch, lr: d["peak"] * min(1, (epoch + 1) / d["epochs"]),  # noqa: ARG005
        "int_at": lambda epoch, lr: 1 if epoch == d["epoch"] else lr,
        "odd": lambda epoch, lr: _odd_rate(d["values"][min(epoch, len(d["values"]) - 1)], lr),
    }
    return schedules[d["type"]]


def _odd_rate(described: Json, lr: object) -> object:
    """Return what a schedule of the user may return: the rate itself, another kind of number, nothing; or raise."""
    if described == "as it is":
        return lr
    if isinstance(described, dict):
        if "raise" in described:
            raise getattr(builtins, described["raise"])("the schedule of the case")
        return getattr(np, described["type"])(number(described["value"]))
    return number(described)


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {key: float(item) for key, item in value.items()}
    return value
