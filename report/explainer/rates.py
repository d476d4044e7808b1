"""The learning rate of every position: of the callback that reduces it, of the other callbacks, or as recorded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kcb_replay.replay.engine import Row
from kcb_replay.replay.rate_changes import changes_rate
from kcb_replay.replay.validity import Horizon
from kcb_replay.report.explainer.lanes import ReplayLane
from kcb_replay.report.explainer.tables import NO_VALUE, WEAKENED, Book, Tables
from kcb_replay.text import Decimals, short


class RateStep(NamedTuple):
    """A learning rate in effect from `row` on: its height on the axis and the number of its text."""

    row: int
    height: float
    text: int


class RateChange(NamedTuple):
    """What happens to the rate at the end of an epoch, in numbers of texts; at the floor there is no new `rate`."""

    sentence: int
    verdict: int
    rate: int
    height: float


@dataclass(frozen=True, slots=True)
class PathDrop:
    """A change at the end of `row`, a what-if behind the horizon of the path."""

    row: int
    change: RateChange
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
    steps: tuple[RateStep, ...]
    drops: tuple[PathDrop, ...]
    horizon: int
    notes: tuple[int, ...] = ()
    after: tuple[RateStep, ...] = ()
    is_recorded: bool = False

    def until(self, row: int, case: int) -> list[RateStep]:
        """Return the steps of a training that ends after `row`, the rate after it included."""
        steps = [step for step in self.steps if step.row <= row + (not self.after)]
        after = self.after[case : case + 1]
        return [*steps, *(step for step in after if not steps or step.text != steps[-1].text)]


def _steps_of(rows: Sequence[Row], book: Book) -> tuple[RateStep, ...]:
    """Return where the rate changes: the rate an epoch is trained with, and behind the last row the one after it."""
    rates = [*(row.lr_begin for row in rows), rows[-1].lr]
    return _steps(list(enumerate(rates)), book)


def _after_of(rows: Sequence[Row], cases: Iterable[tuple[int, bool]], book: Book) -> Iterator[RateStep]:
    """Yield the rate after the last epoch of every case."""
    logarithmic = _is_logarithmic(rows)
    for number, _ in cases:
        rate = rows[number].lr
        yield RateStep(number + 1, _height(rate, logarithmic=logarithmic), book.text(short(rate)))


def _recorded_path(rates: Mapping[int, float], rows: Mapping[int, int], book: Book) -> RatePath:
    """Return the recorded learning rate, which no position changes."""
    known = [(rows[index], rate) for index, rate in sorted(rates.items())]
    steps = _steps(known, book)
    return RatePath(moves=False, lane=NO_VALUE, steps=steps, drops=(), horizon=NO_VALUE, is_recorded=True)


def _steps(rates: Sequence[tuple[int, float]], book: Book) -> tuple[RateStep, ...]:
    logarithmic = all(rate > 0 and math.isfinite(rate) for _, rate in rates)
    steps: list[RateStep] = []
    before: float | None = None
    for row, rate in rates:
        if before is None or rate != before:
            steps.append(RateStep(row, _height(rate, logarithmic=logarithmic), book.text(short(rate))))
        before = rate
    return tuple(steps)


def _height(rate: float, *, logarithmic: bool) -> float:
    return round(math.log(rate), 4) if logarithmic else rate if math.isfinite(rate) else 0.0


def _drops_of(
    rows: Sequence[Row], position: int, book: Book, decimals: Decimals, horizon: Horizon | None
) -> Iterator[PathDrop]:
    """Yield what happens to the rate, epoch by epoch, through one of the callbacks."""
    logarithmic = _is_logarithmic(rows)
    for number, row in enumerate(rows):
        for event in row.events[position]:
            if event.concerns != "rate":
                continue
            sentence, verdict = book.texts_of([event], decimals, None)
            rate, height = NO_VALUE, 0.0
            if event.new_rate is not None:
                rate, height = book.text(short(event.new_rate)), _height(event.new_rate, logarithmic=logarithmic)
            what_if = horizon is not None and not horizon.covers(row.index)
            yield PathDrop(number, RateChange(sentence, verdict, rate, height), what_if)


def _is_logarithmic(rows: Sequence[Row]) -> bool:
    return all(rate > 0 and math.isfinite(rate) for row in rows for rate in (row.lr_begin, row.lr))


def paths_of(tables: Tables) -> tuple[list[RatePath], tuple[int, ...]]:
    """Return every learning rate, and the number of that at each position of the ReduceLROnPlateau.

    Horizons are numbered before; the cases that notes are given for have to be.
    """
    lanes = list({id(lane): lane for lane in tables.context.rates}.values())
    if not lanes:
        paths = _other_path(tables)
        return paths, (0,) * len(paths)
    numbers = {id(lane): number for number, lane in enumerate(lanes)}
    paths = [_path(tables, lane, tables.horizon_in(lane.rows)) for lane in lanes]
    return paths, tuple(numbers[id(lane)] for lane in tables.context.rates)


def number_horizons(tables: Tables) -> None:
    """Give the horizons of all learning rates their numbers, so that ends can be judged behind each."""
    context = tables.context
    for rows in {id(lane): lane.rows for lane in context.rates}.values():
        tables.horizon_in(rows)
    if not context.rates and changes_rate(context.callbacks, context.base):
        tables.horizon_in(context.base.rows)


def _path(tables: Tables, lane: ReplayLane, horizon: Horizon | None) -> RatePath:
    """Return the learning rate of one position of the ReduceLROnPlateau."""
    return RatePath(
        moves=True,
        lane=tables.lane(lane.timing, 0, lane.setting, "rate"),
        steps=_steps_of(lane.rows, tables.book),
        drops=tuple(_drops_of(lane.rows, 0, tables.book, tables.decimals, horizon)),
        horizon=NO_VALUE if horizon is None else tables.horizons.number(horizon),
        notes=tuple(_path_notes(tables, lane, horizon, weak=_is_weak(tables, lane))),
    )


def _is_weak(tables: Tables, lane: ReplayLane) -> bool:
    """Tell whether the source lacks what some comparison needs."""
    key = (id(lane.timing), "weak")
    if key not in tables.known:
        outcome = tables.context.outcome(lane.setting, lane.timing)
        tables.known[key] = outcome.validity.label in WEAKENED
    return bool(tables.known[key])


def _path_notes(tables: Tables, lane: ReplayLane, horizon: Horizon | None, *, weak: bool) -> Iterator[int]:
    """Yield how far a learning rate holds, for every case."""
    first = next((n for n, row in enumerate(lane.rows) if row.lr != lane.rows[0].lr_begin), len(lane.rows))
    for row, stops in tables.cases.values:
        beyond = horizon is not None and row > tables.row_of(horizon)
        stage: object = horizon if beyond else "dropped" if row >= first else (row, stops)
        key = (id(lane) if weak else "rate", stage, row if weak else 0)
        if key not in tables.known:
            stoppers = (1,) if stops else ()
            outcome = tables.context.outcome(lane.setting, lane.rows[: row + 1], stoppers=stoppers, horizon=horizon)
            tables.known[key] = tables.note(outcome.validity)
        yield tables.known[key]


def _other_path(tables: Tables) -> list[RatePath]:
    """Return the learning rate that no control moves: that of the list, else the recorded one."""
    context, stream = tables.context, tables.context.request.start.stream
    if not changes_rate(context.callbacks, context.base):
        return [_recorded_path(stream.learning_rates, tables.of_index, tables.book)] if stream.learning_rates else []
    rows = context.base.rows
    horizon = tables.horizon_in(rows)
    every = range(len(context.callbacks))
    drops = [drop for n in every for drop in _drops_of(rows, n, tables.book, tables.decimals, horizon)]
    return [
        RatePath(
            moves=False,
            lane=NO_VALUE,
            steps=_steps_of(rows, tables.book),
            drops=tuple(sorted(drops, key=lambda drop: drop.row)),
            after=tuple(_after_of(rows, tables.cases.values, tables.book)),
            horizon=NO_VALUE if horizon is None else tables.horizons.number(horizon),
        )
    ]
