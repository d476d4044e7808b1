"""The model that the real Keras callbacks of a list share in a replay: what a recording knows of one, and nothing else.

It knows the stop flag, one float32 learning rate (held by a real optimizer, so that every way to read and write it
works as in a training), the names and directions of the metrics, the batches trained where their number is known, of
which epoch the weights are, and what callbacks keep on it. Saves are noted and never written. What else a real model
has is refused with `NotInRecordingError`, and the refusal is remembered: a callback may swallow it, but the replay may
not go on from there. What a real model lacks, this one lacks, too.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any, Literal, NoReturn, TypeAlias

from kcb_replay.errors import NotInRecordingError
from kcb_replay.replay.bridge.real_keras import real_names
from kcb_replay.replay.bridge.weights import EpochWeights, Saved, WeightsSet, unmasked
from kcb_replay.replay.directions import Direction

Owner: TypeAlias = Literal["model", "optimizer", "metric"]
_KNOWN = (
    "A recording knows stop_training, the learning rate, the names of the metrics and of which epoch the weights are;"
    " layers, weights, predictions and evaluations need the real training."
)


class AbsentAttributeError(AttributeError):
    """A plain model, optimizer or metric has no such attribute; `what` names it.

    A callback may handle it, as `getattr` with a default does. Where it does not, the recorded training must have had
    a model of its own, of which a recording knows nothing.
    """

    def __init__(self, what: str, of: str, name: str) -> None:
        super().__init__(f"{of!r} object has no attribute {name!r}")
        self.what = what
        self.of = of


class StandIn:
    """The replay's side of a stand-in: what it knows, what was done to it, and what was refused. Callbacks see `model`.

    `callback` names who asks in the refusals; `names` are the metrics without `val_`, to be kept up by the replay;
    `absent` are the attributes that the user's code looked for and a real model lacks. `attributes` are those that
    callbacks set on the model.
    """

    def __init__(
        self,
        keras: ModuleType,
        *,
        callback: str,
        learning_rate: float,
        direction_of: Callable[[str], Direction | None],
        attributes: dict[str, object] | None = None,
    ) -> None:
        self.keras = keras
        self.library: Literal["keras", "tf_keras"] = "keras" if keras.__name__ == "keras" else "tf_keras"
        self.callback = callback
        self.direction_of = direction_of
        self.attributes = {} if attributes is None else attributes
        self.names: set[str] = set()
        self.absent: dict[tuple[str, str], None] = {}
        self.stopping = False
        self.stop_asked = False
        self.weights = EpochWeights(self.refuse, None, None)
        self.done: list[Saved | WeightsSet] = []
        self.refusal: NotInRecordingError | None = None
        self.real = keras.optimizers.SGD(learning_rate=learning_rate)
        self.optimizer = OptimizerView(self)
        self.model = ModelView(self)
        self.counting: dict[str, None] = {}
        self._trained: tuple[int | None, int | None] | None = None
        self._first, self._steps = 0, None  # type: int, int | None
        self._before: int | None = 0
        self._position: tuple[int, int | None] | None = None
        self._counted: int | None = None
        self._synchronising: set[str] = set()

    @property
    def learning_rate(self) -> float:
        """The float32 in the optimizer."""
        return float(self.real.learning_rate)

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self.real.learning_rate = value

    def weights_are_of(self, index: int | None, batch: int | None = None) -> None:
        """Say up to which epoch, and in it after which batch, the model is trained; then it has other weights.

        Every callback of a list says so; what one of them puts back in the meantime is not lost.
        """
        if self._trained != (index, batch):
            self._trained = (index, batch)
            self.weights = EpochWeights(self.refuse, index, batch)

    def begin_fit(self, first: int, steps: int | None) -> None:
        """Begin a fit at the 0-based epoch `first`, of `steps` batches an epoch; every callback of the list says so.

        A model that goes on from another fit has trained the batches of that; nobody knows how many one has that begins
        in the middle.
        """
        if self._trained != (None, None):
            self._before = (0 if first == 0 else None) if self._trained is None else self._batches()
            self._first, self._steps, self._position = first, steps, None
        self.weights_are_of(None)

    def trained_batches(self, index: int, batches: int | None) -> None:
        """Say how many batches of an epoch are trained, None for all; the optimizer counts from then on."""
        self._position = (index, batches)
        if self.counting:
            self._count()

    def iterations(self) -> Any:
        """Return the counter of the optimizer; refuses where the recording does not say how many batches there were."""
        what = "model.optimizer.iterations"
        if self._steps is None:
            self.refuse(
                what, "how many batches an epoch has is not recorded; give --steps-per-epoch (steps_per_epoch=)"
            )
        if self._before is None:
            self.refuse(what, "how many batches were trained before this fit is not recorded")
        self.counting[self.callback] = None
        self._count()
        return self.real.iterations

    def share(self, batches: int) -> float:
        """Return which share of an epoch that many batches are."""
        return batches / self._steps if self._steps else 1.0

    def _batches(self) -> int | None:
        if self._position is None:
            return self._before
        if self._before is None or self._steps is None:
            return None
        index, batches = self._position
        return self._before + (index - self._first) * self._steps + (self._steps if batches is None else batches)

    def _count(self) -> None:
        if self._counted is not None and int(self.real.iterations) != self._counted:
            self.refuse("model.optimizer.iterations.assign(...)")
        self._counted = self._batches() or 0
        self.real.iterations.assign(self._counted)

    def put_back(self, weights: object) -> None:
        """Note that the weights of an epoch are put back."""
        if not isinstance(weights, EpochWeights):
            self.refuse("model.set_weights() with values of its own")
        if weights.index is None or weights.batch is not None:
            self.refuse("the weights from before the first epoch or from the middle of one")
        self.weights = weights
        self.done.append(WeightsSet(weights.index))

    def note_save(self, path: str) -> None:
        """Note a save; nothing is written."""
        self.done.append(Saved(unmasked(path)))

    def refuse(self, what: str, why: str = "that is not in a recording") -> NoReturn:
        """Raise `NotInRecordingError`, and remember it."""
        refusal = NotInRecordingError(f"{self.callback} uses {what}: {why}. {_KNOWN}")
        # The first one counts: what follows may be its consequence.
        self.refusal = self.refusal or refusal
        raise refusal

    def refuse_absent(self, absent: AbsentAttributeError) -> NoReturn:
        """Raise `NotInRecordingError` for an attribute that only a model of the user's own can have."""
        self.refuse(absent.what, f"a plain {self.library} {absent.of} has none, and a recording knows of no other")

    def attribute(self, owner: Owner, name: str, what: str) -> Any:
        """Answer for an attribute that is not known: raises `AbsentAttributeError`, or refuses what a real one has.

        What the getter of `Callback.model` calls before it hands out the model brings its weights up to date, as jax
        needs it: it does nothing here, whatever a version calls it.
        """
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        names, caller = real_names(self.library), sys._getframe(2)
        exists = name in getattr(names, owner)
        if owner == "model" and exists and caller.f_code is names.getter:
            self._synchronising.add(name)
        if exists and owner == "model" and (name in self._synchronising or name.endswith("state_sync")):
            return _nothing
        if exists:
            return self.refuse(what)
        if not is_of_a_library(caller):
            self.absent[self.callback, what] = None
        raise AbsentAttributeError(what, owner, name)

    def may_set(self, owner: Owner, name: str, what: str) -> bool:
        """Tell whether an attribute may be set: those of a real model are refused, for they would change the training.

        Keras itself may: its History callback hangs itself on the model.
        """
        if name in getattr(real_names(self.library), owner) and not is_of_a_library(sys._getframe(2)):
            self.refuse(f"{what} = ...")
        return True

    def metrics(self) -> list[Any]:
        """Return the metrics as `model.metrics` holds them."""
        metrics = [MetricView(name, self.direction_of(name), self) for name in sorted(self.names - {"loss"})]
        loss = MetricView("loss", "min", self)
        return [loss, self._compiled(metrics)] if self.library == "keras" else [loss, *metrics]

    def _compiled(self, metrics: list[MetricView]) -> Any:
        """Return what Keras 3 keeps the compiled metrics in, without a model to compile them for."""
        kind = importlib.import_module("keras.src.trainers.compile_utils").CompileMetrics
        members = {"__init__": lambda _: None, "metrics": metrics, "name": "compile_metrics"}
        return type("CompileMetrics", (kind,), members)()


def is_of_a_library(frame: FrameType) -> bool:
    """Tell whether code of Keras itself runs in the frame, not the user's."""
    return str(frame.f_globals.get("__name__", "")).partition(".")[0] in ("keras", "tf_keras")


def _nothing(*_: object, **__: object) -> None:
    """Do nothing: the weights of a stand-in are always up to date."""


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
