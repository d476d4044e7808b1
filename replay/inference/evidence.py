"""What a recording shows of its callbacks: how long it is, when the learning rate fell, and what they printed.

A learning rate that is missing in some epochs, or of which the source does not say where it changed, shows nothing:
the reason is given and it is left alone. Sources write fewer digits than the optimizer holds: a rate that is a float32
with all its digits stands for itself; NumPy before 1.14 wrote six digits, consoles show four decimals, and a text that
is as short may be whole or cut, which cannot be told, so it stands for every rate written so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from itertools import pairwise

import numpy as np

from kcb_replay.ingest.recording import Message, Note
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.comparison import float32
from kcb_replay.replay.inference.ranges import first_true
from kcb_replay.replay.stream import Stream

_NUMPY_DIGITS = 6
_FOUR_DECIMALS_ABOVE = 1e-3
READ_LATE = "the recorded rate is the one after the drop"
_FROM_MESSAGES = "ReduceLROnPlateau said so"
_BEST_EPOCH = re.compile(r"best epoch: (\d+)")


@dataclass(frozen=True, slots=True)
class RateInterval:
    """The optimizer held a float32 from `low` to `high`, both included, where the source has `written`."""

    written: float
    low: float
    high: float

    @property
    def is_exact(self) -> bool:
        """Whether only one float32 comes into question."""
        return self.low == self.high

    def __contains__(self, rate: float) -> bool:
        return self.low <= rate <= self.high


def _rate_intervals(rates: Sequence[float], *, on_console: bool) -> tuple[RateInterval, ...]:
    """Return what each rate stands for; `on_console` where a progress bar showed it. All must be finite and >= 0."""
    if not on_console and not _is_cut(rates):
        return tuple(_exactly(rate) for rate in rates)
    written_as = _on_console if on_console else _by_numpy
    # Values that a message named are among the others with all their digits.
    return tuple(_exactly(rate) if _digits(rate) > _NUMPY_DIGITS else _written(rate, written_as) for rate in rates)


def _is_cut(rates: Sequence[float]) -> bool:
    """Tell whether the digits may be too few: no rate is written with more, and not every one is a float32."""
    of_text = [rate for rate in rates if rate != float32(rate)]
    return bool(of_text) and all(_digits(rate) <= _NUMPY_DIGITS for rate in of_text)


def _digits(rate: float) -> int:
    return len(Decimal(repr(rate)).normalize().as_tuple().digits)


def _exactly(rate: float) -> RateInterval:
    # A rate of -0.0 is one of 0.0.
    return RateInterval(rate, abs(float32(rate)), abs(float32(rate)))


@cache
def _written(rate: float, written_as: Callable[[float], float]) -> RateInterval:
    least = first_true(lambda each: written_as(float32(each)) >= rate, 0.0, 2 * rate)
    above = first_true(lambda each: written_as(float32(each)) > rate, 0.0, 2 * rate)
    if least is None or above is None:
        return _exactly(rate)
    low, high = float32(least), _float32_below(float32(above))
    # Fewer digits than such a source writes, so it is not of one.
    return RateInterval(rate, low, high) if low <= high else _exactly(rate)


def _float32_below(rate: float) -> float:
    return float(np.nextafter(np.float32(rate), np.float32(0)))


def _by_numpy(rate: float) -> float:
    return float(f"{rate:.{_NUMPY_DIGITS}g}")


def _on_console(rate: float) -> float:
    return float(f"{rate:.4f}" if rate > _FOUR_DECIMALS_ABOVE else f"{rate:.4e}")


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """The learning rate changed after the 0-based epoch `index` to `new`."""

    index: int
    new: RateInterval


@dataclass(frozen=True, slots=True)
class Rates:
    """What is known of the learning rate: `first` where the recording begins (None: nothing), and every change.

    `rose` says that it was higher after one of them. `seen_until` is the last 0-based epoch whose drop would be seen;
    `reading` says how the drops were dated. `recorded` is the rate of every epoch, empty where messages stand for it.
    `repeats` are the epochs behind the last drop in which a reduction to the same rate was printed.
    """

    first: RateInterval | None
    drops: tuple[RecordedChange, ...]
    rose: bool
    seen_until: int
    reading: str
    recorded: tuple[RateInterval, ...] = ()
    repeats: tuple[int, ...] = ()

    @property
    def was_printed(self) -> bool:
        """Whether every reduction was printed, also one that changes no rate."""
        return self.reading == _FROM_MESSAGES

    @property
    def is_first_exact(self) -> bool:
        """Whether the first rate is known to the last digit."""
        return self.first is not None and self.first.is_exact

    @property
    def is_exact(self) -> bool:
        """Whether the source shows every digit of the rates."""
        return all(each.is_exact for each in (*self.recorded, *(drop.new for drop in self.drops)))


@dataclass(frozen=True, slots=True)
class RateEvidence:
    """The readings of the learning rate, one but for TensorBoard files of Keras 3; where none, `why` says why.

    `scheduled`: LearningRateScheduler printed that it set the rate. `reduced`: ReduceLROnPlateau printed that it did,
    so there was one. `contradicted`: what it printed cannot be all that changed the rates; then no more is used.
    """

    readings: tuple[Rates, ...] = ()
    why: Reason | None = None
    scheduled: bool = False
    reduced: bool = False
    contradicted: bool = False


def rate_evidence(stream: Stream, messages: Sequence[Message], notes: Sequence[Note]) -> RateEvidence:
    """Return what the recorded learning rates show, and what ReduceLROnPlateau printed of them."""
    reductions = [each for each in messages if each.kind == "reduced"]
    scheduled = any(each.kind == "scheduled" for each in messages)
    readings, why = _recorded(stream, notes)
    if not reductions:
        return RateEvidence(readings, why, scheduled)
    printed = _as_printed(reductions, readings, stream.epochs[-1].index)
    # Between two reductions a LearningRateScheduler sets the rate anew.
    indices = [epoch.index for epoch in stream.epochs]
    if printed is None or scheduled or not _agree(printed, readings, indices):
        return RateEvidence(readings, why, scheduled, reduced=True, contradicted=True)
    return RateEvidence((printed,), reduced=True)


@dataclass(frozen=True, slots=True)
class StopMessages:
    """What EarlyStopping printed: `stopped` at the last epoch, `restored` weights, those of the 0-based epoch `best`.

    `unused` is the 0-based epoch of a stop that the recording does not end with; then the rest is not used either.
    """

    stopped: bool = False
    restored: bool = False
    best: int | None = None
    unused: int | None = None


def stop_messages_of(messages: Sequence[Message], last: int) -> StopMessages:
    """Return what EarlyStopping printed in a recording that ends with the 0-based epoch `last`."""
    stopped = next((each.epoch for each in messages if each.kind == "stopped" and each.epoch is not None), None)
    if stopped not in (None, last):
        return StopMessages(unused=stopped)
    restored = [each.text for each in messages if each.kind == "restored"]
    numbers = [number for text in restored for number in _BEST_EPOCH.findall(text)]
    return StopMessages(stopped is not None, bool(restored), int(numbers[-1]) - 1 if numbers else None)


def _recorded(stream: Stream, notes: Sequence[Note]) -> tuple[tuple[Rates, ...], Reason | None]:
    """Return the readings of the recorded column, or none with the reason."""
    rates = [stream.learning_rates.get(epoch.index) for epoch in stream.epochs]
    known = [rate for rate in rates if rate is not None]
    if not known:
        return (), reason("infer.no_rate")
    if len(known) < len(rates):
        missing = len(rates) - len(known)
        return (), reason("infer.rate_gaps", missing=missing, epochs=len(rates))
    if not all(math.isfinite(float32(rate)) and rate >= 0 for rate in known):
        return (), reason("infer.rate_no_float32")
    intervals = _rate_intervals(known, on_console=any(note.code == "rounded" for note in notes))
    indices = [epoch.index for epoch in stream.epochs]
    readings = [_as_recorded(intervals, indices, late=False)]
    if stream.learning_rates_may_be_late and readings[0].drops:
        readings.append(_as_recorded(intervals, indices, late=True))
    return tuple(readings), None


def _as_recorded(rates: Sequence[RateInterval], indices: Sequence[int], *, late: bool) -> Rates:
    """Return the changes of a recorded column; a late one holds the rate after the drop of its own epoch."""
    change_indices = indices[1:] if late else indices[:-1]
    pairs = list(zip(change_indices, pairwise(rates), strict=True))
    # A rate that may be the same as the one before shows no change.
    moved = [(index, new) for index, (old, new) in pairs if new.high < old.low or new.low > old.high]
    changes = tuple(RecordedChange(index, new) for index, new in moved)
    return Rates(
        first=rates[0],
        drops=changes,
        rose=any(new.low > old.high for _, (old, new) in pairs),
        # A drop after the last epoch changes no recorded rate.
        seen_until=indices[-1] if late else indices[-1] - 1,
        reading=READ_LATE if late else "the recorded rate is the one of the epoch",
        recorded=tuple(rates),
    )


def _as_printed(reductions: Sequence[Message], readings: Sequence[Rates], last: int) -> Rates | None:
    """Return the drops that ReduceLROnPlateau printed, None where one lacks its epoch or rate.

    One to the same rate is none: in Keras up to TensorFlow 2.4 a floor that float32 rounds up is reduced to for ever.
    """
    first = readings[0].first if len(readings) == 1 else None
    drops: list[RecordedChange] = []
    repeats: list[int] = []
    before = first
    rose = False
    for each in reductions:
        if each.value is None or each.epoch is None or not math.isfinite(float32(each.value)) or each.value < 0:
            return None
        new = float32(each.value)
        interval = RateInterval(new, new, new)
        # Of a rate whose digits were cut off it may be another, or the same again.
        if before is None or not before.is_exact or new not in before:
            drops.append(RecordedChange(each.epoch, interval))
            repeats.clear()
            rose |= before is not None and new > before.high
        else:
            repeats.append(each.epoch)
        before = interval
    return Rates(first, tuple(drops), rose, last, _FROM_MESSAGES, repeats=tuple(repeats))


def _agree(printed: Rates, readings: Sequence[Rates], indices: Sequence[int]) -> bool:
    """Tell whether a reading shows the rates that were printed; `indices` are the recorded epochs."""
    return not readings or any(_is_seen_in(reading, printed, indices) for reading in readings)


def _is_seen_in(reading: Rates, printed: Rates, indices: Sequence[int]) -> bool:
    """Tell whether every recorded rate is the one printed last, and no other drop is seen.

    A drop that a console rounds away is printed and not seen.
    """
    if not {drop.index for drop in reading.drops} <= {drop.index for drop in printed.drops}:
        return False
    late = reading.reading == READ_LATE
    for index, recorded in zip(indices, reading.recorded, strict=True):
        before = [drop.new for drop in printed.drops if drop.index < index or (late and drop.index == index)]
        if before and before[-1].written not in recorded:
            return False
    return True
