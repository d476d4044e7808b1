"""Everything that one monitor under one version answers: every end, every learning rate, all other callbacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import KerasWouldRaiseError
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.semantics import semantics
from kcb_replay.report.explainer.cells import compared_in
from kcb_replay.report.explainer.lanes import never_stopping, positions_of, rate_lanes, replayed, stop_lanes
from kcb_replay.report.explainer.truncated_outcome import Truncation

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.engine import Run
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.report.explainer.lanes import Ending, Lane
    from kcb_replay.report.explainer.request import ExplainerRequest

__all__ = ["Context", "context_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The replays of one monitor under one version; `base` is that of the list in which the lead never stops.

    `ends` is (setting, lane, ending) per position of the lead, None where it has no patience; `rates` is the lane per
    position of the ReduceLROnPlateau with controls.
    """

    asked: ExplainerRequest
    monitor: int
    version: Semantics
    callbacks: tuple[Callback, ...]
    base: Run
    ends: tuple[tuple[EarlyStopping, Lane, Ending], ...]
    rates: tuple[Lane, ...]
    judge: Truncation

    @property
    def lead(self) -> Callback:
        """The callback that the page is about, as this monitor has it."""
        return self.callbacks[self.asked.lead]

    @property
    def stopped_by_others(self) -> bool:
        """Whether a callback without controls stops the training at the last row."""
        return bool(self.base.rows[-1].stoppers)

    def replayed(self) -> Replay:
        """Return the replay of the list as it was asked for, under this monitor and version."""
        return self.asked.replayed(self.callbacks, self.version.name)

    def compared(self) -> set[tuple[float, float]]:
        """Return every pair of values that is compared at any position."""
        lanes = {id(lane): lane for _, lane, _ in self.ends} | {id(lane): lane for lane in self.rates}
        pairs = {pair for lane in lanes.values() for pair in compared_in(lane.rows, 0)}
        return pairs.union(*(compared_in(self.base.rows, position) for position in range(len(self.callbacks))))


def context_of(asked: ExplainerRequest, monitor: int, version: str) -> Context:
    """Replay every position of one monitor under one version; raises `KerasWouldRaiseError` where none can be."""
    callbacks, found = asked.callbacks_for(monitor), semantics(version)
    stream, initial_lr = asked.start.stream, asked.start.initial_lr
    endless = [
        never_stopping(each) if asked.has_lanes and place == asked.lead else each
        for place, each in enumerate(callbacks)
    ]
    base = replayed(stream.epochs, endless, found, initial_lr)
    if base.error:
        reason = f"Keras raises {base.error.kind} in {base.error.callback}: {base.error.message}."
        raise KerasWouldRaiseError(f"{asked.recording.name}: {reason}", reason=reason)
    epochs = stream.epochs[: len(base.rows)]
    lead = callbacks[asked.lead]
    ends = (
        stop_lanes(epochs, lead, list(positions_of(asked.axes_of(asked.lead), monitor)), found)
        if asked.has_lanes and isinstance(lead, EarlyStopping)
        else []
    )
    rates: list[Lane] = []
    if asked.reducer is not None:
        reducer = callbacks[asked.reducer]
        arguments = list(positions_of(asked.axes_of(asked.reducer), monitor))
        if isinstance(reducer, ReduceLROnPlateau):
            rates = rate_lanes(epochs, reducer, arguments, found, initial_lr)
    judge = Truncation(stream, asked.recording.notes, asked.fit)
    return Context(
        asked=asked,
        monitor=monitor,
        version=found,
        callbacks=callbacks,
        base=base,
        ends=tuple(ends),
        rates=tuple(rates),
        judge=judge,
    )
