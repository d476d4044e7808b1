"""The learning rate schedules of Keras 3.15 computed without Keras, in its float32, operation by operation.

Source: keras/src/optimizers/schedules/learning_rate_schedule.py. A schedule called at a step gives, to the bit, what
the real one gives when it is called eagerly on the tensorflow backend on a CPU, which is what `optimizer.learning_rate`
reads; tf_keras 2.21 gives the same. No difference was found in 210890 (schedule, step) pairs on Linux with glibc 2.36.
Powers, cosines and logarithms are those of the C library, for TensorFlow asks it too; under another C library the last
bit is that library's, here and there. The one exception is the logarithm in `CosineDecayRestarts`, see `_log`.

Does not imitate the copy of a schedule that is compiled into the train step: it reorders the arithmetic and was seen up
to 59 ulp away. Refuses what makes Keras leave float32 (an initial learning rate that is no Python float: with an
integer it computes in integers or raises), and numbers that are not finite or that float32 cannot hold.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks.arguments import written_as_code
from kcb_replay.replay.comparison import float32

_SMALLEST_NORMAL = 1.1754943508222875e-38
_LARGEST_WHOLE = 2**53


class LearningRateSchedule:
    """A learning rate for every optimizer step.

    Arguments, order and defaults are Keras's; `name` has no effect. Raises `SettingError` for what Keras refuses.
    """

    __slots__ = ()

    def __call__(self, step: float) -> float:
        """Return the learning rate at the 0-based `step`, a float32 as an exact float64."""
        return self._rate(_step(self, step))

    def __str__(self) -> str:
        return written_as_code(self)

    def _rate(self, at: float) -> float:
        """Return the learning rate at a step that is a float32."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class _DecayOfRate(LearningRateSchedule):
    """What decays with the steps, counted in `decay_steps`: in whole numbers of these with `staircase`."""

    initial_learning_rate: float
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str | None = None

    def __post_init__(self) -> None:
        _require_learning_rate(self, self.initial_learning_rate)
        _require_steps(self, "decay_steps", self.decay_steps)
        _require_number(self, "decay_rate", self.decay_rate)

    def _periods(self, at: float) -> float:
        periods = _divide(at, _single(self.decay_steps))
        return _floor(periods) if self.staircase else periods


@dataclass(frozen=True, slots=True)
class ExponentialDecay(_DecayOfRate):
    """`initial_learning_rate * decay_rate ** (step / decay_steps)`; the exponent is whole with `staircase`."""

    name: str | None = "ExponentialDecay"

    def _rate(self, at: float) -> float:
        return _single(_single(self.initial_learning_rate) * _power(_single(self.decay_rate), self._periods(at)))


@dataclass(frozen=True, slots=True)
class PiecewiseConstantDecay(LearningRateSchedule):
    """`values[i]` up to and including the step `boundaries[i]`, the last value after the last boundary.

    At whole steps a boundary is cut to a whole number, as Keras casts it. Boundaries that do not increase give sums of
    values, as in Keras. Raises `SettingError` unless there is one value more than boundaries, and for no boundary at
    all, on which Keras raises at the first step.
    """

    boundaries: Sequence[float]
    values: Sequence[float]
    name: str | None = "PiecewiseConstant"

    def __post_init__(self) -> None:
        for argument in ("boundaries", "values"):
            object.__setattr__(self, argument, _require_list(self, argument, getattr(self, argument)))
        if len(self.boundaries) != len(self.values) - 1:
            raise SettingError(
                "PiecewiseConstantDecay: the length of boundaries should be 1 less than the length of values, but there"
                f" are {len(self.boundaries)} boundaries and {len(self.values)} values; Keras raises ValueError."
            )
        if not self.boundaries:
            raise SettingError("PiecewiseConstantDecay: give at least one boundary; Keras raises IndexError without.")
        for boundary in self.boundaries:
            _require_number(self, "each of boundaries", boundary, largest=_LARGEST_WHOLE)
        for value in self.values:
            _require_float(self, "each of values", value)

    def __call__(self, step: float) -> float:
        """Return the learning rate at the 0-based `step`, a float32 as an exact float64."""
        single, whole = _step(self, step), isinstance(step, int)
        at = step if whole else single
        bounds = [_boundary(boundary, whole=whole) for boundary in self.boundaries]
        chosen = [at <= bounds[0], at > bounds[-1]]
        chosen += [low < at <= high for low, high in pairwise(bounds)]
        # Keras adds the first value, the last and then the ones between, each times 0 or 1.
        total = 0.0
        for here, value in zip(chosen, (self.values[0], self.values[-1], *self.values[1:-1]), strict=True):
            total = _single(total + here * _single(value))
        return total


