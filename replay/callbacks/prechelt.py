"""What Prechelt's criteria GL, PQ and UP share: errors above 0 that should fall, counted by the epochs that have them.

Source: L. Prechelt, "Early Stopping - But When?" (1998). Decided here, for the paper leaves it open: an epoch without
the metric is no point of the series; NaN is a point that is never the lowest and that no criterion holds at; 0 and
negative values, at which a relative loss means nothing, are refused, and so are metrics that should rise. As in the
paper, the weights kept are those of the lowest error, unless `restore_best_weights` is False.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.errors import NotReplayableError, SettingError
from kcb_replay.replay.callbacks.arguments import require_numbers, require_texts
from kcb_replay.replay.callbacks.stopping import RuleState
from kcb_replay.replay.directions import direction_of
from kcb_replay.replay.events import NewBest

if TYPE_CHECKING:
    from kcb_replay.replay.directions import Direction

__all__ = ["PrecheltState", "positive", "require_criterion"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecheltState(RuleState):
    """The lowest error so far, and in `count` how many there were."""

    count: int = 0

    @property
    def direction(self) -> Direction | None:
        """Errors should fall."""
        return "min"

    def loss_of(self, value: float) -> float:
        """Return the generalization loss of an error in percent: GL(t) = 100 * (E(t) / E_opt(t) - 1)."""
        if self.best is None or math.isnan(value):
            return math.nan
        return 0.0 if value <= self.best else 100 * (value / self.best - 1)

    def new_best(self, index: int, value: float) -> NewBest | None:
        """Return the event of a lowest error, None where the error is not lower."""
        if math.isnan(value) or (self.best is not None and value >= self.best):
            return None
        return NewBest(index=index, callback=self.rule, value=value, best=self.best)


def require_criterion(settings: object, limit: str, *errors: str) -> None:
    """Raise `SettingError` unless the limit is a number from 0 on and the metrics are errors that should fall."""
    name = type(settings).__name__
    require_texts(settings, errors)
    require_numbers(settings, (limit,))
    if getattr(settings, limit) < 0:
        raise SettingError(f"{name}: {limit} must be 0 or more, but it is {getattr(settings, limit)!r}.")
    for argument in errors:
        metric = getattr(settings, argument)
        if direction_of(metric) == "max":
            raise SettingError(
                f"{name} is defined for an error that should fall, but {metric} should rise. Record 1 - {metric} as a"
                f" metric of its own and use that as {argument}, or a loss."
            )


def positive(rule: str, metric: str, index: int, value: float) -> float:
    """Return the error; raises `NotReplayableError` that names the epoch where it is 0 or less."""
    if value <= 0:
        reason = (
            f"{rule} needs errors above 0, for it divides by the lowest, but {metric} is {value:g} in epoch"
            f" {index + 1}; monitor another error, or use EarlyStopping"
        )
        raise NotReplayableError(f"{reason}.", reason=reason)
    return value
