"""What ModelCheckpoint comes to: every save, and what is on disk at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from kcb_replay.language.reason import reason
from kcb_replay.replay.events import BackupSaved, CheckpointSaved
from kcb_replay.replay.outcomes.base import CallbackTrace, Json, Outcome, hypothetical
from kcb_replay.replay.validity import Label, Validity

if TYPE_CHECKING:
    from kcb_replay.replay.callbacks import ModelCheckpoint, ModelCheckpointState

__all__ = ["ModelCheckpointOutcome", "Save", "StoredFile", "model_checkpoint_outcome", "saves_in"]


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

    def to_dict(self) -> Json:
        """Return it with the epoch in both ways of counting."""
        return {"index": self.index, "epoch": self.index + 1, **asdict(self)}


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
        files = [
            {"path": file.path, "index": file.index, "epoch": file.index + 1, "overwritten": file.overwritten}
            for file in self.on_disk
        ]
        return {"saves": [save.to_dict() for save in self.saves], "on_disk": files}


def model_checkpoint_outcome(view: CallbackTrace, state: ModelCheckpointState) -> ModelCheckpointOutcome:
    """Return the outcome of a ModelCheckpoint."""
    return ModelCheckpointOutcome(
        settings=state.settings,
        mode=state.direction,
        saves=saves_in(view, CheckpointSaved),
        validity=_validity(view, state.settings),
    )


def saves_in(view: CallbackTrace, *kinds: type[CheckpointSaved | BackupSaved]) -> tuple[Save, ...]:
    """Return every file that one callback wrote, with its label; of a backup nothing is compared."""
    return tuple(
        Save(
            event.index,
            event.batch,
            event.path,
            event.value if isinstance(event, CheckpointSaved) else None,
            "exact" if view.is_exact_at(event.index) else "hypothetical",
        )
        for kind in kinds
        for event in view.events(kind)
    )


def _validity(view: CallbackTrace, settings: ModelCheckpoint) -> Validity:
    if settings.save_freq != "epoch" and not view.stream.has_batches:
        return Validity("undecided", reason("validity.no_batches_to_save", save_freq=settings.save_freq))
    if view.beyond is not None:
        return hypothetical(view.beyond)
    return Validity("exact", reason("validity.saves"))
