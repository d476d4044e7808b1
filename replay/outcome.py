"""What each callback of a replay comes to: stop, best, kept, saved, regret, drops, and how far that holds.

Regret is R = z(kept) - min z over the whole recording, never negative, in units of the metric (STATISTICS: z is the
metric when it should fall, its negative when it should rise). `saved` counts recorded epochs that would not have run.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStoppingState, ReduceLROnPlateauState
from kcb_replay.replay.events import LearningRateReduced
from kcb_replay.replay.validity import Label, Validity

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.engine import Run
    from kcb_replay.replay.stream import Stream
    from kcb_replay.replay.validity import Horizon

__all__ = ["Drop", "EarlyStoppingOutcome", "Outcome", "ReduceLROnPlateauOutcome", "outcome_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStoppingOutcome:
    """What EarlyStopping would have done with one fit.

    `best_*` is the callback's own best, `kept_*` the epoch whose weights one ends up with: the best when they are
    restored, else the last. `lowest_*` is the best value of the whole recording. None where there is no such epoch.
    """

    settings: EarlyStopping
    mode: Direction | None
    stop_index: int | None
    best_index: int | None
    best_value: float | None
    kept_index: int | None
    kept_value: float | None
    lowest_index: int | None
    lowest_value: float | None
    saved_epochs: int
    regret: float | None
    validity: Validity

    @property
    def fired(self) -> bool:
        """Whether it set `stop_training`."""
        return self.stop_index is not None


@dataclass(frozen=True, slots=True)
class Drop:
    """One reduction of the learning rate, in effect from the epoch after `index`."""

    index: int
    old_lr: float
    new_lr: float
    validity: Label


@dataclass(frozen=True, slots=True, kw_only=True)
class ReduceLROnPlateauOutcome:
    """What ReduceLROnPlateau would have done with one fit."""

    settings: ReduceLROnPlateau
    mode: Direction | None
    drops: tuple[Drop, ...]
    validity: Validity

    @property
    def fired(self) -> bool:
        """Whether it reduced the learning rate at all."""
        return bool(self.drops)


Outcome = EarlyStoppingOutcome | ReduceLROnPlateauOutcome


def outcome_of(position: int, run: Run, stream: Stream, horizon: Horizon | None) -> Outcome:
    """Return the outcome of the callback at `position` of the list; the run has at least one row."""
    state = run.rows[-1].states[position]
    if isinstance(state, EarlyStoppingState):
        return _early_stopping(position, state, run, stream, horizon)
    if isinstance(state, ReduceLROnPlateauState):
        return _reduce_lr(position, state, run, stream, horizon)
    raise AssertionError(f"no outcome of {type(state).__name__}")


def _early_stopping(
    position: int, state: EarlyStoppingState, run: Run, stream: Stream, horizon: Horizon | None
) -> EarlyStoppingOutcome:
    mode = state.comparison.direction if state.comparison else None
    values = stream.values_of(state.settings.monitor)
    last = run.rows[-1].index
    kept = state.weights_index if state.settings.restore_best_weights else last
    kept_value = None if kept is None else values.get(kept)
    lowest = _best_of(values, mode)
    return EarlyStoppingOutcome(
        settings=state.settings,
        mode=mode,
        stop_index=state.stopped_index,
        best_index=state.best_index,
        best_value=state.best,
        kept_index=kept,
        kept_value=kept_value,
        lowest_index=lowest,
        lowest_value=None if lowest is None else values[lowest],
        saved_epochs=len(stream.epochs) - len(run.rows),
        regret=None if lowest is None or kept_value is None else _regret(kept_value, values[lowest], mode),
        validity=_stop_validity(position, state, run, stream, horizon),
    )


def _best_of(values: dict[int, float], mode: Direction | None) -> int | None:
    numbers = {index: value for index, value in values.items() if not math.isnan(value)}
    if not numbers:
        return None
    return min(numbers, key=lambda index: numbers[index] if mode == "min" else -numbers[index])


def _regret(kept: float, lowest: float, mode: Direction | None) -> float | None:
    if math.isnan(kept):
        return None
    # Both infinite: nothing was given up, and the difference would be NaN.
    return 0.0 if kept == lowest else (kept - lowest if mode == "min" else lowest - kept)


def _stop_validity(
    position: int, state: EarlyStoppingState, run: Run, stream: Stream, horizon: Horizon | None
) -> Validity:
    last = run.rows[-1].index
    if horizon is not None and not horizon.covers(last):
        return _hypothetical(horizon, _earliest_after(horizon, position, run, stream))
    if state.stopped_index is not None:
        return Validity("exact", f"It stops after epoch {last + 1}; until then it only observes.")
    if run.rows[-1].stoppers:
        return Validity("exact", f"Another callback stops the training after epoch {last + 1}, before this one would.")
    earliest = state.earliest_stop(last, _cadence(stream, state.settings.monitor))
    return Validity("undecided", _undecided_reason(last, state, earliest), earliest_stop_index=earliest)


def _undecided_reason(last: int, state: EarlyStoppingState, earliest: int | None) -> str:
    ends = f"The recording ends after epoch {last + 1} with wait {state.wait} of {state.settings.patience:g}"
    return ends + (f"; it could stop after epoch {earliest + 1} at the earliest." if earliest is not None else ".")


def _earliest_after(horizon: Horizon, position: int, run: Run, stream: Stream) -> int | None:
    for row in reversed(run.rows):
        state = row.states[position]
        if horizon.covers(row.index) and isinstance(state, EarlyStoppingState):
            return state.earliest_stop(row.index, _cadence(stream, state.settings.monitor))
    return None


def _cadence(stream: Stream, monitor: str) -> int:
    monitored = [epoch.index for epoch in stream.epochs if monitor in epoch.logs]
    gaps = {after - before for before, after in itertools.pairwise(monitored)}
    # An irregular series is no promise of a gap to come: the next epoch may hold a value.
    return gaps.pop() if len(gaps) == 1 else 1


def _hypothetical(horizon: Horizon, earliest: int | None = None) -> Validity:
    until = "from the first epoch on" if horizon.index is None else f"after epoch {horizon.index + 1}"
    reason = f"A what-if {until}: {horizon.reason}."
    return Validity("hypothetical", reason, valid_through_index=horizon.index, earliest_stop_index=earliest)


def _reduce_lr(
    position: int, state: ReduceLROnPlateauState, run: Run, stream: Stream, horizon: Horizon | None
) -> ReduceLROnPlateauOutcome:
    drops = tuple(
        Drop(event.index, event.old_lr, event.new_lr, _drop_label(event.index, horizon))
        for row in run.rows
        for event in row.events[position]
        if isinstance(event, LearningRateReduced)
    )
    return ReduceLROnPlateauOutcome(
        settings=state.settings,
        mode=state.comparison.direction if state.comparison else None,
        drops=drops,
        validity=_drops_validity(drops, run, stream, horizon),
    )


def _drop_label(index: int, horizon: Horizon | None) -> Label:
    return "exact" if horizon is None or horizon.covers(index) else "hypothetical"


def _drops_validity(drops: tuple[Drop, ...], run: Run, stream: Stream, horizon: Horizon | None) -> Validity:
    last = run.rows[-1].index
    if horizon is not None and not horizon.covers(last):
        return _hypothetical(horizon)
    if drops:
        return Validity("exact", "Every drop is where the recording allows it to be checked.")
    if len(run.rows) < len(stream.epochs) or run.rows[-1].stoppers:
        return Validity("exact", f"The training stops after epoch {last + 1}, before any drop.")
    return Validity("undecided", f"The recording ends after epoch {last + 1}, before any drop.")


def settings_dict(outcome: Outcome) -> dict[str, object]:
    """Return the settings under Keras's argument names, without those that only print."""
    return {key: value for key, value in asdict(outcome.settings).items() if key != "verbose"}
