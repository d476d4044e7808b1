"""History: a list of values per key, as `fit` returns it (keras/src/callbacks/history.py).

A key that is missing in some epochs has a shorter list, as in Keras: nothing here says which epochs those were.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from kcb_replay.replay.callbacks.base import Callback, Context, EpochEnd, State, Step, TrainBegin


@dataclass(frozen=True, slots=True)
class History(Callback):
    """Keep what each epoch logged, also what the callbacks listed before have added."""

    name = "History"

    def start(self, context: Context) -> HistoryState:
        """Return the state of a new callback."""
        return HistoryState(self, context)


@dataclass(frozen=True, slots=True)
class HistoryState(State):
    """The logs of all epochs kept, and the epochs of this fit."""

    settings: History
    context: Context
    rows: tuple[Mapping[str, float], ...] = ()
    epoch: tuple[int, ...] = ()

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Begin a new list of epochs, and new lists of values where the version does."""
        return Step(replace(self, epoch=(), rows=self.rows if self.context.semantics.history_keeps else ()))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Keep the logs of this epoch."""
        return Step(replace(self, epoch=(*self.epoch, end.index), rows=(*self.rows, dict(end.logs))))

    @property
    def history(self) -> dict[str, list[float]]:
        """The values per key, the keys in the order in which they appeared."""
        lists: dict[str, list[float]] = {}
        for row in self.rows:
            for key, value in row.items():
                lists.setdefault(key, []).append(value)
        return lists

    def output(self) -> Mapping[str, object]:
        """Return what `fit` returns: `history` and `epoch`."""
        return {"history": self.history, "epoch": list(self.epoch)}
