"""ProgbarLogger: what `fit` prints (keras/src/callbacks/progbar_logger.py, and callbacks.py of Keras 2).

Has no clock: every batch takes `seconds_per_batch`, and all else takes no time. Prints nothing. Refuses recordings that
do not hold what is printed: how many batches an epoch has, and for verbose=1 the batches themselves. Where those hold
fewer metrics than Keras logged, the lines of the batches show fewer, too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from kcb_replay.errors import NotReplayableError, SettingError
from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks.arguments import name_set, require_numbers, with_python_values
from kcb_replay.replay.callbacks.base import (
    BatchBegin,
    BatchEnd,
    Callback,
    Context,
    EpochBegin,
    EpochEnd,
    State,
    Step,
    TrainBegin,
)
from kcb_replay.replay.callbacks.progress_bar import ProgressBar
from kcb_replay.replay.callbacks.written import NOTHING, Written
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.events import TextWritten

_NO_METRICS = ("batch", "size", "num_steps")


@dataclass(frozen=True, slots=True)
class ProgbarLogger(Callback):
    """Print a progress bar (`verbose` 1) or a line (2) per epoch.

    `count_mode` and `stateful_metrics` are arguments of Keras 2; without a `count_mode` steps are counted, as `fit`
    asks for wherever it does not count samples. All else is what `fit` tells the class, or the machine: `epochs` and
    `steps` as given to `fit` (None: as recorded; a generator of unknown length has "unknown" steps), `samples` in an
    epoch for count_mode="samples" of old versions, `seconds_per_batch` on the clock, and whether the output is a
    `terminal`: for Keras 2.0.9 to 2.3.1, as the others redraw wherever they write to, on Linux and macOS. Raises
    `SettingError` for values of another kind.
    """

    name = "ProgbarLogger"
    # What it prints is what it is there for.
    only_prints = ()

    count_mode: Literal["samples", "steps"] | None = None
    stateful_metrics: Collection[str] | None = field(default=None, hash=False)
    verbose: int = 1
    epochs: int | None = None
    steps: int | Literal["unknown"] | None = None
    samples: int | None = None
    seconds_per_batch: float = 0.0
    terminal: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)
        name_set(self, "stateful_metrics")
        require_numbers(self, ("verbose", "seconds_per_batch"))
        for argument in ("epochs", "steps", "samples"):
            value = getattr(self, argument)
            if value is None or (argument == "steps" and value == "unknown"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SettingError(f"ProgbarLogger: {argument} must be a whole number from 1 on, but it is {value!r}.")

    def start(self, context: Context) -> ProgbarLoggerState:
        """Return the state of a new callback; raises `KerasRaises` where the constructor of the version raises."""
        if self.count_mode not in (None, "samples", "steps"):
            raise KerasRaises("ValueError", f"unknown count_mode: {self.count_mode}")
        return ProgbarLoggerState(self, context, name_set(self, "stateful_metrics"))


@dataclass(frozen=True, slots=True)
class ProgbarLoggerState(State):
    """The bar of this epoch, the steps or samples seen in it, and all that was printed.

    `steps` are the batches of an epoch (None: unknown), `batches` those that ended in this one, `trained` those in the
    epochs before, `target` what the bar counts to; `values` wait for the next line, in versions that do not draw the
    last batch.
    """

    settings: ProgbarLogger
    context: Context
    given: frozenset[str] = frozenset()
    epochs: int = 1
    steps: int | None = None
    target: int | None = None
    bar: ProgressBar | None = None
    seen: int = 0
    batches: int = 0
    trained: int = 0
    values: tuple[tuple[str, float], ...] = ()
    text: Written = field(default=NOTHING, repr=False)

    def on_train_begin(self, begin: TrainBegin) -> Step:
        """Learn how many epochs and steps there are; raises `NotReplayableError` when the recording does not say."""
        s = self.settings
        steps = begin.steps if s.steps is None else s.steps
        if steps is None and s.verbose:
            raise NotReplayableError(
                "ProgbarLogger prints how many batches an epoch has, and this recording holds epochs only. Say it:"
                " ProgbarLogger(verbose=2, steps=100), or --steps-per-epoch 100 (steps_per_epoch=100).",
                reason=reason("left_out.unknown_steps"),
            )
        known = None if steps == "unknown" else steps
        state = replace(self, epochs=s.epochs or begin.epochs, steps=known, trained=0)
        return Step(replace(state, target=state._target()))

    def on_epoch_begin(self, begin: EpochBegin) -> Step:
        """Print which epoch begins."""
        semantics, late = self.context.semantics, self.context.semantics.progbar_starts_with_batch
        state = replace(self, bar=None if late else self._bar(0.0), seen=0, batches=0, values=())
        if not self.settings.verbose or (self.epochs <= 1 and not semantics.progbar_heads_single_epoch):
            return Step(state)
        return state._printed(begin.index, f"Epoch {begin.index + 1}/{self.epochs}\n")

    def on_train_batch_begin(self, begin: BatchBegin) -> Step:  # noqa: ARG002
        """Forget the values of the batch before; raises `KerasRaises` where the class needs a target and has none."""
        if self.context.semantics.progbar_heads_single_epoch:
            if not self.settings.verbose:
                raise KerasRaises("AttributeError", "ProgbarLogger of Keras 2.0 to 2.3 has no target with verbose=0")
            if self.target is None:
                raise KerasRaises("TypeError", "ProgbarLogger of Keras 2.0 to 2.3 compares what it has seen with None")
        return Step(replace(self, values=()))

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Draw the bar after this batch."""
        if end.batch is None or not self.settings.verbose:
            return Step(self)
        seen = self._seen_with(end)
        state = replace(self, seen=seen, batches=end.batch + 1, values=tuple(self._metrics(end.logs)))
        state = replace(state, bar=self.bar or self._bar(state._now))
        if self.context.semantics.progbar_draws_last_batch:
            feeds = self.settings.verbose == 1 or self.context.semantics.progbar_feeds_line
            return state._updated(end.index, seen, final=False) if feeds else Step(state)
        if state.target is not None and seen >= state.target:
            return Step(state)
        return state._updated(end.index, seen, final=False)

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Draw the bar of the whole epoch."""
        if not self.settings.verbose:
            return Step(self)
        self._require_batches(end.index)
        state = self if self.batches else replace(self, batches=self.steps or 0, seen=self.steps or 0)
        state = state._with_target()
        epoch = tuple(self._metrics(end.logs))
        if not self.context.semantics.progbar_draws_last_batch:
            # The values of the last batch are still there, and go into the average with the same weight.
            return replace(state, values=(*self.values, *epoch))._updated(end.index, state.seen, final=True)
        at_target = self.context.semantics.progbar_ends_at_target and state.target is not None
        current = (state.target or 0) if at_target else state.seen
        return replace(state, values=epoch, trained=state.trained + state.batches)._updated(
            end.index, current, final=True
        )

    def output(self) -> Mapping[str, object]:
        """Return all that was printed."""
        return {"text": str(self.text)}

    @property
    def _counts_samples(self) -> bool:
        return self.settings.count_mode == "samples"

    @property
    def _now(self) -> float:
        return self.batches * self.settings.seconds_per_batch

    def _target(self) -> int | None:
        if not self._counts_samples:
            return self.steps
        if self.context.semantics.progbar_draws_last_batch:
            # `fit` does not say how many samples there are.
            return None
        if self.settings.samples is None:
            raise NotReplayableError(
                'ProgbarLogger prints how many samples an epoch has. Say it: ProgbarLogger("samples", samples=1000).',
                reason=reason("left_out.unknown_samples"),
            )
        return self.settings.samples

    def _bar(self, start: float) -> ProgressBar:
        s = self.settings
        return ProgressBar(
            self.context.semantics,
            self.target,
            s.verbose,
            unit="sample" if self._counts_samples and self.context.semantics.progbar_layout != "per step" else "step",
            redraws=s.terminal or self.context.semantics.progbar_always_redraws,
            is_stateful=self._is_stateful,
            start=start,
        )

    def _is_stateful(self, metric: str) -> bool:
        rule = self.context.semantics.progbar_stateful
        if rule == "given" or (rule == "model or given" and self.given):
            return metric in self.given
        of_model = not metric.startswith("val_") and metric != self.context.semantics.learning_rate_key
        return rule == "all" or (rule != "none" and (of_model or metric in self.given))

    def _metrics(self, logs: Mapping[str, float]) -> Iterable[tuple[str, float]]:
        semantics = self.context.semantics
        hidden = _NO_METRICS if semantics.progbar_sees_learning_rate else (*_NO_METRICS, semantics.learning_rate_key)
        names = [name for name in logs if name not in hidden]
        if not semantics.progbar_draws_last_batch:
            # In the order of the model's metrics, those of the validation last.
            names.sort(key=lambda name: name.startswith("val_"))
        return ((name, logs[name]) for name in names)

    def _seen_with(self, end: BatchEnd) -> int:
        old = not self.context.semantics.progbar_draws_last_batch
        if not self._counts_samples:
            return self.seen + 1 if old else (end.batch or 0) + 1
        if old and "size" not in end.logs:
            raise NotReplayableError(
                f"ProgbarLogger counts samples, and batch {end.batch} of epoch {end.index + 1} was recorded without"
                ' `size`. Count steps: ProgbarLogger("steps").',
                reason=reason("left_out.no_batch_size"),
            )
        return self.seen + int(end.logs.get("size", 0) * end.logs.get("num_steps", 1))

    def _require_batches(self, index: int) -> None:
        semantics = self.context.semantics
        averages = not semantics.progbar_draws_last_batch or (semantics.progbar_feeds_line and self.given)
        needs = self.settings.verbose == 1 or self.steps is None or averages
        if needs and not self.batches:
            raise NotReplayableError(
                f"ProgbarLogger prints the batches of epoch {index + 1}, and this recording does not hold them. Keras 3"
                " and tf.keras from 2.2 on need none for ProgbarLogger(verbose=2, steps=100); else say how many:"
                " --steps-per-epoch (steps_per_epoch=).",
                reason=reason("left_out.no_batches"),
            )

    def _with_target(self) -> ProgbarLoggerState:
        """Take what was seen for the target where it was unknown; the next epoch counts to it."""
        if self.target is not None or not self.context.semantics.progbar_draws_last_batch:
            return replace(self, bar=self.bar or self._bar(self.settings.seconds_per_batch))
        counts_training = self.context.semantics.progbar_ends_at_target and self.context.semantics.progbar_count_mode
        target = self.trained + self.batches if counts_training else self.seen
        if not target:
            raise KerasRaises("OverflowError", "ProgbarLogger takes the logarithm of 0 samples: `fit` says no sizes")
        return replace(self, target=target, bar=replace(self.bar or self._bar(self._now), target=target))

    def _updated(self, index: int, current: int, *, final: bool) -> Step:
        bar = self.bar or self._bar(0.0)
        bar, text = bar.update(current, self.values, now=self._now, final=final)
        return replace(self, bar=bar)._printed(index, text)

    def _printed(self, index: int, text: str) -> Step:
        if not text:
            return Step(self)
        event = TextWritten(index=index, callback=ProgbarLogger.name, text=text)
        return Step(replace(self, text=self.text.plus(text)), (event,))
