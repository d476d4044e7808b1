"""From what was printed of a training to the fit it left, with notes on every value that is not what callbacks saw.

Keras prints four decimals, or five digits of what is below 0.001. Up to Keras 2.3 and tf.keras 2.4 the bar takes means
of the batches itself, Keras 3.0 to 3.10 even means of running means; metrics of a validation are always shown as they
are. What callbacks said mends the values: five decimals of a new best, every digit of a learning rate. A value is
replaced only by one that the bar would show just so; where a message contradicts the bar, the bar's stays and a note
says so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Fit, Message, MessageKind, Note
from kcb_replay.ingest.table import epoch_notes, series
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.console.told import ToldFit
    from kcb_replay.ingest.console.transcript import PlacedMessage, PrintedEpoch, PrintedTraining
    from kcb_replay.ingest.console.wrapped import ProcessText


# Half a unit of the fourth decimal and of the fifth, and what binary fractions add.
_AS_CLOSE = 0.5e-4 + 0.5e-5 + 1e-9
_FOUR_DECIMALS_ABOVE = 1e-3


def whole_epochs(
    training: PrintedTraining, number: int, path: str, place: str
) -> tuple[list[PrintedEpoch], list[Note]]:
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
    if not whole and training.messages:
        count = counted(len(training.messages), "message")
        text += f", as {'is' if len(training.messages) == 1 else 'are'} {count} of callbacks"
    return whole, [Note("truncated", text, path, fit=number if whole else None)]


def _lacks_validation(whole: Sequence[PrintedEpoch]) -> bool:
    """Tell whether Keras 3 drew the last batch, but not yet the validation that every epoch before had."""
    *before, last = (epoch.last for epoch in whole)
    redrawn = last is not None and last.redrawn and not last.is_validated
    return redrawn and bool(before) and all(bar is not None and bar.is_validated for bar in before)


def fit_of(training: PrintedTraining, epochs: Sequence[PrintedEpoch], number: int, path: str) -> tuple[Fit, list[Note]]:
    """Return the fit of these epochs, which is the `number`-th of its file, and what is odd about it."""
    values = {epoch.index: epoch.metrics for epoch in epochs}
    indices = np.array([*values], np.int64)
    notes = [
        _rounded(number, path),
        *_averaged(epochs, number, path),
        *_oddly_ended(epochs, number, path),
        *epoch_notes(indices, number, path),
    ]
    notes += _mended(values, training.messages, number, path)
    names = dict.fromkeys(name for metrics in values.values() for name in metrics)
    metrics = {
        name: series({index: row[name] for index, row in values.items() if name in row}, indices, name, path)
        for name in names
    }
    messages = tuple(
        Message(placed.message.kind, placed.message.text, path, epoch=placed.epoch, value=placed.message.value)
        for placed in training.messages
    )
    return Fit(indices, metrics, messages=messages), notes


def told_fit(told: ToldFit, number: int, path: str) -> tuple[Fit, list[Note]]:
    """Return the fit of epochs that only lines of others tell of, and what is odd about it."""
    rows = dict(sorted(told.rows.items()))
    indices = np.array([*rows], np.int64)
    names = dict.fromkeys(name for row in rows.values() for name in row)
    metrics = {
        name: series(
            {index: row[name] for index, row in rows.items() if name in row}, indices, told.tags.get(name, name), path
        )
        for name in names
    }
    messages = tuple(
        Message(message.kind, message.text, path, epoch=epoch, value=message.value) for epoch, message in told.messages
    )
    text = f"fit {number} of {path} was read off the lines of {told.teller}: rounded as they are"
    notes = [Note("rounded", text, path, fit=number)]
    if not told.is_partial:
        notes += epoch_notes(indices, number, path)
    else:
        text = (
            f"fit {number} of {path} is partial: only epochs with a new best have a value, for ModelCheckpoint"
            " tells of no other; in those between it was not better, so that a callback may have stopped there"
        )
        notes.append(Note("sampled", text, path, fit=number))
    return Fit(indices, metrics, messages=messages), notes


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


def processes_note(process: ProcessText, path: str) -> list[Note]:
    """Return a note on the other processes whose lines a text held, if there are any."""
    if not process.others:
        return []
    count = counted(len(process.others), "other process", plural="other processes")
    text = (
        f"the lines of {path} are those of {len(process.others) + 1} processes that train one model together: read are"
        f" those behind `{process.prefix}`, left out those of {count} (`{'`, `'.join(process.others[:5])}`)"
    )
    return [Note("processes", text, path)]


def _rounded(number: int, path: str) -> Note:
    text = f"fit {number} of {path} was read off a console: rounded to four decimals, values below 0.001 to five digits"
    return Note("rounded", text, path, fit=number)


def _averaged(epochs: Sequence[PrintedEpoch], number: int, path: str) -> list[Note]:
    names = {name for epoch in epochs if epoch.last is not None and epoch.last.averaged for name in epoch.metrics}
    training = sorted(name for name in names if not name.startswith("val_") and name not in LEARNING_RATE_KEYS)
    if not training:
        return []
    text = (
        f"{', '.join(training)} of fit {number} of {path} may be means that the bar took itself, as in Keras up to 2.3,"
        " tf.keras up to 2.4 and Keras 3.0 to 3.10, and not what callbacks saw"
    )
    return [Note("averaged", text, path, fit=number)]


def _oddly_ended(epochs: Sequence[PrintedEpoch], number: int, path: str) -> list[Note]:
    notes = []
    leftover = [epoch.index for epoch in epochs if epoch.last is not None and epoch.last.leftover]
    if leftover:
        text = (
            f"the line of {_epochs(leftover)} of fit {number} of {path} ends with what a longer line left there: the"
            " metrics before it were read, up to their fourth decimal"
        )
        notes.append(Note("leftover", text, path, fit=number))
    if epochs[-1].is_unended:
        text = (
            f"the line of epoch {epochs[-1].index + 1} of fit {number} of {path} has no end, but all metrics and"
            " decimals of the epoch before it: it was read"
        )
        notes.append(Note("unended", text, path, fit=number))
    return notes


def _mended(
    values: dict[int, dict[str, float]], messages: Sequence[PlacedMessage], number: int, path: str
) -> list[Note]:
    """Put what messages say where the bar says less, in the metrics of each epoch; returns a note on each metric."""
    return [*_metrics_mended(values, messages, number, path), *_rates_mended(values, messages, number, path)]


def _rates_mended(
    values: dict[int, dict[str, float]], messages: Iterable[PlacedMessage], number: int, path: str
) -> list[Note]:
    """Follow the learning rate through its messages; the bar's is _mended where it is that one, rounded."""
    key = next((key for key in LEARNING_RATE_KEYS if any(key in row for row in values.values())), None)
    if key is None:
        return []
    scheduled, reduced = _rates("scheduled", messages), _rates("reduced", messages)
    in_force: float | None = None
    indices: list[int] = []
    for index in sorted({*values, *scheduled, *reduced}):
        in_force = scheduled.get(index, in_force)
        row = values.get(index, {})
        if in_force is not None and in_force != row.get(key) and _is_rounded(in_force, row.get(key)):
            row[key] = in_force
            indices.append(index)
        # A reduction at the end of an epoch is in force from the next one on.
        in_force = reduced.get(index, in_force)
    if not indices:
        return []
    text = (
        f"{key} of fit {number} of {path} has every digit in {_epochs(indices)}:"
        " taken from what LearningRateScheduler and ReduceLROnPlateau said"
    )
    return [Note("mended", text, path, fit=number, metric=key)]


