"""Which file ModelCheckpoint writes: one that every epoch overwrites, or one whose name cannot be made yet."""

from __future__ import annotations

import math

from kcb_replay.replay.callbacks import ModelCheckpoint
from kcb_replay.replay.events import CheckpointSaved
from kcb_replay.replay.lints.base import Case, Lint, better

__all__ = ["LISTED_TOO_EARLY", "listed_too_early", "overwritten"]

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
