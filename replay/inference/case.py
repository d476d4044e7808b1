"""A recorded fit made ready for inference: metrics, directions and versions that come into question.

Refuses fits that show nothing: without a metric, of one epoch, of NaN alone, or with epochs that the source dropped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.errors import MonitorNotRecordedError, NotReplayableError, SettingError
from kcb_replay.replay.directions import assumed_direction
from kcb_replay.replay.inference.monitored import monitored_of
from kcb_replay.replay.inference.versions import modes_of, versions_in_question, writing_rates
from kcb_replay.replay.stream import stream_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Message, Note, Recording
    from kcb_replay.replay.directions import Direction
    from kcb_replay.replay.inference.monitored import Monitored
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.stream import Stream

__all__ = ["Case", "case_of"]


@dataclass(frozen=True, eq=False)
class Case:
    """A fit made ready: its metrics in the directions that come into question, and the versions with the reason.

    `assumed` are sentences on metrics whose direction is taken from their names.
    """

    stream: Stream
    messages: Sequence[Message]
    notes: tuple[Note, ...]
    versions: tuple[Semantics, ...]
    reducing: tuple[Semantics, ...]
    why: str
    stoppers: tuple[Monitored, ...]
    reducers: tuple[Monitored, ...]
    left_out: tuple[str, ...]
    assumed: tuple[str, ...]


def case_of(
    recording: Recording, number: int, monitor: str | None, mode: Direction | None, asked: str | Semantics | None
) -> Case:
    """Return a fit made ready; raises what `infer` does. `asked` are the versions that the user asked about."""
    if mode not in (None, "min", "max"):
        raise SettingError(f"mode must be 'min' or 'max', but it is {mode!r}. Leave it out to look at what auto takes.")
    fit = recording.fits[number]
    stream = stream_of(fit)
    notes = tuple(note for note in recording.notes if note.fit in (None, number))
    monitors, left_out = _monitors(recording, stream, notes, monitor)
    versions, why = versions_in_question(stream, asked)
    # With a schedule of the optimizer, for which older TensorBoards write the rate, ReduceLROnPlateau raises.
    late = asked in (None, "auto") and stream.learning_rates_may_be_late
    reducing = tuple(writing_rates(versions, "learning_rate")) if late else versions
    stoppers, reducers = (
        tuple(
            monitored_of(stream, each, chosen)
            for each in monitors
            for chosen in ((mode,) if mode else modes_of(each, taken, plateau=plateau))
        )
        for plateau, taken in ((False, versions), (True, reducing))
    )
    asks = mode is None and any(
        "metric" in (each.early_stopping_direction, each.plateau_direction) for each in versions
    )
    sentences = (assumed_direction(each, stream.names) for each in monitors if asks)
    assumed = tuple(f"{each[0].upper()}{each[1:]}." for each in sentences if each)
    return Case(stream, fit.messages, notes, versions, reducing, why, stoppers, reducers, left_out, assumed)


def _monitors(
    recording: Recording, stream: Stream, notes: Sequence[Note], asked: str | None
) -> tuple[list[str], tuple[str, ...]]:
    """Return the metrics to look at, and why others are left out; raises where none is left."""
    names = list(dict.fromkeys(name for epoch in stream.epochs for name in epoch.logs))
    if not names:
        raise _refused(recording, "the fit holds no metric, so there is nothing that a callback could have watched")
    if asked is not None and asked not in names:
        raise MonitorNotRecordedError(asked, recording.name, sorted(names))
    if len(stream.epochs) == 1:
        raise _refused(recording, "the fit has one epoch, which every callback with any settings would have run")
    sampled = {note.metric: note.text for note in notes if note.code == "sampled"}
    if None in sampled:
        raise _refused(recording, f"{sampled[None]}; how long a callback waited cannot be told")
    left_out = {name: sampled[name] for name in names if name in sampled}
    for name in names:
        if np.isnan(list(stream.values_of(name).values())).all():
            left_out[name] = f"{name} is NaN in every epoch, which tells no settings apart"
    chosen = names if asked is None else [asked]
    if all(name in left_out for name in chosen):
        raise _refused(recording, "; ".join(left_out[name] for name in chosen))
    return [name for name in chosen if name not in left_out], tuple(
        left_out[name] for name in chosen if name in left_out
    )


def _refused(recording: Recording, reason: str) -> NotReplayableError:
    return NotReplayableError(f"{recording.name}: {reason}.", reason=reason)