def _rates(kind: MessageKind, messages: Iterable[PlacedMessage]) -> dict[int, float]:
    """Return the last learning rate that messages of a kind name in each epoch, as the float32 the optimizer holds."""
    named = ((each.epoch, each.message.value) for each in messages if each.message.kind == kind)
    with np.errstate(over="ignore"):
        return {epoch: float(np.float32(rate)) for epoch, rate in named if epoch is not None and rate is not None}


def _is_rounded(full: float, shown: float | None) -> bool:
    """Tell whether a bar shows this value so: with four decimals, or five digits of what is up to 0.001."""
    return shown == float(f"{full:.4f}" if full > _FOUR_DECIMALS_ABOVE else f"{full:.4e}")


def _metrics_mended(
    values: dict[int, dict[str, float]], messages: Iterable[PlacedMessage], number: int, path: str
) -> list[Note]:
    """Put the five decimals of `improved from A to B` where the bar has four; returns a note on each metric."""
    mended_at: dict[str, list[int]] = {}
    disputed: dict[str, list[int]] = {}
    for each in messages:
        message, row = each.message, values.get(-1 if each.epoch is None else each.epoch, {})
        if message.kind != "improved" or message.metric not in row or message.value is None or each.epoch is None:
            continue
        shown = row[message.metric]
        if not _is_finer(message.value, shown):
            continue
        if abs(message.value - shown) <= _AS_CLOSE:
            row[message.metric] = message.value
            mended_at.setdefault(message.metric, []).append(each.epoch)
        else:
            disputed.setdefault(message.metric, []).append(each.epoch)
    return [
        *(_mended_note(metric, indices, number, path) for metric, indices in mended_at.items()),
        *(_disputed_note(metric, indices, number, path) for metric, indices in disputed.items()),
    ]


def _is_finer(named: float, shown: float) -> bool:
    # Of values below 0.001 the bar shows more digits than the message.
    return math.isfinite(named) and math.isfinite(shown) and named != shown == round(shown, 4)


def _mended_note(metric: str, indices: Sequence[int], number: int, path: str) -> Note:
    text = (
        f"{metric} of fit {number} of {path} has five decimals in {_epochs(indices)}:"
        " taken from ModelCheckpoint's `improved from ... to ...`"
    )
    return Note("mended", text, path, fit=number, metric=metric)


def _disputed_note(metric: str, indices: Sequence[int], number: int, path: str) -> Note:
    text = (
        f"{metric} of fit {number} of {path} is another in ModelCheckpoint's `improved from ... to ...` than in the bar"
        f" in {_epochs(indices)}; the bar's is used"
    )
    return Note("disagreement", text, path, fit=number, metric=metric)


def _epochs(indices: Sequence[int]) -> str:
    if len(indices) == 1:
        return f"epoch {indices[0] + 1}"
    return f"{counted(len(indices), 'epoch')}, the first of which is {indices[0] + 1}"
