"""GL: stop when the error has risen by more than alpha percent above its lowest (Prechelt 1998)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

from kcb_replay.replay.callbacks.arguments import with_python_values
from kcb_replay.replay.callbacks.base import Context, EpochEnd, KnownCallback, Step, TrainBegin
from kcb_replay.replay.callbacks.prechelt import PrecheltState, positive, require_criterion
from kcb_replay.replay.events import CriterionMet, LossMeasured, MetricMissing

__all__ = ["GL", "GLState"]


@dataclass(frozen=True, slots=True)
class GL(KnownCallback):
    """Stop at the first epoch t with GL(t) = 100 * (E(t) / E_opt(t) - 1) > alpha; see `prechelt` for what is decided.

    Raises `SettingError` for a metric that should rise, or an alpha that is no number from 0 on.
    """

    name: ClassVar[str] = "GL"
    is_of_keras: ClassVar[bool] = False
    monitors: ClassVar[tuple[str, ...]] = ("monitor",)
    is_stopping_rule: ClassVar[bool] = True

    alpha: float
    monitor: str = "val_loss"
    restore_best_weights: bool = True

    def __post_init__(self) -> None:
        with_python_values(self)
        require_criterion(self, "alpha", "monitor")

    def start(self, context: Context) -> GLState:  # noqa: ARG002  # no version of Keras has it
        """Return the state of a new rule."""
        return GLState(self)


@dataclass(frozen=True, slots=True)
class GLState(PrecheltState):
    """The lowest error so far, and `loss`, the GL of the last one."""

    settings: GL
    loss: float = math.nan

    @property
    def rule(self) -> str:
        """The name of the rule."""
        return GL.name

    @property
    def restores(self) -> bool:
        """Whether the best weights are kept."""
        return self.settings.restore_best_weights

    @property
    def standing(self) -> str:
        """The last loss against the limit."""
        return f"GL {self.loss:.4g} of {self.settings.alpha:g}"

    def on_train_begin(self, begin: TrainBegin) -> Step:  # noqa: ARG002
        """Begin anew: another fit is another series."""
        return Step(GLState(self.settings))

    def on_epoch_end(self, end: EpochEnd) -> Step:
        """Measure the loss of this epoch."""
        s = self.settings
        value = end.logs.get(s.monitor)
        if value is None:
            return Step(self, (MetricMissing(index=end.index, callback=GL.name, monitor=s.monitor),))
        new = self.new_best(end.index, positive(GL.name, s.monitor, end.index, value))
        if new:
            return Step(replace(self, best=value, best_index=end.index, loss=0.0), (new,))
        state = replace(self, loss=self.loss_of(value))
        measured = LossMeasured(
            index=end.index, callback=GL.name, value=value, best=self.best, loss=state.loss, alpha=s.alpha
        )
        if not state.loss > s.alpha:
            return Step(state, (measured,))
        met = CriterionMet(index=end.index, callback=GL.name, quantity="GL", amount=state.loss, limit=s.alpha)
        return Step(replace(state, stopped_index=end.index), (measured, met), stop=True)
