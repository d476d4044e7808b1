"""Series of event files on the way to fits: what is by epoch, what is a stream, and what was decided on the way.

The files say of a point only its tag and its step. What the steps count is decided from all tags of a run together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.events.columns import Points
    from kcb_replay.ingest.recording import StepUnit


class MetricPoints(NamedTuple):
    """The points of one tag, the metric they are of, and the file of the first."""

    metric: str
    tag: str
    source: str
    points: Points


class StreamPoints(NamedTuple):
    """Points whose steps count something finer than epochs."""

    column: MetricPoints
    unit: StepUnit


class Remark(NamedTuple):
    """What was decided, as the code and the text of a note; the text goes on behind the path of the source."""

    code: str
    text: str


class CountedSeries(NamedTuple):
    """The series of a run by what their steps count; `why` says of what has no epochs why that is so."""

    columns: Sequence[MetricPoints]
    streams: Sequence[StreamPoints] = ()
    remarks: Sequence[Remark] = ()
    why: str = "ended no epoch and cannot be replayed"
