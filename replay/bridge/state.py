"""A real callback in the middle of a replayed fit: its hooks are called, and what they did comes back as a `Step`.

The dicts that it is handed refuse what a real training knows and a recording does not.
"""

from __future__ import annotations

import contextlib
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, NoReturn, TypeAlias

from kcb_replay.errors import KcbReplayError
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.bridge.real_keras import built_in_names, has_own
from kcb_replay.replay.bridge.stand_in import AbsentAttributeError, StandIn, is_of_a_library
from kcb_replay.replay.bridge.watch import Watch
from kcb_replay.replay.bridge.weights import Saved, WeightsSet, masked, unmasked
from kcb_replay.replay.callbacks.base import (
    BatchBegin,
    BatchEnd,
    EpochBegin,
    EpochEnd,
    State,
    Step,
    TestEnd,
    TrainBegin,
    TrainEnd,
)
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.directions import Direction, asks_metric
from kcb_replay.replay.events import (
    CheckpointSaved,
    Event,
    LearningRateReduced,
    LearningRateSet,
    StopRequested,
    StopWithdrawn,
    TextWritten,
    Warned,
    WeightsRestored,
)

_Seen: TypeAlias = TrainBegin | EpochBegin | BatchBegin | BatchEnd | TestEnd | EpochEnd | TrainEnd


