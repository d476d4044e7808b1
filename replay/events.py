"""What happened, epoch by epoch: typed events that text, JSON, figures and pages are all made from.

`index` counts epochs from 0 as `on_epoch_end` does, `epoch` from 1 as Keras prints them. Nothing here decides anything.
Readers ask an event for a fact, which is neutral where it has none, or take the events `of_kind`; only the words on
events (`report.phrases`) tell every kind apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, TypeAlias, TypeVar

WhyNot: TypeAlias = Literal["nan", "nan best", "equal", "worse", "within min_delta"]
_E = TypeVar("_E", bound="Event")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that one callback did or saw at the end of the epoch `index`.

    `concerns` says what it is about: the epoch, the end of the training, or the learning rate when a metric has judged
    it. `does` names its effect on the training or the disk, `effect_field` the field with the value of that.
    `is_better`: the value is the new best. `ends_epoch`: the epoch was left before its end.
    """

    concerns: ClassVar[Literal["epoch", "end", "rate"]] = "epoch"
    does: ClassVar[str] = ""
    effect_field: ClassVar[str] = ""
    is_better: ClassVar[bool] = False
    ends_epoch: ClassVar[bool] = False

    index: int
    callback: str

    @property
    def epoch(self) -> int:
        """The epoch counted from 1."""
        return self.index + 1

    @property
    def seen(self) -> float | None:
        """The value of the metric that it is about, None where there is none."""
        return None

    @property
    def compared(self) -> tuple[float, float] | None:
        """The value of the metric and the best that it was held against, None where nothing was compared."""
        return None

    @property
    def new_rate(self) -> float | None:
        """The learning rate that it set, None where it set none."""
        return None

    @property
    def effect(self) -> tuple[str, object] | None:
        """What it did to the training or to the disk, and the value of that; None for one that did nothing."""
        return (self.does, getattr(self, self.effect_field, None)) if self.does else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged(Event):
    """`value` was held against `best`, which is None at the first value."""

    value: float
    best: float | None

    @property
    def seen(self) -> float | None:
        """The value."""
        return self.value

    @property
    def compared(self) -> tuple[float, float] | None:
        """The value and the best."""
        return None if self.best is None else (self.value, self.best)

    @property
    def margin(self) -> float:
        """By how much it had to be better."""
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted(Judged):
    """A judged epoch after which the counter stands at `wait` of `patience`."""

    min_delta: float
    wait: int
    patience: float

    @property
    def margin(self) -> float:
        """By how much it had to be better."""
        return self.min_delta


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricMissing(Event):
    """The logs of this epoch hold no `monitor`; Keras warns, and the epoch does not count."""

    monitor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotCounted(Event):
    """An epoch before `start_from_epoch` (0-based): looked at by nobody."""

    value: float
    start_from_epoch: int

    @property
    def seen(self) -> float | None:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Improved(Counted):
    """`value` is the new best; `best` is the one before, None at the first value.

    `wait` is the counter afterwards: it is not reset while `baseline` is not beaten (`met_baseline` false).
    """

    is_better: ClassVar[bool] = True

    baseline: float | None = None
    met_baseline: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited(Counted):
    """No improvement: `wait` of `patience` is used up, for the reason `why`."""

    best: float
    why: WhyNot


@dataclass(frozen=True, slots=True, kw_only=True)
class CoolingDown(Judged):
    """No improvement, but not counted: ReduceLROnPlateau is in cooldown for `remaining` more epochs."""

    best: float
    remaining: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped(Event):
    """The callback set `stop_training`; this is the last epoch that runs."""

    concerns = "end"
    does = "stops"

    wait: int
    patience: float


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsRestored(Event):
    """The weights of the epoch `from_index` were put back, `fits_ago` fits before this one."""

    concerns = "end"
    does, effect_field = "restores", "from_index"

    from_index: int
    fits_ago: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateReduced(Event):
    """The learning rate went from `old_lr` to `new_lr`, in effect from the next epoch on."""

    concerns = "rate"
    does, effect_field = "reduces", "new_lr"

    old_lr: float
    new_lr: float

    @property
    def new_rate(self) -> float | None:
        """The learning rate that was set."""
        return self.new_lr


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningRateAtFloor(Event):
    """Patience is used up, but the learning rate is not above `min_lr`, or is NaN; the counter keeps growing."""

    concerns = "rate"

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

    @property
    def new_rate(self) -> float | None:
        """The learning rate that was set."""
        return self.new_lr


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSaved(Event):
    """A file was written to `path`, after the 0-based `batch` of the epoch or (None) at its end.

    With save_best_only, `value` beat `best` (None at the first value); both are None where nothing was compared.
    """

    does, effect_field = "saves", "path"

    path: str
    batch: int | None
    value: float | None = None
    best: float | None = None

    @property
    def compared(self) -> tuple[float, float] | None:
        """The value and the best."""
        return None if self.value is None or self.best is None else (self.value, self.best)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointSkipped(Event):
    """save_best_only: `value` is no improvement on `best`, so nothing was written; None where there is no value."""

    monitor: str
    batch: int | None
    value: float | None
    best: float | None

    @property
    def compared(self) -> tuple[float, float] | None:
        """The value and the best."""
        return None if self.value is None or self.best is None else (self.value, self.best)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminated(Event):
    """The loss of a batch was NaN or infinite, so the epoch was cut short; `batch` is None where it is not recorded."""

    ends_epoch: ClassVar[bool] = True

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

    is_better: ClassVar[bool] = True

    value: float
    best: float | None

    @property
    def seen(self) -> float | None:
        """The value."""
        return self.value


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

    does = "stops"

    quantity: str
    amount: float
    limit: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ReductionIgnored(Event):
    """Patience is used up, but the learning rate `lr` would fall to `new_lr` by no more than `eps`."""

    lr: float
    new_lr: float
    eps: float


def of_kind(events: Iterable[Event], *kinds: type[_E]) -> Iterator[_E]:
    """Yield the events of some kinds, in order."""
    return (event for event in events if isinstance(event, kinds))
