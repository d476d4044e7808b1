"""The learning rate of every position: its steps, the reductions, and how far they hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.events import LearningRateAtFloor, LearningRateReduced
from kcb_replay.report.explainer.pool import NO_VALUE
from kcb_replay.text import short

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kcb_replay.replay.engine import Row
    from kcb_replay.replay.validity import Horizon
    from kcb_replay.report.explainer.cells import Book
    from kcb_replay.text import Decimals

__all__ = ["Change", "Drop", "RatePath", "Step", "after_of", "drops_of", "recorded_path", "steps_of"]


@dataclass(frozen=True, slots=True)
class Step:
    """A learning rate in effect from `row` on: its height on the axis and the number of its text."""

    row: int
    height: float
    text: int


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to the rate at the end of an epoch, in numbers of texts; at the floor there is no new `rate`."""

    sentence: int
    verdict: int
    rate: int
    height: float


@dataclass(frozen=True, slots=True)
class Drop:
    """A change at the end of `row`, a what-if behind the horizon of the path."""

    row: int
    change: Change
    is_what_if: bool

    @property
    def reduces(self) -> bool:
        """Whether it is a reduction, and not the floor."""
        return self.change.rate != NO_VALUE


@dataclass(frozen=True, slots=True, kw_only=True)
class RatePath:
    """The learning rate of one position over the whole recording; whoever shows it cuts it at the stop.

    `moves` tells whether it is that of the ReduceLROnPlateau with controls, whose cells are `lane`. `horizon` is the
    number of the horizon that the rate sets, -1 for none; `notes` say how far it holds per case. `after` is the rate
    after the last epoch per case, where that is not the one that the next epoch begins with: a schedule may set that.
    """

    moves: bool
    lane: int
    steps: tuple[Step, ...]
    drops: tuple[Drop, ...]
    horizon: int
    notes: tuple[int, ...] = ()
    after: tuple[Step, ...] = ()
    is_recorded: bool = False

    def until(self, row: int, case: int) -> list[Step]:
        """Return the steps of a training that ends after `row`, the rate after it included."""
        steps = [step for step in self.steps if step.row <= row + (not self.after)]
        after = self.after[case : case + 1]
        return [*steps, *(step for step in after if not steps or step.text != steps[-1].text)]


def steps_of(rows: Sequence[Row], book: Book) -> tuple[Step, ...]:
    """Return where the rate changes: the rate an epoch is trained with, and behind the last row the one after it."""
    rates = [*(row.lr_begin for row in rows), rows[-1].lr]
    return _steps(list(enumerate(rates)), book)


def after_of(rows: Sequence[Row], cases: Iterable[tuple[int, bool]], book: Book) -> Iterator[Step]:
    """Yield the rate after the last epoch of every case."""
    logarithmic = _is_logarithmic(rows)
    for number, _ in cases:
        rate = rows[number].lr
        yield Step(number + 1, _height(rate, logarithmic=logarithmic), book.text(short(rate)))


def recorded_path(rates: Mapping[int, float], rows: Mapping[int, int], book: Book) -> RatePath:
    """Return the recorded learning rate, which no position changes."""
    known = [(rows[index], rate) for index, rate in sorted(rates.items())]
    steps = _steps(known, book)
    return RatePath(moves=False, lane=NO_VALUE, steps=steps, drops=(), horizon=NO_VALUE, is_recorded=True)


def _steps(rates: Sequence[tuple[int, float]], book: Book) -> tuple[Step, ...]:
    logarithmic = all(rate > 0 and math.isfinite(rate) for _, rate in rates)
    steps: list[Step] = []
    before: float | None = None
    for row, rate in rates:
        if before is None or rate != before:
            steps.append(Step(row, _height(rate, logarithmic=logarithmic), book.text(short(rate))))
        before = rate
    return tuple(steps)


def _height(rate: float, *, logarithmic: bool) -> float:
    return round(math.log(rate), 4) if logarithmic else rate if math.isfinite(rate) else 0.0


def drops_of(rows: Sequence[Row], book: Book, decimals: Decimals, horizon: Horizon | None) -> Iterator[Drop]:
    """Yield what happens to the rate, epoch by epoch, through the first callback of the rows."""
    logarithmic = _is_logarithmic(rows)
    for number, row in enumerate(rows):
        for event in row.events[0]:
            if isinstance(event, (LearningRateReduced, LearningRateAtFloor)):
                sentence, verdict = book.said([event], decimals, None)
                rate, height = NO_VALUE, 0.0
                if isinstance(event, LearningRateReduced):
                    rate, height = book.text(short(event.new_lr)), _height(event.new_lr, logarithmic=logarithmic)
                what_if = horizon is not None and not horizon.covers(row.index)
                yield Drop(number, Change(sentence, verdict, rate, height), what_if)


def _is_logarithmic(rows: Sequence[Row]) -> bool:
    return all(rate > 0 and math.isfinite(rate) for row in rows for rate in (row.lr_begin, row.lr))
