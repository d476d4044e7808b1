"""What happened, epoch by epoch: typed events that text, JSON, figures and pages are all made from.

`index` counts epochs from 0 as `on_epoch_end` does, `epoch` from 1 as Keras prints them. Nothing here decides anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = [
    "BackupSaved",
    "CheckpointSaved",
    "CheckpointSkipped",
    "CoolingDown",
    "CriterionMet",
    "Event",
    "Improved",
    "InStrip",
    "LearningRateAtFloor",
    "LearningRateReduced",
    "LearningRateSet",
    "LossMeasured",
    "MetricMissing",
    "NewBest",
    "NotCounted",
    "PayloadSent",
    "QuotientMeasured",
    "ReductionIgnored",
    "ScalarsWritten",
    "StopRequested",
    "StopWithdrawn",
    "Stopped",
    "StripCompared",
    "Terminated",
    "TextWritten",
    "Waited",
    "Warned",
    "WeightsRestored",
]

WhyNot: TypeAlias = Literal["nan", "nan best", "equal", "worse", "within min_delta"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that one callback did or saw at the end of the epoch `index`."""

    index: int
    callback: str

    @property
    def epoch(self) -> int:
        """The epoch counted from 1."""
        return self.index + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricMissing(Event):
    """The logs of this epoch hold no `monitor`; Keras warns, and the epoch does not count."""

    monitor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCounted(Event):
    """An epoch before `start_from_epoch` (0-based): looked at by nobody."""

    value: float
    start_from_epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Improved(Event):
    """`value` is the new best; `best` is the one before, None at the first value.

    `wait` is the counter afterwards: it is not reset while `baseline` is not beaten (`met_baseline` false).
    """

    value: float
    best: float | None
    min_delta: float
    wait: int
    patience: float
    baseline: float | None = None
    met_baseline: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited(Event):
    """No improvement: `wait` of `patience` is used up, for the reason `why`."""

    value: float
    best: float
    min_delta: float
    wait: int
    patience: float
    why: WhyNot


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingDown(Event):
    """No improvement, but not counted: ReduceLROnPlateau is in cooldown for `remaining` more epochs."""

    value: float
    best: float
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Event):
    """The callback set `stop_training`; this is the last epoch that runs."""

    wait: int
    patience: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsRestored(Event):
    """The weights of the epoch `from_index` were put back, `fits_ago` fits before this one."""

    from_index: int
    fits_ago: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateReduced(Event):
    """The learning rate went from `old_lr` to `new_lr`, in effect from the next epoch on."""

    old_lr: float
    new_lr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateAtFloor(Event):
    """Patience is used up, but the learning rate is not above `min_lr`, or is NaN; the counter keeps growing."""

    lr: float
    min_lr: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateSet(Event):
    """The learning rate was set, in effect at once: by a schedule when the epoch began, or by a real callback.

    `at_end`: when the epoch had ended, so that the next one is the first that is trained with it.
    """

    old_lr: float
    new_lr: float
    at_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(Event):
    """A file was written to `path`, after the 0-based `batch` of the epoch or (None) at its end.

    With save_best_only, `value` beat `best` (None at the first value); both are None where nothing was compared.
    """

    path: str
    batch: int | None
    value: float | None = None
    best: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSkipped(Event):
    """save_best_only: `value` is no improvement on `best`, so nothing was written; None where there is no value."""

    monitor: str
    batch: int | None
    value: float | None
    best: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated(Event):
    """The loss of a batch was NaN or infinite, so the epoch was cut short; `batch` is None where it is not recorded."""

    batch: int | None
    loss: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TextWritten(Event):
    """The callback appended `text` to what it writes: a file, or the console."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadSent(Event):
    """The callback sent `body` to `url`; with `json` as a JSON document, else as the form field of that name."""

    url: str
    body: str
    json: bool
    field: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupSaved(Event):
    """The whole training was saved under `path`, after the 0-based `batch` of the epoch or (None) at its end."""

    path: str
    batch: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarsWritten(Event):
    """A point was written under each of the `tags` at each of the `steps`; None is a step that is not known."""

    tags: tuple[str, ...]
    steps: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested(Event):
    """A real callback set `model.stop_training` in `hook`; why is its own business."""

    hook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StopWithdrawn(Event):
    """A real callback set `model.stop_training` back to False in `hook`, and the training goes on."""

    hook: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Warned(Event):
    """A real callback warned of `text`."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBest(Event):
    """`value` is the lowest so far for a rule that has no wait; `best` is the one before, None at the first value."""

    value: float
    best: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LossMeasured(Event):
    """GL, by how many percent `value` is above the lowest so far, `best` (None before the first number)."""

    value: float
    best: float | None
    loss: float
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotientMeasured(Event):
    """PQ at the end of a strip: GL over `progress`, the thousandths by which training errors are above their lowest."""

    value: float
    best: float | None
    loss: float
    progress: float
    quotient: float
    alpha: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StripCompared(Event):
    """UP at the end of a strip: `value` against that of one strip `before`; `rises` strips in a row have risen."""

    value: float
    before: float
    rises: int
    needed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class InStrip(Event):
    """The `place`-th epoch of a strip: remembered, but judged only at the end of the strip."""

    value: float
    place: int
    strip: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CriterionMet(Event):
    """A rule that has no patience set the stop flag, for `quantity` (as "GL") is `amount` and `limit` was reached."""

    quantity: str
    amount: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionIgnored(Event):
    """Patience is used up, but the learning rate `lr` would fall to `new_lr` by no more than `eps`."""

    lr: float
    new_lr: float
    eps: float
