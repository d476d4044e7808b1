"""Make one Recording of the several sources that one run left behind.

The source that says most is leading: CSVLogger knows which epoch lacks which value, a History loses that, event files
add wall times. The others are checked against it, value by value and to float32; they add metrics it lacks, and where
they disagree the leading one is kept and a note says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from kcb_replay.ingest.recording import Fit, Note, Recording, Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.readers.base import Reading
    from kcb_replay.ingest.recording import Source

__all__ = ["Part", "merge"]

Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
_MOST_PRECISE_FIRST = ("csvlogger", "history", "tensorboard")


@dataclass(frozen=True, slots=True)
class Part:
    """What one format of a run gave: its files and their reading."""

    format: str
    sources: tuple[Source, ...]
    reading: Reading


def merge(name: str, parts: Sequence[Part]) -> Recording:
    """Return the recording of a run from the readings of its formats; at least one part is needed."""
    ordered = sorted(parts, key=lambda part: _MOST_PRECISE_FIRST.index(part.format))
    leading, others = ordered[0], ordered[1:]
    fits = list(leading.reading.fits)
    notes = list(leading.reading.notes)
    for part in others:
        notes += part.reading.notes
        for fit in part.reading.fits:
            number = _matching(fit, fits)
            if number is None:
                notes.append(_unmatched_note(fit, part))
            else:
                notes += _disagreements(fits[number], fit, number, part)
                fits[number] = _completed(fits[number], fit)
    sources = tuple(source for part in ordered for source in part.sources)
    return Recording(name, sources, tuple(fits), tuple(_still_true(notes, fits)))


def _matching(fit: Fit, fits: Sequence[Fit]) -> int | None:
    """Return the number of the fit that has the most values in common with `fit`, None when no value agrees."""
    agreeing = [sum(int(equal.sum()) for _, equal in _compared(candidate, fit)) for candidate in fits]
    best = int(np.argmax(agreeing))
    return best if agreeing[best] else None


def _compared(leading: Fit, other: Fit) -> Iterable[tuple[str, Mask]]:
    """Yield, per shared metric, whether the values agree at the epochs that have one in both."""
    _, left, right = np.intersect1d(leading.epochs, other.epochs, return_indices=True)
    for metric in sorted(leading.metrics.keys() & other.metrics.keys()):
        one, two = leading.metrics[metric], other.metrics[metric]
        # Keras 3's TensorBoard logs the rate at another moment of the epoch than the callbacks do.
        if two.tag == "epoch_learning_rate":
            continue
        both = one.valid[left] & two.valid[right]
        yield metric, _same_float32(one.values[left][both], two.values[right][both])


def _same_float32(one: Floats, two: Floats) -> Mask:
    with np.errstate(over="ignore"):
        left, right = one.astype(np.float32), two.astype(np.float32)
    return np.asarray((left == right) | (np.isnan(left) & np.isnan(right)))


def _disagreements(leading: Fit, other: Fit, number: int, part: Part) -> list[Note]:
    notes = []
    for metric, equal in _compared(leading, other):
        if not equal.all():
            text = (
                f"{part.sources[0].path} disagrees with {leading.metrics[metric].source} on {metric} in"
                f" {int((~equal).sum())} of {len(equal)} epochs of fit {number}; the latter is used"
            )
            notes.append(Note("disagreement", text, part.sources[0].path, fit=number, metric=metric))
    return notes


def _unmatched_note(fit: Fit, part: Part) -> Note:
    path = part.sources[0].path
    return Note("unmatched", f"a fit of {len(fit)} epochs in {path} agrees with none of the run; it is left out", path)


def _completed(leading: Fit, other: Fit) -> Fit:
    """Add the metrics and wall times that only `other` has; its epochs may be fewer, never more."""
    added = {
        metric: _aligned(series, other, leading)
        for metric, series in other.metrics.items()
        if metric not in leading.metrics
    }
    wall_time = leading.wall_time
    if wall_time is None and other.wall_time is not None:
        wall_time = _aligned(other.wall_time, other, leading)
    return replace(leading, metrics={**leading.metrics, **added}, wall_time=wall_time)


def _aligned(series: Series, fit: Fit, leading: Fit) -> Series:
    values = np.zeros(len(leading))
    valid = np.zeros(len(leading), np.bool_)
    _, left, right = np.intersect1d(leading.epochs, fit.epochs, return_indices=True)
    values[left], valid[left] = series.values[right], series.valid[right]
    return Series(values, valid, tag=series.tag, source=series.source)


def _still_true(notes: Sequence[Note], fits: Sequence[Fit]) -> Iterable[Note]:
    """Drop a note that a metric was left out where another source has it after all."""
    for note in notes:
        lacking = fits if note.fit is None else fits[note.fit : note.fit + 1]
        if note.code != "alignment_lost" or not all(note.metric in fit.metrics for fit in lacking):
            yield note
