"""What the steps of event files count that Keras did not write: epochs where that can be told, else only an order.

PyTorch's SummaryWriter, Lightning, the Trainer of Hugging Face, Estimators and loops of one's own write any tag at any
step. Epochs are what an `epoch` beside them says, or the steps of a validation that rise one by one: nobody validates
after each batch. A training alone may count either, and is kept as a stream.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.events.columns import Points
from kcb_replay.ingest.events.series import CountedSeries, MetricPoints, Remark, StreamPoints
from kcb_replay.ingest.metric_names import names_of, split_role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from kcb_replay.ingest.recording import Floats, Integers

_EPOCH_OF_LIGHTNING, _EPOCH_OF_TRAINER = "epoch", "train/epoch"
_ENDINGS = ("_epoch", "_step")
_SPEED_OF_ESTIMATORS = "global_step/sec"
_TEST = re.compile(r"(^|[_/])test([_/]|$)")
_NO_EPOCHS = "cannot be replayed"


def is_of_estimator(tags: Iterable[str]) -> bool:
    """Tell whether TensorFlow 1's Estimators, or its monitored sessions, wrote these tags."""
    return _SPEED_OF_ESTIMATORS in tags


def has_epochs(tags: Iterable[str]) -> bool:
    """Tell whether an epoch is recorded beside the metrics, as Lightning and the Trainer of Hugging Face do."""
    return not {_EPOCH_OF_LIGHTNING, _EPOCH_OF_TRAINER}.isdisjoint(tags)


def is_by_other_writer(tags: Iterable[str]) -> bool:
    """Tell whether some tag is certainly a metric of the data that it names."""
    return any(split_role(tag) is not None for tag in tags)


def by_iteration(series: Mapping[str, MetricPoints]) -> CountedSeries:
    """Return what an Estimator wrote: at global steps, which are no epochs."""
    why = (
        f"counts global steps, as Estimators do ({_SPEED_OF_ESTIMATORS} is beside them), and no epochs: it {_NO_EPOCHS}"
    )
    return CountedSeries([], _streams(series, series), why=why)


def by_recorded_epoch(series: Mapping[str, MetricPoints]) -> CountedSeries:
    """Return what stands once an epoch, at its end, by the epoch that is recorded at its step; the rest as streams."""
    key = next(tag for tag in (_EPOCH_OF_LIGHTNING, _EPOCH_OF_TRAINER) if tag in series)
    clock = series[key].points
    others = {tag: column for tag, column in series.items() if tag != key}
    order = np.argsort(clock.steps, kind="stable")
    steps, first = np.unique(clock.steps[order], return_index=True)
    epochs = clock.values[order][first]
    falls = int((clock.steps[:-1] - clock.steps[1:]).max(initial=0))
    usable = (epochs >= 0) & (epochs < 1 << 53)
    # Some versions of Lightning write the means of an epoch with the step before that of its validation.
    if falls > 1 or not usable.all():
        why = (
            f"has an {key} that goes back or is none, so that its steps belong to no epoch for certain: it {_NO_EPOCHS}"
        )
        return CountedSeries([], _streams(others, others), why=why)
    if key == _EPOCH_OF_TRAINER:
        # A fraction is a step amid an epoch.
        epochs = np.where(epochs == np.floor(epochs), epochs - 1, -1)
    placed = {tag: _epochs_at(column.points.steps, steps, epochs) for tag, column in others.items()}
    trained = [tag for tag in others if not _TEST.search(tag)]
    last = _last_steps({tag: others[tag] for tag in trained}, placed)
    by_epoch = {tag for tag, column in others.items() if _stands_at_ends(tag, column.points.steps, placed[tag], last)}
    after = {tag for tag in by_epoch if tag not in trained and not set(placed[tag].tolist()) <= last.keys()}
    remarks = [
        Remark("after_training", f"has {tag} behind the last epoch: it is of none, and left out") for tag in after
    ]
    renamed = _without_ending if key == _EPOCH_OF_LIGHTNING else None
    names = names_of(sorted(by_epoch - after), renamed)
    columns = [
        column._replace(metric=names[tag], points=_at(column.points, placed[tag]))
        for tag, column in others.items()
        if tag in by_epoch - after
    ]
    why = f"has no metric at the ends of its epochs alone: it {_NO_EPOCHS}"
    return CountedSeries(columns, _streams(others, others.keys() - by_epoch, renamed), remarks, why)


