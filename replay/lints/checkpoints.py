"""What ModelCheckpoint saves, or cannot: metrics that are not there, files that are overwritten or cannot be named.

Keras 2.3 renamed `acc` to `accuracy`; whatever watches the old name is warned of and does nothing, or saves too much.
"""

from __future__ import annotations

import math
from dataclasses import replace

from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.events import CheckpointSaved
from kcb_replay.replay.lints.base import Case, Lint, better, epochs_of
from kcb_replay.replay.stream import Batch, Epoch

__all__ = ["LISTED_TOO_EARLY", "batch_saves", "listed_too_early", "other_name", "overwritten", "unjudged_saves"]


def other_name(case: Case) -> list[Lint]:
    """Speak of each callback whose metric is recorded under its other name only."""
    idle = [(position, given.monitor, "EarlyStopping never stops") for position, given in case.each(EarlyStopping)]
    idle += [
        (position, given.monitor, "ReduceLROnPlateau never reduces the learning rate")
        for position, given in case.each(ReduceLROnPlateau)
    ]
    idle += [
        (position, given.monitor, _never_or_always(case, position))
        for position, given in case.each(ModelCheckpoint)
        if given.save_best_only
    ]
    return [
        Lint(
            "metric-other-name",
            (position,),
            None,
            f'{monitor} is not recorded, but {other} is, so {doing}. Use monitor="{other}".',
        )
        for position, monitor, doing in idle
        if (other := _recorded_as(monitor, case))
    ]


def unjudged_saves(case: Case) -> list[Lint]:
    """Speak of `save_best_only` in epochs without the metric: some versions save them all, the others never do."""
    lints = []
    for position, given in case.each(ModelCheckpoint):
        if not given.save_best_only or given.save_freq != "epoch" or _recorded_as(given.monitor, case):
            continue
        unjudged = [save.index for save in case.events(position, CheckpointSaved) if save.value is None]
        if not case.stream.values_of(given.monitor):
            text = (
                f"{given.monitor} is not recorded, so {_never_or_always(case, position)}. Monitor a metric that is,"
                " for example loss."
            )
        elif unjudged:
            text = (
                f"ModelCheckpoint(save_best_only=True) saves after {epochs_of(unjudged)} without a comparison: there is"
                f" no {given.monitor}, and {case.version.name} then saves. Validate in every epoch, or monitor a metric"
                " that every epoch has."
            )
        else:
            continue
        lints.append(Lint("checkpoint-without-metric", (position,), unjudged[0] if unjudged else None, text))
    return lints


def _never_or_always(case: Case, position: int) -> str:
    saves = case.events(position, CheckpointSaved)
    return f"ModelCheckpoint(save_best_only=True) saves {'every time' if saves else 'nothing'} in {case.version.name}"


def _recorded_as(monitor: str, case: Case) -> str | None:
    """Return the other name of an accuracy that is recorded under that name only."""
    other = None
    if monitor.endswith("accuracy"):
        other = monitor.removesuffix("accuracy") + "acc"
    elif monitor.endswith("acc"):
        other = monitor + "uracy"
    return other if other and case.stream.values_of(other) and not case.stream.values_of(monitor) else None


# The comparison is bound when the first epoch ends, and the first save has nothing to compare with.
_SECOND_SAVE = "when its second save comes before the end of the first epoch"


def batch_saves(case: Case) -> list[Lint]:
    """Speak of an integer `save_freq` that saves never or always with `save_best_only`, or raises."""
    return [
        Lint("checkpoint-batch-saves", (position,), None, f'{said} Use save_freq="epoch".')
        for position, given in case.each(ModelCheckpoint)
        if given.save_freq != "epoch"
        and (given.save_best_only or given.names_validation)
        and (said := _said_of(case, given))
    ]


def _said_of(case: Case, given: ModelCheckpoint) -> str | None:
    first = case.stream.epochs[0]
    seen = {name: value for name, value in first.logs.items() if not name.startswith("val_")}
    epoch = Epoch(first.index, first.logs, tuple(Batch(index, seen) for index in range(3)))
    run = case.replayed(replace(given, save_freq=1), epochs=[epoch])
    judging = ", save_best_only=True" if given.save_best_only else ""
    written = f"ModelCheckpoint(save_freq={given.save_freq}{judging})"
    if run.error and run.error.stage == "on_train_batch_end":
        when = _SECOND_SAVE if run.error.kind == "TypeError" else "at its first save"
        named = "the filepath needs a val_ metric, which the logs of a batch never hold"
        why = named if given.names_validation else run.error.message
        return f"{written} raises {run.error.kind} in {case.version.name} {when}: {why}."
    if given.monitor in seen or not run.rows:
        return None
    saves = any(isinstance(event, CheckpointSaved) for event in run.rows[0].events[0])
    does = "saves every time" if saves else "saves nothing"
    return f"{written} {does} in {case.version.name}, for after a batch there is no {given.monitor} to compare."


# The one lint that explains why Keras raises.
LISTED_TOO_EARLY = "checkpoint-listed-too-early"


def listed_too_early(case: Case) -> list[Lint]:
    """Speak of a file name with a key, such as the learning rate, that only a later callback of the list logs."""
    error = case.run.error
    if error is None or (error.kind, error.callback, error.stage) != ("KeyError", ModelCheckpoint.name, "on_epoch_end"):
        return []
    return [
        Lint(
            LISTED_TOO_EARLY,
            (position,),
            error.index,
            f"A callback after ModelCheckpoint logs what {given.filepath} names, so it is missing at epoch"
            f" {(error.index or 0) + 1}. List ModelCheckpoint after that callback.",
        )
        for position, given in case.each(ModelCheckpoint)
        if _helps_to_come_last(case, position)
    ]


def _helps_to_come_last(case: Case, position: int) -> bool:
    moved = [*case.callbacks[:position], *case.callbacks[position + 1 :], case.callbacks[position]]
    run = case.replayed(*moved)
    return run.error is None or len(run.rows) > len(case.run.rows)


def overwritten(case: Case) -> list[Lint]:
    """Speak of one file that every epoch overwrites, when it is not the best epoch that is left in it."""
    lints = []
    for position, given in case.each(ModelCheckpoint):
        saves = case.events(position, CheckpointSaved)
        best = _best_index(case, position, given.monitor)
        kept_apart = given.save_best_only or len({save.path for save in saves}) != 1
        if kept_apart or best is None or saves[-1].index == best:
            continue
        text = (
            f"Every save of ModelCheckpoint overwrites {saves[0].path}: what is left is epoch {saves[-1].index + 1},"
            f" while {given.monitor} was best in epoch {best + 1}. Use save_best_only=True, or put {{epoch}} into the"
            " file name."
        )
        lints.append(Lint("checkpoint-overwritten", (position,), saves[-1].index, text))
    return lints


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
