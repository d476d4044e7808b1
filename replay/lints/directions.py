"""Whether a metric should fall or rise: modes that versions read differently, that contradict its name, or are unknown.

Silent where the other direction would have done the same with this recording.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import Any

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.lints.base import Case, Lint, Monitoring, first_difference, of_each, parting
from kcb_replay.replay.semantics import Semantics, known_semantics, semantics
from kcb_replay.replay.stream import Epoch

__all__ = ["auto_mode", "mode_against_name", "unknown_mode"]

_OPPOSITE: dict[Direction, Direction] = {"min": "max", "max": "min"}


@of_each(EarlyStopping, ReduceLROnPlateau, ModelCheckpoint)
def auto_mode(case: Case, position: int, callback: Monitoring) -> Lint | None:
    """Speak of each callback whose direction is another in other versions, if that makes a difference.

    Silent when the mode is given, and when all versions agree; refusing is no disagreement.
    """
    chosen = case.direction(position)
    if callback.mode in _OPPOSITE or chosen is None:
        return None
    opposite = _OPPOSITE[chosen]
    others = _versions_with(opposite, case, callback)
    index = first_difference(case.alone(position, mode=chosen), case.alone(position, mode=opposite))
    if not others or index is None:
        return None
    # The metric itself knows; where it does not, the user has to.
    known = case.modes(callback.monitor)
    remedy = (
        reason("lint.auto-mode-differs.say", mode=known)
        if known
        else reason("lint.auto-mode-differs.choose", mode=chosen, other=opposite)
    )
    why = reason(
        f"lint.auto-mode-differs.{chosen}",
        mode=callback.mode,
        callback=callback.name,
        monitor=callback.monitor,
        version=case.version.name,
        others=others,
        epoch=index + 1,
        remedy=remedy,
    )
    return Lint("auto-mode-differs", (position,), index, why)


def _versions_with(direction: Direction, case: Case, callback: Monitoring) -> tuple[Reason | str, ...]:
    """Name the versions that choose a direction: `keras-2.0 to keras-2.6`."""
    spans: list[Reason | str] = []
    for chosen, versions in groupby(_versions(), lambda version: _chosen(version, case, callback)):
        names = [version.name for version in versions]
        if chosen == direction:
            several = reason("lint.auto-mode-differs.versions", first=names[0], last=names[-1])
            spans.append(names[0] if len(names) == 1 else several)
    return tuple(spans)


@cache
def _versions() -> tuple[Semantics, ...]:
    """Return the versions in order; a backend changes no direction."""
    return tuple(semantics(name) for name in known_semantics() if "/" not in name)


def _chosen(version: Semantics, case: Case, callback: Monitoring) -> Direction | None:
    """Ask the callback of another version which direction it takes."""
    # The file name may be one that the version refuses, or name a metric that this epoch does not have.
    file: dict[str, Any] = {"filepath": "w.keras", "save_weights_only": False} if callback.purpose == "saves" else {}
    states = case.replayed(replace(callback, **file), version=version, epochs=[Epoch(0, {"loss": 1.0})]).states
    return states[0].direction if states else None


@of_each(EarlyStopping, ReduceLROnPlateau, ModelCheckpoint)
def mode_against_name(case: Case, position: int, callback: Monitoring) -> Lint | None:
    """Speak of each callback whose mode is the opposite of what its metric is called."""
    named = direction_of(callback.monitor)
    if callback.mode not in _OPPOSITE or named is None or callback.mode == named:
        return None
    parted = parting(case.alone(position), case.alone(position, mode=named), f'mode="{named}"')
    if parted is None:
        return None
    index, consequences = parted
    why = reason(
        f"lint.mode-against-name.{callback.mode}",
        callback=callback.name,
        monitor=callback.monitor,
        consequences=consequences,
        epoch=index + 1,
    )
    return Lint("mode-against-name", (position,), index, why)


@of_each(EarlyStopping, ReduceLROnPlateau, ModelCheckpoint)
def unknown_mode(case: Case, position: int, callback: Monitoring) -> Lint | None:
    """Speak of a mode that no Keras knows: it warns and falls back to auto."""
    if callback.mode in ("auto", *_OPPOSITE):
        return None
    taken = case.direction(position)
    values = {"callback": callback.name, "mode": callback.mode}
    why = (
        reason("lint.mode-unknown.taken", **values, taken=taken)
        if taken
        else reason("lint.mode-unknown.auto", **values)
    )
    return Lint("mode-unknown", (position,), None, why)
