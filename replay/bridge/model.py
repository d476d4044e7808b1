"""What callbacks see as `self.model`, its optimizer and its metrics: views of a `StandIn`, which knows and refuses.

They pass for what they stand for in `isinstance`, as far as a recording can tell: a Model, an Optimizer.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kcb_replay.replay.bridge.stand_in import EpochWeights, StandIn
    from kcb_replay.replay.directions import Direction

__all__ = ["MetricView", "ModelView", "OptimizerView"]

_RATES = frozenset({"learning_rate", "lr"})


class ModelView:
    """The model, and what callbacks have set on it."""

    _stand_in: StandIn

    def __init__(self, stand_in: StandIn) -> None:
        object.__setattr__(self, "_stand_in", stand_in)

    @property  # type: ignore[misc]  # read only
    def __class__(self) -> Any:
        return self._stand_in.keras.Model

    def __getattr__(self, name: str) -> Any:
        kept = self._stand_in.attributes
        return kept[name] if name in kept else self._stand_in.attribute("model", name, f"model.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name == "stop_training":
            object.__setattr__(self, name, value)
        elif self._stand_in.may_set("model", name, f"model.{name}"):
            self._stand_in.attributes[name] = value

    def __delattr__(self, name: str) -> None:
        if name in self._stand_in.attributes:
            del self._stand_in.attributes[name]
        else:
            self._stand_in.attribute("model", name, f"model.{name}")

    def __call__(self, *_: object, **__: object) -> Any:
        """Refuse: a recording predicts nothing."""
        return self._stand_in.refuse("model(...), a prediction")

    @property
    def stop_training(self) -> bool:
        """The stop flag of the fit."""
        return self._stand_in.stopping

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._stand_in.stopping = bool(value)
        self._stand_in.stop_asked = bool(value)

    @property
    def optimizer(self) -> OptimizerView:
        """The optimizer: the learning rate, and the batches trained."""
        return self._stand_in.optimizer

    @property
    def metrics(self) -> list[Any]:
        """The metrics, by name and direction; Keras 3 asks them in mode="auto"."""
        return self._stand_in.metrics()

    @property
    def metrics_names(self) -> list[str]:
        """The names of `metrics`."""
        return [metric.name for metric in self.metrics]

    @property
    def distribute_strategy(self) -> object:
        """The strategy of a training that is not distributed, where the library has one."""
        if self._stand_in.library != "tf_keras":
            self._stand_in.refuse("model.distribute_strategy")
        return importlib.import_module("tensorflow").distribute.get_strategy()

    def get_weights(self) -> EpochWeights:
        """Return a tag that stands for the weights."""
        return self._stand_in.weights

    def set_weights(self, weights: object) -> None:
        """Note that the weights of an epoch are put back."""
        self._stand_in.put_back(weights)

    def save(self, filepath: str | os.PathLike[str], *_: object, **__: object) -> None:
        """Note a save; nothing is written."""
        self._stand_in.note_save(os.fspath(filepath))

    save_weights = save


class OptimizerView:
    """The optimizer of the model: one learning rate, in the variable of a real optimizer."""

    _stand_in: StandIn

    def __init__(self, stand_in: StandIn) -> None:
        object.__setattr__(self, "_stand_in", stand_in)

    @property  # type: ignore[misc]  # read only
    def __class__(self) -> Any:
        return self._stand_in.keras.optimizers.Optimizer

    @property
    def iterations(self) -> Any:
        """The number of batches trained, in the variable of a real optimizer."""
        return self._stand_in.iterations()

    def __getattr__(self, name: str) -> Any:
        if name in _RATES:
            # Keras 3 has no `lr`: then the real optimizer says so.
            return getattr(self._stand_in.real, name)
        return self._stand_in.attribute("optimizer", name, f"model.optimizer.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _RATES:
            if self._stand_in.may_set("optimizer", name, f"model.optimizer.{name}"):
                object.__setattr__(self, name, value)
            return
        if callable(value):
            self._stand_in.refuse("a schedule as learning rate, which counts the steps of the optimizer")
        setattr(self._stand_in.real, name, value)


class MetricView:
    """The name of a metric and, where it has one, its direction."""

    def __init__(self, name: str, direction: Direction | None, stand_in: StandIn) -> None:
        self.name = name
        self._stand_in = stand_in
        if direction is not None:
            self._direction = "up" if direction == "max" else "down"

    def __getattr__(self, name: str) -> Any:
        if name == "_stand_in":
            raise AttributeError(name)
        # Keras itself looks for a direction, which not every metric has.
        return self._stand_in.attribute("metric", name, f"{name} of the metric {self.name}")
