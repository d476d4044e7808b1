"""Settings that explain a recording: ranges per argument, each exact at both ends, and the versions they hold for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.inference.float_ranges import Range

if TYPE_CHECKING:
    from kcb_replay.replay.directions import Direction

_DEFAULT_MIN_DELTA = 1e-4
# Of a wide range of factors, those that people write.
_USUAL_FACTORS = (0.1, 0.5, 0.2)

__all__ = ["Candidate", "PlateauCandidate", "StoppingCandidate"]


@dataclass(frozen=True, slots=True)
class StoppingCandidate:
    """EarlyStopping settings that stop exactly at the last epoch (`stops`), or nowhere in the recording.

    Every combination of a whole patience and a min_delta of the ranges does so, in each of `versions`. `next_index` is
    the 0-based epoch at which the least of these patiences stops if no later value improves; None where it has stopped.
    """

    monitor: str
    mode: Direction
    patience: Range
    min_delta: Range
    stops: bool
    next_index: int | None = None
    versions: tuple[str, ...] = ()

    @property
    def example(self) -> EarlyStopping:
        """The simplest of these settings."""
        patience = 1 if 1 in self.patience else int(self.patience.low)
        return EarlyStopping(self.monitor, patience=patience, min_delta=self.min_delta.example, mode=self.mode)


@dataclass(frozen=True, slots=True)
class PlateauCandidate:
    """ReduceLROnPlateau settings whose reductions are the recorded ones, each in its epoch, and no other.

    With `at_floor` the last recorded rate is the floor, and nothing is known of what would have come after. `factor` is
    None where no reduction says anything of it. `next_index` is as in `StoppingCandidate`.
    """

    monitor: str
    mode: Direction
    factor: Range | None
    patience: Range
    cooldown: Range
    min_delta: Range
    min_lr: Range
    at_floor: bool
    reading: str
    next_index: int | None = None
    versions: tuple[str, ...] = ()

    @property
    def example(self) -> ReduceLROnPlateau:
        """The simplest of these settings."""
        patience = 1 if 1 in self.patience else int(self.patience.low)
        return ReduceLROnPlateau(
            self.monitor,
            factor=_usual(self.factor),
            patience=patience,
            cooldown=int(self.cooldown.low),
            # Keras's default, where it is one of them.
            min_delta=_DEFAULT_MIN_DELTA if _DEFAULT_MIN_DELTA in self.min_delta else self.min_delta.example,
            min_lr=self.min_lr.example,
            mode=self.mode,
        )


def _usual(factor: Range | None) -> float:
    if factor is None:
        return _USUAL_FACTORS[0]
    return next((usual for usual in _USUAL_FACTORS if usual in factor), factor.example)


Candidate: TypeAlias = StoppingCandidate | PlateauCandidate
