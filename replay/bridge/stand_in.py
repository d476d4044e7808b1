"""The model that real Keras callbacks are given in a replay: what a recording knows of one, and nothing else.

It knows the stop flag, one float32 learning rate (held by a real optimizer, so that every way to read and write it
works as in a training), the names and directions of the metrics, and of which epoch the weights are. Saves are noted
and never written. All else is refused with `NotInRecordingError`, and the refusal is remembered: a callback may swallow
it, but the replay may not go on from there.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from kcb_replay.errors import NotInRecordingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from kcb_replay.replay.directions import Direction

__all__ = ["EpochWeights", "Saved", "StandIn", "WeightsSet", "masked", "unmasked"]

# A private character in place of the path separator: ModelCheckpoint makes the folders that it finds in its filepath.
_MASK = "\ue05c"
_KNOWN = (
    "A recording knows stop_training, the learning rate, the names of the metrics and of which epoch the weights are;"
    " layers, weights, predictions and evaluations need the real training."
)
# What a plain model or optimizer does not have either; Keras's own callbacks ask for it with hasattr.
_ABSENT = frozenset({"optimizers", "inner_optimizer", "jax_state_sync"})
_RATES = frozenset({"learning_rate", "lr"})
# Setting these on a real model would change the training.
_OF_A_MODEL = frozenset({"loss", "layers", "metrics", "optimizer", "stop_evaluating", "trainable", "train_function"})


@dataclass(frozen=True, slots=True)
class Saved:
    """`save` or `save_weights` was called with this path."""

    path: str


@dataclass(frozen=True, slots=True)
class WeightsSet:
    """The weights of the 0-based epoch `index` were put back."""

    index: int


class EpochWeights:
    """A tag that stands for the weights of the model: those after the 0-based epoch, None before the first.

    `batch` is the batch they were taken after, None at the end of the epoch. Can be kept and put back, not read.
    """

    def __init__(self, refuse: Callable[[str], NoReturn], index: int | None, batch: int | None) -> None:
        self.index = index
        self.batch = batch
        self._refuse = refuse

    def __deepcopy__(self, memo: object) -> EpochWeights:
        return self

    def __bool__(self) -> bool:
        return True

    def __iter__(self) -> NoReturn:
        self._refuse("the values of the weights")

    def __len__(self) -> int:
        return self._refuse("the number of the weights")

    def __getitem__(self, key: object) -> NoReturn:
        self._refuse("the values of the weights")

    def __array__(self, *_: object, **__: object) -> NoReturn:
        self._refuse("the values of the weights")


class StandIn:
    """The replay's side of a stand-in: what it knows, what was done to it, and what was refused. Callbacks see `model`.

    `callback` names who asks in the refusals; `names` are the metrics without `val_`, to be kept up by the replay.
    """

    def __init__(
        self,
        keras: ModuleType,
        *,
        callback: str,
        learning_rate: float,
        direction_of: Callable[[str], Direction | None],
    ) -> None:
        self.library = keras.__name__
        self.callback = callback
        self.direction_of = direction_of
        self.names: set[str] = set()
        self.stopping = False
        self.stop_asked = False
        self.weights = EpochWeights(self.refuse, None, None)
        self.done: list[Saved | WeightsSet] = []
        self.refusal: NotInRecordingError | None = None
        self._real = keras.optimizers.SGD(learning_rate=learning_rate)
        self.optimizer = _Optimizer(self._real, self)
        self.model = _Model(self)

    @property
    def learning_rate(self) -> float:
        """The float32 in the optimizer."""
        return float(self._real.learning_rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._real.learning_rate = value

    def weights_are_of(self, index: int | None, batch: int | None = None) -> None:
        """Say of which epoch, and in it after which batch, the weights are from now on."""
        self.weights = EpochWeights(self.refuse, index, batch)

    def refuse(self, what: str) -> NoReturn:
        """Raise `NotInRecordingError`, and remember it."""
        refusal = NotInRecordingError(f"{self.callback} uses {what}: that is not in a recording. {_KNOWN}")
        # The first one counts: what follows may be its consequence.
        self.refusal = self.refusal or refusal
        raise refusal

    def metrics(self) -> list[Any]:
        """Return the metrics as `model.metrics` holds them."""
        metrics = [_Metric(name, self.direction_of(name), self) for name in sorted(self.names - {"loss"})]
        loss = _Metric("loss", "min", self)
        return [loss, self._compiled(metrics)] if self.library == "keras" else [loss, *metrics]

    def _compiled(self, metrics: list[_Metric]) -> Any:
        """Return what Keras 3 keeps the compiled metrics in, without a model to compile them for."""
        kind = importlib.import_module("keras.src.trainers.compile_utils").CompileMetrics
        members = {"__init__": lambda _: None, "metrics": metrics, "name": "compile_metrics"}
        return type("CompileMetrics", (kind,), members)()


class _Model:
    """What callbacks see as `self.model`."""

    _stand_in: StandIn

    def __init__(self, stand_in: StandIn) -> None:
        object.__setattr__(self, "_stand_in", stand_in)

    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT or _is_special(name):
            raise AttributeError(name)
        return self._stand_in.refuse(f"model.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name in _OF_A_MODEL:
            self._stand_in.refuse(f"model.{name} = ...")
        object.__setattr__(self, name, value)

    @property
    def stop_training(self) -> bool:
        """The stop flag of the fit."""
        return self._stand_in.stopping

    @stop_training.setter
    def stop_training(self, value: bool) -> None:
        self._stand_in.stopping = bool(value)
        self._stand_in.stop_asked = bool(value)

    @property
    def optimizer(self) -> _Optimizer:
        """The optimizer, which holds the learning rate and nothing else."""
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
        if not isinstance(weights, EpochWeights):
            self._stand_in.refuse("model.set_weights() with values of its own")
        if weights.index is None or weights.batch is not None:
            self._stand_in.refuse("the weights from before the first epoch or from the middle of one")
        self._stand_in.weights = weights
        self._stand_in.done.append(WeightsSet(weights.index))

    def save(self, filepath: str | os.PathLike[str], *_: object, **__: object) -> None:
        """Note a save; nothing is written."""
        self._stand_in.done.append(Saved(unmasked(os.fspath(filepath))))

    save_weights = save


class _Optimizer:
    """What callbacks see as `self.model.optimizer`: one learning rate, in the variable of a real optimizer."""

    _real: Any
    _stand_in: StandIn

    def __init__(self, real: Any, stand_in: StandIn) -> None:
        object.__setattr__(self, "_real", real)
        object.__setattr__(self, "_stand_in", stand_in)

    def __getattr__(self, name: str) -> Any:
        if name in _ABSENT or _is_special(name):
            raise AttributeError(name)
        if name in _RATES:
            # Keras 3 has no `lr`: then the real optimizer says so.
            return getattr(self._real, name)
        return self._stand_in.refuse(f"model.optimizer.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _RATES:
            self._stand_in.refuse(f"model.optimizer.{name} = ...")
        if callable(value):
            self._stand_in.refuse("a schedule as learning rate, which counts the steps of the optimizer")
        setattr(self._real, name, value)


class _Metric:
    """The name of a metric and, where it has one, its direction."""

    def __init__(self, name: str, direction: Direction | None, stand_in: StandIn) -> None:
        self.name = name
        self._stand_in = stand_in
        if direction is not None:
            self._direction = "up" if direction == "max" else "down"

    def __getattr__(self, name: str) -> Any:
        if name == "_direction" or _is_special(name):
            raise AttributeError(name)
        return self._stand_in.refuse(f"{name} of the metric {self.name}")


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def masked(path: str) -> str:
    """Return the path without its folders, so that none of them is made."""
    return path.replace(os.sep, _MASK)


def unmasked(path: str) -> str:
    """Return the path, or a text that it stands in, as it was before `masked`."""
    return path.replace(_MASK, os.sep)
