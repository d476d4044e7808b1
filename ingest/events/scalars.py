"""The scalars of a run by the data they are of, and which of them are epochs, batches or neither.

Tags of Keras say what they are: `epoch_loss`, `batch_loss`, and the bare `loss` of Keras 2. Those of others are named
and counted as `writers` can tell.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kcb_replay.ingest.events.samples import by_samples
from kcb_replay.ingest.events.series import CountedSeries, MetricPoints, StreamPoints
from kcb_replay.ingest.events.writers import (
    by_iteration,
    by_recorded_epoch,
    by_validation,
    has_epochs,
    is_ahead,
    is_by_other_writer,
    is_of_estimator,
)
from kcb_replay.ingest.metric_names import ROLE_OF

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.ingest.events.columns import Points
    from kcb_replay.ingest.recording import StepUnit

_EPOCH = "epoch_"
_STREAMS: tuple[tuple[re.Pattern[str], StepUnit], ...] = (
    (re.compile(r"batch_(.+)", re.DOTALL), "batch"),
    (re.compile(r"evaluation_(.+)_vs_iterations", re.DOTALL), "iteration"),
)


@dataclass(slots=True)
class RoleScalars:
    """What one role (train, validation or the folder itself) holds: points per tag in file order."""

    points: dict[str, Points] = field(default_factory=dict)
    sources: dict[str, str] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)


def take_streams(scalars: dict[str, RoleScalars]) -> list[StreamPoints]:
    """Take the tags that count batches or iterations out of the scalars."""
    streams: dict[str, StreamPoints] = {}
    for role, of_role in scalars.items():
        for tag in list(of_role.points):
            for pattern, unit in _STREAMS:
                match = pattern.fullmatch(tag)
                if match is not None:
                    name = _named(match[1], role)
                    # Both of one metric: the second keeps its tag, so that neither is lost.
                    name = name if name not in streams else f"{name} ({role or 'folder'}/{tag})"
                    column = MetricPoints(name, tag, of_role.sources[tag], of_role.points.pop(tag))
                    streams[name] = StreamPoints(column, unit)
                    break
    return list(streams.values())


def _named(metric: str, role: str) -> str:
    return f"val_{metric}" if role == "validation" else metric


def counted_series(scalars: dict[str, RoleScalars], streams: Sequence[StreamPoints]) -> CountedSeries:
    """Take the scalars of a training out of all, by what their steps count."""
    if any(tag.startswith(_EPOCH) for role in scalars.values() for tag in role.points):
        columns = _columns(scalars)
        return (by_samples(columns, streams) if set(scalars) == {""} else None) or CountedSeries(columns)
    series = {
        f"{name}/{tag}"
        if name and not _names_data(tag, name)
        else f"{tag}/{name.rpartition('_')[2]}"
        if name
        else tag: MetricPoints(tag, tag, role.sources[tag], points)
        for name, role in scalars.items()
        for tag, points in role.points.items()
    }
    bare = scalars.get("", RoleScalars()).points.keys() & {"loss", "val_loss"}
    if is_of_estimator(series) and bare:
        counted = by_iteration(series)
    elif has_epochs(series) and (bare or is_by_other_writer(series)):
        counted = by_recorded_epoch(series)
    elif set(scalars) == {""} and _is_of_keras_2(scalars[""].points):
        columns = _columns(scalars)
        return by_samples(columns, streams) or CountedSeries(columns)
    elif is_by_other_writer(series):
        counted = by_validation(series)
    else:
        return CountedSeries([])
    for role in scalars.values():
        role.points.clear()
    return counted


def _names_data(tag: str, folder: str) -> bool:
    """Tell whether a folder is that of add_scalars, which has the name of the tag before that of the data."""
    return folder.rpartition("_")[0] == tag.replace("/", "_")


def _is_of_keras_2(points: Mapping[str, Points]) -> bool:
    """Tell whether bare tags are those of Keras 2, of which `val_loss` is written when `loss` is."""
    if "loss" not in points:
        return "val_loss" in points and not any(ROLE_OF.get(tag.partition("_")[0]) == "training" for tag in points)
    return "val_loss" not in points or not is_ahead(points["loss"], points["val_loss"])


def _columns(scalars: dict[str, RoleScalars]) -> list[MetricPoints]:
    """Return the epoch scalars under Keras's names; bare tags count only where Keras's own `loss` is among them."""
    columns: dict[str, MetricPoints] = {}
    for role, of_role in scalars.items():
        bare = role == "" and ("loss" in of_role.points or "val_loss" in of_role.points)
        for tag, points in of_role.points.items():
            metric = _named(tag.removeprefix(_EPOCH), role)
            if not tag.startswith(_EPOCH) and not bare:
                of_role.skipped["other scalars"] += len(points)
            elif metric in columns:
                of_role.skipped[f"{tag} (another file or tag has {metric}, too)"] += len(points)
            else:
                columns[metric] = MetricPoints(metric, tag, of_role.sources[tag], points)
    return list(columns.values())
