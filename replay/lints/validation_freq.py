"""Patience counts the epochs that have the metric: with `validation_freq=5` each of them stands for five.

Silent where the metric comes irregularly, and where counting all epochs would have done the same here.
"""

from __future__ import annotations

import math
from itertools import pairwise

from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.lints.base import Case, Lint, parting

__all__ = ["patience_in_validations"]


def patience_in_validations(case: Case) -> list[Lint]:
    """Speak of a patience that would have acted earlier, were it counted in epochs."""
    return [
        lint
        for position, given in case.watching()
        if not isinstance(given, ModelCheckpoint)
        for lint in _of_one(case, position, given)
    ]


def _of_one(case: Case, position: int, given: EarlyStopping | ReduceLROnPlateau) -> list[Lint]:
    every = _cadence(case, given.monitor)
    if every < 2 or not math.isfinite(given.patience):
        return []
    in_epochs = max(1, math.ceil(given.patience / every))
    index = parting(case.alone(position), case.alone(position, patience=in_epochs))
    if index is None:
        return []
    text = (
        f"{given.monitor} is recorded every {every} epochs only, and patience counts just those: {given.name} with"
        f" patience={given.patience:g} waits {given.patience * every:g} epochs. For {in_epochs * every} epochs use"
        f" patience={in_epochs}, which here acts after epoch {index + 1}."
    )
    return [Lint("patience-counts-validations", (position,), index, text)]


def _cadence(case: Case, monitor: str) -> int:
    """Return the number of epochs from one value to the next, 1 where that is not always the same."""
    gaps = {after - before for before, after in pairwise(case.stream.values_of(monitor))}
    return gaps.pop() if len(gaps) == 1 else 1
