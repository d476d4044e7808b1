"""From a recorded fit to the stream that callbacks see: one logs dict per epoch.

The recorded learning rate is kept out of the logs: it got there through a callback of the recorded training, and the
callbacks that are replayed put their own there.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from kcb_replay.ingest.recording import LEARNING_RATE_KEYS, Fit, Series
from kcb_replay.replay.behaviours import LogsOrder


@dataclass(frozen=True, slots=True)
class Batch:
    """One training batch: its 0-based index within the epoch and the running metrics after it, as Keras logs them.

    `index` is None for one of the epoch's batches that nobody knows the place of.
    """

    index: int | None
    logs: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Epoch:
    """One recorded epoch: its 0-based number, the logs that hold a value, and its batches where they are known.

    `wall_time` is when it ended, in seconds since 1970, where that is recorded.
    """

    index: int
    logs: Mapping[str, float]
    batches: tuple[Batch, ...] = ()
    wall_time: float | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """The epochs of one fit in order, and the learning rate recorded for each epoch that has one.

    `learning_rate_key` is the name it was recorded under. `learning_rates_may_be_late`: the recorded rate may be the
    one after the epoch's drop instead of the one before. `unloaded` are metrics of the fit that were not asked for.
    """

    epochs: tuple[Epoch, ...]
    learning_rates: Mapping[int, float]
    learning_rate_key: str | None = None
    learning_rates_may_be_late: bool = False
    unloaded: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The metrics of which some epoch has a value, and those that were recorded but not loaded."""
        return frozenset(itertools.chain(self.unloaded, *(epoch.logs for epoch in self.epochs)))

    @property
    def has_batches(self) -> bool:
        """Whether it is known of any epoch which batches it had."""
        return any(batch.index is not None for epoch in self.epochs for batch in epoch.batches)

    def values_of(self, metric: str) -> dict[int, float]:
        """Return the value per epoch index, for the epochs that have one."""
        return {epoch.index: epoch.logs[metric] for epoch in self.epochs if metric in epoch.logs}


def stream_of(fit: Fit) -> Stream:
    """Return the stream of a recorded fit."""
    indices = fit.epochs.tolist()
    logs: list[dict[str, float]] = [{} for _ in indices]
    for name, series in fit.metrics.items():
        if name not in LEARNING_RATE_KEYS:
            for row, value, valid in zip(logs, series.values.tolist(), series.valid.tolist(), strict=True):
                if valid:
                    row[name] = value
    rows = zip(indices, logs, _wall_times(fit), strict=True)
    epochs = tuple(Epoch(index, row, _bad_batch(row), ended) for index, row, ended in rows)
    key = learning_rate_key(fit)
    unloaded = tuple(name for name in fit.unloaded if name not in LEARNING_RATE_KEYS)
    if key is None:
        return Stream(epochs, {}, unloaded=unloaded)
    rates = fit.metrics[key]
    recorded = zip(indices, rates.values.tolist(), rates.valid.tolist(), strict=True)
    known = {index: value for index, value, valid in recorded if valid}
    return Stream(epochs, known, key, may_be_late(rates), unloaded)


def _wall_times(fit: Fit) -> list[float | None]:
    if fit.wall_time is None:
        return [None] * len(fit)
    times = zip(fit.wall_time.values.tolist(), fit.wall_time.valid.tolist(), strict=True)
    return [value if valid else None for value, valid in times]


def learning_rate_key(fit: Fit) -> str | None:
    """Return the name under which a fit has its learning rate, None where it has none."""
    return next((key for key in LEARNING_RATE_KEYS if key in fit.metrics), None)


def may_be_late(rates: Series) -> bool:
    """Tell whether a recorded rate may be the one after the epoch's drop.

    Keras 3's TensorBoard reads the rate off the optimizer when its turn comes, which is after a callback listed before
    it has reduced the rate; all other sources hold what the callbacks logged before reducing.
    """
    return rates.tag == "epoch_learning_rate"


def ordered(logs: Mapping[str, float], order: LogsOrder) -> Mapping[str, float]:
    """Return the logs with their keys in the order in which `fit` hands them to callbacks."""
    if order == "as computed":
        return logs
    apart = order == "sorted, then validation sorted"
    return {name: logs[name] for name in sorted(logs, key=lambda name: (apart and name.startswith("val_"), name))}


def _bad_batch(logs: Mapping[str, float]) -> tuple[Batch, ...]:
    """Return what the epoch tells of its batches: a mean that is not finite had a batch that was not."""
    loss = logs.get("loss", 0.0)
    return () if math.isfinite(loss) else (Batch(None, {"loss": loss}),)


def with_steps(stream: Stream, steps: int) -> Stream:
    """Return a stream whose epochs have `steps` batches each, of which nothing but their place is known."""
    known = tuple(Batch(index, {}) for index in range(steps))
    epochs = tuple(replace(epoch, batches=known + epoch.batches) for epoch in stream.epochs)
    return replace(stream, epochs=epochs)
