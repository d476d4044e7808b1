"""The first further epoch at which settings that all explain a recording would no longer do the same.

What would have to happen is the plain case: the metric does not improve any more. Then every counter goes on by one in
each epoch that has the metric, and the least patience acts first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kcb_replay.replay.inference.candidates import PlateauCandidate, StoppingCandidate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.inference.candidates import Candidate

__all__ = ["Parting", "partings_of"]


@dataclass(frozen=True, slots=True)
class Parting:
    """From the 0-based epoch `index` on, settings differ if `condition` holds; `text` is the whole sentence."""

    callback: str
    monitor: str | None
    index: int
    condition: str
    text: str

    @property
    def epoch(self) -> int:
        """The epoch counted from 1."""
        return self.index + 1


def partings_of(
    stopping: Sequence[StoppingCandidate], plateaus: Sequence[PlateauCandidate], last: int
) -> tuple[Parting, ...]:
    """Return where candidates part, one for each callback and metric; `last` is the last recorded 0-based epoch."""
    found = []
    if any(each.stops for each in stopping):
        text = (
            f"Had epoch {last + 2} run at all, no EarlyStopping that stops at epoch {last + 1} would be left; that it"
            " did not run is what they explain"
        )
        found.append(Parting("EarlyStopping", None, last + 1, "it runs", text))
    running = [each for each in stopping if each.next_index is not None]
    return (*found, *_first_acts(running, "EarlyStopping", "stops", last), *_first_acts(plateaus, *_REDUCES, last))


_REDUCES = ("ReduceLROnPlateau", "reduces the learning rate")


def _first_acts(candidates: Sequence[Candidate], callback: str, does: str, last: int) -> list[Parting]:
    monitors = dict.fromkeys((each.monitor, each.mode) for each in candidates)
    found = []
    for monitor, mode in monitors:
        of_it = [each for each in candidates if (each.monitor, each.mode) == (monitor, mode)]
        known = [each for each in of_it if each.next_index is not None]
        soonest = min((each.next_index for each in known if each.next_index is not None), default=None)
        if soonest is None:
            continue
        first = next(each for each in known if each.next_index == soonest)
        if not _leaves_others(of_it, first, soonest):
            continue
        condition = f"{monitor} (mode={mode!r}) does not improve after epoch {last + 1}"
        if soonest <= last:
            condition = f"epoch {last + 2} runs"
        text = (
            f"If {condition}, {replace(first.example, patience=int(first.patience.low))} {does} after epoch"
            f" {soonest + 1}, where others of these do not yet"
        )
        found.append(Parting(callback, monitor, soonest, condition, text))
    return found


def _leaves_others(candidates: Sequence[Candidate], first: Candidate, soonest: int) -> bool:
    """Tell whether some setting does not act at the epoch at which the first one does."""
    ranged = first.patience.high is None or first.patience.high > first.patience.low
    return ranged or any(each.next_index != soonest for each in candidates)