def by_validation(series: Mapping[str, MetricPoints]) -> CountedSeries:
    """Return what stands at the steps of a validation that count epochs; the rest as streams."""
    names = names_of(series)
    validations = [tag for tag in series if names[tag].startswith(("val_", "test_"))]
    clock = max((series[tag].points for tag in validations), key=len, default=None)
    trained = [series[tag].points for tag in series if tag not in validations and split_role(tag) is not None]
    if clock is None or not _counts_by_one(clock) or not all(_agrees(points, clock) for points in trained):
        why = f"does not show whether its steps count epochs or batches: it {_NO_EPOCHS}. Write an epoch beside them"
        return CountedSeries([], _streams(series, series), why=why)
    # A training that was stopped before its last validation has one epoch more.
    known = np.append(np.unique(clock.steps), clock.steps.max() + 1)
    by_epoch = [
        tag
        for tag in series
        if np.isin(series[tag].points.steps, known).all() and not is_ahead(series[tag].points, clock)
    ]
    first = min(int(series[tag].points.steps.min()) for tag in by_epoch)
    remarks = []
    if first == 1:
        text = "has steps that begin at 1, and no step 0: it is assumed that they count epochs from 1"
        remarks.append(Remark("counts_from_one", text))
    columns = [
        series[tag]._replace(metric=names[tag], points=_at(series[tag].points, series[tag].points.steps - (first == 1)))
        for tag in by_epoch
    ]
    return CountedSeries(columns, _streams(series, series.keys() - set(by_epoch)), remarks)


def _streams(
    series: Mapping[str, MetricPoints], tags: Iterable[str], renamed: Callable[[str], str] | None = None
) -> list[StreamPoints]:
    taken = set(tags)
    chosen = [tag for tag in series if tag in taken]
    names = names_of(chosen, renamed)
    return [StreamPoints(series[tag]._replace(metric=names[tag]), "iteration") for tag in chosen]


def _without_ending(tag: str) -> str:
    for ending in _ENDINGS:
        if tag.endswith(ending) and len(tag) > len(ending):
            tag = tag.removesuffix(ending)
            break
    return names_of([tag])[tag]


def _at(points: Points, epochs: Integers) -> Points:
    return Points(epochs, points.values, points.wall_times, points.files)


def _epochs_at(steps: Integers, known: Integers, epochs: Floats) -> Integers:
    """Return the epoch of each step, -1 where none is recorded."""
    at = np.minimum(np.searchsorted(known, steps), len(known) - 1)
    return np.where(known[at] == steps, epochs[at], -1).astype(np.int64)


def _last_steps(series: Mapping[str, MetricPoints], placed: Mapping[str, Integers]) -> dict[int, int]:
    """Return the last step of each epoch."""
    epochs = np.concatenate([placed[tag] for tag in series]) if series else np.zeros(0, np.int64)
    steps = np.concatenate([column.points.steps for column in series.values()]) if series else epochs
    order = np.argsort(steps, kind="stable")
    return {
        epoch: step for epoch, step in zip(epochs[order].tolist(), steps[order].tolist(), strict=True) if epoch >= 0
    }


def _stands_at_ends(tag: str, steps: Integers, epochs: Integers, last: Mapping[int, int]) -> bool:
    if tag.endswith("_step") or (epochs < 0).any() or len(np.unique(epochs)) < len(epochs):
        return False
    # The step is that of the last batch or the one behind it, as versions differ.
    pairs = zip(epochs.tolist(), steps.tolist(), strict=True)
    return tag.endswith("_epoch") or all(step + 1 >= last.get(epoch, step) for epoch, step in pairs)


def _counts_by_one(points: Points) -> bool:
    gaps = np.diff(points.steps)
    return bool(((gaps == 1) | (gaps <= 0)).all()) and len(points) > 1


def _agrees(points: Points, clock: Points) -> bool:
    """Tell whether points count what the clock does, or for certain something finer."""
    if is_ahead(points, clock):
        return True
    beyond = np.setdiff1d(points.steps, clock.steps)
    return len(beyond) == 0 or (len(beyond) == 1 and int(beyond[0]) == int(clock.steps.max()) + 1)


def is_ahead(points: Points, clock: Points) -> bool:
    """Tell whether, when the clock had its last step, the points were at a later one: they count something finer."""
    step, time = int(clock.steps[-1]), float(clock.wall_times[-1])
    before = points.steps[points.wall_times <= time]
    return len(before) > 0 and int(before[-1]) > step + 1
