"""LambdaCallback: functions of the user, called as Keras calls them (keras/src/callbacks/lambda_callback.py).

What a function writes into the logs of an epoch is seen by the callbacks listed after it, as in Keras. A recording has
no more than the hooks below; the model, which a function may reach on its own, is not there. What is written into the
logs of a batch is seen by nobody, and where the logs of an epoch are empty what is written into them is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

from kcb_replay.errors import NotReplayableError, SettingError
from kcb_replay.language.reason import reason
from kcb_replay.replay.callbacks.arguments import with_python_values
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
    TrainEnd,
)
from kcb_replay.replay.comparison import KerasRaises
from kcb_replay.replay.events import Event

# The arguments are Keras's own; what comes back is ignored.
Hook: TypeAlias = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class LambdaCallback(Callback):
    """Call `on_epoch_...(epoch, logs)`, `on_train_...(logs)` and `on_train_batch_...(batch, logs)`.

    `on_batch_begin` and `on_batch_end` are what Keras 2 calls the last two; where both are given, the version decides.
    The order of the arguments is that of Keras 3. Raises `SettingError` for what cannot be called.
    """

    name = "LambdaCallback"

    on_epoch_begin: Hook | None = None
    on_epoch_end: Hook | None = None
    on_train_begin: Hook | None = None
    on_train_end: Hook | None = None
    on_train_batch_begin: Hook | None = None
    on_train_batch_end: Hook | None = None
    on_batch_begin: Hook | None = None
    on_batch_end: Hook | None = None

    def __post_init__(self) -> None:
        with_python_values(self)
        for item in fields(self):
            function = getattr(self, item.name)
            if function is not None and not callable(function):
                raise SettingError(
                    f"LambdaCallback: {item.name} must be a function, but it is {function!r}. As text a function is"
                    f' given by its place: {item.name}="file.py:name".'
                )

    @property
    def counts_batches(self) -> bool:
        """Whether a function is called for batches."""
        hooks = (self.on_train_batch_begin, self.on_train_batch_end, self.on_batch_begin, self.on_batch_end)
        return any(hook is not None for hook in hooks)

    def start(self, context: Context) -> LambdaCallbackState:
        """Return the state of a new callback."""
        return LambdaCallbackState(self, context)

    def compared_output(self, output: Mapping[str, Any], events: Iterable[tuple[int, Event]]) -> object:  # noqa: ARG002
        """Return the calls that the functions of a golden case noted, by hook."""
        functions: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        return {hook: function.calls for hook, function in functions.items() if function is not None}


@dataclass(frozen=True, slots=True)
class LambdaCallbackState(State):
    """Nothing is remembered; what the functions remember is theirs."""

    settings: LambdaCallback
    context: Context

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Call the function for the beginning of the training."""
        _call(self.settings.on_train_begin, None if self.context.semantics.train_hooks_pass_none else {})
        return Step(self)

    def on_epoch_begin(self, begin: EpochBegin) -> Step:
        """Call the function for the beginning of an epoch."""
        _call(self.settings.on_epoch_begin, begin.index, {})
        return Step(self)

    def on_train_batch_begin(self, begin: BatchBegin) -> Step:
        """Call the function for the beginning of a batch."""
        logs = dict(begin.logs)
        self._call_for_batch(self.settings.on_train_batch_begin, self.settings.on_batch_begin, begin.batch, logs)
        return Step(self)

    def on_train_batch_end(self, end: BatchEnd) -> Step:
        """Call the function for the end of a batch, unless nobody knows which it was."""
        if end.batch is not None:
            logs = dict(end.logs)
            self._call_for_batch(self.settings.on_train_batch_end, self.settings.on_batch_end, end.batch, logs)
        return Step(self)

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Call the function for the end of an epoch, and share what it wrote."""
        logs = dict(end.logs)
        _call(self.settings.on_epoch_end, end.index, logs)
        gone = [name for name in end.logs if name not in logs]
        if gone:
            raise NotReplayableError(
                f"LambdaCallback: on_epoch_end removed {', '.join(gone)} from the logs, which cannot be replayed."
                " Callbacks listed after it would no longer see the metric; replay those on their own.",
                reason=reason("left_out.removed_logs", names=tuple(gone)),
            )
        return Step(self, logs={name: v for name, v in logs.items() if name not in end.logs or v is not end.logs[name]})

    def on_train_end(self, end: TrainEnd) -> Step:
        """Call the function for the end of the training."""
        _call(self.settings.on_train_end, None if self.context.semantics.train_hooks_pass_none else dict(end.logs))
        return Step(self)

    def _call_for_batch(self, own: Hook | None, older: Hook | None, batch: int, logs: dict[str, float]) -> None:
        semantics = self.context.semantics
        if not semantics.train_batch_hooks:
            _call(older, batch, logs)
        elif own is None:
            # The hook that Keras calls is then its own, which hands the logs on by name.
            _call(older, batch, logs=logs)
        elif semantics.batch_hooks_by_keyword:
            _call(own, batch, logs=logs)
        else:
            _call(own, batch, logs)


def _call(function: Hook | None, *arguments: object, **named: object) -> None:
    """Call the function; what it raises ends the fit, as it does in Keras."""
    if function is None:
        return
    try:
        function(*arguments, **named)
    except Exception as error:
        raise KerasRaises(type(error).__name__, f"a function of the LambdaCallback raised: {error}") from error
