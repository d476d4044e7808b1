"""Which of the known schedules, called with the epoch, make every recorded learning rate; with simple arguments only.

A schedule of the optimizer counts batches, whose number a recording of epochs does not hold: its `decay_steps` is the
one given here times the batches of an epoch. What no simple arguments make is a schedule of somebody's own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.inference.evidence import Rates
from kcb_replay.replay.inference.ranges import simplest
from kcb_replay.replay.schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    LearningRateSchedule,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

_Named: TypeAlias = tuple[str, Callable[[int], float]]
_Guess: TypeAlias = Callable[[Sequence[float], Sequence[int]], Iterator[_Named]]


_ENDS = (0.0, 1e-4, 1e-5, 1e-6, 1e-7, 1e-3)
# Arguments are simple when people write them with so many digits.
_CLOSE = 1e-6
# Any rates at all are so many constants; of more than a few it says nothing.
_FEW = 4


def schedules_of(rates: Rates, indices: Sequence[int]) -> tuple[str, ...]:
    """Return, as code, what makes every rate in the 0-based epochs `indices`; nothing where nothing known does."""
    values = [each.written for each in rates.recorded]
    if len(values) < 3 or not values[0] > 0 or len(set(values)) < 2:
        return ()
    return tuple(dict.fromkeys(code for guess in _GUESSES for code in _confirmed(guess, rates, values, indices)))


def _confirmed(guess: _Guess, rates: Rates, values: Sequence[float], indices: Sequence[int]) -> Iterator[str]:
    """Yield the schedules of one guess that make every rate.

    Of rates that are denormal or huge its arguments may be beyond what floats or Keras hold: then it is none.
    """
    try:
        for code, rate in guess(values, indices):
            made = (float32(rate(index)) for index in indices)
            if all(now in interval for interval, now in zip(rates.recorded, made, strict=True)):
                yield code
    except (OverflowError, ZeroDivisionError, SettingError):
        return


def _as_callback(schedule: LearningRateSchedule) -> _Named:
    return f"LearningRateScheduler({schedule})", schedule


def _exponential(values: Sequence[float], indices: Sequence[int]) -> Iterator[_Named]:
    span = _whole_span(indices)
    if span and values[-1] > 0:
        yield _as_callback(ExponentialDecay(_first(values), 1, _simple((values[-1] / values[0]) ** (1 / span), _CLOSE)))


def _inverse_time(values: Sequence[float], indices: Sequence[int]) -> Iterator[_Named]:
    span = _whole_span(indices)
    if span and 0 < values[-1] < values[0]:
        yield _as_callback(InverseTimeDecay(_first(values), 1, _simple((values[0] / values[-1] - 1) / span, _CLOSE)))


def _staircase(values: Sequence[float], indices: Sequence[int]) -> Iterator[_Named]:
    changes = _changes(values)
    if _whole_span(indices) and changes and 0 < values[changes[0]] < values[0]:
        ratio = _simple(values[changes[0]] / values[0], _CLOSE)
        yield _as_callback(ExponentialDecay(_first(values), changes[0], ratio, staircase=True))


def _polynomial(values: Sequence[float], indices: Sequence[int]) -> Iterator[_Named]:
    fall = values[0] - values[1]
    for end in _ENDS if _whole_span(indices) and fall > 0 else ():
        steps = round((values[0] - end) / fall)
        if steps > 0:
            yield _as_callback(PolynomialDecay(_first(values), steps, end_learning_rate=end))


def _cosine(values: Sequence[float], indices: Sequence[int]) -> Iterator[_Named]:
    span = _whole_span(indices)
    # Behind its end a cosine stays at 0, which says nothing of its length.
    falling = sum(value > 0 for value in values) - 1
    middle = min(span, max(1, falling // 2))
    share = 2 * values[middle] / values[0] - 1
    if span and -1 < share < 1:
        yield _as_callback(CosineDecay(_first(values), max(1, round(middle * math.pi / math.acos(share)))))


def _piecewise(values: Sequence[float], indices: Sequence[int]) -> Iterator[_Named]:
    changes = _changes(values)
    if _whole_span(indices) and 0 < len(changes) <= _FEW:
        rates = [_simple(values[position], 2.0**-24) for position in (0, *changes)]
        yield _as_callback(PiecewiseConstantDecay([indices[position - 1] for position in changes], rates))


def _power(values: Sequence[float], indices: Sequence[int]) -> Iterator[_Named]:
    """Yield what people write themselves: a power of a number, as Python computes it."""
    if indices[0] == 0 and values[-1] > 0:
        first, ratio = _first(values), _ratio(values, indices)
        yield f"LearningRateScheduler(lambda epoch: {first!r} * {ratio!r} ** epoch)", lambda index: first * ratio**index


def _repeated(values: Sequence[float], indices: Sequence[int]) -> Iterator[_Named]:
    if values[-1] > 0:
        ratio = _ratio(values, indices)
        by_epoch = dict(zip(indices, _multiplied(float32(values[0]), ratio, len(indices)), strict=True))
        yield f"LearningRateScheduler(lambda epoch, lr: lr * {ratio!r})", by_epoch.__getitem__


def _whole_span(indices: Sequence[int]) -> int:
    """Return the number of epochs behind the first one, 0 where the recording does not begin with the first epoch."""
    return indices[-1] if indices[0] == 0 else 0


def _changes(values: Sequence[float]) -> list[int]:
    return [position for position in range(1, len(values)) if values[position] != values[position - 1]]


def _first(values: Sequence[float]) -> float:
    return _simple(values[0], 2.0**-24)


def _ratio(values: Sequence[float], indices: Sequence[int]) -> float:
    return _simple((values[-1] / values[0]) ** (1 / (indices[-1] - indices[0])), _CLOSE)


def _multiplied(rate: float, ratio: float, count: int) -> Iterator[float]:
    for _ in range(count):
        yield rate
        rate = float32(rate * ratio)


def _simple(value: float, close: float) -> float:
    return simplest(value * (1 - close), value * (1 + close))


_GUESSES: tuple[_Guess, ...] = (
    _exponential,
    _inverse_time,
    _staircase,
    _polynomial,
    _cosine,
    _piecewise,
    _power,
    _repeated,
)
