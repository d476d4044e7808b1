"""Every position replayed: EarlyStopping once per patience that never stops, ReduceLROnPlateau once per timing.

Patience enters EarlyStopping only in its final test, so one replay that never stops holds the epochs of all patiences,
and the engine is asked in which of them each would have stopped. The factor says only how much a reduction is, unless
the floor is reached: then it is replayed by itself. `MonitorReplays` holds all of them under one version.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from kcb_replay.errors import KerasWouldRaiseError
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.attempt import what_keras_raises
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback, EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.callbacks.base import Context, EpochEnd, State, TrainBegin, TrainEnd
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.engine import KerasError, Row, Run, run_fit
from kcb_replay.replay.events import Event, Judged, LearningRateReduced, of_kind
from kcb_replay.replay.monitors import with_monitor_limits
from kcb_replay.replay.outcomes import CallbackTrace, Outcome, outcome_of
from kcb_replay.replay.result import Replay
from kcb_replay.replay.semantics import semantics
from kcb_replay.replay.source_limits import limited
from kcb_replay.replay.stream import Epoch
from kcb_replay.replay.validity import Horizon
from kcb_replay.replay.verdicts.lanes.rates import rate_path
from kcb_replay.report.explainer.axes import Axis
from kcb_replay.report.explainer.request import ExplainerRequest

_C = TypeVar("_C", bound="Callback")


@dataclass(frozen=True, slots=True)
class LaneEnding:
    """How one position ends: after `row` of the recording, stopped by the callback itself or not.

    `state` is the callback's own after that row, `events` are those of the row, `finish` those of `on_train_end`;
    `error` is what the real class raises instead.
    """

    row: int
    stops: bool
    state: State
    events: tuple[Event, ...]
    finish: tuple[Event, ...] = ()
    error: Reason | None = None


@dataclass(frozen=True, slots=True)
class ReplayLane:
    """The rows of one replay of one callback, shared by several positions.

    `timing` are rows in which the same happens but for the amount of reductions, shared by still more of them.
    """

    setting: Callback
    rows: tuple[Row, ...]
    timing: tuple[Row, ...]
    error: Reason | None = None


def _positions_of(axes: Sequence[Axis], monitor: int) -> Iterator[dict[str, object]]:
    """Yield the arguments of every position, the last control moving fastest."""
    for values in itertools.product(*(axis.values[monitor] for axis in axes)):
        yield {axis.name: value for axis, value in zip(axes, values, strict=True)}


def with_values(callback: _C, arguments: dict[str, object]) -> _C:
    """Return a callback with other arguments; raises `SettingError` for a value that the real class refuses."""
    changed: _C = replace(callback, **arguments)  # type: ignore[type-var]  # every callback with controls is a dataclass
    return changed


def _never_stopping(callback: EarlyStopping) -> EarlyStopping:
    """Return it with a patience that nothing uses up."""
    return replace(callback, patience=math.inf)


def _replayed(epochs: Sequence[Epoch], callbacks: Sequence[Callback], version: Semantics, initial_lr: float) -> Run:
    """Replay fresh callbacks on epochs."""
    return run_fit(epochs, callbacks, Context(version, direction_of), initial_lr=initial_lr)


def _stop_lanes(
    epochs: Sequence[Epoch], callback: EarlyStopping, arguments: Sequence[dict[str, object]], version: Semantics
) -> list[tuple[EarlyStopping, ReplayLane, LaneEnding]]:
    """Return, for every position, its setting, the lane that it shares, and where it ends."""
    settings = [with_values(callback, each) for each in arguments]
    together: dict[Callback, list[EarlyStopping]] = {}
    for setting in settings:
        together.setdefault(_never_stopping(setting), []).append(setting)
    ends: dict[EarlyStopping, tuple[ReplayLane, LaneEnding]] = {}
    for endless, sharing in together.items():
        run = _replayed(epochs, [endless], version, 0.0)
        lane = ReplayLane(endless, run.rows, run.rows, what_keras_raises(run.error) if run.error else None)
        for setting, ending in _endings(epochs, lane, sharing, Context(version, direction_of)):
            ends[setting] = lane, ending
    return [(setting, *ends[setting]) for setting in settings]


def _endings(
    epochs: Sequence[Epoch], lane: ReplayLane, sharing: Sequence[EarlyStopping], context: Context
) -> Iterator[tuple[EarlyStopping, LaneEnding]]:
    """Yield where each patience of a lane ends; a larger one never ends earlier, so one walk finds all."""
    waiting = sorted(dict.fromkeys(sharing), key=lambda setting: setting.patience)
    begin = TrainBegin(epochs[-1].index + 1, None, 0.0, epochs[0].index)
    before = lane.setting.start(context).on_train_begin(begin).state
    for number, row in enumerate(lane.rows):
        (after,) = row.states
        # The counter has to be at the patience before or after the epoch; whether that stops, the engine says.
        highest = max(before.wait, after.wait)  # type: ignore[attr-defined]  # of EarlyStopping
        while waiting and highest >= waiting[0].patience:
            ending = _ending_at(number, epochs[number], replace(before, settings=waiting[0]))  # type: ignore[type-var]
            if ending is None:
                break
            yield waiting.pop(0), ending
        before = after
    for setting in waiting:
        last = replace(before, settings=setting)  # type: ignore[type-var]  # of EarlyStopping
        events = lane.rows[-1].events[0] if lane.rows else ()
        finish = () if lane.error else _finish(last, epochs[-1])
        yield setting, LaneEnding(len(lane.rows) - 1, False, last, events, finish, lane.error)


def _ending_at(number: int, epoch: Epoch, before: State) -> LaneEnding | None:
    """Return the ending if the callback stops in this epoch."""
    try:
        step = before.on_epoch_end(EpochEnd(epoch.index, epoch.logs, 0.0))
    except KerasRaises as raised:
        error = KerasError(raised.kind, "on_epoch_end", epoch.index, EarlyStopping.name, str(raised))
        return LaneEnding(number, False, before, (), (), what_keras_raises(error))
    return LaneEnding(number, True, step.state, step.events, _finish(step.state, epoch)) if step.stop else None


def _finish(state: State, epoch: Epoch) -> tuple[Event, ...]:
    return state.on_train_end(TrainEnd(epoch.index, {}, 0.0)).events


def _rate_lanes(
    epochs: Sequence[Epoch],
    callback: ReduceLROnPlateau,
    arguments: Sequence[dict[str, object]],
    version: Semantics,
    initial_lr: float,
) -> list[ReplayLane]:
    """Return, for every position, the rows of its replay with their learning rates."""
    timings: dict[ReduceLROnPlateau, Run] = {}
    lanes: dict[ReduceLROnPlateau, ReplayLane] = {}
    for each in arguments:
        setting = with_values(callback, each)
        # Never at a floor, so that every reduction is there.
        timing = replace(setting, factor=_SLOW, min_lr=0.0)
        if timing not in timings:
            timings[timing] = _replayed(epochs, [timing], version, initial_lr)
        if setting not in lanes:
            lanes[setting] = _with_rates(epochs, setting, timings[timing], version, initial_lr)
    return [lanes[with_values(callback, each)] for each in arguments]


_SLOW = 0.999


def _with_rates(
    epochs: Sequence[Epoch], setting: ReduceLROnPlateau, timed: Run, version: Semantics, initial_lr: float
) -> ReplayLane:
    reductions = sum(1 for row in timed.rows for _ in of_kind(row.events[0], LearningRateReduced))
    path = rate_path(setting, version, initial_lr, reductions)
    if timed.error or len(path) <= reductions:
        run = _replayed(epochs, [setting], version, initial_lr)
        return ReplayLane(setting, run.rows, run.rows, what_keras_raises(run.error) if run.error else None)
    return ReplayLane(setting, tuple(_rows_on(path, timed.rows)), timed.rows)


def _rows_on(path: Sequence[float], rows: Sequence[Row]) -> Iterator[Row]:
    """Yield the rows with the rates of a path in the place of their own."""
    done = 0
    for row in rows:
        begin, events = path[done], row.events[0]
        for reduced in of_kind(events[-1:], LearningRateReduced):
            done += 1
            events = (*events[:-1], replace(reduced, old_lr=begin, new_lr=path[done]))
        yield Row(row.index, begin, path[done], begin, row.states, (events,), row.stoppers)


def _compared_in(rows: Iterable[Row], position: int) -> set[tuple[float, float]]:
    """Return the pairs of values that a callback compares."""
    return {judged.compared for row in rows for judged in of_kind(row.events[position], Judged) if judged.compared}


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorReplays:
    """The replays of one monitor under one version; `base` is that of the list in which the lead never stops.

    `ends` is (setting, lane, ending) per position of the lead, None where it has no patience; `rates` is the lane per
    position of the ReduceLROnPlateau with controls.
    """

    request: ExplainerRequest
    monitor: int
    version: Semantics
    callbacks: tuple[Callback, ...]
    base: Run
    ends: tuple[tuple[EarlyStopping, ReplayLane, LaneEnding], ...]
    rates: tuple[ReplayLane, ...]

    @property
    def lead(self) -> Callback:
        """The callback that the page is about, as this monitor has it."""
        return self.callbacks[self.request.lead]

    @property
    def stopped_by_others(self) -> bool:
        """Whether a callback without controls stops the training at the last row."""
        return bool(self.base.rows[-1].stoppers)

    def replayed(self) -> Replay:
        """Return the replay of the list as it was asked for, under this monitor and version."""
        return self.request.replayed(self.callbacks, self.version.name)

    def compared(self) -> set[tuple[float, float]]:
        """Return every pair of values that is compared at any position."""
        lanes = {id(lane): lane for _, lane, _ in self.ends} | {id(lane): lane for lane in self.rates}
        pairs = {pair for lane in lanes.values() for pair in _compared_in(lane.rows, 0)}
        return pairs.union(*(_compared_in(self.base.rows, position) for position in range(len(self.callbacks))))

    def outcome(
        self,
        setting: Callback,
        rows: Sequence[Row],
        position: int = 0,
        *,
        state: State | None = None,
        events: Sequence[Event] | None = None,
        finish: Sequence[Event] = (),
        stoppers: tuple[int, ...] = (),
        horizon: Horizon | None = None,
    ) -> Outcome:
        """Return the outcome of the callback at `position` where the training ends with the last of `rows`.

        Cut out of replays that ran on; what it is, `replay` decides, as for any other answer. `state` and `events` are
        its own after the last row, where they differ from what stands there.
        """
        last, stream = rows[-1], self.request.start.stream
        states, of_all = list(last.states), list(last.events)
        states[position] = state or states[position]
        of_all[position] = tuple(of_all[position] if events is None else events)
        ended = replace(last, states=tuple(states), events=tuple(of_all), stoppers=stoppers)
        finished = tuple(tuple(finish) if number == position else () for number in range(len(states)))
        run = Run((*rows[:-1], ended), finished, last.lr, ended.states)
        view = CallbackTrace(setting, position, run, stream, horizon)
        return with_monitor_limits(
            limited(outcome_of(view), view, self.request.recording.notes, self.request.fit), view.state, stream, ()
        )


def context_of(request: ExplainerRequest, monitor: int, version: str) -> MonitorReplays:
    """Replay every position of one monitor under one version; raises `KerasWouldRaiseError` where none can be."""
    callbacks, resolved = request.callbacks_for(monitor), semantics(version)
    stream, initial_lr = request.start.stream, request.start.initial_lr
    endless = [
        _never_stopping(cast("EarlyStopping", each)) if request.has_lanes and position == request.lead else each
        for position, each in enumerate(callbacks)
    ]
    base = _replayed(stream.epochs, endless, resolved, initial_lr)
    if base.error:
        error = base.error
        why = reason("raised.at_all", kind=error.kind, callback=error.callback, message=error.message)
        raise KerasWouldRaiseError(f"{request.recording.name}: {why}", reason=why)
    epochs = stream.epochs[: len(base.rows)]
    ends: list[tuple[EarlyStopping, ReplayLane, LaneEnding]] = []
    if request.has_lanes:
        arguments = list(_positions_of(request.axes_of(request.lead), monitor))
        ends = _stop_lanes(epochs, cast("EarlyStopping", callbacks[request.lead]), arguments, resolved)
    rates: list[ReplayLane] = []
    if request.reducer is not None:
        arguments = list(_positions_of(request.axes_of(request.reducer), monitor))
        rates = _rate_lanes(
            epochs, cast("ReduceLROnPlateau", callbacks[request.reducer]), arguments, resolved, initial_lr
        )
    return MonitorReplays(
        request=request,
        monitor=monitor,
        version=resolved,
        callbacks=callbacks,
        base=base,
        ends=tuple(ends),
        rates=tuple(rates),
    )