class Parameters(dict[str, Any]):
    """`self.params`, in which the number of batches is missing where it is None: Keras itself may see that."""

    def __init__(self, refuse: Callable[[str, str], NoReturn], **values: object) -> None:
        super().__init__(values)
        self._refuse = refuse

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return self._refuse_steps() if self._is_unknown(key, value) else value

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value; refuse the number of batches where it is not known."""
        value = super().get(key, default)
        return self._refuse_steps() if self._is_unknown(key, value) else value

    def _is_unknown(self, key: str, value: object) -> bool:
        return key == "steps" and value is None and not is_of_a_library(sys._getframe(2))

    def _refuse_steps(self) -> NoReturn:
        self._refuse('params["steps"]', "how many batches an epoch has is not recorded; give --steps-per-epoch")

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self.items()),)


class UnknownLogs(dict[str, Any]):
    """The logs of a batch of which only the place is known: those of a training hold the metrics so far."""

    def __init__(self, refuse: Callable[[str, str], NoReturn]) -> None:
        super().__init__()
        self._refuse = refuse

    def __bool__(self) -> bool:
        return True

    def _unknown(self, *_: object, **__: object) -> Any:
        self._refuse("the logs of a batch", "the metrics of single batches are not recorded")

    __contains__ = items = keys = values = copy = __iter__ = __len__ = _unknown

    def __missing__(self, key: str) -> Any:
        return self._unknown(key)

    def get(self, key: str, default: Any = None) -> Any:
        """Return what was written; refuse all else."""
        return super().__getitem__(key) if super().__contains__(key) else self._unknown(key, default)

    @property
    def written(self) -> dict[str, Any]:
        """What callbacks have written."""
        return {key: dict.__getitem__(self, key) for key in dict.keys(self)}


@dataclass(frozen=True, slots=True)
class BridgedState(State):
    """A real callback in the middle of a fit. Unlike other states it changes in place: `callback` is always the latest.

    `batch` is the batch that has begun, None between the epochs.
    """

    name: str
    callback: Any
    stand_in: StandIn
    watch: Watch
    index: int = 0
    batch: int | None = None

    @property
    def direction(self) -> Direction | None:
        """The direction that a monitoring callback of Keras 3 or tf_keras has resolved, where it can be read."""
        operator = getattr(vars(self.callback).get("monitor_op"), "__name__", "")
        return {"less": "min", "greater": "max"}.get(operator)  # type: ignore[return-value]  # both are directions

    @property
    def asked_metric(self) -> str | None:
        """The metric whose direction a monitoring callback of Keras 3 asks the model for, None where it asks none."""
        monitor, mode = getattr(self.callback, "monitor", None), getattr(self.callback, "mode", "auto")
        asks = isinstance(monitor, str) and hasattr(self.callback, "_set_monitor_op")
        return str(monitor) if asks and asks_metric("metric", str(monitor), str(mode)) else None

    def on_train_begin(self, begin: TrainBegin) -> Step:
        """Hand over the stand-in and the parameters as `fit` does, then call the hook."""
        self.stand_in.begin_fit(begin.first, begin.steps)
        self.watch.begin(dict(begin.wall_times))
        self.stand_in.names.add(str(getattr(self.callback, "monitor", "loss")).removeprefix("val_"))
        return replace(self, index=begin.first, batch=None)._call("on_train_begin", begin, {})

    def on_epoch_begin(self, begin: EpochBegin) -> Step:
        """Call the hook."""
        self.stand_in.trained_batches(begin.index, 0)
        return replace(self, index=begin.index, batch=None)._call("on_epoch_begin", begin, {}, begin.index)

    def on_train_batch_begin(self, begin: BatchBegin) -> Step:
        """Call the hook, where the callback has one."""
        if not has_own(self.callback, "on_train_batch_begin", "on_batch_begin"):
            return Step(self)
        self.stand_in.trained_batches(begin.index, begin.batch)
        return replace(self, batch=begin.batch)._call("on_train_batch_begin", begin, {}, begin.batch)

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Call the hook, where the callback has one.

        Of a batch whose place is not recorded only TerminateOnNaN is told: it asks for nothing but the loss.
        """
        if not has_own(self.callback, "on_train_batch_end", "on_batch_end"):
            return Step(self)
        if end.batch is None and "TerminateOnNaN" not in built_in_names(type(self.callback)):
            return Step(self)
        state = replace(self, batch=end.batch)
        self.stand_in.weights_are_of(end.index, -1 if end.batch is None else end.batch)
        if end.batch is not None:
            self.stand_in.trained_batches(end.index, end.batch + 1)
        return state._call("on_train_batch_end", end, self._logs_of(end), end.batch)

    def on_test_begin(self, begin: EpochBegin) -> Step:
        """Call the hook."""
        self.stand_in.weights_are_of(begin.index)
        if not begin.stopping:
            # Otherwise the epoch was left at the batch that came last.
            self.stand_in.trained_batches(begin.index, None)
        return replace(self, batch=None)._call("on_test_begin", begin, {})

    def on_test_end(self, end: TestEnd) -> Step:
        """Call the hook."""
        return self._call("on_test_end", end, dict(end.logs))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Call the hook with the shared logs."""
        self.stand_in.weights_are_of(end.index)
        self.stand_in.trained_batches(end.index, None if end.left_at is None else end.left_at + 1)
        self.stand_in.names |= {name.removeprefix("val_") for name in end.logs}
        return replace(self, batch=None)._call("on_epoch_end", end, dict(end.logs), end.index)

    def on_train_end(self, end: TrainEnd) -> Step:
        """Call the hook."""
        return self._call("on_train_end", end, dict(end.logs))

    def limits(self) -> tuple[Reason, ...]:
        """Return the reasons for which what it did is not exact: what it looked at that a recording does not hold."""
        return tuple(self.watch.limits(self.name))

    def remarks(self) -> tuple[Reason, ...]:
        """Return what a reader should know of how it was answered."""
        absent = [what for name, what in self.stand_in.absent if name == self.name]
        counts = [reason("note.iterations", callback=self.name)] if self.name in self.stand_in.counting else []
        return (*counts, *(reason("note.absent", callback=self.name, what=what) for what in absent))

    def _logs_of(self, end: BatchEnd) -> dict[str, Any]:
        """Return the logs of a batch; of one of which only the place is known they are refused."""
        if end.logs or "TerminateOnNaN" in built_in_names(type(self.callback)):
            return dict(end.logs)
        return UnknownLogs(self.stand_in.refuse)

    def _share(self, hook: str) -> float:
        """Return which share of its epoch is over in a hook."""
        if hook == "on_epoch_begin":
            return 0.0
        if self.batch is None or not hook.startswith("on_train_batch"):
            return 1.0
        return self.stand_in.share(self.batch + (hook == "on_train_batch_end"))

    def _call(self, hook: str, seen: _Seen, logs: dict[str, Any], *index: int | None) -> Step:
        """Call a hook and return what it did."""
        stand_in, before = self.stand_in, _written(logs)
        stand_in.callback, stand_in.stopping, stand_in.stop_asked = self.name, seen.stopping, False
        if stand_in.learning_rate != seen.learning_rate:
            stand_in.learning_rate = seen.learning_rate
        printed = io.StringIO()
        with warnings.catch_warnings(record=True) as warned, contextlib.redirect_stdout(printed):
            warnings.simplefilter("always")
            at = None if isinstance(seen, TrainBegin) else self.index
            with self._refusals(), self.watch.hook(at, self._share(hook)):
                if isinstance(seen, TrainBegin):
                    self.callback.set_model(stand_in.model)
                    self.callback.set_params(
                        Parameters(stand_in.refuse, verbose=0, epochs=seen.epochs, steps=seen.steps)
                    )
                getattr(self.callback, hook)(*index, logs)
        warnings_shown = [str(item.message) for item in warned if issubclass(item.category, UserWarning)]
        events = (*self._written_out(printed.getvalue(), warnings_shown), *self._done(), *self._set(hook, seen))
        rate, left = stand_in.learning_rate, _written(logs)
        return Step(
            self,
            events,
            learning_rate=None if rate == seen.learning_rate else rate,
            stop=stand_in.stop_asked,
            resume=seen.stopping and not stand_in.stopping,
            left=None if _is_same(left, before) else left,
        )

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        """Raise what the stand-in refused, even if the callback swallowed it; all else is what Keras raises."""
        try:
            with _without_folders(self.callback):
                yield
        except KcbReplayError:
            raise
        except AbsentAttributeError as error:
            self.stand_in.refuse_absent(error)
        except Exception as error:
            if self.stand_in.refusal is None:
                raise KerasRaises(type(error).__name__, unmasked(str(error))) from error
        if self.stand_in.refusal is not None:
            raise self.stand_in.refusal

    def _written_out(self, printed: str, warned: list[str]) -> Iterator[Event]:
        if printed:
            yield TextWritten(index=self.index, callback=self.name, text=unmasked(printed))
        for text in warned:
            yield Warned(index=self.index, callback=self.name, text=text)

    def _done(self) -> Iterator[Event]:
        done, self.stand_in.done = self.stand_in.done, []
        for item in done:
            match item:
                case Saved(path):
                    yield CheckpointSaved(index=self.index, callback=self.name, path=path, batch=self.batch)
                case WeightsSet(index):
                    yield WeightsRestored(index=self.index, callback=self.name, from_index=index)

    def _set(self, hook: str, seen: _Seen) -> Iterator[Event]:
        old, new = seen.learning_rate, self.stand_in.learning_rate
        if new != old:
            at_end = hook == "on_epoch_end"
            if at_end and new < old:
                yield LearningRateReduced(index=self.index, callback=self.name, old_lr=old, new_lr=new)
            else:
                yield LearningRateSet(index=self.index, callback=self.name, old_lr=old, new_lr=new, at_end=at_end)
        if self.stand_in.stop_asked:
            yield StopRequested(index=self.index, callback=self.name, hook=hook)
        elif seen.stopping and not self.stand_in.stopping:
            yield StopWithdrawn(index=self.index, callback=self.name, hook=hook)


@contextlib.contextmanager
def _without_folders(callback: Any) -> Iterator[None]:
    """Hide the folders of a ModelCheckpoint's filepath from it: it would make them."""
    if "ModelCheckpoint" not in built_in_names(type(callback)):
        yield
        return
    filepath = callback.filepath
    callback.filepath = masked(filepath)
    try:
        yield
    finally:
        callback.filepath = filepath


def _written(logs: dict[str, Any]) -> dict[str, Any]:
    return logs.written if isinstance(logs, UnknownLogs) else dict(logs)


def _is_same(logs: Mapping[str, float], before: Mapping[str, float]) -> bool:
    return logs.keys() == before.keys() and all(logs[name] is value for name, value in before.items())
