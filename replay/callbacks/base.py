"""What every replayed callback is: settings that state facts and start a state, and a state with the hooks of Keras.

Settings and states are immutable; every hook is pure. A callback asks for an effect (stop, a new learning rate, a key
in the shared logs) by returning it, and the engine carries it out. `stopping` tells a hook that the stop flag is set.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal, TypeAlias

from kcb_replay.replay.behaviours import DirectionRule, Semantics
from kcb_replay.replay.callbacks.arguments import written_as_code
from kcb_replay.replay.comparison import Comparison, KerasRaises
from kcb_replay.replay.directions import Direction, asks_metric, auto_direction
from kcb_replay.replay.events import Event, WhyNot

Origin: TypeAlias = Literal["keras", "elsewhere", "user"]
# To stop when a metric says so, to end a broken training, to reduce the learning rate, to set it, to save, or none.
Purpose: TypeAlias = Literal["stops", "terminates", "reduces", "schedules", "saves", "observes"]
SETTING_RATES: tuple[Purpose, ...] = ("reduces", "schedules")


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

    @property
    def asked_metric(self) -> str | None:
        """The metric whose direction it took from the compiled metric of that name, None where it did not.

        Keras 3 does so in mode "auto"; earlier versions go by the name alone, which assumes nothing.
        """
        return None

    def output(self) -> Mapping[str, object]:
        """Return what it has left behind beside events, by name."""
        return {}

    def observed(self, fit: int) -> list[object]:  # noqa: ARG002  # for those whose attributes golden cases hold
        """Return the attributes of the real object as golden cases hold them; `fit` is the number of this one."""
        return []

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


class Callback:
    """The settings of one callback, named as Keras names its arguments, and the facts that its class states about it.

    Whoever wants to know what a callback is asks it for the fact, not for its class. A further class states what
    differs from these, which are those of a callback of Keras that only observes.

    * `name`: that of the class in Keras, or in the framework that it comes from.
    * `origin`: Keras, another framework or a paper ("elsewhere"), or a real object that the user gave.
    * `purpose`: what its answer is about; the shape of its outcome and the sentences on it follow from that.
    * `monitors`: the arguments that hold the metrics without which it never acts.
    * `needs_monitor`: without them the training ends with an exception, in whatever version.
    * `has_patience`: it counts epochs against its argument of that name.
    * `compares_runs`: it is asked of several recordings, not of one.
    * `only_prints`: the arguments that change nothing but what is printed.
    * `former_names`: what older versions call an argument.
    * `drops_unknown_arguments_since`: the version from which on an argument that it does not have is no error.
    """

    __slots__ = ()

    name: str
    origin: ClassVar[Origin] = "keras"
    purpose: ClassVar[Purpose] = "observes"
    monitors: ClassVar[tuple[str, ...]] = ()
    needs_monitor: ClassVar[bool] = False
    has_patience: ClassVar[bool] = False
    compares_runs: ClassVar[bool] = False
    only_prints: ClassVar[tuple[str, ...]] = ("verbose",)
    former_names: ClassVar[Mapping[str, str]] = MappingProxyType({})
    drops_unknown_arguments_since: ClassVar[str | None] = None

    def __str__(self) -> str:
        return written_as_code(self)

    @property
    def is_of_user(self) -> bool:
        """Whether it is a real callback, which decides by itself."""
        return self.origin == "user"

    @property
    def is_stopping_rule(self) -> bool:
        """Whether its answer is when to stop, and what that saves and costs."""
        return self.purpose == "stops"

    @property
    def changes_learning_rate(self) -> bool:
        """Whether it is there to give the training another learning rate than the recorded one.

        What a user's own callback did is known only once it was replayed: see `replay.rate_changes`.
        """
        return self.purpose in SETTING_RATES

    @property
    def counts_batches(self) -> bool:
        """Whether what it does hangs on the batches of an epoch, which a recording need not hold."""
        return False

    @property
    def needs_batch_metrics(self) -> bool:
        """Whether what it does hangs on the metrics of single batches, which no recording of epochs holds."""
        return False

    @property
    def reads(self) -> tuple[str, ...]:
        """The metrics without which it never acts."""
        return tuple(str(getattr(self, argument)) for argument in self.monitors)

    @property
    def waits_for(self) -> float | None:
        """The patience that it counts epochs against, None where it counts none."""
        return float(getattr(self, "patience")) if self.has_patience else None  # noqa: B009  # not every callback's

    @property
    def arguments(self) -> Mapping[str, object]:
        """The arguments by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}  # type: ignore[arg-type]  # every one of ours is a dataclass

    def direction_rule(self, version: Semantics) -> DirectionRule | None:  # noqa: ARG002  # for those that judge
        """Return how a version resolves `mode="auto"`, None for a callback that has none."""
        return None

    def start(self, context: Context) -> State:
        """Return the state of a new callback; raises `KerasRaises` where the constructor raises."""
        raise NotImplementedError

    def printed(self, event: Event, epoch: int, *, ended: bool) -> tuple[object, ...] | None:  # noqa: ARG002
        """Return the facts of the line that the real class prints at an event, None where it prints none.

        `epoch` is the number that it prints, `ended` says whether the fit ended without an exception.
        """
        return None

    def compared_output(self, output: Mapping[str, Any], events: Iterable[tuple[int, Event]]) -> object:  # noqa: ARG002
        """Return what it left behind in the shape in which golden cases hold it; `events` come with their fit."""
        return output


def require_known(settings: Callback, semantics: Semantics) -> None:
    """Raise `KerasRaises` where the version has no such class, or lacks an argument that is not at its default."""
    if settings.name in semantics.missing_arguments:
        raise KerasRaises("AttributeError", f"{semantics.name} has no {settings.name}")
    arguments: Iterable[Field[Any]] = fields(settings) if is_dataclass(settings) else ()
    for item in arguments:
        is_given = getattr(settings, item.name) != item.default
        if is_given and f"{settings.name}.{item.name}" in semantics.missing_arguments:
            former = settings.former_names.get(item.name)
            remedy = f", which is called {former} there: write {former}=" if former else ""
            raise KerasRaises("TypeError", f"{semantics.name} has no argument {item.name!r}{remedy}")


def direction(callback: str, monitor: str, mode: str, rule: DirectionRule, context: Context) -> Direction:
    """Resolve `mode` as the version does; raises `KerasRaises` where Keras cannot tell."""
    if mode == "min":
        return "min"
    if mode == "max":
        return "max"
    # Keras warns of any other mode and falls back to auto.
    resolved = auto_direction(rule, monitor, context.direction_of)
    if resolved is None:
        raise KerasRaises(
            "ValueError",
            f'{callback} cannot tell whether {monitor} should rise or fall; set mode="min" or mode="max"',
        )
    return resolved


def metric_to_ask(callback: Callback, version: Semantics) -> str | None:
    """Return the metric whose direction a version takes from the compiled metric of that name, None for any other."""
    rule = callback.direction_rule(version)
    if rule is None:
        return None
    monitor, mode = str(callback.arguments["monitor"]), str(callback.arguments["mode"])
    return monitor if asks_metric(rule, monitor, mode) else None


def why_not(comparison: Comparison, value: float, best: float) -> WhyNot:
    """Say why `value` is no improvement on `best`."""
    if math.isnan(value):
        return "nan"
    if math.isnan(best):
        return "nan best"
    if value == best:
        return "equal"
    return "within min_delta" if comparison.leans(value, best) else "worse"
