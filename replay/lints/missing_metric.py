"""A callback watches a metric that is not recorded, perhaps because it has another name.

Keras 2.3 renamed `acc` to `accuracy`; what watches the old name is warned of and does nothing, or saves too much.
"""

from __future__ import annotations

from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.events import CheckpointSaved
from kcb_replay.replay.lints.base import Case, Lint, epochs_of

__all__ = ["other_name", "unjudged_saves"]


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
