"""Whether a replayed training has its own learning rate, which is decided here alone, and what must be said of it.

The notes are those on a rate that is no float32 variable, or may be none; the horizon is how far its replay holds.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback
from kcb_replay.replay.engine import Row, Run
from kcb_replay.replay.events import Event, LearningRateReduced, of_kind
from kcb_replay.replay.learning_rates import IntegerRate, ScheduledRate
from kcb_replay.replay.stream import Stream
from kcb_replay.replay.validity import Horizon

# The copy of a schedule that is compiled into the train step may round otherwise than the schedule itself.
_SAME = 1e-5


def scheduled_horizon(rows: Sequence[Row], stream: Stream, rate: ScheduledRate, version: Semantics) -> Horizon | None:
    """Return the limit that recorded rates set which are not those of the schedule, None where all are.

    Nothing that a callback sets lasts, so the recorded metrics are those of the replayed training.
    """
    before: int | None = None
    for row in rows:
        recorded, expected = stream.learning_rates.get(row.index), rate.after_batches(row.lr_begin, row.index, version)
        if recorded is not None and not math.isclose(recorded, expected, rel_tol=_SAME):
            why = reason(
                "limit.other_schedule",
                recorded=recorded,
                schedule=str(rate),
                steps=rate.steps_per_epoch,
                expected=expected,
                epoch=row.index + 1,
            )
            return Horizon(before, why)
        before = row.index
    return None


def rate_notes(initial_lr: float, run: Run, stream: Stream, version: Semantics) -> Iterator[Reason]:
    """Yield what holds of the optimizer's learning rate where that is not plain."""
    events = list(run.epoch_events)
    if isinstance(initial_lr, ScheduledRate):
        if any(event.new_rate is not None for event in events):
            yield reason("note.schedule_overwrites", schedule=str(initial_lr), version=version.name)
        yield reason("note.schedule_steps", steps=initial_lr.steps_per_epoch)
    elif isinstance(initial_lr, IntegerRate):
        if version.integer_rates == "made float32":
            yield reason("note.integer_made_float", version=version.name, rate=str(initial_lr))
        elif version.integer_rates == "kept by legacy optimizers":
            yield reason("note.integer_in_legacy", version=version.name, rate=str(initial_lr))
    else:
        yield from _maybe_integer(events, initial_lr, stream, version)


def _maybe_integer(events: Sequence[Event], initial_lr: float, stream: Stream, version: Semantics) -> Iterator[Reason]:
    """Yield the note on a first rate that may have been an int, where that would have made a difference."""
    if version.integer_rates == "made float32" or not initial_lr or not math.isfinite(initial_lr):
        return
    whole = all(float(rate).is_integer() for rate in (initial_lr, *stream.learning_rates.values()))
    reduced = next(of_kind(events, LearningRateReduced), None)
    if not whole or reduced is None or reduced.new_lr == math.trunc(reduced.new_lr):
        return
    legacy = "_legacy" if version.integer_rates == "kept by legacy optimizers" else ""
    yield reason(
        f"note.maybe_integer{legacy}",
        rate=initial_lr,
        version=version.name,
        whole=math.trunc(reduced.new_lr),
        reduced=reduced.new_lr,
    )


def changes_rate(callbacks: Sequence[Callback], run: Run) -> bool:
    """Tell whether a callback is there to change the learning rate, or did so: a user's own says nothing before."""
    return any(callback.changes_learning_rate for callback in callbacks) or any(
        event.new_rate is not None for event in run.epoch_events
    )
