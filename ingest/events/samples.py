"""Epochs of Keras's older TensorBoard callbacks, which count the samples seen when `update_freq` is not "epoch".

Keras 2.2.3 to 2.3 write batches and the ends of epochs under one tag: `loss` at 32, 64, ... 320, and at 320 once more
when the epoch ends, with `val_loss`. tf.keras 1.13 to 1.15 write `epoch_loss` at the samples seen, `batch_loss` at the
batches. An epoch is a step at which one ended, divided by the samples of an epoch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.events.columns import Points
from kcb_replay.ingest.events.series import CountedSeries, MetricPoints, Remark, StreamPoints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Integers, Mask

# Only ends of epochs have these.
_OF_EPOCHS = ("lr", "learning_rate")
_OF_BATCHES = "batch_"


def by_samples(columns: Sequence[MetricPoints], streams: Sequence[StreamPoints]) -> CountedSeries | None:
    """Return the epochs and the batches of columns that count samples, None where they count something else."""
    leading = max(columns, key=lambda column: (not _is_of_epochs(column.metric), len(column.points)))
    steps = leading.points.steps
    if int(steps.min()) < 1:
        return None
    if leading.tag == leading.metric:
        ends = np.unique(np.concatenate([steps[_repeated(steps)], *map(_steps_of_epochs, columns)]))
        finer = not np.isin(steps, ends).all()
        plausible = finer and len(steps) > 2 and int(steps[0]) <= int(np.median(np.diff(np.unique(steps))))
    else:
        ends = np.unique(np.concatenate([column.points.steps for column in columns]))
        batches = [int(of.column.points.steps.max()) for of in streams if of.column.tag.startswith(_OF_BATCHES)]
        # A batch has a sample at least; a callback that counts epochs is never ahead of its batches.
        plausible = bool(batches) and len(ends) > 0 and int(ends[-1]) > max(batches) + 1
    samples = int(ends[0]) if len(ends) else 0
    if not plausible or samples < 2 or (ends % samples).any():
        return None
    text = (
        f"counts samples, {samples} in an epoch, as Keras 2.2 and tf.keras 1 do with update_freq: a fit is counted"
        " from its first epoch, whatever initial_epoch it had"
    )
    split = [_split(column, ends, samples) for column in columns]
    by_epoch = [one for one, _ in split if len(one.points)]
    return CountedSeries(
        by_epoch, [StreamPoints(two, "sample") for _, two in split if len(two.points)], [Remark("samples_seen", text)]
    )


def _is_of_epochs(metric: str) -> bool:
    return metric.startswith("val_") or metric in _OF_EPOCHS


def _steps_of_epochs(column: MetricPoints) -> Integers:
    return column.points.steps[:0] if not _is_of_epochs(column.metric) else column.points.steps


def _repeated(steps: Integers) -> Mask:
    return np.append(False, steps[1:] == steps[:-1]) if len(steps) else np.zeros(0, np.bool_)


def _split(column: MetricPoints, ends: Integers, samples: int) -> tuple[MetricPoints, MetricPoints]:
    """Return the values at the ends of epochs, of two of a step the last, and those of batches."""
    points = column.points
    last = ~np.append(_repeated(points.steps)[1:], False) if len(points) else np.zeros(0, np.bool_)
    at_ends = np.isin(points.steps, ends) & last
    whole = points.where(at_ends)
    epochs = Points(whole.steps // samples - 1, whole.values, whole.wall_times, whole.files)
    return column._replace(points=epochs), column._replace(points=points.where(~at_ends))
