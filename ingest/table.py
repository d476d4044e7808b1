"""From points as files hold them to the series of a fit, with the notes that every format owes.

Names become Keras's where that is certain: `train/loss` is `loss`, `val/loss` is `val_loss`. Where two tags would get
one name, both keep their own.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.errors import ReadError
from kcb_replay.ingest.recording import Note, Series, StepSeries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from kcb_replay.ingest.readers.base import Blob
    from kcb_replay.ingest.recording import Integers, StepUnit

__all__ = ["MAX_STEP", "epoch_column", "epoch_notes", "exact", "keras_name", "names_of", "only", "series", "stream"]

MAX_STEP = 2**53
_TRAINING = ("train_", "train/")
_VALIDATION = ("val/",)


def only(blobs: tuple[Blob, ...], what: str) -> Blob:
    """Return the one file of a run; raises `ReadError` for several."""
    if len(blobs) == 1:
        return blobs[0]
    paths = ", ".join(blob.path for blob in blobs) or "none"
    raise ReadError(f"{what} is a run, but {len(blobs)} files were given: {paths}. Read each as its own run.")


def keras_name(tag: str) -> str:
    """Return what Keras would call a metric, which is the tag itself where that is not certain."""
    for prefix in _TRAINING:
        if tag.startswith(prefix) and len(tag) > len(prefix):
            return tag.removeprefix(prefix)
    for prefix in _VALIDATION:
        if tag.startswith(prefix) and len(tag) > len(prefix):
            return "val_" + tag.removeprefix(prefix)
    return tag


def names_of(tags: Iterable[str], renamed: Callable[[str], str] = keras_name) -> dict[str, str]:
    """Return a name for each tag; tags that would share one keep their own."""
    names = {tag: renamed(tag) for tag in tags}
    counts = Counter([*names.values(), *(tag for tag, name in names.items() if tag != name)])
    return {tag: name if counts[name] == 1 else tag for tag, name in names.items()}


def exact(value: object) -> float:
    """Return a number as a float; raises `ValueError` for what is no number or has no equal float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"a {type(value).__name__}, which is no number")  # noqa: TRY004  # a fact of the file
    if isinstance(value, int) and (value.bit_length() > 1000 or float(value) != value):
        raise ValueError("an integer that no 64-bit float equals")
    return float(value)


def series(values: Mapping[int, float], epochs: Integers, tag: str, source: str) -> Series:
    """Return the series that has these values at these epochs and none at the others."""
    found = [values.get(epoch) for epoch in epochs.tolist()]
    return Series(
        np.array([0.0 if value is None else value for value in found], np.float64),
        np.array([value is not None for value in found], np.bool_),
        tag=tag,
        source=source,
    )


def stream(
    points: Sequence[tuple[int, float]],
    unit: StepUnit,
    tag: str,
    source: str,
    wall_time: Sequence[float] | None = None,
) -> StepSeries:
    """Return points, whose steps must not fall, as a stream."""
    return StepSeries(
        np.array([step for step, _ in points], np.int64),
        np.array([value for _, value in points], np.float64),
        unit,
        tag=tag,
        source=source,
        wall_time=None if wall_time is None else np.array(wall_time, np.float64),
    )


def epoch_column(epochs: Iterable[int]) -> Integers:
    """Return the rising epochs of a fit."""
    return np.array(sorted(epochs), np.int64)


def epoch_notes(epochs: Integers, number: int, path: str) -> list[Note]:
    """Say where a fit begins too late or lacks epochs."""
    if not len(epochs):
        return []
    first, last = int(epochs[0]), int(epochs[-1])
    notes = []
    if first > 0:
        text = f"fit {number} of {path} starts at epoch {first + 1}: what callbacks saw before is not recorded"
        notes.append(Note("starts_late", text, path, fit=number))
    gaps = int((np.diff(epochs) > 1).sum())
    if gaps:
        text = (
            f"fit {number} of {path} lacks epochs at {gaps} places between epoch {first + 1} and {last + 1},"
            " so no answer from it is exact"
        )
        notes.append(Note("sampled", text, path, fit=number))
    return notes
