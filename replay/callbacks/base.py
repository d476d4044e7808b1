"""What every replayed callback is: settings that start a state, and a state with the hooks of a Keras callback.

Settings and states are immutable; every hook is pure. A callback asks for an effect (stop, a new learning rate, a key
in the shared logs) by returning it, and the engine carries it out. `stopping` tells a hook that the stop flag is set.
"""

from __future__ import annotations

import math
from dataclasses import Field, dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from kcb_replay.replay.callbacks.arguments import written_as_code
from kcb_replay.replay.comparison import Comparison, KerasRaises
from kcb_replay.replay.directions import auto_direction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kcb_replay.replay.behaviours import DirectionRule, Semantics
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.events import Event, WhyNot

__all__ = [
    "BatchBegin",
    "BatchEnd",
    "Callback",
    "Context",
    "EpochBegin",
    "EpochEnd",
    "KnownCallback",
    "State",
    "Step",
    "TestEnd",
    "TrainBegin",
    "TrainEnd",
    "direction",
    "require_known",
    "why_not",
]


@dataclass(frozen=True, slots=True)
class Context:
    """What holds for a whole fit: the Keras version, and the direction of each compiled metric.

    `shared` is where the callbacks of one list find what they share beside the engine: the model of the real ones. It
    is filled while they start; every replay has its own.
    """

    semantics: Semantics
    direction_of: Callable[[str], Direction | None]
    shared: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TrainBegin:
    """What `on_train_begin` sees: the number of epochs, of batches in each (None: unknown), and the learning rate.

    `epochs` counts those before the 0-based epoch `first`, too, as `fit(initial_epoch=first, epochs=epochs)` does.
    `wall_times` say when each epoch of the recording ended, which a replay may know beforehand.
    """

    epochs: int
    steps: int | None
    learning_rate: float
    first: int = 0
    stopping: bool = False
    wall_times: Mapping[int, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EpochBegin:
    """What `on_epoch_begin` sees: the 0-based epoch and the learning rate of the optimizer."""

    index: int
    learning_rate: float
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class BatchBegin:
    """What `on_train_batch_begin` sees: the 0-based epoch and batch, the learning rate, and logs of its place and size.

    The logs are there where the recording holds them: `fit` passed them up to tf.keras 2.1.
    """

    index: int
    batch: int
    learning_rate: float
    stopping: bool = False
    logs: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BatchEnd:
    """What `on_train_batch_end` sees: the 0-based epoch and batch, the running metrics and the learning rate.

    `batch` is None where the recording does not say which it was.
    """

    index: int
    batch: int | None
    logs: Mapping[str, float]
    learning_rate: float
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class TestEnd:
    """What `on_test_end` sees: the metrics of the validation of the 0-based epoch, without `val_`."""

    index: int
    logs: Mapping[str, float]
    learning_rate: float
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """What `on_epoch_end` sees: the 0-based epoch, the shared logs, the learning rate, and the stop flag.

    `left_at` is the batch at which the epoch was left, None where it ran to its end.
    """

    index: int
    logs: Mapping[str, float]
    learning_rate: float
    stopping: bool = False
    left_at: int | None = None


@dataclass(frozen=True, slots=True)
class TrainEnd:
    """What `on_train_end` sees: the last 0-based epoch, what the version passes of its logs, and the learning rate."""

    index: int
    logs: Mapping[str, float]
    learning_rate: float
    stopping: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """The next state, the events of this hook, and the effects asked for.

    `logs` are added to the shared logs as Keras's own callbacks do, which lose them where the shared logs are empty;
    `left` are the shared logs themselves as they were left. `resume` takes the stop flag back.
    """

    state: State
    events: tuple[Event, ...] = ()
    logs: Mapping[str, float] = field(default_factory=dict)
    learning_rate: float | None = None
    stop: bool = False
    left: Mapping[str, float] | None = None
    resume: bool = False


class State:
    """A callback in the middle of a fit; a hook that a callback does not have does nothing.

    `traced` names what a row of the trace shows of it.
    """

    __slots__ = ()

    traced: ClassVar[tuple[str, ...]] = ()

    @property
    def direction(self) -> Direction | None:
        """The resolved mode, None where there is none or none yet."""
        return None

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002  # for those that have this hook
        """Return what `on_train_begin` does; the fit may be another one with the same callback."""
        return Step(self)

    def on_epoch_begin(self, begin: EpochBegin) -> Step:  # noqa: ARG002
        """Return what `on_epoch_begin` does; raises `KerasRaises` where the real class raises, as every hook may."""
        return Step(self)

    def on_train_batch_begin(self, begin: BatchBegin) -> Step:  # noqa: ARG002
        """Return what `on_train_batch_begin` does."""
        return Step(self)

    def on_train_batch_end(self, end: BatchEnd) -> Step:  # noqa: ARG002
        """Return what `on_train_batch_end` does."""
        return Step(self)

    def on_test_begin(self, begin: EpochBegin) -> Step:  # noqa: ARG002
        """Return what `on_test_begin` does."""
        return Step(self)

    def on_test_end(self, end: TestEnd) -> Step:  # noqa: ARG002
        """Return what `on_test_end` does."""
        return Step(self)

    def on_epoch_end(self, end: EpochEnd) -> Step:  # noqa: ARG002
        """Return what `on_epoch_end` does."""
        return Step(self)

    def on_train_end(self, end: TrainEnd) -> Step:  # noqa: ARG002
        """Return what `on_train_end` does."""
        return Step(self)


class Callback(Protocol):
    """The settings of one callback, named as Keras names its arguments."""

    @property
    def name(self) -> str:
        """The name of the class in Keras."""
        ...

    def start(self, context: Context) -> State:
        """Return the state of a new callback; raises `KerasRaises` where the constructor raises."""
        ...


class KnownCallback:
    """The settings of a callback that is replayed here, and the facts that its class states about itself.

    A further callback states what differs from these, which hold for a callback of Keras that only observes.

    * `monitors`: the arguments that hold the metrics without which it never acts.
    * `is_stopping_rule`: its answer is when to stop, and what that saves and costs.
    * `compares_runs`: it is asked of several recordings, not of one.
    * `has_patience`: it counts epochs against its argument of that name.
    * `only_prints`: the arguments that change nothing but what is printed.
    * `former_names`: what older versions call an argument.
    * `drops_unknown_arguments_since`: the version from which on an argument that it does not have is no error.
    """

    __slots__ = ()

    name: ClassVar[str]
    is_of_keras: ClassVar[bool] = True
    monitors: ClassVar[tuple[str, ...]] = ()
    is_stopping_rule: ClassVar[bool] = False
    compares_runs: ClassVar[bool] = False
    has_patience: ClassVar[bool] = False
    changes_learning_rate: ClassVar[bool] = False
    only_prints: ClassVar[tuple[str, ...]] = ("verbose",)
    former_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    drops_unknown_arguments_since: ClassVar[str | None] = None

    @property
    def counts_batches(self) -> bool:
        """Whether what it does hangs on the batches of an epoch, which a recording need not hold."""
        return False

    def __str__(self) -> str:
        return written_as_code(self)

    def start(self, context: Context) -> State:
        """Return the state of a new callback; raises `KerasRaises` where the constructor raises."""
        raise NotImplementedError


def require_known(settings: Callback, semantics: Semantics) -> None:
    """Raise `KerasRaises` where the version has no such class, or lacks an argument that is not at its default."""
    if settings.name in semantics.missing_arguments:
        raise KerasRaises("AttributeError", f"{semantics.name} has no {settings.name}")
    arguments: Iterable[Field[Any]] = fields(settings) if is_dataclass(settings) else ()
    for item in arguments:
        is_given = getattr(settings, item.name) != item.default
        if is_given and f"{settings.name}.{item.name}" in semantics.missing_arguments:
            former = getattr(settings, "former_names", {}).get(item.name)
            remedy = f", which is called {former} there: write {former}=" if former else ""
            raise KerasRaises("TypeError", f"{semantics.name} has no argument {item.name!r}{remedy}")


def direction(callback: str, monitor: str, mode: str, rule: DirectionRule, context: Context) -> Direction:
    """Resolve `mode` as the version does; raises `KerasRaises` where Keras cannot tell."""
    if mode == "min":
        return "min"
    if mode == "max":
        return "max"
    # Keras warns of any other mode and falls back to auto.
    found = auto_direction(rule, monitor, context.direction_of)
    if found is None:
        raise KerasRaises(
            "ValueError",
            f'{callback} cannot tell whether {monitor} should rise or fall; set mode="min" or mode="max"',
        )
    return found


def why_not(comparison: Comparison, value: float, best: float) -> WhyNot:
    """Say why `value` is no improvement on `best`."""
    if math.isnan(value):
        return "nan"
    if math.isnan(best):
        return "nan best"
    if value == best:
        return "equal"
    return "within min_delta" if comparison.leans(value, best) else "worse"
