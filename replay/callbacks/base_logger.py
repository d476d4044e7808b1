"""BaseLogger: the means of the batches become the values of the epoch (keras/callbacks.py of Keras 2).

Only Keras up to 2.3.1 and tf.keras up to 2.1 hand it what it needs, and in them the logs of a batch are those of that
batch alone. Refuses batches that were recorded without their size.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from kcb_replay.errors import NotReplayableError
from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks.arguments import name_set, with_python_values
from kcb_replay.replay.callbacks.base import BatchEnd, Callback, Context, EpochBegin, EpochEnd, State, Step
from kcb_replay.replay.comparison import KerasRaises

_NO_METRICS = ("batch", "size", "num_steps")


@dataclass(frozen=True, slots=True)
class BaseLogger(Callback):
    """Average the metrics over an epoch, weighted by batch size; those in `stateful_metrics` keep their last value.

    Raises `SettingError` when `stateful_metrics` holds anything but names.
    """

    name = "BaseLogger"

    stateful_metrics: Collection[str] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        with_python_values(self)
        name_set(self, "stateful_metrics")

    def start(self, context: Context) -> BaseLoggerState:
        """Return the state of a new callback."""
        return BaseLoggerState(self, context, name_set(self, "stateful_metrics"))


@dataclass(frozen=True, slots=True)
class BaseLoggerState(State):
    """The sums of this epoch and the samples seen in it."""

    settings: BaseLogger
    context: Context
    stateful: frozenset[str] = frozenset()
    totals: Mapping[str, float] = field(default_factory=dict)
    seen: float = 0

    def on_epoch_begin(self, begin: EpochBegin) -> Step:  # noqa: ARG002
        """Begin new sums."""
        return Step(replace(self, totals={}, seen=0))

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Add the values of this batch, times its size."""
        if end.batch is None or self.context.semantics.base_logger != "means":
            return Step(self)
        if "size" not in end.logs:
            raise NotReplayableError(
                f"BaseLogger weights batches by their size, and batch {end.batch} of epoch {end.index + 1} was recorded"
                " without `size`. Leave BaseLogger out: the recorded values of the epochs are such means already.",
                reason=reason("left_out.no_batch_size"),
            )
        size = end.logs["size"]
        totals = dict(self.totals)
        for key, value in end.logs.items():
            if key in self.stateful:
                totals[key] = value
            elif key not in _NO_METRICS:
                totals[key] = totals[key] + value * size if key in totals else value * size
        return Step(replace(self, totals=totals, seen=self.seen + size * end.logs.get("num_steps", 1)))

    def on_epoch_end(self, end: EpochEnd) -> Step:  # noqa: ARG002
        """Write the means into the logs; raises `KerasRaises` since tf.keras 2.2, where nobody tells it the metrics."""
        if self.context.semantics.base_logger == "KeyError":
            raise KerasRaises("KeyError", "BaseLogger looks for params['metrics'], which `fit` sets no longer")
        stateful = self.stateful
        return Step(self, logs={k: v if k in stateful else self._mean(v) for k, v in self.totals.items()})

    def _mean(self, total: float) -> float:
        if not self.seen:
            raise KerasRaises("ZeroDivisionError", "BaseLogger divides by the samples seen, which are 0")
        return total / self.seen
