"""How an optimizer holds its learning rate, where that is no float32 variable: an integer, or a schedule of steps.

Both are numbers, so that they stand wherever a first learning rate is given, and say what becomes of it. What real
Keras does with them was run: Keras 3.15.1, and tf_keras 2.21 with its own and with its legacy optimizers. The legacy
ones were the only ones of tf.keras before 2.11.

A recorded rate may have fewer digits: NumPy before 1.14 wrote a float32 with six, and so did the CSVLogger of its time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, Self, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.comparison import KerasRaises, float32

# A number, one that says how it is held, or a schedule of the optimizer's steps.
FirstRate: TypeAlias = "float | Callable[[Any], Any]"


_NOT_SETTABLE = (
    "the optimizer was compiled with a schedule, so its learning rate cannot be set. Compile it with a number, or leave"
    " the callback out"
)


_LARGEST_INT32 = 2**31 - 1


class OptimizerRate(float):
    """The learning rate that an optimizer was compiled with, held as a float32 variable."""

    __slots__ = ()

    def assigned(self, value: float, version: Semantics) -> float:  # noqa: ARG002  # every version rounds alike
        """Return what the optimizer holds after a callback has set its rate; raises `KerasRaises` where it refuses."""
        return float32(value)

    def after_batches(self, rate: float, index: int, version: Semantics) -> float:  # noqa: ARG002
        """Return what callbacks see as the rate when the batches of the 0-based epoch `index` have run."""
        return rate

    def going_on_from(self, rate: float) -> float:
        """Return the first rate of another fit of the same optimizer; raises `SettingError` where it is not known."""
        return rate


class IntegerRate(OptimizerRate):
    """A rate given as a whole number, `SGD(learning_rate=1)`: an int32 variable in tf.keras before 2.11.

    Every rate that is set is cut off to a whole number there, so that the first reduction of 1 makes it 0. From 2.11 on
    the legacy optimizers do so, and they are what is meant; Keras 3 and Keras before tf.keras make it a float32. Raises
    `SettingError` for what is no whole number.
    """

    __slots__ = ()

    def __new__(cls, rate: float) -> Self:
        """Return the rate."""
        if not math.isfinite(rate) or rate != int(rate) or abs(rate) > _LARGEST_INT32:
            raise SettingError(f"An integer learning rate is a whole number, as in int32(1), but it is {rate!r}.")
        return super().__new__(cls, rate)

    def __str__(self) -> str:
        return f"int32({int(self)})"

    def assigned(self, value: float, version: Semantics) -> float:
        """Return the whole number that is left of a rate, where the version keeps it an integer."""
        if version.integer_rates == "made float32":
            return float32(value)
        if math.isnan(value):
            raise KerasRaises("ValueError", "a learning rate of NaN cannot be held as an integer")
        if abs(value) > _LARGEST_INT32:
            raise KerasRaises("OverflowError", f"a learning rate of {value} cannot be held as an int32")
        return float(math.trunc(value))

    def going_on_from(self, rate: float) -> float:
        """Return the rate, still an integer where it is a whole number."""
        return IntegerRate(rate) if rate == math.trunc(rate) else rate


class ScheduledRate(OptimizerRate):
    """An optimizer compiled with a schedule, `SGD(ExponentialDecay(0.01, 1000, 0.96))`, of so many steps per epoch.

    Nothing that a callback sets lasts: Keras 3 raises TypeError, in tf_keras the next step overwrites it. Steps are
    counted from epoch 1 on, so of a resumed training from where it began. Raises `SettingError` without the steps.
    """

    __slots__ = ("schedule", "steps_per_epoch")

    schedule: Any
    steps_per_epoch: int

    def __new__(cls, schedule: Any, steps_per_epoch: int) -> Self:
        """Return the rate, which as a number is that of the first step."""
        rate = super().__new__(cls, float(schedule(0)))
        rate.schedule, rate.steps_per_epoch = schedule, steps_per_epoch
        return rate

    def __reduce__(self) -> tuple[Any, ...]:
        return ScheduledRate, (self.schedule, self.steps_per_epoch)

    def __str__(self) -> str:
        return str(self.schedule)

    def assigned(self, value: float, version: Semantics) -> float:
        """Return the value where it is taken, though the next step overwrites it; raises `KerasRaises` elsewhere."""
        if version.scheduled_rates != "overwrites what is set":
            raise KerasRaises("TypeError", _NOT_SETTABLE)
        return float32(value)

    def after_batches(self, rate: float, index: int, version: Semantics) -> float:  # noqa: ARG002  # overwritten
        """Return the rate of the schedule: of the next step in Keras 3, of the last one in tf_keras."""
        next_step = (index + 1) * self.steps_per_epoch
        return float(self.schedule(next_step if version.scheduled_rates == "refuses what is set" else next_step - 1))

    def going_on_from(self, rate: float) -> float:  # noqa: ARG002  # refused
        """Refuse: how many steps the fits before had is not known."""
        raise SettingError(
            f"{self} is followed through one fit, not through several with the same optimizer (--reuse)."
        )


def rate_of(initial_lr: float) -> OptimizerRate:
    """Return how an optimizer holds a first learning rate: a plain number as a float32 variable."""
    return initial_lr if isinstance(initial_lr, OptimizerRate) else OptimizerRate(float32(initial_lr))


def first_rate(initial_lr: FirstRate, steps_per_epoch: int | None) -> float:
    """Return the first learning rate that was given as a number or as a schedule of the optimizer.

    Raises `SettingError` for a schedule without the number of steps, and for what is neither.
    """
    if not callable(initial_lr):
        return _number(initial_lr)
    if steps_per_epoch is None:
        raise SettingError(
            f"{initial_lr} counts steps: give the number of them in an epoch, steps_per_epoch= (--steps-per-epoch)."
        )
    if steps_per_epoch < 1:
        raise SettingError(f"steps_per_epoch must be at least 1, but it is {steps_per_epoch}.")
    return ScheduledRate(initial_lr, steps_per_epoch)


def swept_rate(initial_lr: FirstRate) -> float:
    """Return the first learning rate of a sweep; raises `SettingError` for a schedule, and for what is no number."""
    if callable(initial_lr):
        raise SettingError(f"{initial_lr} is a schedule of the optimizer, which only single replays follow: simulate.")
    return _number(initial_lr)


def _number(initial_lr: float) -> float:
    if isinstance(initial_lr, OptimizerRate):
        return initial_lr
    try:
        return float(initial_lr)
    except (TypeError, ValueError):
        raise SettingError(f"initial_lr must be a number or a schedule, but it is {initial_lr!r}.") from None


# With fewer, rates that differ could be taken for the same; with more, a float32 is told from its neighbours.
_ROUNDED_TO = (5, 6)


def digits_kept(recorded: Iterable[float]) -> int | None:
    """Return to how many digits the rates of a recording were rounded, None where nothing says so."""
    # Most recordings have a few different ones.
    of_text = (rate for rate in set(recorded) if math.isfinite(rate) and rate != float32(rate))
    written = (Decimal(repr(rate)).normalize() for rate in of_text)
    most = max((len(number.as_tuple().digits) for number in written), default=0)
    return most if most in _ROUNDED_TO else None


def is_same_rate(recorded: float, replayed: float, digits: int | None) -> bool:
    """Tell whether a recorded rate is the float32 `replayed`, or what the source kept of it."""
    if float32(recorded) == replayed or (math.isnan(recorded) and math.isnan(replayed)):
        return True
    return digits is not None and f"{recorded:.{digits}g}" == f"{replayed:.{digits}g}"
