"""BackupAndRestore: when the training is backed up, and whether the backup is left.

Writes nothing and restores nothing: a recorded fit is one that was not interrupted. That the model must have been built
before `fit` (Keras 3) cannot be seen in a recording. Sources: keras/src/callbacks/backup_and_restore.py; in Keras 2
callbacks.py and distribute/worker_training_state.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks.arguments import require_texts, with_python_values
from kcb_replay.replay.callbacks.base import BatchEnd, Callback, Context, EpochEnd, State, Step, TrainBegin, TrainEnd
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.events import BackupSaved, Event


@dataclass(frozen=True, slots=True)
class BackupAndRestore(Callback):
    """Back up the training into `backup_dir` after every epoch, or after every `save_freq` batches.

    With `delete_checkpoint` the backup is deleted when the training ends. The order of the arguments is that of
    Keras 3; `save_before_preemption` (tf.keras 2.11 to tf_keras) is about machines, not about recordings, and saves
    nothing here.
    Raises `SettingError` when `backup_dir` is no text.
    """

    name = "BackupAndRestore"

    backup_dir: str
    save_freq: int | Literal["epoch"] = "epoch"
    double_checkpoint: bool = False
    delete_checkpoint: bool = True
    save_before_preemption: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self, ("backup_dir",))
        if self.save_freq != "epoch" and not isinstance(self.save_freq, int):
            raise SettingError(
                f'BackupAndRestore: save_freq must be "epoch" or an integer, but it is {self.save_freq!r}.'
            )

    @property
    def counts_batches(self) -> bool:
        """Whether it saves after so many batches."""
        return self.save_freq != "epoch"

    def start(self, context: Context) -> BackupAndRestoreState:
        """Return the state of a new callback; raises `KerasRaises` where the constructor of the version raises."""
        if context.semantics.backup_counts == "batches" and not self.backup_dir:
            raise KerasRaises("ValueError", "backup_dir is empty")
        if context.semantics.backup_refuses_no_frequency and not self.save_freq and not self.save_before_preemption:
            raise KerasRaises("ValueError", "either save_freq or save_before_preemption must be set")
        return BackupAndRestoreState(self, context)

    def compared_output(self, output: Mapping[str, Any], events: Iterable[tuple[int, Event]]) -> object:  # noqa: ARG002
        """Return fit, epoch and batch of every backup."""
        return [[fit, event.index, event.batch] for fit, event in events if isinstance(event, BackupSaved)]


@dataclass(frozen=True, slots=True)
class BackupAndRestoreState(State):
    """How many backups were made, which one it is in the folder, and the batches since the last one."""

    settings: BackupAndRestore
    context: Context
    saves: int = 0
    number: int = 0
    exists: bool = False
    batches_since_save: int = 0
    last_batch: int = 0

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Count the checkpoints from 1 again, unless those of the fit before are still there."""
        return Step(self if self.exists else replace(self, number=0))

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Back up after every `save_freq` batches."""
        if end.batch is None or self.settings.save_freq == "epoch" or self._has_no_frequency:
            return Step(self)
        since = self.batches_since_save + self._steps_since_last(end.batch)
        counted = replace(self, batches_since_save=since, last_batch=end.batch)
        if since < self.settings.save_freq:
            return Step(counted)
        return replace(counted, batches_since_save=0)._save(end.index, end.batch)

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Back up after every epoch."""
        state = replace(self, last_batch=0) if self.context.semantics.backup_forgets_batch else self
        return state._save(end.index, None) if self.settings.save_freq == "epoch" else Step(state)

    def on_train_end(self, end: TrainEnd) -> Step:  # noqa: ARG002
        """Delete the backup."""
        return Step(replace(self, exists=self.exists and not self.settings.delete_checkpoint))

    def output(self) -> Mapping[str, object]:
        """Return the number of backups, and whether the last one is left."""
        return {"saves": self.saves, "exists_at_end": self.exists}

    @property
    def _has_no_frequency(self) -> bool:
        # Elsewhere 0 is a frequency that every batch reaches.
        return self.context.semantics.backup_refuses_no_frequency and not self.settings.save_freq

    def _steps_since_last(self, batch: int) -> int:
        if self.context.semantics.backup_counts == "calls":
            return 1
        return batch + 1 if batch <= self.last_batch else batch - self.last_batch

    def _save(self, index: int, batch: int | None) -> Step:
        number = self.number + 1
        weights = self.context.semantics.backup_counts == "batches"
        path = f"{self.settings.backup_dir}/" + ("latest.weights.h5" if weights else f"chief/ckpt-{number}")
        event = BackupSaved(index=index, callback=BackupAndRestore.name, path=path, batch=batch)
        return Step(replace(self, saves=self.saves + 1, number=number, exists=True), (event,))
