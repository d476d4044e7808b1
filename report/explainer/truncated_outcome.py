"""What one callback comes to when the training ends after a given row: its outcome and how far that holds.

Cut out of replays that ran on; what is decided, the outcomes of `replay` decide, as for any other answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kcb_replay.replay.engine import Row, Run
from kcb_replay.replay.monitors import with_monitor_limits
from kcb_replay.replay.outcomes import CallbackTrace, outcome_of
from kcb_replay.replay.source_limits import limited

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Note
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.callbacks.base import State
    from kcb_replay.replay.events import Event
    from kcb_replay.replay.outcomes import Outcome
    from kcb_replay.replay.stream import Stream
    from kcb_replay.replay.validity import Horizon

__all__ = ["Truncation", "alone"]


@dataclass(frozen=True, slots=True)
class Truncation:
    """Knows the recording that every outcome is judged against."""

    stream: Stream
    notes: Sequence[Note]
    fit: int

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
        """Return the outcome of the callback at `position` of replays whose training ends with the last of `rows`.

        `state` and `events` are its own after the last row, where they differ from what stands there.
        """
        last = rows[-1]
        states, of_all = list(last.states), list(last.events)
        states[position] = state or states[position]
        of_all[position] = tuple(of_all[position] if events is None else events)
        ended = replace(last, states=tuple(states), events=tuple(of_all), stoppers=stoppers)
        finished = tuple(tuple(finish) if place == position else () for place in range(len(states)))
        run = Run((*rows[:-1], ended), finished, last.lr, ended.states)
        view = CallbackTrace(setting, position, run, self.stream, horizon)
        return with_monitor_limits(limited(outcome_of(view), view, self.notes, self.fit), view.state, self.stream, ())


def alone(rows: Sequence[Row], position: int) -> list[Row]:
    """Return the rows with one of their callbacks only."""
    return [replace(row, states=(row.states[position],), events=(row.events[position],), stoppers=()) for row in rows]
