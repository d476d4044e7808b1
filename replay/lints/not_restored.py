"""`restore_best_weights` in a version that restores only when EarlyStopping itself stops the training.

Silent when the last epoch is the best, when no value was ever an improvement, and when ModelCheckpoint has kept the
best one. Where several EarlyStoppings restore, a Keras that always restores ends with what the last of the list does.
"""

from __future__ import annotations

from dataclasses import replace

from kcb_replay.replay.callbacks import EarlyStopping
from kcb_replay.replay.engine import Run
from kcb_replay.replay.events import CheckpointSaved, Improved, WeightsRestored
from kcb_replay.replay.lints.base import Case, Lint

__all__ = ["not_restored"]


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
