"""Where a replayed fit ends: what two replays are compared by when the question is whether they end elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.replay.events import CheckpointSaved, LearningRateReduced, WeightsRestored, of_kind

if TYPE_CHECKING:
    from kcb_replay.replay.engine import Run

__all__ = ["Ending", "ending_of"]

Json: TypeAlias = dict[str, object]
# Rates that differ by less are one rate, rounded in different ways.
_SAME_RATE = 1e-6


@dataclass(frozen=True, slots=True)
class Ending:
    """How a fit ends under one version; epochs count from 0.

    `kept_index` is the epoch whose weights one ends up with, `drops` are the epochs of reductions, `saves` those of
    files with their names. `raises` is the exception of the real class as a sentence; the rest is empty then.
    """

    stop_index: int | None = None
    kept_index: int | None = None
    drops: tuple[int, ...] = ()
    saves: tuple[tuple[int, str], ...] = ()
    raises: str | None = None

    def to_dict(self) -> Json:
        """Return the ending with its epochs in both ways of counting."""
        return {
            **_both("stop", self.stop_index),
            **_both("kept", self.kept_index),
            "drop_epochs": [index + 1 for index in self.drops],
            "save_epochs": [index + 1 for index, _ in self.saves],
            "raises": self.raises,
        }


def ending_of(run: Run) -> Ending:
    """Return where a run ends that no exception cut short; without any epoch it ends nowhere."""
    if not run.rows:
        return Ending()
    events = [*run.epoch_events, *chain.from_iterable(run.finish_events)]
    restored = [event.from_index for event in of_kind(events, WeightsRestored)]
    last = run.rows[-1]
    return Ending(
        stop_index=last.index if last.stoppers else None,
        kept_index=restored[-1] if restored else last.index,
        drops=tuple(event.index for event in of_kind(events, LearningRateReduced) if _is_lower(event)),
        saves=tuple((event.index, event.path) for event in of_kind(events, CheckpointSaved)),
    )


def _is_lower(event: LearningRateReduced) -> bool:
    """Tell whether a reduction is one: some versions go from the lowest rate to itself for ever."""
    return event.new_lr < event.old_lr * (1 - _SAME_RATE)


def _both(name: str, index: int | None) -> Json:
    return {f"{name}_index": index, f"{name}_epoch": None if index is None else index + 1}
