"""Mend the rounded values of a bar by what callbacks said: five decimals of a new best, every digit of a learning rate.

A value is replaced only by one that the bar would show just so; where a message contradicts the bar, the bar's stays
and a note says so.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Note
from kcb_replay.text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.console.transcript import Heard
    from kcb_replay.ingest.recording import MessageKind

__all__ = ["mended"]

# Half a unit of the fourth decimal and of the fifth, and what binary fractions add.
_AS_CLOSE = 0.5e-4 + 0.5e-5 + 1e-9
_FOUR_DECIMALS_ABOVE = 1e-3


def mended(values: dict[int, dict[str, float]], heard: Sequence[Heard], number: int, path: str) -> list[Note]:
    """Put what messages say where the bar says less, in the metrics of each epoch; returns a note on each metric."""
    return [*_metrics_mended(values, heard, number, path), *_rates_mended(values, heard, number, path)]


def _rates_mended(values: dict[int, dict[str, float]], heard: Iterable[Heard], number: int, path: str) -> list[Note]:
    """Follow the learning rate through its messages; the bar's is mended where it is that one, rounded."""
    key = next((key for key in LEARNING_RATE_KEYS if any(key in row for row in values.values())), None)
    if key is None:
        return []
    scheduled, reduced = _rates("scheduled", heard), _rates("reduced", heard)
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


def _rates(kind: MessageKind, heard: Iterable[Heard]) -> dict[int, float]:
    """Return the last learning rate that messages of a kind name in each epoch, as the float32 the optimizer holds."""
    said = ((each.epoch, each.said.value) for each in heard if each.said.kind == kind)
    with np.errstate(over="ignore"):
        return {epoch: float(np.float32(rate)) for epoch, rate in said if epoch is not None and rate is not None}


def _is_rounded(full: float, shown: float | None) -> bool:
    """Tell whether a bar shows this value so: with four decimals, or five digits of what is up to 0.001."""
    return shown == float(f"{full:.4f}" if full > _FOUR_DECIMALS_ABOVE else f"{full:.4e}")


def _metrics_mended(values: dict[int, dict[str, float]], heard: Iterable[Heard], number: int, path: str) -> list[Note]:
    """Put the five decimals of `improved from A to B` where the bar has four; returns a note on each metric."""
    found: dict[str, list[int]] = {}
    disputed: dict[str, list[int]] = {}
    for each in heard:
        said, row = each.said, values.get(-1 if each.epoch is None else each.epoch, {})
        if said.kind != "improved" or said.metric not in row or said.value is None or each.epoch is None:
            continue
        shown = row[said.metric]
        if not _is_finer(said.value, shown):
            continue
        if abs(said.value - shown) <= _AS_CLOSE:
            row[said.metric] = said.value
            found.setdefault(said.metric, []).append(each.epoch)
        else:
            disputed.setdefault(said.metric, []).append(each.epoch)
    return [
        *(_mended_note(metric, indices, number, path) for metric, indices in found.items()),
        *(_disputed_note(metric, indices, number, path) for metric, indices in disputed.items()),
    ]


def _is_finer(said: float, shown: float) -> bool:
    # Of values below 0.001 the bar shows more digits than the message.
    return math.isfinite(said) and math.isfinite(shown) and said != shown == round(shown, 4)


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
