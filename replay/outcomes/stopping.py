"""What any stopping rule comes to: stop, best, kept, saved and regret; and what TerminateOnNaN does.

Regret is R = z(kept) - min z over the whole recording, never negative, in units of the metric (STATISTICS: z is the
metric when it should fall, its negative when it should rise). `saved` counts recorded epochs that would not have run.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias, cast

from kcb_replay.ingest.recording import both_counts
from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks.early_stopping import EarlyStoppingState
from kcb_replay.replay.callbacks.stopping import RuleState
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import Terminated, WeightsRestored
from kcb_replay.replay.outcomes.base import CallbackTrace, Json, Outcome, hypothetical
from kcb_replay.replay.stream import Stream
from kcb_replay.replay.validity import Horizon, Validity

StoppingState: TypeAlias = EarlyStoppingState | RuleState


@dataclass(frozen=True, slots=True, kw_only=True)
class StoppingOutcome(Outcome):
    """What a stopping rule would have done with one fit."""

    @classmethod
    def of(cls, trace: CallbackTrace) -> Self:
        """Return what a stopping rule comes to."""
        state = cast("StoppingState", trace.state)
        mode = state.direction
        values = trace.stream.values_of(_monitor(trace))
        kept, lowest = _kept_index(trace), best_of(values, mode)
        kept_value = None if kept is None else values.get(kept)
        return cls(
            settings=trace.callback,
            mode=mode,
            stop_index=state.stopped_index,
            best_index=state.best_index,
            best_value=state.best,
            kept_index=kept,
            kept_value=kept_value,
            lowest_index=lowest,
            lowest_value=None if lowest is None else values[lowest],
            saved_epochs=len(trace.stream.epochs) - len(trace.run.rows),
            regret=None if lowest is None or kept_value is None else regret_of(kept_value, values[lowest], mode),
            validity=_validity(trace, state),
        )

    def facts(self) -> Json:
        """Return the epochs in both ways of counting, and their values."""
        record: Json = {}
        for name in ("stop", "best", "kept", "lowest"):
            index = getattr(self, f"{name}_index")
            record |= both_counts(name, index)
            if name != "stop":
                record[f"{name}_value"] = getattr(self, f"{name}_value")
        return {**record, "saved_epochs": self.saved_epochs, "regret": self.regret}


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminationOutcome(Outcome):
    """What TerminateOnNaN would have done with one fit; `batch` is None where the recording holds no batches."""

    @classmethod
    def of(cls, trace: CallbackTrace) -> Self:
        """Return the epoch in which a loss was NaN or infinite."""
        terminated = next(trace.events(Terminated), None)
        return cls(
            settings=trace.callback,
            mode=None,
            stop_index=terminated.index if terminated else None,
            batch=terminated.batch if terminated else None,
            validity=_validity_of_end(trace, terminated),
        )

    def facts(self) -> Json:
        """Return where it stopped."""
        return {**both_counts("stop", self.stop_index), "batch": self.batch}


def best_of(values: Mapping[int, float], mode: Direction | None) -> int | None:
    """Return the epoch of the first best value, None where none is a number."""
    numbers = {index: value for index, value in values.items() if not math.isnan(value)}
    if not numbers:
        return None
    return min(numbers, key=lambda index: numbers[index] if mode == "min" else -numbers[index])


def regret_of(kept: float, lowest: float, mode: Direction | None) -> float | None:
    """Return what the kept value gives away against the best one, None where it is NaN."""
    if math.isnan(kept):
        return None
    # Both infinite: nothing was given up, and the difference would be NaN.
    return 0.0 if kept == lowest else (kept - lowest if mode == "min" else lowest - kept)


def _monitor(trace: CallbackTrace) -> str:
    return str(getattr(trace.callback, "monitor", ""))


def _kept_index(trace: CallbackTrace) -> int | None:
    """Return the epoch whose weights one ends up with, as far as this callback goes; None for one of a fit before."""
    restored = [*trace.events(WeightsRestored), *trace.finish_events(WeightsRestored)]
    if not restored:
        return trace.last
    return restored[-1].from_index if restored[-1].fits_ago == 0 else None


def _validity_of_end(trace: CallbackTrace, terminated: Terminated | None) -> Validity:
    if terminated is not None:
        loss = {"loss": str(terminated.loss), "epoch": terminated.epoch}
        if terminated.batch is None:
            return Validity("exact", reason("validity.bad_loss", **loss))
        return Validity("exact", reason("validity.bad_loss_batch", **loss, batch=terminated.batch + 1))
    if not trace.stream.values_of("loss"):
        return Validity("undecided", reason("validity.no_loss"))
    if trace.beyond is not None:
        return hypothetical(trace.beyond)
    return Validity("exact", reason("validity.finite"))


def _validity(trace: CallbackTrace, state: StoppingState) -> Validity:
    last = trace.last
    if trace.beyond is not None:
        return hypothetical(
            trace.beyond, _earliest_after(trace.beyond, trace), undecided=not trace.run.rows[-1].stoppers
        )
    if state.stopped_index is None and trace.run.rows[-1].stoppers:
        return Validity("exact", reason("validity.other_stops", epoch=last + 1))
    return unlimited_validity(state, last, lambda: _cadence(trace.stream, _monitor(trace)))


def unlimited_validity(state: StoppingState, last: int, cadence: Callable[[], int]) -> Validity:
    """Return how far the answer of a rule holds that nothing limits; `last` is the 0-based epoch that ran last.

    `cadence` gives the number of epochs from one monitored epoch to the next.
    """
    if state.stopped_index is not None:
        return Validity("exact", reason("validity.stops", epoch=last + 1))
    earliest = state.earliest_stop(last, cadence())
    if earliest is None:
        return Validity("undecided", reason("validity.ends", epoch=last + 1, standing=state.standing))
    why = reason("validity.ends_earliest", epoch=last + 1, standing=state.standing, earliest=earliest + 1)
    return Validity("undecided", why, earliest_stop_index=earliest)


def _earliest_after(horizon: Horizon, trace: CallbackTrace) -> int | None:
    for row in reversed(trace.run.rows):
        if horizon.covers(row.index):
            state = cast("StoppingState", row.states[trace.position])
            return state.earliest_stop(row.index, _cadence(trace.stream, _monitor(trace)))
    return None


def _cadence(stream: Stream, monitor: str) -> int:
    return cadence_of([epoch.index for epoch in stream.epochs if monitor in epoch.logs])


def cadence_of(monitored: Sequence[int]) -> int:
    """Return the number of epochs from one monitored epoch to the next, 1 where they are not equal."""
    gaps = {after - before for before, after in itertools.pairwise(monitored)}
    # An irregular series is no promise of a gap to come: the next epoch may hold a value.
    return gaps.pop() if len(gaps) == 1 else 1
