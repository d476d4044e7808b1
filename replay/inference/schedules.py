"""Which of the known schedules, called with the epoch, make every recorded learning rate; with simple arguments only.

A schedule of the optimizer counts batches, whose number a recording of epochs does not hold: its `decay_steps` is the
one given here times the batches of an epoch. What no simple arguments make is a schedule of somebody's own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from kcb_replay.replay.comparison import float32
from kcb_replay.replay.inference.doubles import simplest
from kcb_replay.replay.schedules import (
    CosineDecay,
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from kcb_replay.replay.inference.evidence import Rates

__all__ = ["schedules_of"]

_ENDS = (0.0, 1e-4, 1e-5, 1e-6, 1e-7, 1e-3)
# Arguments are simple when people write them with so many digits.
_CLOSE = 1e-6
# Any rates at all are so many constants; of more than a few it says nothing.
_FEW = 4


def schedules_of(rates: Rates, indices: Sequence[int]) -> tuple[str, ...]:
    """Return, as code, what makes every rate in the 0-based epochs `indices`; nothing where nothing known does."""
    values = [each.written for each in rates.recorded]
    if len(values) < 3 or not min(values) > 0 or len(set(values)) < 2:
        return ()
    first = _simple(values[0], 2.0**-24)
    found = []
    for code, rate in (*_native(values, indices), *_steps(values, indices, first)):
        made = (float32(rate(index)) for index in indices)
        if all(now in held for held, now in zip(rates.recorded, made, strict=True)):
            found.append(code)
    return tuple(dict.fromkeys(found))


def _native(values: Sequence[float], indices: Sequence[int]) -> Iterator[tuple[str, Callable[[int], float]]]:
    """Yield the schedules of Keras that come near at the last epoch."""
    span = indices[-1] - indices[0]
    if indices[0] != 0 or not span:
        return
    first, last = _simple(values[0], 2.0**-24), values[-1]
    ratio = _simple((last / values[0]) ** (1 / span), _CLOSE)
    exact: list[Callable[[float], float]] = [ExponentialDecay(first, 1, ratio)]
    if last < values[0]:
        exact.append(InverseTimeDecay(first, 1, _simple((values[0] / last - 1) / span, _CLOSE)))
    changes = [place for place in range(1, len(values)) if values[place] != values[place - 1]]
    if changes and values[changes[0]] < values[0]:
        exact.append(
            ExponentialDecay(first, changes[0], _simple(values[changes[0]] / values[0], _CLOSE), staircase=True)
        )
    exact += _of_whole_steps(values, span, first)
    if 0 < len(changes) <= _FEW:
        rates = [_simple(values[place], 2.0**-24) for place in (0, *changes)]
        exact.append(PiecewiseConstantDecay([indices[place - 1] for place in changes], rates))
    for schedule in exact:
        yield f"LearningRateScheduler({schedule})", schedule


def _of_whole_steps(values: Sequence[float], span: int, first: float) -> Iterator[PolynomialDecay | CosineDecay]:
    fall = values[0] - values[1]
    for end in _ENDS if fall > 0 else ():
        steps = round((values[0] - end) / fall)
        if steps > 0:
            yield PolynomialDecay(first, steps, end_learning_rate=end)
    middle = min(span, max(1, span // 2))
    share = 2 * values[middle] / values[0] - 1
    if -1 < share < 1:
        yield CosineDecay(first, max(1, round(middle * math.pi / math.acos(share))))


def _steps(
    values: Sequence[float], indices: Sequence[int], first: float
) -> Iterator[tuple[str, Callable[[int], float]]]:
    """Yield what people write themselves: a power of a number, as Python computes it."""
    span = indices[-1] - indices[0]
    ratio = _simple((values[-1] / values[0]) ** (1 / span), _CLOSE)
    if indices[0] == 0:
        yield f"LearningRateScheduler(lambda epoch: {first!r} * {ratio!r} ** epoch)", lambda index: first * ratio**index
    by_epoch = dict(zip(indices, _multiplied(float32(values[0]), ratio, len(indices)), strict=True))
    yield f"LearningRateScheduler(lambda epoch, lr: lr * {ratio!r})", by_epoch.__getitem__


def _multiplied(rate: float, ratio: float, count: int) -> Iterator[float]:
    for _ in range(count):
        yield rate
        rate = float32(rate * ratio)


def _simple(value: float, close: float) -> float:
    return simplest(value * (1 - close), value * (1 + close))
