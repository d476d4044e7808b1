"""EarlyStopping stops while the metric is improving: because of a baseline, or of patience=0 in some versions."""

from __future__ import annotations

import math
from bisect import bisect_left

from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.events import Improved
from kcb_replay.replay.lints.base import Case, Lint, stop_of

__all__ = ["baseline_unmet", "zero_patience"]


def zero_patience(case: Case) -> list[Lint]:
    """Speak of a stop in an epoch that improved: TensorFlow 2.5 to 2.11 test patience=0 there, too."""
    lints = []
    for position, given in case.each(EarlyStopping):
        stop = stop_of(case.run, position)
        improved = [event.index for event in case.events(position, Improved) if event.met_baseline]
        if stop is None or stop not in improved or stop_of(case.alone(position, patience=1)) == stop:
            continue
        text = (
            f"EarlyStopping stops after epoch {stop + 1}, though {given.monitor} improved in it: with"
            f" patience={given.patience:g}, {case.version.name} never waits. Use patience=1, which stops at the first"
            " epoch that does not improve."
        )
        lints.append(Lint("zero-patience-stops-at-once", (position,), stop, text))
    return lints


def baseline_unmet(case: Case) -> list[Lint]:
    """Speak of a stop before the baseline is beaten, when this recording beats it later."""
    return [
        lint
        for position, given in case.each(EarlyStopping)
        if given.baseline is not None
        for lint in _unmet_of(case, position, given)
    ]


def _unmet_of(case: Case, position: int, given: EarlyStopping) -> list[Lint]:
    stop = stop_of(case.run, position)
    never = case.alone(position, patience=math.inf)
    improved = [event for row in never.rows for event in row.events[0] if isinstance(event, Improved)]
    met = next((event.index for event in improved if event.met_baseline), None)
    if stop is None or met is None or stop >= met:
        return []
    # More patience never stops earlier.
    enough = bisect_left(range(len(never.rows) + 1), 1, key=lambda patience: _outlasts(case, position, patience, met))
    text = (
        f"EarlyStopping stops after epoch {stop + 1}, before {given.monitor} beats baseline={given.baseline:g} in epoch"
        f" {met + 1}: until it does, no improvement resets the wait. Use patience={enough} or more."
    )
    return [Lint("baseline-not-met-yet", (position,), stop, text)]


def _outlasts(case: Case, position: int, patience: int, met: int) -> bool:
    """Tell whether the training goes on until the baseline is met."""
    stop = stop_of(case.alone(position, patience=patience))
    return stop is None or stop > met
