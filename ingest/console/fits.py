"""From a training that was heard to the fit it left, with notes on every value that is not what callbacks saw.

Keras prints four decimals, or five digits of what is below 0.001. Up to Keras 2.3 and tf.keras 2.4 the bar takes means
of the batches itself, Keras 3.0 to 3.10 even means of running means; metrics of a validation are always shown as they
are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.console.mending import mended
from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Fit, Message, Note, Series
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.console.transcript import Epoch, Training

__all__ = ["fit_of", "outside_note", "whole_epochs"]


def whole_epochs(training: Training, number: int, path: str, place: str) -> tuple[list[Epoch], list[Note]]:
    """Return the epochs that have their last line, and a note on the others."""
    whole = [epoch for epoch in training.epochs if epoch.last is not None]
    if whole and whole[-1] is training.epochs[-1] and _lacks_validation(whole):
        whole.pop()
    # The indices of a training rise, so that each stands for one epoch.
    kept = {epoch.index for epoch in whole}
    lost = [epoch for epoch in training.epochs if epoch.index not in kept]
    if not lost:
        return whole, []
    named = ", ".join(f"epoch {epoch.index + 1} (line {epoch.line}{place})" for epoch in lost[:5])
    more = f" and {len(lost) - 5} more" if len(lost) > 5 else ""
    text = f"{path} has no whole and clear end-of-epoch line for {named}{more}, so what is there of it is left out"
    if not whole and training.heard:
        count = counted(len(training.heard), "message")
        said = f"as {'is' if len(training.heard) == 1 else 'are'} {count} of callbacks"
        text += f", {said}"
    return whole, [Note("truncated", text, path, fit=number if whole else None)]


def _lacks_validation(whole: Sequence[Epoch]) -> bool:
    """Tell whether Keras 3 drew the last batch, but not yet the validation that every epoch before had."""
    *before, last = (epoch.last for epoch in whole)
    redrawn = last is not None and last.redrawn and not last.is_validated
    return redrawn and bool(before) and all(bar is not None and bar.is_validated for bar in before)


def fit_of(training: Training, epochs: Sequence[Epoch], number: int, path: str) -> tuple[Fit, list[Note]]:
    """Return the fit of these epochs, which is the `number`-th of its file, and what is odd about it."""
    values = {epoch.index: epoch.metrics for epoch in epochs}
    notes = [_rounded(number, path), *_averaged(epochs, number, path), *_gaps(epochs, number, path)]
    notes += mended(values, training.heard, number, path)
    names = dict.fromkeys(name for metrics in values.values() for name in metrics)
    metrics = {name: _series(name, values.values(), path) for name in names}
    messages = tuple(
        Message(heard.said.kind, heard.said.text, path, epoch=heard.epoch, value=heard.said.value)
        for heard in training.heard
    )
    return Fit(np.array([*values], np.int64), metrics, messages=messages), notes


def outside_note(lines: Sequence[int], path: str, place: str) -> list[Note]:
    """Return a note on the bars that belong to no epoch, if there are any."""
    if not lines:
        return []
    named = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
    text = (
        f"bars of {path} that belong to no epoch are left out ({len(lines)}, in line {named}{place}): `evaluate` prints"
        " such, and a fit of one epoch without its `Epoch 1/1`"
    )
    return [Note("no_epoch", text, path)]


def _series(name: str, rows: Iterable[dict[str, float]], path: str) -> Series:
    found = [row.get(name) for row in rows]
    values = np.array([0.0 if value is None else value for value in found])
    return Series(values, np.array([value is not None for value in found]), tag=name, source=path)


def _rounded(number: int, path: str) -> Note:
    text = f"fit {number} of {path} was read off a console: rounded to four decimals, values below 0.001 to five digits"
    return Note("rounded", text, path, fit=number)


def _averaged(epochs: Sequence[Epoch], number: int, path: str) -> list[Note]:
    names = {name for epoch in epochs if epoch.last is not None and epoch.last.averaged for name in epoch.metrics}
    training = sorted(name for name in names if not name.startswith("val_") and name not in LEARNING_RATE_KEYS)
    if not training:
        return []
    text = (
        f"{', '.join(training)} of fit {number} of {path} may be means that the bar took itself, as in Keras up to 2.3,"
        " tf.keras up to 2.4 and Keras 3.0 to 3.10, and not what callbacks saw"
    )
    return [Note("averaged", text, path, fit=number)]


def _gaps(epochs: Sequence[Epoch], number: int, path: str) -> list[Note]:
    indices = [epoch.index for epoch in epochs]
    notes = []
    if indices[0] > 0:
        text = f"fit {number} of {path} starts at epoch {indices[0] + 1}: what callbacks saw before is not recorded"
        notes.append(Note("starts_late", text, path, fit=number))
    gaps = int((np.diff(indices) > 1).sum())
    if gaps:
        text = (
            f"fit {number} of {path} lacks epochs at {gaps} places between epoch {indices[0] + 1} and"
            f" {indices[-1] + 1}, so no answer from it is exact"
        )
        notes.append(Note("sampled", text, path, fit=number))
    return notes
