"""Whether a metric should fall or rise: modes that versions read differently, that contradict its name, or are unknown.

Silent where the other direction would have done the same with this recording.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import groupby

from kcb_replay.replay.callbacks import ModelCheckpoint
from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.lints.base import Case, Lint, Monitoring, divergence, parting
from kcb_replay.replay.semantics import Semantics, known_semantics, semantics
from kcb_replay.replay.stream import Epoch

__all__ = ["auto_mode", "mode_against_name", "unknown_mode"]

_OPPOSITE: dict[Direction, Direction] = {"min": "max", "max": "min"}


_WANTED: dict[Direction, str] = {"min": "fall", "max": "rise"}


def auto_mode(case: Case) -> list[Lint]:
    """Speak of each callback whose direction is another in other versions, if that makes a difference."""
    return [lint for position, given in case.watching() for lint in _auto_mode_of(case, position, given)]


def _auto_mode_of(case: Case, position: int, given: Monitoring) -> list[Lint]:
    chosen = case.direction(position)
    if given.mode in _OPPOSITE or chosen is None:
        return []
    others = _versions_with(_OPPOSITE[chosen], case, given)
    index = parting(case.alone(position, mode=chosen), case.alone(position, mode=_OPPOSITE[chosen]))
    if not others or index is None:
        return []
    # The metric itself knows; where it does not, the user has to.
    known, opposite = case.modes(given.monitor), _OPPOSITE[chosen]
    remedy = f'Say mode="{known}".' if known else f'Say mode="{chosen}" or mode="{opposite}".'
    text = (
        f'With mode="{given.mode}" {given.name} wants {given.monitor} to {_WANTED[chosen]} in {case.version.name}, but'
        f" to {_WANTED[opposite]} in {others}; here that makes a difference from epoch {index + 1} on. {remedy}"
    )
    return [Lint("auto-mode-differs", (position,), index, text)]


def _versions_with(direction: Direction, case: Case, given: Monitoring) -> str:
    """Name the versions that choose a direction: `keras-2.0 to keras-2.6`."""
    spans = []
    for found, versions in groupby(_versions(), lambda version: _chosen(version, case, given)):
        names = [version.name for version in versions]
        if found == direction:
            spans.append(names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}")
    return " and ".join(spans)


@cache
def _versions() -> tuple[Semantics, ...]:
    """Return the versions in order; a backend changes no direction."""
    return tuple(semantics(name) for name in known_semantics() if "/" not in name)


def _chosen(version: Semantics, case: Case, given: Monitoring) -> Direction | None:
    """Ask the callback of another version which direction it takes."""
    if isinstance(given, ModelCheckpoint):
        # The file name may be one that the version refuses, or name a metric that this epoch does not have.
        given = replace(given, filepath="w.keras", save_weights_only=False)
    states = case.replayed(given, version=version, epochs=[Epoch(0, {"loss": 1.0})]).states
    return states[0].direction if states else None


def mode_against_name(case: Case) -> list[Lint]:
    """Speak of each callback whose mode is the opposite of what its metric is called."""
    return [lint for position, given in case.watching() for lint in _mode_against_name_of(case, position, given)]


def _mode_against_name_of(case: Case, position: int, given: Monitoring) -> list[Lint]:
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


def unknown_mode(case: Case) -> list[Lint]:
    """Speak of a mode that no Keras knows: it warns and falls back to auto."""
    lints = []
    for position, given in case.watching():
        if given.mode in ("auto", "min", "max"):
            continue
        chosen = case.direction(position)
        here = f', which is "{chosen}" here' if chosen else ""
        text = (
            f'{given.name} knows no mode="{given.mode}": Keras warns and takes auto{here}. Say mode="min" or'
            ' mode="max".'
        )
        lints.append(Lint("mode-unknown", (position,), None, text))
    return lints
