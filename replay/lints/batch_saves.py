"""ModelCheckpoint saves after every so many batches, and only the best: but a batch knows no validation metric.

Recordings seldom hold batches, so the settings are tried on three batches that know what those of the first epoch did.
"""

from __future__ import annotations

from dataclasses import replace

from kcb_replay.replay.callbacks import ModelCheckpoint
from kcb_replay.replay.events import CheckpointSaved
from kcb_replay.replay.lints.base import Case, Lint
from kcb_replay.replay.stream import Batch, Epoch

__all__ = ["batch_saves"]

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
