"""The settings of MedianStopping, which compares a run with the others (Golovin et al. 2017, "Google Vizier").

It has no steps of its own: `replay.median.median_stopping` asks it of several recordings.
"""

from __future__ import annotations

from dataclasses import dataclass

from kcb_replay.errors import SettingError
from kcb_replay.replay.callbacks.arguments import require_counts, require_texts, with_python_values
from kcb_replay.replay.callbacks.base import Callback, Context, State
from kcb_replay.replay.callbacks.stopping import known_direction


@dataclass(frozen=True, slots=True)
class MedianStopping(Callback):
    """Stop a run whose best value so far is worse than the median of the running averages of the other runs.

    It is asked after each epoch from the `min_epochs`-th on, where at least `min_runs` other runs got as far. Raises
    `SettingError` where `mode="auto"` cannot tell the direction.
    """

    name = "MedianStopping"
    origin = "elsewhere"
    purpose = "stops"
    compares_runs = True

    monitor: str = "val_loss"
    mode: str = "auto"
    min_epochs: int = 1
    min_runs: int = 3
    restore_best_weights: bool = False

    def __post_init__(self) -> None:
        with_python_values(self)
        require_texts(self)
        require_counts(self, ("min_epochs", "min_runs"))
        known_direction(self.name, self.monitor, self.mode)

    def start(self, context: Context) -> State:  # noqa: ARG002  # there is none
        """Refuse: a single run says nothing of the others."""
        raise SettingError(
            f"{self.name} compares a run with others, so it cannot be replayed on one. Use `kcb-replay compare -c"
            f" '{self}'`, or kcb.median_stopping(recordings)."
        )
