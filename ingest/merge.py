"""Make one Recording of the several sources that one run left behind.

The source that says most is leading: CSVLogger knows which epoch lacks which value, a History loses that, event files
add wall times, consoles round. The others are checked against it, value by value and to float32, a console to the
digits it shows; they add metrics it lacks, and where they disagree the leading one is kept and a note says so.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.epoch_count import OTHER_COUNT, moved
from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Fit, Floats, Mask, Note, Recording, Series
from kcb_replay.ingest.table import epoch_notes
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.readers.base import Reading


# Keras's bar shows smaller values with five digits.
_FOUR_DECIMALS_ABOVE = 1e-3
# Fits of which at least this share of the values agrees are one.
_MOST_VALUES = 0.5
# Notes on what the values of a source lack: of no interest where the source is not used.
_OF_VALUES = ("sampled", "rounded", "averaged")


def merge(name: str, readings: Sequence[Reading]) -> Recording:
    """Return the recording of a run from the readings of its formats, of which the lowest rank with epochs leads."""
    # Batches without an epoch say less of a run than any epochs do.
    ordered = sorted(readings, key=lambda reading: (not any(map(len, reading.fits)), reading.rank))
    ordered = [_counted_as(reading, ordered) for reading in ordered]
    leading, others = ordered[0], ordered[1:]
    fits = list(leading.fits)
    notes = list(leading.notes)
    for reading in others:
        numbers = [_matching(fit, fits, reading) for fit in reading.fits]
        notes += _renumbered(reading.notes, numbers)
        for fit, number in zip(reading.fits, numbers, strict=True):
            if number is None:
                notes.append(_unmatched_note(fit, reading))
            else:
                notes += _disagreements(fits[number], fit, number, reading)
                notes += _more_epochs(fits[number], fit, number, reading)
                fits[number] = _with_streams(_completed(fits[number], fit), fit)
    sources = tuple(source for reading in ordered for source in reading.sources)
    return Recording(name, sources, tuple(fits), tuple(_still_true(notes, fits, ordered)))


def _counted_as(reading: Reading, readings: Sequence[Reading]) -> Reading:
    """Return a reading with its epochs counted as another one shows that has the same values at them."""
    note = next((note for note in reading.notes if note.code in OTHER_COUNT), None)
    if note is None:
        return reading
    other = moved(reading.fits, OTHER_COUNT[note.code])
    for witness in readings:
        if witness is reading or any(note.code in OTHER_COUNT for note in witness.notes):
            continue
        as_taken, as_other = _agreement(reading.fits, witness), _agreement(other, witness)
        if as_taken != as_other and max(as_taken, as_other) >= _MOST_VALUES:
            fits = other if as_other > as_taken else reading.fits
            kept = _without(reading.notes, [note, *_notes_on_epochs(reading.fits, note.source)])
            return replace(reading, fits=fits, notes=(*kept, *_notes_on_epochs(fits, note.source)))
    return reading


def _agreement(fits: Sequence[Fit], witness: Reading) -> float:
    shares = (_share_of_equal(fit, each, witness) for fit in fits for each in witness.fits)
    return max(shares, default=0.0)


def _notes_on_epochs(fits: Sequence[Fit], path: str) -> list[Note]:
    return [note for number, fit in enumerate(fits) for note in epoch_notes(fit.epochs, number, path)]


def _without(notes: Iterable[Note], others: Sequence[Note]) -> Iterable[Note]:
    return (note for note in notes if note not in others)


def _matching(fit: Fit, fits: Sequence[Fit], reading: Reading) -> int | None:
    """Return the number of the fit that agrees best with `fit`, None when most values disagree with every one."""
    shares = [_share_of_equal(candidate, fit, reading) for candidate in fits]
    best = int(np.argmax(shares))
    return best if shares[best] >= _MOST_VALUES else None


def _share_of_equal(leading: Fit, other: Fit, reading: Reading) -> float:
    # Trainings that have nothing else in common often have the same learning rate.
    equal = [equal for metric, equal in _compared(leading, other, reading) if metric not in LEARNING_RATE_KEYS]
    return float(np.concatenate(equal).mean()) if sum(map(len, equal)) else 0.0


def _compared(leading: Fit, other: Fit, reading: Reading) -> Iterable[tuple[str, Mask]]:
    """Yield, per shared metric, whether the values agree at the epochs that have one in both."""
    same = same_as_printed if any(note.code == "rounded" for note in reading.notes) else _same_float32
    _, left, right = np.intersect1d(leading.epochs, other.epochs, return_indices=True)
    for metric in sorted(leading.metrics.keys() & other.metrics.keys()):
        one, two = leading.metrics[metric], other.metrics[metric]
        # Keras 3's TensorBoard logs the rate at another moment of the epoch than the callbacks do.
        if two.tag == "epoch_learning_rate":
            continue
        both = one.valid[left] & two.valid[right]
        yield metric, same(one.values[left][both], two.values[right][both])


def _same_float32(one: Floats, two: Floats) -> Mask:
    with np.errstate(over="ignore"):
        left, right = one.astype(np.float32), two.astype(np.float32)
    return np.asarray((left == right) | (np.isnan(left) & np.isnan(right)))


def same_as_printed(full: Floats, printed: Floats) -> Mask:
    """Tell where a console shows this value: with four decimals, or with five digits below 0.001."""
    unit = np.where(np.abs(printed) > _FOUR_DECIMALS_ABOVE, 1e-4, np.abs(printed) * 1e-4)
    # A little more than half a unit, for what binary fractions and float32 add.
    return np.asarray((np.abs(full - printed) <= 0.51 * unit) | _same_float32(full, printed))


def _disagreements(leading: Fit, other: Fit, number: int, reading: Reading) -> list[Note]:
    notes = []
    for metric, equal in _compared(leading, other, reading):
        if not equal.all():
            text = (
                f"{reading.sources[0].path} disagrees with {leading.metrics[metric].source} on {metric} in"
                f" {int((~equal).sum())} of {counted(len(equal), 'epoch')} of fit {number}; the latter is used"
            )
            notes.append(Note("disagreement", text, reading.sources[0].path, fit=number, metric=metric))
    return notes


def _more_epochs(leading: Fit, other: Fit, number: int, reading: Reading) -> list[Note]:
    more = len(np.setdiff1d(other.epochs, leading.epochs))
    if not more:
        return []
    path = reading.sources[0].path
    lacking = f"{counted(more, 'epoch')} of fit {number} that the leading source of the run lacks"
    text = f"{path} has {lacking}; {'it is' if more == 1 else 'they are'} left out"
    return [Note("more_epochs", text, path, fit=number)]


def _renumbered(notes: Sequence[Note], numbers: Sequence[int | None]) -> Iterable[Note]:
    """Give the notes of a source the numbers that its fits have in the recording; a fit left out needs none."""
    for note in notes:
        if note.fit is None:
            yield note
        elif numbers[note.fit] is not None:
            yield replace(note, fit=numbers[note.fit])


def _unmatched_note(fit: Fit, reading: Reading) -> Note:
    path = reading.sources[0].path
    text = f"a fit of {counted(len(fit), 'epoch')} in {path} agrees with none of the run; it is left out"
    return Note("unmatched", text, path)


def _completed(leading: Fit, other: Fit) -> Fit:
    """Add the metrics, wall times and messages that only `other` has; its epochs may be fewer, never more."""
    added = {
        metric: _aligned(series, other, leading)
        for metric, series in other.metrics.items()
        if metric not in leading.metrics
    }
    wall_time = leading.wall_time
    if wall_time is None and other.wall_time is not None:
        wall_time = _aligned(other.wall_time, other, leading)
    messages = leading.messages or other.messages
    return replace(leading, metrics={**leading.metrics, **added}, wall_time=wall_time, messages=messages)


def _with_streams(leading: Fit, other: Fit) -> Fit:
    """Add the streams finer than epochs that only `other` has."""
    return replace(leading, steps={**other.steps, **leading.steps}) if other.steps else leading


def _aligned(series: Series, fit: Fit, leading: Fit) -> Series:
    values = np.zeros(len(leading))
    valid = np.zeros(len(leading), np.bool_)
    _, left, right = np.intersect1d(leading.epochs, fit.epochs, return_indices=True)
    values[left], valid[left] = series.values[right], series.valid[right]
    return Series(values, valid, tag=series.tag, source=series.source)


def _still_true(notes: Sequence[Note], fits: Sequence[Fit], readings: Sequence[Reading]) -> Iterable[Note]:
    """Drop a note that a metric was left out where another source has it, and gaps of a source that is not used."""
    for note in notes:
        concerned = fits if note.fit is None else fits[note.fit : note.fit + 1]
        repaired = note.code == "alignment_lost" and all(note.metric in fit.metrics for fit in concerned)
        paths = _paths_beside(note.source, readings)
        unused = note.code in _OF_VALUES and not any(_uses(fit, paths) for fit in concerned)
        if not repaired and not unused:
            yield note


def _paths_beside(path: str, readings: Sequence[Reading]) -> set[str]:
    """Return the paths of the reading that a path belongs to."""
    of_parts = [{source.path for source in reading.sources} for reading in readings]
    return next((paths for paths in of_parts if path in paths), {path})


def _uses(fit: Fit, paths: set[str]) -> bool:
    return any(series.source in paths for series in fit.metrics.values())
