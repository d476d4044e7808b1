"""What ModelCheckpoint comes to: every save, and what is on disk at the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.replay.events import CheckpointSaved
from kcb_replay.replay.outcomes.base import Json, Outcome, View, hypothetical
from kcb_replay.replay.validity import Label, Validity

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import ModelCheckpoint, ModelCheckpointState

__all__ = ["ModelCheckpointOutcome", "Save", "StoredFile", "model_checkpoint_outcome"]


@dataclass(frozen=True, slots=True)
class Save:
    """One file written, after the 0-based `batch` of the epoch `index` or (None) at its end.

    `value` is the metric that was an improvement, None where nothing was compared.
    """

    index: int
    batch: int | None
    path: str
    value: float | None
    validity: Label


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file that is there at the end: from which 0-based epoch it is, and how often it was written over."""

    path: str
    index: int
    overwritten: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCheckpointOutcome(Outcome):
    """What ModelCheckpoint would have written in one fit."""

    settings: ModelCheckpoint
    saves: tuple[Save, ...]

    @property
    def fired(self) -> bool:
        """Whether it saved at all."""
        return bool(self.saves)

    @property
    def on_disk(self) -> tuple[StoredFile, ...]:
        """The files at the end of training, in the order in which they were last written."""
        last: dict[str, StoredFile] = {}
        for save in self.saves:
            before = last.pop(save.path, None)
            last[save.path] = StoredFile(save.path, save.index, before.overwritten + 1 if before else 0)
        return tuple(last.values())

    def facts(self) -> Json:
        """Return the saves, and the files that are left."""
        saves = [
            {
                "index": save.index,
                "epoch": save.index + 1,
                "batch": save.batch,
                "path": save.path,
                "value": save.value,
                "validity": save.validity,
            }
            for save in self.saves
        ]
        files = [
            {"path": file.path, "index": file.index, "epoch": file.index + 1, "overwritten": file.overwritten}
            for file in self.on_disk
        ]
        return {"saves": saves, "on_disk": files}


def model_checkpoint_outcome(view: View, state: ModelCheckpointState) -> ModelCheckpointOutcome:
    """Return the outcome of a ModelCheckpoint."""
    saves = tuple(
        Save(
            event.index,
            event.batch,
            event.path,
            event.value,
            "exact" if view.is_exact_at(event.index) else "hypothetical",
        )
        for event in view.events(CheckpointSaved)
    )
    return ModelCheckpointOutcome(
        settings=state.settings, mode=state.direction, saves=saves, validity=_validity(view, state.settings)
    )


def _validity(view: View, settings: ModelCheckpoint) -> Validity:
    if settings.save_freq != "epoch" and not view.stream.has_batches:
        reason = (
            f"save_freq={settings.save_freq} counts batches, and the recording holds none."
            ' Give --steps-per-epoch (steps_per_epoch=), or save_freq="epoch".'
        )
        return Validity("undecided", reason)
    if view.beyond is not None:
        return hypothetical(view.beyond)
    return Validity("exact", "It only observes: what it saves is what the recorded epochs say.")
