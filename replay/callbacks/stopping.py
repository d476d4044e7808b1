"""What stopping rules that are not Keras's share: a best epoch, a stop, and the weights one ends up with.

A rule decides in its own file; here is only what makes its answers comparable with those of EarlyStopping.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from kcb_replay.errors import SettingError
from kcb_replay.language.reason import Reason
from kcb_replay.replay.callbacks.base import Callback, State, Step, TrainEnd
from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.events import WeightsRestored


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState(State):
    """The best so far and the stop; where the rule restores, the best weights are put back when training ends."""

    traced: ClassVar[tuple[str, ...]] = ("best", "best_index")

    settings: Callback = field(kw_only=False)
    best: float | None = None
    best_index: int | None = None
    stopped_index: int | None = None

    @property
    def restores(self) -> bool:
        """Whether the best weights are kept."""
        return bool(getattr(self.settings, "restore_best_weights", False))

    @property
    def standing(self) -> Reason:
        """How near it is to a stop."""
        raise NotImplementedError

    def earliest_stop(self, last: int, cadence: int) -> int | None:
        """Return the next epoch that has a value, where any value may stop."""
        return last + cadence

    def on_train_end(self, end: TrainEnd) -> Step:
        """Restore the best weights, whether the rule stopped the training or not."""
        if not self.restores or self.best_index is None:
            return Step(self)
        return Step(self, (WeightsRestored(index=end.index, callback=self.settings.name, from_index=self.best_index),))


def known_direction(rule: str, monitor: str, mode: str) -> Direction:
    """Resolve `mode`, "auto" by the name of the metric; raises `SettingError` where that says nothing."""
    if mode == "min":
        return "min"
    if mode == "max":
        return "max"
    if mode != "auto":
        raise SettingError(f'{rule}: mode must be "auto", "min" or "max", but it is {mode!r}.')
    known = direction_of(monitor)
    if known is None:
        raise SettingError(f'{rule} cannot tell whether {monitor} should rise or fall; set mode="min" or mode="max".')
    return known
