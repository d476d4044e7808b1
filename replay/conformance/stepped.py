"""Real callbacks that are stepped from epoch to epoch and put back to where they were, for the small-scope proof.

Part of the oracle: imports nothing of kcb-replay but the observer of live cases. Hooks are called on the callbacks
themselves, in list order and with one shared dict of logs, as CallbackList does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from kcb_replay.replay.conformance.case_arguments import arguments
from kcb_replay.replay.conformance.observed import RATE_KEY, metrics_of, optimizer_of, state_of

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["Place", "Stepped"]

Json: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class Place:
    """Where a training is: the attributes of its callbacks, the learning rate and the stop flag."""

    attributes: tuple[dict[str, Any], ...]
    rate: float
    stopping: bool


class _Optimizer:
    """A learning rate in float32, as that of an optimizer of Keras 3, whose variable costs more than the callback."""

    def __init__(self) -> None:
        self._rate = np.float32(0)

    @property
    def learning_rate(self) -> np.float32:
        return self._rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._rate = np.float32(value)


class _Model:
    """What the callbacks see as `self.model`: what they do to it is written into its attributes."""

    def __init__(self, optimizer: Any, metrics: list[Any]) -> None:
        self.optimizer = optimizer
        self.metrics = metrics
        self.stop_training = False
        self.weights = "before"
        self.restored: str | None = None

    def get_weights(self) -> str:
        return self.weights

    def set_weights(self, weights: str) -> None:
        self.restored = weights


class Stepped:
    """One setting: real callbacks before their first epoch."""

    def __init__(self, keras: ModuleType, setting: Json, *, initial_lr: float, metrics: dict[str, str | None]) -> None:
        self._optimizer = _Optimizer() if keras.__name__ == "keras" else optimizer_of(keras)
        self._model = _Model(self._optimizer, metrics_of(metrics, keras))
        self._key = RATE_KEY[keras.__name__]
        self._callbacks = [getattr(keras.callbacks, item["class"])(**arguments(item["kwargs"])) for item in setting]
        self._optimizer.learning_rate = initial_lr
        self._rate = float(self._optimizer.learning_rate)
        for callback in self._callbacks:
            callback.set_model(self._model)
            callback.on_train_begin({})

    def place(self) -> Place:
        """Return where the training is."""
        return Place(
            tuple(vars(callback).copy() for callback in self._callbacks), self._rate, self._model.stop_training
        )

    def go_to(self, place: Place) -> None:
        """Go on from an earlier place."""
        for callback, attributes in zip(self._callbacks, place.attributes, strict=True):
            vars(callback).clear()
            vars(callback).update(attributes)
        self._model.stop_training = place.stopping
        if place.rate != self._rate:
            self._optimizer.learning_rate = place.rate
            self._rate = place.rate

    def end_epoch(self, index: int, logs: dict[str, float]) -> Json:
        """Call `on_epoch_end`, and return what a golden case holds of an epoch, or the error that was raised."""
        begin, model = self._rate, self._model
        model.weights, model.restored = f"0:{index}", None
        try:
            for callback in self._callbacks:
                callback.on_epoch_end(index, logs)
        except Exception as error:  # noqa: BLE001  # whatever the real class raises is what is observed
            return {"error": type(error).__name__}
        self._rate = float(self._optimizer.learning_rate)
        logged = logs.get(self._key)
        record = {
            "fit": 0,
            "epoch": index,
            "lr_begin": begin,
            "lr": self._rate,
            "lr_logged": None if logged is None else float(logged),
            "state": [state_of(callback) for callback in self._callbacks],
        }
        if model.stop_training:
            record["stop"] = True
        return record if model.restored is None else {**record, "restored": model.restored}

    def end_training(self) -> str | None:
        """Call `on_train_end`, and return the tag of the weights that it restores."""
        self._model.restored = None
        for callback in self._callbacks:
            callback.on_train_end({})
        return self._model.restored
