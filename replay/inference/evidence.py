"""What a recording shows of its callbacks: how long it is, when the learning rate fell, and what they said.

A learning rate that is missing in some epochs, or of which the source does not say where it changed, shows nothing:
it is said so and left alone.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from kcb_replay.replay.comparison import float32
from kcb_replay.replay.rates import digits_kept

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Message, Note
    from kcb_replay.replay.stream import Stream

__all__ = ["Drop", "Rates", "rates_of", "stopped_at"]


@dataclass(frozen=True, slots=True)
class Drop:
    """The learning rate fell after the 0-based epoch `index`, from `old` (None: not recorded) to `new`."""

    index: int
    old: float | None
    new: float


@dataclass(frozen=True, slots=True)
class Rates:
    """What is known of the learning rate: `first` where the recording begins, and every change in order.

    `rose` says that it was higher after one of them. `seen_until` is the last 0-based epoch whose drop would be seen.
    `digits` is how many the source kept (None: all); `reading` how the drops were dated.
    """

    first: float | None
    drops: tuple[Drop, ...]
    rose: bool
    seen_until: int
    digits: int | None
    reading: str
    values: tuple[float, ...] = ()


def rates_of(stream: Stream, messages: Sequence[Message], notes: Sequence[Note]) -> tuple[tuple[Rates, ...], str]:
    """Return the readings of the learning rate, one but for TensorBoard files of Keras 3; none with the reason."""
    said = [each for each in messages if each.kind == "reduced" and each.epoch is not None and each.value is not None]
    rates = [stream.learning_rates.get(epoch.index) for epoch in stream.epochs]
    known = [rate for rate in rates if rate is not None]
    if said:
        rounded = any(note.code == "rounded" for note in notes)
        return (_as_said(said, None if rounded or not known else known[0], stream.epochs[-1].index),), ""
    if not known:
        return (), "No learning rate is recorded, so nothing can be said of ReduceLROnPlateau or of a schedule."
    if len(known) < len(rates):
        missing = len(rates) - len(known)
        return (), f"The learning rate is missing in {missing} of {len(rates)} epochs: when it changed is not known."
    if not all(math.isfinite(rate) for rate in known):
        return (), "The learning rate is not finite everywhere, which neither ReduceLROnPlateau nor a schedule makes."
    indices = [epoch.index for epoch in stream.epochs]
    readings = [_as_recorded(known, indices, late=False)]
    if stream.learning_rates_may_be_late and readings[0].drops:
        readings.append(_as_recorded(known, indices, late=True))
    return tuple(readings), ""


def stopped_at(messages: Sequence[Message]) -> int | None:
    """Return the 0-based epoch at which EarlyStopping said that it stopped, None where it said nothing."""
    return next((each.epoch for each in messages if each.kind == "stopped" and each.epoch is not None), None)


def _as_recorded(rates: Sequence[float], indices: Sequence[int], *, late: bool) -> Rates:
    """Return the drops of a recorded column; a late one holds the rate after the drop of its own epoch."""
    places = indices[1:] if late else indices[:-1]
    changes = [Drop(place, old, new) for place, (old, new) in zip(places, pairwise(rates), strict=True) if old != new]
    return Rates(
        first=rates[0],
        drops=tuple(changes),
        rose=any(each.old is not None and each.new > each.old for each in changes),
        # A drop after the last epoch changes no recorded rate.
        seen_until=indices[-1] if late else indices[-1] - 1,
        digits=digits_kept(rates),
        reading="the recorded rate is the one after the drop" if late else "the recorded rate is the one of the epoch",
        values=tuple(rates),
    )


def _as_said(said: Sequence[Message], first: float | None, last: int) -> Rates:
    """Return the drops that ReduceLROnPlateau said; one to the same rate, at the floor, is none."""
    drops: list[Drop] = []
    old = first
    for each in said:
        if each.value is None or each.epoch is None:
            continue
        new = float32(each.value)
        if old is None or new != float32(old):
            drops.append(Drop(each.epoch, old, new))
        old = new
    rose = any(each.old is not None and each.new > each.old for each in drops)
    return Rates(first, tuple(drops), rose, last, None, "ReduceLROnPlateau said so")
