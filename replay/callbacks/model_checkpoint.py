"""ModelCheckpoint as every version of Keras does it: which file is written when.

Source: keras/src/callbacks/model_checkpoint.py and its ancestors. Writes nothing. The sharded formats and `options` are
left aside: they change what is in a file, not when it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from string import Formatter
from typing import ClassVar, Literal

from kcb_replay.errors import SettingError
from kcb_replay.replay.behaviours import DirectionRule, Semantics
from kcb_replay.replay.callbacks.arguments import require_numbers, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import (
    BatchEnd,
    Callback,
    Context,
    EpochEnd,
    State,
    Step,
    direction,
    metric_to_ask,
)
from kcb_replay.replay.comparison import Comparison, KerasRaises
from kcb_replay.replay.directions import Direction
from kcb_replay.replay.events import CheckpointSaved, CheckpointSkipped, Event
from kcb_replay.text import excerpt


@dataclass(frozen=True, slots=True)
class ModelCheckpoint(Callback):
    """Save the model, or with `save_best_only` save it when `monitor` has improved.

    `filepath` may hold {epoch}, counted from 1, and the metrics of the epoch, formatted as Python does. `save_freq` is
    "epoch" or a number of batches, `period` (Keras 2 only) a number of epochs. Raises `SettingError` for values of
    another kind.
    """

    name = "ModelCheckpoint"
    purpose = "saves"

    filepath: str
    monitor: str = "val_loss"
    verbose: int = 0
    save_best_only: bool = False
    save_weights_only: bool = False
    mode: str = "auto"
    save_freq: int | Literal["epoch"] = "epoch"
    initial_value_threshold: float | None = None
    period: int = 1

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self, ("filepath", "monitor", "mode"))
        self._require_short_fields()
        if self.initial_value_threshold is not None:
            require_numbers(self, ("initial_value_threshold",))
        if self.save_freq != "epoch" and (isinstance(self.save_freq, bool) or not isinstance(self.save_freq, int)):
            raise SettingError(
                f'ModelCheckpoint: save_freq must be "epoch" or an integer, but it is {self.save_freq!r}.'
            )
        require_numbers(self, ("period",))

    def _require_short_fields(self) -> None:
        """Refuse `{epoch:1000000000}`: Python makes all of that text before a file system says that it is too long."""
        for spec in self._specs():
            if "{" in spec or any(len(width) > 4 for width in re.findall(r"\d+", spec)):
                raise SettingError(
                    f"ModelCheckpoint: the filepath {excerpt(self.filepath)} has a field of the width {excerpt(spec)}:"
                    " no path is as long. Write a smaller number."
                )

    def _specs(self) -> list[str]:
        try:
            return [spec for _, _, spec, _ in Formatter().parse(self.filepath) if spec]
        except ValueError:
            return []

    @property
    def counts_batches(self) -> bool:
        """Whether it saves after so many batches."""
        return self.save_freq != "epoch"

    @property
    def needs_batch_metrics(self) -> bool:
        """Whether saves inside an epoch hang on metrics of single batches, which no recording of epochs holds."""
        if self.save_freq == "epoch" or self.names_validation:
            return False
        judges = self.save_best_only and not self.monitor.startswith("val_")
        return judges or not self._named() <= {"epoch", "batch"}

    @property
    def names_validation(self) -> bool:
        """Whether the filepath names a val_ metric: no batch ever has one, so that a save inside an epoch raises."""
        return any(name.startswith("val_") for name in self._named())

    def _named(self) -> set[str]:
        """Return the names in the filepath, none where Python cannot read it and every save raises."""
        try:
            return {re.split(r"[.\[]", name)[0] for _, name, _, _ in Formatter().parse(self.filepath) if name}
        except ValueError:
            return set()

    def direction_rule(self, version: Semantics) -> DirectionRule:
        """Return how a version resolves `mode="auto"`."""
        return version.plateau_direction

    def printed(self, event: Event, epoch: int, *, ended: bool) -> tuple[object, ...] | None:  # noqa: ARG002
        """Return the facts of its lines on a file, and on a value that is no improvement."""
        if self.verbose < 1 or not isinstance(event, (CheckpointSaved, CheckpointSkipped)):
            return None
        if isinstance(event, CheckpointSaved) and not self.save_best_only:
            return "saved", epoch, event.path
        if event.value is None:
            return None
        if isinstance(event, CheckpointSkipped):
            return "not improved", epoch, self.monitor
        best = "none" if event.best is None else f"{event.best:.5f}"
        return "improved", epoch, self.monitor, best, f"{event.value:.5f}", event.path

    def start(self, context: Context) -> ModelCheckpointState:
        """Return the state of a new callback; raises `KerasRaises` for an ending that the version refuses."""
        suffixes = context.semantics.checkpoint_suffixes
        if suffixes:
            allowed = (".weights.h5",) if self.save_weights_only else suffixes
            if not self.filepath.endswith(allowed):
                raise KerasRaises("ValueError", f"the filepath must end in {' or '.join(allowed)}: {self.filepath}")
        last = context.semantics.checkpoint_first_batch
        return ModelCheckpointState(self, context, best=self.initial_value_threshold, last_batch=last)


@dataclass(frozen=True, slots=True)
class ModelCheckpointState(State):
    """The best value so far (None before the first), and how long ago the last attempt was.

    Nothing is ever reset between fits.
    """

    traced: ClassVar[tuple[str, ...]] = ("best",)

    settings: ModelCheckpoint
    context: Context
    comparison: Comparison | None = None
    best: float | None = None
    batches_since_save: float = 0
    epochs_since_save: int = 0
    last_batch: int | None = 0

    @property
    def direction(self) -> Direction | None:
        """The resolved mode, None before the first epoch ends."""
        return self.comparison.direction if self.comparison else None

    @property
    def asked_metric(self) -> str | None:
        """The metric of which Keras asked the model for its direction."""
        return metric_to_ask(self.settings, self.context.semantics)

    def observed(self, fit: int) -> list[object]:  # noqa: ARG002
        """Return best, and the counters that the version has: batches since tf.keras 2.2, epochs until Keras 3."""
        semantics = self.context.semantics
        batches = self.batches_since_save if semantics.checkpoint_counts != "samples" else None
        epochs = self.epochs_since_save if semantics.learning_rate_key == "lr" else None
        return [self.reference, batches, epochs]

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Save after every `save_freq` batches."""
        if self.settings.save_freq == "epoch" or end.batch is None:
            return Step(self)
        steps = self._steps_since_last(end.batch, end.logs)
        counted = replace(self, last_batch=end.batch, batches_since_save=self.batches_since_save + steps)
        if counted.batches_since_save < self.settings.save_freq:
            return Step(counted)
        # Saved, the epochs are counted from here, too.
        due = replace(counted, batches_since_save=0, epochs_since_save=0)
        return due._with_old_comparison()._save(end.index, end.batch, end.logs)

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Save after every epoch, or every `period` epochs."""
        counted = replace(self._with_comparison(), epochs_since_save=self.epochs_since_save + 1)
        if self.settings.save_freq != "epoch":
            return Step(counted)
        if counted.epochs_since_save < self.settings.period:
            return Step(counted)
        return replace(counted, epochs_since_save=0)._save(end.index, None, end.logs)

    @property
    def reference(self) -> float | None:
        """What the next value has to beat."""
        if self.best is not None or self.context.semantics.plateau_any_first_value or self.comparison is None:
            return self.best
        return self.comparison.worst

    def _steps_since_last(self, batch: int, logs: Mapping[str, float]) -> float:
        counts = self.context.semantics.checkpoint_counts
        if counts != "batches":
            # logs["size"] is there in a real fit of those versions; one each is what the class itself falls back to.
            return logs.get("size", 1) if counts == "samples" else 1
        if self.last_batch is None or batch <= self.last_batch:
            return batch + 1
        return batch - self.last_batch

    def _with_comparison(self) -> ModelCheckpointState:
        if self.comparison is not None:
            return self
        s, semantics = self.settings, self.context.semantics
        mode = direction(ModelCheckpoint.name, s.monitor, s.mode, semantics.plateau_direction, self.context)
        if s.mode not in ("min", "max") and semantics.plateau_direction == "acc in name":
            # Only this class takes the F-measure of Keras 1 for a rising metric.
            mode = "max" if s.monitor.startswith("fmeasure") else mode
        return replace(self, comparison=Comparison(mode, 0, semantics.plateau_arithmetic))

    def _with_old_comparison(self) -> ModelCheckpointState:
        """Bind the comparison before the first epoch ends, as versions before 3.11 did in the constructor."""
        return self if self.context.semantics.plateau_any_first_value else self._with_comparison()

    def _save(self, index: int, batch: int | None, logs: Mapping[str, float]) -> Step:
        # Formatted before anything is decided: a name that is not there is an error even when nothing would be saved.
        path = self._path(index, batch, logs)
        saved = CheckpointSaved(index=index, callback=ModelCheckpoint.name, path=path, batch=batch)
        if not self.settings.save_best_only:
            return Step(self, (saved,))
        value = logs.get(self.settings.monitor)
        if value is None and self.context.semantics.checkpoint_saves_without_metric:
            return Step(self, (saved,))
        if value is None or not self._beats(value):
            skipped = CheckpointSkipped(
                index=index,
                callback=ModelCheckpoint.name,
                monitor=self.settings.monitor,
                batch=batch,
                value=value,
                best=self.reference,
            )
            return Step(self, (skipped,))
        return Step(replace(self, best=value), (replace(saved, value=value, best=self.best),))

    def _beats(self, value: float) -> bool:
        if self.reference is None:
            return True
        if self.comparison is None:
            # Since 3.11 the comparison is bound when the first epoch ends, and batches come before that.
            raise KerasRaises("TypeError", "save_freq with save_best_only compares before the first epoch has ended")
        return self.comparison.beats(value, self.reference)

    def _path(self, index: int, batch: int | None, logs: Mapping[str, float]) -> str:
        semantics = self.context.semantics
        fields: dict[str, float] = {"epoch": index + semantics.checkpoint_epoch_offset}
        if batch is not None and semantics.checkpoint_batch_in_name:
            fields["batch"] = batch + 1
        try:
            return self.settings.filepath.format(**fields, **logs)
        except KeyError as error:
            raise KerasRaises("KeyError", self._missing(error, batch)) from None
        except (IndexError, ValueError, AttributeError, TypeError) as error:
            raise KerasRaises(type(error).__name__, f"the filepath cannot be formatted: {error}") from None

    def _missing(self, error: KeyError, batch: int | None) -> str:
        if batch is None or not self.settings.names_validation:
            return f"the filepath names {error}, which is not in the logs at this point"
        return (
            f"after batch {batch + 1} the filepath needs a val_ metric, which the logs of a batch never hold. Use"
            ' save_freq="epoch", or name the files without it'
        )
