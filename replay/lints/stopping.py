"""What EarlyStopping does too soon, too late, or not at all: stops, the lower rate before them, the weights after them.

Each remedy that is named was replayed.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import replace
from itertools import pairwise

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.engine import Run
from kcb_replay.replay.events import CheckpointSaved, Improved, WeightsRestored, of_kind
from kcb_replay.replay.lints.base import Case, Lint, events_of, first_difference, of_each, reductions, stop_of


@of_each(EarlyStopping)
def zero_patience(case: Case, position: int, callback: EarlyStopping) -> Lint | None:
    """Speak of a stop in an epoch that improved: TensorFlow 2.5 to 2.11 test patience=0 there, too."""
    stop = stop_of(case.run, position)
    improved = [event.index for event in case.events(position, Improved) if event.met_baseline]
    if stop is None or stop not in improved or stop_of(case.alone(position, patience=1)) == stop:
        return None
    why = reason(
        "lint.zero-patience-stops-at-once",
        epoch=stop + 1,
        monitor=callback.monitor,
        patience=callback.patience,
        version=case.version.name,
    )
    return Lint("zero-patience-stops-at-once", (position,), stop, why)


@of_each(EarlyStopping)
def baseline_unmet(case: Case, position: int, callback: EarlyStopping) -> Lint | None:
    """Speak of a stop before the baseline is beaten, when this recording beats it later."""
    if callback.baseline is None:
        return None
    stop = stop_of(case.run, position)
    never = case.alone(position, patience=math.inf)
    met = next((event.index for event in events_of(never, 0, Improved) if event.met_baseline), None)
    if stop is None or met is None or stop >= met:
        return None
    # More patience never stops earlier.
    enough = bisect_left(range(len(never.rows) + 1), 1, key=lambda patience: _outlasts(case, position, patience, met))
    why = reason(
        "lint.baseline-not-met-yet",
        epoch=stop + 1,
        monitor=callback.monitor,
        baseline=callback.baseline,
        met=met + 1,
        patience=enough,
    )
    return Lint("baseline-not-met-yet", (position,), stop, why)


def _outlasts(case: Case, position: int, patience: int, met: int) -> bool:
    """Tell whether the training goes on until the baseline is met."""
    stop = stop_of(case.alone(position, patience=patience))
    return stop is None or stop > met


@of_each(EarlyStopping, ReduceLROnPlateau)
def patience_in_validations(case: Case, position: int, callback: EarlyStopping | ReduceLROnPlateau) -> Lint | None:
    """Speak of a patience that would have acted earlier, were it counted in epochs and not in validations.

    Silent where the metric comes irregularly, where counting all epochs would have done the same here, and where the
    epochs between are not recorded at all: then the training may have validated in them.
    """
    with_value = list(case.stream.values_of(callback.monitor))
    gaps = {after - before for before, after in pairwise(with_value)}
    every = gaps.pop() if len(gaps) == 1 else 1
    if every < 2 or not math.isfinite(callback.patience):
        return None
    recorded = sum(with_value[0] <= epoch.index <= with_value[-1] for epoch in case.stream.epochs if epoch.logs)
    if recorded <= with_value[-1] - with_value[0]:
        return None
    enough = max(1, math.ceil(callback.patience / every))
    index = first_difference(case.alone(position), case.alone(position, patience=enough))
    if index is None:
        return None
    why = reason(
        "lint.patience-counts-validations",
        monitor=callback.monitor,
        every=every,
        callback=callback.name,
        patience=callback.patience,
        epochs=callback.patience * every,
        wanted=enough * every,
        enough=enough,
        epoch=index + 1,
    )
    return Lint("patience-counts-validations", (position,), index, why)


def not_restored(case: Case) -> list[Lint]:
    """Speak where the same Keras would end up with another epoch's weights, were they restored at every end.

    Silent when the last epoch is the best, when no value was ever an improvement, and when ModelCheckpoint has kept the
    best one. Where several EarlyStoppings restore, a Keras that always restores ends with what the last of the list
    does.
    """
    stoppers = case.each(EarlyStopping)
    if case.run.error or not case.run.rows or not any(callback.restore_best_weights for _, callback in stoppers):
        return []
    always = replace(case.version, early_stopping_restores_at_end=True)
    epochs = case.stream.epochs[: len(case.run.rows)]
    here, there = (
        case.replayed(*(callback for _, callback in stoppers), version=version, epochs=epochs)
        for version in (case.version, always)
    )
    kept, best = _last_restored(here), _last_restored(there)
    if best is None:
        return []
    number, index = best
    position, callback = stoppers[number]
    ends = case.run.rows[-1].index
    kept_index = ends if kept is None else kept[1]
    improved = {event.index for event in case.events(position, Improved)}
    if case.events(position, WeightsRestored) or index not in improved or index == kept_index or _saved(case, index):
        return []
    of_list = reason("lint.weights-not-restored.of_list", callback=callback.name, number=position + 1)
    why = reason(
        "lint.weights-not-restored.elsewhere",
        who=of_list if len(stoppers) > 1 else callback.name,
        epochs=ends + 1,
        version=case.version.name,
        kept=kept_index + 1,
        best=index + 1,
    )
    return [Lint("weights-not-restored", (position,), ends, why)]


def _last_restored(run: Run) -> tuple[int, int] | None:
    """Return which callback is the last to restore weights, and of which 0-based epoch; None where none does."""
    restored = [
        (position, event.from_index)
        for events_of_all in [*(row.events for row in run.rows), run.finish_events]
        for position, events in enumerate(events_of_all)
        for event in of_kind(events, WeightsRestored)
    ]
    return restored[-1] if restored else None


def _saved(case: Case, index: int) -> bool:
    """Tell whether a checkpoint that was found better than all before holds that epoch."""
    saves = [event for other in range(len(case.callbacks)) for event in case.events(other, CheckpointSaved)]
    return any(save.index == index and save.value is not None for save in saves)


def unused_rate(case: Case) -> list[Lint]:
    """Speak of EarlyStopping and ReduceLROnPlateau on one metric that stop before an epoch at a reduced rate.

    Both count the same epochs, so with a patience not above that of ReduceLROnPlateau, EarlyStopping is there first, or
    in the same epoch. Silent when at least one epoch was trained at a reduced rate, and when no reduction was ever in
    sight.
    """
    pairs = (
        _unused_rate_of(case, (stopping, stops), (plateau, reduces))
        for stopping, stops in case.each(EarlyStopping)
        for plateau, reduces in case.each(ReduceLROnPlateau)
        if stops.monitor == reduces.monitor
    )
    return [lint for lint in pairs if lint is not None]


def _unused_rate_of(
    case: Case, stopping: tuple[int, EarlyStopping], plateau: tuple[int, ReduceLROnPlateau]
) -> Lint | None:
    (stopping_position, stops), (plateau_position, reduces) = stopping, plateau
    stop = stop_of(case.run, stopping_position)
    if stop is None or any(drop.index < stop for drop in reductions(case.run, plateau_position)):
        return None
    drops = reductions(case.replayed(reduces))
    cut_short = stop == case.stream.epochs[-1].index and stops.patience <= reduces.patience
    if not drops and not cut_short:
        return None
    first = drops[0].index if drops else None
    remedy = _remedy(case, stops, reduces, first)
    if first is None:
        why = reason("lint.reduced-rate-unused.never", epoch=stop + 1, remedy=remedy)
    elif first == stop:
        why = reason("lint.reduced-rate-unused.same", epoch=stop + 1, remedy=remedy)
    else:
        why = reason("lint.reduced-rate-unused.later", epoch=stop + 1, first=first + 1, remedy=remedy)
    return Lint("reduced-rate-unused", (stopping_position, plateau_position), stop, why)


def _remedy(case: Case, stops: EarlyStopping, reduces: ReduceLROnPlateau, first: int | None) -> Reason | str:
    """Name a patience with which the first reduction comes before the stop; there is none under a baseline, say."""
    # Twice as much gives the lower rate as many epochs as led to it.
    for patience in (2 * reduces.patience, 2 * (stops.patience + reduces.patience), len(case.stream.epochs)):
        stop = stop_of(case.replayed(replace(stops, patience=patience)))
        if patience > reduces.patience and (stop is None or (first is not None and stop > first)):
            return reason("lint.reduced-rate-unused.remedy", waits=reduces.patience, patience=patience)
    return ""