@dataclass(frozen=True, slots=True)
class PolynomialDecay(LearningRateSchedule):
    """From `initial_learning_rate` to `end_learning_rate` along `(1 - step / decay_steps) ** power`.

    With `cycle`, `decay_steps` grows to the first multiple of itself that is not behind the step.
    """

    initial_learning_rate: float
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str | None = "PolynomialDecay"

    def __post_init__(self) -> None:
        _require_learning_rate(self, self.initial_learning_rate)
        _require_steps(self, "decay_steps", self.decay_steps)
        _require_number(self, "end_learning_rate", self.end_learning_rate)
        _require_number(self, "power", self.power)

    def _rate(self, at: float) -> float:
        steps, end = _single(self.decay_steps), _single(self.end_learning_rate)
        if self.cycle:
            steps = _single(steps * (1.0 if at == 0 else _ceil(_divide(at, steps))))
        else:
            at = min(at, steps)
        left = _power(_single(1 - _divide(at, steps)), _single(self.power))
        return _single(_single(_single(_single(self.initial_learning_rate) - end) * left) + end)


@dataclass(frozen=True, slots=True)
class InverseTimeDecay(_DecayOfRate):
    """`initial_learning_rate / (1 + decay_rate * step / decay_steps)`; the quotient is whole with `staircase`."""

    name: str | None = "InverseTimeDecay"

    def _rate(self, at: float) -> float:
        grown = _single(1 + _single(_single(self.decay_rate) * self._periods(at)))
        return _divide(_single(self.initial_learning_rate), grown)


@dataclass(frozen=True, slots=True)
class CosineDecay(LearningRateSchedule):
    """Half a cosine from `initial_learning_rate` to `alpha` times it, if asked after a linear warmup.

    With a `warmup_target` the rate first rises to it in `warmup_steps`, and decays from there.
    """

    initial_learning_rate: float
    decay_steps: float
    alpha: float = 0.0
    name: str | None = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: float = 0

    def __post_init__(self) -> None:
        _require_learning_rate(self, self.initial_learning_rate)
        _require_steps(self, "decay_steps", self.decay_steps)
        _require_number(self, "alpha", self.alpha)
        _require_number(self, "warmup_steps", self.warmup_steps)
        if self.warmup_target is not None:
            _require_number(self, "warmup_target", self.warmup_target)

    def _rate(self, at: float) -> float:
        steps, initial = _single(self.decay_steps), _single(self.initial_learning_rate)
        if self.warmup_target is None:
            return self._decayed(min(at, steps), steps, initial)
        warmup, target = _single(self.warmup_steps), _single(self.warmup_target)
        at = min(at, _single(steps + warmup))
        if at < warmup:
            return _single(_single(_single(target - initial) * _divide(at, warmup)) + initial)
        return self._decayed(_single(at - warmup), steps, target)

    def _decayed(self, at: float, steps: float, start: float) -> float:
        half = _half_cosine(1.0, _divide(at, steps))
        # 1 - alpha is Python's, in float64, before it meets a tensor.
        return _single(start * _single(_single(_single(1 - self.alpha) * half) + _single(self.alpha)))


@dataclass(frozen=True, slots=True)
class CosineDecayRestarts(LearningRateSchedule):
    """Half cosines one after the other, each `t_mul` times as long and starting `m_mul` times as high as the last."""

    initial_learning_rate: float
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str | None = "SGDRDecay"

    def __post_init__(self) -> None:
        _require_learning_rate(self, self.initial_learning_rate)
        _require_steps(self, "first_decay_steps", self.first_decay_steps)
        for argument in ("t_mul", "m_mul", "alpha"):
            _require_number(self, argument, getattr(self, argument))

    def _rate(self, at: float) -> float:
        restarts, fraction = self._period(_divide(at, _single(self.first_decay_steps)))
        half = _half_cosine(_power(_single(self.m_mul), restarts), fraction)
        alpha = _single(self.alpha)
        return _single(_single(self.initial_learning_rate) * _single(_single(_single(1 - alpha) * half) + alpha))

    def _period(self, fraction: float) -> tuple[float, float]:
        """Return the number of restarts so far and the completed fraction of the period since the last."""
        t_mul = _single(self.t_mul)
        if t_mul == 1.0:
            return _floor(fraction), _single(fraction - _floor(fraction))
        grown = _single(1 - t_mul)
        restarts = _floor(_divide(_log(_single(1 - _single(fraction * grown))), _log(t_mul)))
        length = _power(t_mul, restarts)
        before = _divide(_single(1 - length), grown)
        return restarts, _divide(_single(fraction - before), length)


SCHEDULES: dict[str, type] = {
    schedule.__name__: schedule
    for schedule in (
        ExponentialDecay,
        PiecewiseConstantDecay,
        PolynomialDecay,
        InverseTimeDecay,
        CosineDecay,
        CosineDecayRestarts,
    )
}


