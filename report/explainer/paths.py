"""The table of learning rates: one per position of the ReduceLROnPlateau, or the one that no control moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.replay.rate_changes import changes_rate
from kcb_replay.report.explainer.cells import OF_RATE
from kcb_replay.report.explainer.pool import NO_VALUE
from kcb_replay.report.explainer.rates import RatePath, after_of, drops_of, recorded_path, steps_of
from kcb_replay.report.explainer.tables import WEAKENED
from kcb_replay.report.explainer.truncated_outcome import alone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kcb_replay.replay.validity import Horizon
    from kcb_replay.report.explainer.lanes import Lane
    from kcb_replay.report.explainer.tables import Tables

__all__ = ["number_horizons", "paths_of"]


def paths_of(tables: Tables) -> tuple[list[RatePath], tuple[int, ...]]:
    """Return every learning rate, and the number of that at each position of the ReduceLROnPlateau.

    Horizons are numbered before; the cases that notes are given for have to be.
    """
    lanes = list({id(lane): lane for lane in tables.context.rates}.values())
    if not lanes:
        found = _other_path(tables)
        return found, (0,) * len(found)
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


def _path(tables: Tables, lane: Lane, horizon: Horizon | None) -> RatePath:
    """Return the learning rate of one position of the ReduceLROnPlateau."""
    return RatePath(
        moves=True,
        lane=tables.lane(lane.timing, 0, lane.setting, OF_RATE),
        steps=steps_of(lane.rows, tables.book),
        drops=tuple(drops_of(lane.rows, tables.book, tables.decimals, horizon)),
        horizon=NO_VALUE if horizon is None else tables.horizons.number(horizon),
        notes=tuple(_path_notes(tables, lane, horizon, weak=_is_weak(tables, lane))),
    )


def _is_weak(tables: Tables, lane: Lane) -> bool:
    """Tell whether the source lacks what some comparison needs."""
    key = (id(lane.timing), "weak")
    if key not in tables.known:
        outcome = tables.context.judge.outcome(lane.setting, lane.timing)
        tables.known[key] = outcome.validity.label in WEAKENED
    return bool(tables.known[key])


def _path_notes(tables: Tables, lane: Lane, horizon: Horizon | None, *, weak: bool) -> Iterator[int]:
    """Yield how far a learning rate holds, for every case."""
    first = next((n for n, row in enumerate(lane.rows) if row.lr != lane.rows[0].lr_begin), len(lane.rows))
    for row, stops in tables.cases.values:
        beyond = horizon is not None and row > tables.row_of(horizon)
        stage: object = horizon if beyond else "dropped" if row >= first else (row, stops)
        key = (id(lane) if weak else "rate", stage, row if weak else 0)
        if key not in tables.known:
            stoppers = (1,) if stops else ()
            outcome = tables.context.judge.outcome(
                lane.setting, lane.rows[: row + 1], stoppers=stoppers, horizon=horizon
            )
            tables.known[key] = tables.note(outcome.validity)
        yield tables.known[key]


def _other_path(tables: Tables) -> list[RatePath]:
    """Return the learning rate that no control moves: that of the list, else the recorded one."""
    context, stream = tables.context, tables.context.asked.start.stream
    if not changes_rate(context.callbacks, context.base):
        return [recorded_path(stream.learning_rates, tables.of_index, tables.book)] if stream.learning_rates else []
    rows = context.base.rows
    horizon = tables.horizon_in(rows)
    every = range(len(context.callbacks))
    drops = [drop for n in every for drop in drops_of(alone(rows, n), tables.book, tables.decimals, horizon)]
    return [
        RatePath(
            moves=False,
            lane=NO_VALUE,
            steps=steps_of(rows, tables.book),
            drops=tuple(sorted(drops, key=lambda drop: drop.row)),
            after=tuple(after_of(rows, tables.cases.values, tables.book)),
            horizon=NO_VALUE if horizon is None else tables.horizons.number(horizon),
        )
    ]
