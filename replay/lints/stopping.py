"""What EarlyStopping does too soon, too late, or not at all: stops, the lower rate before them, the weights after them.

Each remedy that is named was replayed.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.events import CheckpointSaved, Improved, WeightsRestored
from kcb_replay.replay.lints.base import Case, Lint, parting, reductions, stop_of

if TYPE_CHECKING:
    from kcb_replay.replay.engine import Run

__all__ = ["baseline_unmet", "not_restored", "patience_in_validations", "unused_rate", "zero_patience"]


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


def patience_in_validations(case: Case) -> list[Lint]:
    """Speak of a patience that would have acted earlier, were it counted in epochs."""
    return [
        lint
        for position, given in case.watching()
        if not isinstance(given, ModelCheckpoint)
        for lint in _validation_freq_of(case, position, given)
    ]


def _validation_freq_of(case: Case, position: int, given: EarlyStopping | ReduceLROnPlateau) -> list[Lint]:
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


def not_restored(case: Case) -> list[Lint]:
    """Speak where the same Keras would end up with another epoch's weights, were they restored at every end."""
    stoppers = case.each(EarlyStopping)
    if case.run.error or not case.run.rows or not any(given.restore_best_weights for _, given in stoppers):
        return []
    always = replace(case.version, early_stopping_restores_at_end=True)
    epochs = case.stream.epochs[: len(case.run.rows)]
    here, there = (
        case.replayed(*(given for _, given in stoppers), version=version, epochs=epochs)
        for version in (case.version, always)
    )
    kept, best = _last_restored(here), _last_restored(there)
    if best is None:
        return []
    place, index = best
    position, given = stoppers[place]
    ends = case.run.rows[-1].index
    kept_index = ends if kept is None else kept[1]
    improved = {event.index for event in case.events(position, Improved)}
    if case.events(position, WeightsRestored) or index not in improved or index == kept_index or _saved(case, index):
        return []
    who = f"{given.name} (callback {position + 1} of the list)" if len(stoppers) > 1 else given.name
    text = (
        f"{who} does not stop this training, which ends after epoch {ends + 1}, and {case.version.name} restores the"
        f" best weights only if it does: one ends up with the weights of epoch {kept_index + 1}, not with those of"
        f" epoch {index + 1}. Add ModelCheckpoint(save_best_only=True), or use Keras 2.16 or later."
    )
    return [Lint("weights-not-restored", (position,), ends, text)]


def _last_restored(run: Run) -> tuple[int, int] | None:
    """Return which callback is the last to restore weights, and of which 0-based epoch; None where none does."""
    groups = [*(row.events for row in run.rows), run.finish_events]
    restored = [
        (place, event.from_index)
        for group in groups
        for place, events in enumerate(group)
        for event in events
        if isinstance(event, WeightsRestored)
    ]
    return restored[-1] if restored else None


def _saved(case: Case, index: int) -> bool:
    """Tell whether a checkpoint that was found better than all before holds that epoch."""
    saves = [event for other in range(len(case.callbacks)) for event in case.events(other, CheckpointSaved)]
    return any(save.index == index and save.value is not None for save in saves)


def unused_rate(case: Case) -> list[Lint]:
    """Speak of each pair whose stop comes before the first epoch at a reduced rate."""
    pairs = [
        (stopping, plateau)
        for stopping, stops in case.each(EarlyStopping)
        for plateau, reduces in case.each(ReduceLROnPlateau)
        if stops.monitor == reduces.monitor
    ]
    return [lint for stopping, plateau in pairs for lint in _of_pair(case, stopping, plateau)]


def _of_pair(case: Case, stopping: int, plateau: int) -> list[Lint]:
    stop = stop_of(case.run, stopping)
    if stop is None or any(drop.index < stop for drop in reductions(case.run, plateau)):
        return []
    stops, reduces = case.callbacks[stopping], case.callbacks[plateau]
    if not isinstance(stops, EarlyStopping) or not isinstance(reduces, ReduceLROnPlateau):
        raise TypeError("pairs are made of these two")
    drops = reductions(case.replayed(reduces))
    cut_short = stop == case.stream.epochs[-1].index and stops.patience <= reduces.patience
    if not drops and not cut_short:
        return []
    first = drops[0].index if drops else None
    text = (
        f"EarlyStopping stops the training after epoch {stop + 1}, {_beside(stop, first)}: no epoch is trained at a"
        f" reduced learning rate.{_remedy(case, stops, reduces, first)}"
    )
    return [Lint("reduced-rate-unused", (stopping, plateau), stop, text)]


def _beside(stop: int, first: int | None) -> str:
    if first is None:
        return "before ReduceLROnPlateau has reduced the learning rate at all"
    if first == stop:
        return "the epoch after which ReduceLROnPlateau reduces the learning rate for the first time"
    return f"before ReduceLROnPlateau would have reduced the learning rate, after epoch {first + 1}"


def _remedy(case: Case, stops: EarlyStopping, reduces: ReduceLROnPlateau, first: int | None) -> str:
    """Name a patience with which the first reduction comes before the stop; there is none under a baseline, say."""
    # Twice as much gives the lower rate as many epochs as led to it.
    for patience in (2 * reduces.patience, 2 * (stops.patience + reduces.patience), len(case.stream.epochs)):
        stop = stop_of(case.replayed(replace(stops, patience=patience)))
        if patience > reduces.patience and (stop is None or (first is not None and stop > first)):
            return (
                f" Give EarlyStopping more patience than the {reduces.patience:g} of ReduceLROnPlateau,"
                f" for example patience={patience:g}."
            )
    return ""
