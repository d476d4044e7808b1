"""What ModelCheckpoint saves, or cannot: metrics that are not there, files that are overwritten or cannot be named.

Keras 2.3 renamed `acc` to `accuracy`; whatever watches the old name is warned of and does nothing, or saves too much.
"""

from __future__ import annotations

import math
from dataclasses import replace

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.events import CheckpointSaved, of_kind
from kcb_replay.replay.lints.base import Case, Lint, Monitoring, better, epochs_of, of_each
from kcb_replay.replay.stream import Batch, Epoch

# The one lint that explains why Keras raises.
LISTED_TOO_EARLY = "checkpoint-listed-too-early"


@of_each(EarlyStopping, ReduceLROnPlateau, ModelCheckpoint)
def other_name(case: Case, position: int, callback: Monitoring) -> Lint | None:
    """Speak of each callback whose metric is recorded under its other name only."""
    other = _recorded_as(callback.monitor, case)
    if other is None or (callback.purpose == "saves" and not getattr(callback, "save_best_only", False)):
        return None
    why = reason(
        "lint.metric-other-name",
        monitor=callback.monitor,
        other=other,
        consequence=_without_metric(case, position, callback),
    )
    return Lint("metric-other-name", (position,), None, why)


def _without_metric(case: Case, position: int, callback: Monitoring) -> Reason:
    """Say what a callback does in a fit that has its metric in no epoch."""
    if callback.purpose in ("stops", "reduces"):
        return reason(f"lint.without_metric.{callback.purpose}")
    often = "always" if case.events(position, CheckpointSaved) else "never"
    return reason(f"lint.without_metric.saves_{often}", version=case.version.name)


@of_each(ModelCheckpoint)
def unjudged_saves(case: Case, position: int, callback: ModelCheckpoint) -> Lint | None:
    """Speak of `save_best_only` in epochs without the metric: some versions save them all, the others never do."""
    monitor = callback.monitor
    if not callback.save_best_only or callback.save_freq != "epoch" or _recorded_as(monitor, case):
        return None
    unjudged = [save.index for save in case.events(position, CheckpointSaved) if save.value is None]
    first = unjudged[0] if unjudged else None
    if not case.stream.values_of(monitor):
        consequence = _without_metric(case, position, callback)
        why = reason("lint.checkpoint-without-metric.not_recorded", monitor=monitor, consequence=consequence)
    elif unjudged:
        why = reason(
            "lint.checkpoint-without-metric.gaps",
            epochs=epochs_of(unjudged),
            monitor=monitor,
            version=case.version.name,
        )
    else:
        return None
    return Lint("checkpoint-without-metric", (position,), first, why)


def _recorded_as(monitor: str, case: Case) -> str | None:
    """Return the other name of an accuracy that is recorded under that name only."""
    other = None
    if monitor.endswith("accuracy"):
        other = monitor.removesuffix("accuracy") + "acc"
    elif monitor.endswith("acc"):
        other = monitor + "uracy"
    return other if other and case.stream.values_of(other) and not case.stream.values_of(monitor) else None


@of_each(ModelCheckpoint)
def batch_saves(case: Case, position: int, callback: ModelCheckpoint) -> Lint | None:
    """Speak of an integer `save_freq` that saves never or always with `save_best_only`, or raises.

    A batch knows no validation metric. Recordings seldom hold batches, so the settings are tried on three batches that
    know what those of the first epoch did.
    """
    if callback.save_freq == "epoch" or not (callback.save_best_only or callback.names_validation):
        return None
    first = case.stream.epochs[0]
    seen = {name: value for name, value in first.logs.items() if not name.startswith("val_")}
    epoch = Epoch(first.index, first.logs, tuple(Batch(index, seen) for index in range(3)))
    run = case.replayed(replace(callback, save_freq=1), epochs=[epoch])
    judging = ", save_best_only=True" if callback.save_best_only else ""
    values = {
        "callback": f"ModelCheckpoint(save_freq={callback.save_freq}{judging})",
        "version": case.version.name,
    }
    if run.error and run.error.stage == "on_train_batch_end":
        # The comparison is bound when the first epoch ends, and the first save has nothing to compare with.
        when = "second" if run.error.kind == "TypeError" else "first"
        named = reason("lint.checkpoint-batch-saves.names_validation")
        cause = named if callback.names_validation else run.error.message
        why = reason(f"lint.checkpoint-batch-saves.raises_{when}", kind=run.error.kind, why=cause, **values)
    elif callback.monitor in seen or not run.rows:
        return None
    else:
        saves = any(of_kind(run.rows[0].events[0], CheckpointSaved))
        often = "always" if saves else "never"
        why = reason(f"lint.checkpoint-batch-saves.{often}", monitor=callback.monitor, **values)
    return Lint("checkpoint-batch-saves", (position,), None, why)


@of_each(ModelCheckpoint)
def listed_too_early(case: Case, position: int, callback: ModelCheckpoint) -> Lint | None:
    """Speak of a file name with a key, such as the learning rate, that only a later callback of the list logs."""
    error = case.run.error
    if error is None or (error.kind, error.callback, error.stage) != ("KeyError", ModelCheckpoint.name, "on_epoch_end"):
        return None
    listed_last = [*case.callbacks[:position], *case.callbacks[position + 1 :], callback]
    run = case.replayed(*listed_last)
    if run.error is not None and len(run.rows) <= len(case.run.rows):
        return None
    why = reason(f"lint.{LISTED_TOO_EARLY}", path=callback.filepath, epoch=(error.index or 0) + 1)
    return Lint(LISTED_TOO_EARLY, (position,), error.index, why)


@of_each(ModelCheckpoint)
def overwritten(case: Case, position: int, callback: ModelCheckpoint) -> Lint | None:
    """Speak of one file that every epoch overwrites, when it is not the best epoch that is left in it."""
    saves = case.events(position, CheckpointSaved)
    best = _best_index(case, position, callback.monitor)
    kept_apart = callback.save_best_only or len({save.path for save in saves}) != 1
    if kept_apart or best is None or saves[-1].index == best:
        return None
    left = saves[-1].index
    why = reason(
        "lint.checkpoint-overwritten", path=saves[0].path, left=left + 1, monitor=callback.monitor, best=best + 1
    )
    return Lint("checkpoint-overwritten", (position,), left, why)


def _best_index(case: Case, position: int, monitor: str) -> int | None:
    """Return the epoch with the best value among those that ran, the last of equals."""
    direction = case.direction(position)
    if direction is None:
        return None
    values = case.stream.values_of(monitor)
    best: int | None = None
    for index in (row.index for row in case.run.rows if row.index in values):
        if not math.isnan(values[index]) and (best is None or not better(direction, values[best], values[index])):
            best = index
    return best
