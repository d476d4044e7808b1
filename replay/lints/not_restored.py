"""`restore_best_weights` in a version that restores only when EarlyStopping itself stops the training.

Silent when the last epoch is the best, and when ModelCheckpoint has kept the best one.
"""

from __future__ import annotations

from dataclasses import replace

from kcb_replay.replay.callbacks import EarlyStopping, EarlyStoppingState
from kcb_replay.replay.events import CheckpointSaved, WeightsRestored
from kcb_replay.replay.lints.base import Case, Lint
from kcb_replay.replay.semantics import semantics

__all__ = ["not_restored"]

_RESTORES_ALWAYS = "tf_keras-2.16"


def not_restored(case: Case) -> list[Lint]:
    """Speak where a later Keras would have restored another epoch than the one that one ends up with."""
    return [lint for position, given in case.each(EarlyStopping) for lint in _of_one(case, position, given)]


def _of_one(case: Case, position: int, given: EarlyStopping) -> list[Lint]:
    if not given.restore_best_weights or case.run.error or not case.run.rows:
        return []
    best = _restored_later(case, position, given)
    all_restored = [event for other in range(len(case.callbacks)) for event in case.events(other, WeightsRestored)]
    kept = all_restored[-1].from_index if all_restored else case.run.rows[-1].index
    if best is None or best == kept or case.events(position, WeightsRestored) or _saved(case, best):
        return []
    text = (
        f"EarlyStopping does not stop this training, and {case.version.name} restores the best weights only if it does:"
        f" one ends up with the weights of epoch {kept + 1}, not with those of epoch {best + 1}. Add"
        " ModelCheckpoint(save_best_only=True), or use Keras 2.16 or later."
    )
    return [Lint("weights-not-restored", (position,), case.run.rows[-1].index, text)]


def _restored_later(case: Case, position: int, given: EarlyStopping) -> int | None:
    """Return the epoch that a Keras that always restores would have restored after the same epochs."""
    mode = case.direction(position) or given.mode
    epochs = case.stream.epochs[: len(case.run.rows)]
    run = case.replayed(replace(given, mode=mode), version=semantics(_RESTORES_ALWAYS), epochs=epochs)
    state = run.states[0]
    return state.weights_index if isinstance(state, EarlyStoppingState) else None


def _saved(case: Case, index: int) -> bool:
    """Tell whether a checkpoint that was found better than all before holds that epoch."""
    saves = [event for other in range(len(case.callbacks)) for event in case.events(other, CheckpointSaved)]
    return any(save.index == index and save.value is not None for save in saves)
