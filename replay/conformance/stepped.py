"""The small-scope proof's side of real Keras: the box of streams and settings, and callbacks stepped through it.

The box is every stream of so many epochs over six symbols, under every setting of a list; a symbol is relative to the
lowest value of the stream so far, so that a stream becomes numbers as it goes on. Real callbacks are stepped from epoch
to epoch and put back to where they were. Part of the oracle: imports nothing of kcb-replay but the observer of live
cases. Hooks are called on the callbacks themselves, in list order and with one shared dict of logs, as CallbackList
does.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeAlias

import numpy as np

from kcb_replay.replay.conformance.case_arguments import arguments
from kcb_replay.replay.conformance.observed import RATE_KEY, metrics_of, optimizer_of, state_of

Json: TypeAlias = Any
SYMBOLS = ("best so far", "tie in float32", "better", "worse", "NaN", "missing")
FIRST_BEST = 2.0
INITIAL_LR = 0.1
METRICS = {"accuracy": "up", "custom": None}
# Also a min_delta and a baseline of the box: a step of exactly min_delta rounds differently in every version.
_STEP = 0.25
# No version of Keras 3 knows whether this metric should rise: it raises at the end of the first epoch.
_UNDECIDED = [{"class": kind, "kwargs": {"monitor": "val_custom"}} for kind in ("EarlyStopping", "ReduceLROnPlateau")]


def value_of(symbol: str, best: float) -> float | None:
    """Return the value of a symbol where `best` is the best of the stream so far, None for a metric that is missing."""
    match symbol:
        case "best so far":
            return best
        case "tie in float32":
            # Better in float64, by so little that six of them in a row are still one float32.
            return best * (1 - 2.0**-29)
        case "better":
            return best - _STEP
        case "worse":
            return best + _STEP
        case "NaN":
            return math.nan
    return None


def _grid(kind: str, **axes: tuple[Any, ...]) -> list[Json]:
    combinations = itertools.product(*axes.values())
    return [{"class": kind, "kwargs": dict(zip(axes, values, strict=True))} for values in combinations]


_STOPPING = _grid(
    "EarlyStopping",
    patience=(0, 1, 2, 3),
    min_delta=(0, _STEP, -_STEP),
    mode=("min", "max", "auto"),
    baseline=(None, FIRST_BEST - _STEP),
    restore_best_weights=(False, True),
    start_from_epoch=(0, 2),
)
_REDUCING = _grid(
    "ReduceLROnPlateau",
    patience=(0, 1, 2, 3),
    cooldown=(0, 1, 2, 3),
    min_delta=(0, _STEP),
    mode=("min", "max", "auto"),
    # Half of the initial rate is the floor itself, in float32 as in float64.
    min_lr=(0.0, INITIAL_LR / 2),
    factor=(0.5,),
)
_STOPPING_OF_PAIRS = _grid(
    "EarlyStopping", patience=(0, 1, 2), min_delta=(0, _STEP), mode=("min", "max"), restore_best_weights=(True,)
)
_REDUCING_OF_PAIRS = _grid(
    "ReduceLROnPlateau", patience=(1, 2), cooldown=(0, 2), min_delta=(0,), mode=("min", "max"), factor=(0.5,)
)
# A setting is a list of callbacks, in the order of `fit`.
SETTINGS: dict[str, list[list[Json]]] = {
    "EarlyStopping": [[one] for one in (*_STOPPING, _UNDECIDED[0])],
    "ReduceLROnPlateau": [[one] for one in (*_REDUCING, _UNDECIDED[1])],
    "both": [
        list(pair)
        for stopping, reducing in itertools.product(_STOPPING_OF_PAIRS, _REDUCING_OF_PAIRS)
        for pair in ((stopping, reducing), (reducing, stopping))
    ],
}


@dataclass(frozen=True, slots=True)
class TrainingState:
    """What a training has come to: the attributes of its callbacks, the learning rate and the stop flag."""

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


class _SteppedModel:
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
        self._model = _SteppedModel(self._optimizer, metrics_of(metrics, keras))
        self._key = RATE_KEY[keras.__name__]
        self._callbacks = [getattr(keras.callbacks, item["class"])(**arguments(item["kwargs"])) for item in setting]
        self._optimizer.learning_rate = initial_lr
        self._rate = float(self._optimizer.learning_rate)
        for callback in self._callbacks:
            callback.set_model(self._model)
            callback.on_train_begin({})

    def state(self) -> TrainingState:
        """Return what the training has come to."""
        return TrainingState(
            tuple(vars(callback).copy() for callback in self._callbacks), self._rate, self._model.stop_training
        )

    def go_to(self, state: TrainingState) -> None:
        """Go on from an earlier state."""
        for callback, attributes in zip(self._callbacks, state.attributes, strict=True):
            vars(callback).clear()
            vars(callback).update(attributes)
        self._model.stop_training = state.stopping
        if state.rate != self._rate:
            self._optimizer.learning_rate = state.rate
            self._rate = state.rate

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
