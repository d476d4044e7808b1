"""What callbacks watch, held against what a fit recorded: metrics that are missing, directions that are only assumed.

This is the one place that decides both. What a Keras does without the metric is read off the engine: an exception, or
epochs in which nothing is judged. Nothing is guessed about a model that nobody recorded.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from kcb_replay.errors import DirectionUnknownError, MonitorNotRecordedError, closest
from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import Callback, State
from kcb_replay.replay.callbacks.base import metric_to_ask
from kcb_replay.replay.directions import assumed_direction, compiled_metrics, direction_of, is_assumed
from kcb_replay.replay.engine import KerasError, Run
from kcb_replay.replay.outcomes import Outcome
from kcb_replay.replay.stream import Stream
from kcb_replay.replay.validity import Validity


@dataclass(frozen=True, slots=True)
class MissingMonitor:
    """A metric that the callback at `position` cannot do without and that no epoch has; `meant` is the nearest name."""

    position: int
    metric: str
    meant: str | None

    @property
    def why(self) -> Reason:
        """What is missing, and what may have been meant."""
        if self.meant is None:
            return reason("missing.metric", metric=self.metric)
        return reason("missing.meant", metric=self.metric, meant=self.meant)


def missing_monitors(callbacks: Sequence[Callback], stream: Stream, version: Semantics) -> tuple[MissingMonitor, ...]:
    """Return the metrics without which callbacks never act and that no epoch of the stream has."""
    own_rate = any(callback.changes_learning_rate for callback in callbacks)
    absent: list[MissingMonitor] = []
    for position, callback in enumerate(callbacks):
        missing = [metric for metric in callback.reads if not stream.values_of(metric)]
        # What the callbacks log themselves is there once they run.
        if missing and not (missing[0] == version.learning_rate_key and own_rate):
            absent += [MissingMonitor(position, metric, closest(metric, sorted(stream.names))) for metric in missing]
    return tuple(absent)


def not_recorded(
    missing: MissingMonitor, run_name: str, stream: Stream, callbacks: Sequence[Callback], version: Semantics, run: Run
) -> MonitorNotRecordedError:
    """Return the error that says what is missing, and what the Keras that was replayed would have done."""
    consequence = _consequence(missing, callbacks[missing.position], stream, version, run)
    return MonitorNotRecordedError(missing.metric, run_name, sorted(stream.names), consequence=consequence)


def _consequence(
    missing: MissingMonitor, callback: Callback, stream: Stream, version: Semantics, run: Run
) -> Reason | None:
    """Return what happens without the metric, as the engine has it; of a rule that no Keras has, nothing."""
    if callback.origin == "elsewhere":
        return None
    asks_model = len(run.states) > missing.position and run.states[missing.position].asked_metric == missing.metric
    if asks_model and _is_compiled_without_direction(missing.metric, stream):
        compiled = missing.metric.removeprefix("val_")
        return reason("missing.would_raise_or_warn", version=version.name, metric=compiled)
    if run.error is not None:
        return reason("missing.would_raise", version=version.name, raised=_raised(run.error))
    assumed = assumed_direction(missing.metric, stream.names) if asks_model else None
    if assumed:
        return reason("missing.would_assume", version=version.name, never=never(callback), assumed=assumed)
    return reason("missing.would_warn", version=version.name, never=never(callback))


def _raised(error: KerasError) -> Reason:
    raised = {"kind": error.kind, "callback": error.callback}
    if error.stage == "init":
        return reason("missing.raised_made", **raised)
    if error.index is None:
        return reason("missing.raised_hook", **raised, hook=error.stage)
    return reason("missing.raised_epoch", **raised, hook=error.stage, epoch=error.index + 1)


def never(callback: Callback) -> Reason:
    """Return what a callback without its metric never does."""
    does = "reduces" if callback.changes_learning_rate else "stops"
    return reason(f"never.{does}", callback=callback.name)


def assumed_metrics(
    settings: Iterable[Callback], version: Semantics, logged: Collection[str] | None = ()
) -> tuple[str, ...]:
    """Return the metrics whose direction is assumed where a version would ask the compiled metric, each once."""
    metrics = dict.fromkeys(filter(None, (metric_to_ask(each, version) for each in settings)))
    return tuple(metric for metric in metrics if is_assumed(metric, logged))


def unlogged_monitors(callbacks: Sequence[Callback], stream: Stream, run: Run) -> tuple[MissingMonitor, ...]:
    """Return the metric for want of which a callback raised, if that is why."""
    error = run.error
    if error is None or error.stage != "on_epoch_end":
        return ()
    for position, (callback, state) in enumerate(zip(callbacks, run.states, strict=False)):
        for_want_of = (state.asked_metric,) if error.kind == "ValueError" else callback.reads
        unlogged = [metric for metric in for_want_of if metric and metric not in stream.names]
        if callback.name == error.callback and unlogged and error.kind in ("ValueError", "TypeError"):
            return (MissingMonitor(position, unlogged[0], closest(unlogged[0], sorted(stream.names))),)
    return ()


def refusal(stream: Stream, version: Semantics, run: Run, name: str) -> DirectionUnknownError | None:
    """Return why nobody can say what comes of a fit: Keras asks a compiled metric of which only the name is known."""
    for metric in filter(None, (state.asked_metric for state in run.states)) if run.error else ():
        if _is_compiled_without_direction(metric, stream):
            return DirectionUnknownError(metric, name, version.name)
    return None


def _is_compiled_without_direction(metric: str, stream: Stream) -> bool:
    return direction_of(metric) is None and metric.removeprefix("val_") in compiled_metrics(stream.names).names


def with_monitor_limits(outcome: Outcome, state: State, stream: Stream, missing: Sequence[MissingMonitor]) -> Outcome:
    """Return an outcome with what its monitor allows: it judged nothing, or its direction is only assumed."""
    validity = outcome.validity
    if missing:
        validity = Validity("exact", reason("missing.never", never=never(outcome.settings), missing=missing[0].why))
    metric = state.asked_metric
    assumed = assumed_direction(metric, stream.names) if metric else None
    if assumed:
        label = validity.label if validity.label in ("rounded", "sampled") else "hypothetical"
        why = reason("validity.assumed", why=validity.why, assumed=assumed)
        validity = replace(validity, label=label, why=why, valid_through_index=None, assumed=True)
    return outcome if validity is outcome.validity else replace(outcome, validity=validity)