def _require_number(schedule: object, argument: str, value: object, *, largest: float = math.inf) -> None:
    """Raise `SettingError` unless `value` is a number that is finite, also as float32, and at most `largest`."""
    kind = type(schedule).__name__
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise SettingError(f"{kind}: {argument} must be a number, but it is {value!r}.")
    limit = _LARGEST_WHOLE if isinstance(value, int) else largest
    if abs(value) > limit or not math.isfinite(float32(value)):
        raise SettingError(f"{kind}: {argument} must be a finite number that float32 can hold, but it is {value!r}.")


def _require_float(schedule: object, argument: str, value: object) -> None:
    """Raise `SettingError` unless `value` is a Python float: its type is the type Keras computes in."""
    if type(value) is not float:
        raise SettingError(
            f"{type(schedule).__name__}: {argument} must be a Python float, but it is {value!r}; Keras computes in the"
            f" type of this argument, and only a float, like 1.0, makes that float32."
        )
    _require_number(schedule, argument, value)


def _require_learning_rate(schedule: object, value: object) -> None:
    _require_float(schedule, "initial_learning_rate", value)


def _require_steps(schedule: object, argument: str, value: float) -> None:
    """Raise `SettingError` unless `value` is a number above 0."""
    _require_number(schedule, argument, value)
    if value <= 0:
        raise SettingError(
            f"{type(schedule).__name__}: {argument} must be > 0, but it is {value!r}; Keras raises ValueError."
        )


def _require_list(schedule: object, argument: str, value: object) -> tuple[object, ...]:
    """Return the items of `value`; raise `SettingError` unless it is a list or a tuple."""
    if not isinstance(value, (list, tuple)):
        raise SettingError(f"{type(schedule).__name__}: {argument} must be a list of numbers, but it is {value!r}.")
    return tuple(value)


def _step(schedule: object, step: float) -> float:
    """Return the step as float32; raise `SettingError` unless it is a finite number."""
    _require_number(schedule, "step", step)
    return _single(step)


def _boundary(boundary: float, *, whole: bool) -> float:
    """Return a boundary in the type of the step: cut to a whole number, or as float32."""
    if whole and isinstance(boundary, int):
        return boundary
    return int(float32(boundary)) if whole else _single(boundary)


def _single(value: float) -> float:
    """Round to float32 and flush denormals to zero, as TensorFlow's kernels do with operands and results.

    Sums, products and quotients of two float32 are what float32 arithmetic gives when they are rounded once from
    float64, which has more than twice the digits.
    """
    rounded = float32(value)
    return math.copysign(0.0, rounded) if abs(rounded) < _SMALLEST_NORMAL else rounded


def _divide(dividend: float, divisor: float) -> float:
    """Divide two float32; by zero as IEEE 754 has it."""
    if divisor != 0:
        return _single(dividend / divisor)
    if dividend == 0 or math.isnan(dividend):
        return math.nan
    return math.copysign(math.inf, math.copysign(1.0, dividend) * math.copysign(1.0, divisor))


def _floor(value: float) -> float:
    return float(math.floor(value)) if math.isfinite(value) else value


def _ceil(value: float) -> float:
    return float(math.ceil(value)) if math.isfinite(value) else value


def _power(base: float, exponent: float) -> float:
    """Raise a float32 to a float32: of scalars, not of arrays, numpy asks the C library's powf."""
    with np.errstate(all="ignore"):
        return _single(float(np.float32(base) ** np.float32(exponent)))


def _half_cosine(height: float, fraction: float) -> float:
    """Return `0.5 * height * (1 + cos(pi * fraction))`."""
    angle = _single(_single(math.pi) * fraction)
    # The real part of numpy's complex64 cosine is the C library's cosf; its float32 cosine is one of its own.
    with np.errstate(all="ignore"):
        cosine = _single(float(np.cos(np.complex64(angle)).real))
    return _single(_single(0.5 * height) * _single(1 + cosine))


def _log(value: float) -> float:
    """Return the natural logarithm, of which `CosineDecayRestarts` needs the floor of a quotient of two.

    Outside [0.5, 2) it is the C library's logf. Inside it is the float64 logarithm rounded, for 1.3 % of the numbers
    1 ulp from logf: that could move a restart by a step, but moved none in 242987 (setting, step) pairs, half of them
    beside a restart.
    """
    if value <= 0 or not math.isfinite(value):
        return -math.inf if value == 0 else math.inf if value == math.inf else math.nan
    if 0.5 <= value < 2:
        return _single(math.log(value))
    # numpy's complex64 logarithm asks the C library for logf, save near 1; its float32 logarithm is one of its own.
    return _single(float(np.log(np.complex64(value)).real))
