"""Several calls of `fit` as one training: what a loop of `fit(epochs=1)` was meant to be.

Nothing is joined unless somebody asks for it: whether the model went on or was made anew, no log says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import Fit, Note, Recording, Series
from kcb_replay.text import counted, whole

if TYPE_CHECKING:
    from collections.abc import Sequence


_ONE_EPOCH = "one_epoch_fits"
# Two short fits are two trials; so many are a loop.
_LOOP = 3


def with_loop_noted(recording: Recording) -> Recording:
    """Return a recording with a note where it looks like a loop of `fit(epochs=1)`."""
    count = len(recording.fits)
    if count < _LOOP or any(len(fit) != 1 for fit in recording.fits):
        return recording
    text = (
        f"{whole(count)} fits of one epoch each, as of fit(epochs=1) in a loop: callbacks that count epochs began anew"
        " in each, so that no patience could run out; --join-fits (join_fits) takes them for one training"
    )
    return replace(recording, notes=(*recording.notes, Note(_ONE_EPOCH, text, _source(recording))))


def join_fits(recording: Recording) -> Recording:
    """Return a recording whose fits are one, as if `fit` had been called once for all of their epochs.

    Epochs are numbered on from fit to fit, unless they rise from fit to fit already. A note says what this takes for
    granted: that each fit went on with the model of the one before. Batches and messages are not kept.
    """
    fits = [fit for fit in recording.fits if len(fit)]
    if len(fits) < 2:
        return recording
    epochs = np.concatenate([fit.epochs for fit in fits])
    if (np.diff(epochs) <= 0).any():
        epochs = np.arange(len(epochs), dtype=epochs.dtype)
    names = dict.fromkeys(name for fit in fits for name in fit.metrics)
    metrics = {name: _joined([fit.metrics.get(name) for fit in fits], fits) for name in names}
    times = [fit.wall_time for fit in fits]
    joined = Fit(
        epochs,
        metrics,
        wall_time=_joined(times, fits) if any(time is not None for time in times) else None,
        unloaded=tuple(dict.fromkeys(name for fit in fits for name in fit.unloaded if name not in metrics)),
    )
    text = (
        f"{counted(len(fits), 'fit')} joined into one of {counted(len(epochs), 'epoch')}: it is taken for granted that"
        " each went on with the model of the one before; the callbacks of the training were new in each"
    )
    kept = [replace(note, fit=None) for note in recording.notes if note.code != _ONE_EPOCH]
    return replace(recording, fits=(joined,), notes=(*kept, Note("joined_fits", text, _source(recording))))


def _source(recording: Recording) -> str:
    return recording.sources[0].path if recording.sources else recording.name


def _joined(parts: Sequence[Series | None], fits: Sequence[Fit]) -> Series:
    there = [part for part in parts if part is not None]
    values = [np.zeros(len(fit)) if part is None else part.values for part, fit in zip(parts, fits, strict=True)]
    valid = [np.zeros(len(fit), bool) if part is None else part.valid for part, fit in zip(parts, fits, strict=True)]
    return Series(np.concatenate(values), np.concatenate(valid), there[0].tag, there[0].source)
