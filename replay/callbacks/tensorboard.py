"""TensorBoard: which scalars are written, under which tags and at which steps. Writes nothing.

Graphs, histograms, images, embeddings and profiles are of the model, which a recording does not hold: their arguments
change nothing here. What tf_keras writes of a schedule that is the optimizer's own is not known either. Sources:
keras/src/callbacks/tensorboard.py; in Keras 2 callbacks.py. `was_run` says whether the event files of a real training
with the version were read back (tests/replay/test_tensorboard_callback.py). Refuses an `update_freq` in batches for
versions that nobody has looked at.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from kcb_replay.errors import NotReplayableError, SettingError
from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks.arguments import require_counts, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import BatchEnd, Callback, Context, EpochEnd, State, Step, TestEnd, TrainBegin
from kcb_replay.replay.events import Event, ScalarsWritten

_RUN = re.compile(r"(keras-3\.15|tf_keras-2\.21)\b")


@dataclass(frozen=True, slots=True)
class TensorBoard(Callback):
    """Write the metrics of every epoch, and with an `update_freq` of N those of every N-th batch, below `log_dir`.

    Arguments and order are those of Keras 3. Raises `SettingError` for a `log_dir` or an `update_freq` that cannot be.
    """

    name = "TensorBoard"

    log_dir: str = "logs"
    histogram_freq: int = 0
    write_graph: bool = True
    write_images: bool = False
    write_steps_per_second: bool = False
    update_freq: int | Literal["epoch", "batch"] = "epoch"
    profile_batch: int | str | tuple[int, int] = 0
    embeddings_freq: int = 0
    embeddings_metadata: str | Mapping[str, str] | None = field(default=None, hash=False)

    def __post_init__(self) -> None:
        with_python_values(self)
        if isinstance(self.log_dir, os.PathLike):
            object.__setattr__(self, "log_dir", os.fspath(self.log_dir))
        require_texts(self, ("log_dir",))
        if isinstance(self.update_freq, str) and self.update_freq not in ("epoch", "batch"):
            raise SettingError(
                f'TensorBoard: update_freq must be "epoch", "batch" or a number of batches, but it is'
                f" {self.update_freq!r}."
            )
        if not isinstance(self.update_freq, str):
            require_counts(self, ("update_freq",))

    @property
    def counts_batches(self) -> bool:
        """Whether points hang on the number of the batch."""
        return self.update_freq != "epoch"

    @property
    def every(self) -> int:
        """How many batches are between two points, 0 for none at batches."""
        if isinstance(self.update_freq, int):
            return self.update_freq
        return 1 if self.update_freq == "batch" else 0

    def start(self, context: Context) -> TensorBoardState:
        """Return the state of a new callback."""
        return TensorBoardState(self, context)


@dataclass(frozen=True, slots=True)
class TensorBoardState(State):
    """The points per tag; how often a batch hook was called in this fit, and the steps of the optimizer in all fits.

    `steps_known` is False as soon as an epoch went by without batches; `points` has None for a point at a step that
    nobody knows.
    """

    settings: TensorBoard
    context: Context
    points: Mapping[str, tuple[int | None, ...]] = field(default_factory=dict)
    calls: int = 0
    batch: int = -1
    iterations: int = 0
    steps_known: bool = True
    in_epoch: tuple[int, ...] = ()
    batch_names: tuple[str, ...] = ()

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Count batches from the beginning again; the optimizer goes on."""
        version = self.context.semantics
        if self.settings.every and version.tensorboard_batches == "unknown":
            why = reason("left_out.unknown_batches", callback=str(self.settings), version=version.name)
            raise NotReplayableError(f"{why}.", reason=why)
        return Step(replace(self, calls=0, batch=-1, in_epoch=()))

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Note whether this batch is a point."""
        if end.batch is None:
            return Step(self)
        state = replace(self, calls=self.calls + 1, batch=end.batch)
        names = tuple(name for name in end.logs if name not in ("batch", "size", "num_steps"))
        step = state._batch_step()
        if step is None:
            return Step(state)
        return Step(replace(state, in_epoch=(*self.in_epoch, step), batch_names=names or self.batch_names))

    def on_test_end(self, end: TestEnd) -> Step:
        """Write the metrics of the validation against the steps of the optimizer."""
        semantics = self.context.semantics
        if not semantics.tensorboard_evaluations:
            return Step(self)
        tags = [f"validation/evaluation_{name}_vs_iterations" for name in end.logs]
        # Of which batches the validation consists is not recorded, and with an update_freq 3.15 asks for it.
        asks = semantics.tensorboard_batches == "every N, and epochs" and self.settings.every > 1
        known = self.batch >= 0 and self.steps_known and not asks
        steps = (self.iterations + self.batch + 1,) if known else (None,)
        return Step(*self._with_points(end.index, tags, steps))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Write the points of the batches of this epoch, and those of the epoch."""
        training = [name for name in end.logs if not name.startswith("val_")]
        state, batches = self._with_points(end.index, self._batch_tags(training), self.in_epoch)
        state, epoch = state._with_points(end.index, self._epoch_tags(end.logs), self._epoch_steps(end.index))
        ended = replace(
            state,
            iterations=self.iterations + self.batch + 1,
            batch=-1,
            steps_known=self.steps_known and self.batch >= 0,
            in_epoch=(),
        )
        return Step(ended, (*batches, *epoch))

    def output(self) -> Mapping[str, object]:
        """Return the steps per tag, None for those that hang on batches nobody recorded, and whether it was run."""
        tags = [
            {"tag": tag, "steps": None if None in steps else list(steps), "points": len(steps)}
            for tag, steps in self.points.items()
        ]
        return {"tags": tags, "was_run": bool(_RUN.match(self.context.semantics.name))}

    def _epoch_steps(self, index: int) -> tuple[int | None, ...]:
        """Return the step of the points of an epoch, which since 3.15 the number of its last batch decides over."""
        every = self.settings.every
        if self.context.semantics.tensorboard_batches != "every N, and epochs" or every <= 1:
            return (index,)
        if not self.calls:
            return (None,)
        return () if self.calls % every else (index,)

    def _batch_step(self) -> int | None:
        """Return the step of the point of this batch, None where there is none."""
        every, rule = self.settings.every, self.context.semantics.tensorboard_batches
        if not every or rule == "none":
            return None
        if rule == "with a batch hook" and not self.settings.write_steps_per_second:
            return None
        if rule == "all at step 0":
            return 0
        return self.calls if rule == "all" or self.calls % every == 0 else None

    def _batch_tags(self, training: Iterable[str]) -> list[str]:
        rate = self.context.semantics.learning_rate_key
        names = [*(self.batch_names or (name for name in training if name != rate))]
        first = ["steps_per_second"] if self.settings.write_steps_per_second else []
        return [f"train/batch_{name}" for name in (*first, *names)]

    def _epoch_tags(self, logs: Mapping[str, float]) -> list[str]:
        semantics = self.context.semantics
        if semantics.tensorboard_tags == "metric":
            return list(logs)
        training = [name for name in logs if not name.startswith("val_")]
        if semantics.tensorboard_reads_rate and semantics.learning_rate_key not in training:
            training.append(semantics.learning_rate_key)
        if self.settings.write_steps_per_second:
            training.append("steps_per_second")
        validation = [name.removeprefix("val_") for name in logs if name.startswith("val_")]
        return [f"train/epoch_{name}" for name in training] + [f"validation/epoch_{name}" for name in validation]

    def _with_points(
        self, index: int, tags: Sequence[str], steps: tuple[int | None, ...]
    ) -> tuple[TensorBoardState, tuple[Event, ...]]:
        if not tags or not steps:
            return self, ()
        points = {**self.points, **{tag: (*self.points.get(tag, ()), *steps) for tag in tags}}
        event = ScalarsWritten(index=index, callback=TensorBoard.name, tags=tuple(tags), steps=steps)
        return replace(self, points=points), (event,)
