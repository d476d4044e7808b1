"""A `mode` that contradicts the name of the metric: `mode="max"` on a loss, `mode="min"` on an accuracy.

Silent where the name suggests no direction, and where the other mode would have done the same with this recording.
"""

from __future__ import annotations

from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.lints.base import Case, Lint, Monitoring, divergence

__all__ = ["mode_against_name"]

_WANTED: dict[Direction, str] = {"min": "fall", "max": "rise"}


def mode_against_name(case: Case) -> list[Lint]:
    """Speak of each callback whose mode is the opposite of what its metric is called."""
    return [lint for position, given in case.watching() for lint in _of_one(case, position, given)]


def _of_one(case: Case, position: int, given: Monitoring) -> list[Lint]:
    named = direction_of(given.monitor)
    if given.mode not in _WANTED or named is None or given.mode == named:
        return []
    parted = divergence(case.alone(position), case.alone(position, mode=named), f'mode="{named}"')
    if parted is None:
        return []
    index, consequences = parted
    given_mode: Direction = "max" if named == "min" else "min"
    text = (
        f'With mode="{given.mode}" {given.name} waits for {given.monitor} to {_WANTED[given_mode]}, which by its name'
        f' should {_WANTED[named]}: {consequences}. They part in epoch {index + 1}. Say mode="{named}".'
    )
    return [Lint("mode-against-name", (position,), index, text)]
