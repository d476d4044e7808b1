"""What counts as an improvement: the direction of a metric, a min_delta that it cannot exceed, NaN as its first value.

Of directions it tells modes that versions read differently, that contradict the name, or that are unknown; silent where
the other direction would have done the same with this recording. Versions that take any first value for the best never
find a better one than NaN: EarlyStopping since Keras 3.7, ReduceLROnPlateau and ModelCheckpoint since 3.11.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from itertools import groupby
from typing import Any

from kcb_replay.language.reason import Reason, reason
from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks import EarlyStopping, ModelCheckpoint, ReduceLROnPlateau
from kcb_replay.replay.directions import Direction, direction_of
from kcb_replay.replay.lints.base import Case, Lint, Monitoring, does, effects, first_difference, of_each, parting
from kcb_replay.replay.semantics import known_semantics, semantics
from kcb_replay.replay.stream import Epoch

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


# The last release line that compares the first value with the worst of all.
_BEFORE = {EarlyStopping: "keras-3.6", ReduceLROnPlateau: "keras-3.10", ModelCheckpoint: "keras-3.10"}


@of_each(EarlyStopping, ReduceLROnPlateau)
def large_min_delta(case: Case, position: int, callback: EarlyStopping | ReduceLROnPlateau) -> Lint | None:
    """Speak of each min_delta that no change of the metric can exceed, where a smaller one makes a difference."""
    values = [value for value in case.stream.values_of(callback.monitor).values() if math.isfinite(value)]
    name, margin = _margin(case, callback)
    if margin <= 0 or len(values) < 2 or margin < max(values) - min(values):
        return None
    none = case.alone(position, epsilon=0) if name == "epsilon" else case.alone(position, min_delta=0)
    parted = parting(case.alone(position), none, f"{name}=0")
    if parted is None:
        return None
    index, consequences = parted
    low, high = min(values), max(values)
    why = reason(
        f"lint.min-delta-too-large.{'value' if margin > max(abs(low), abs(high)) else 'moves'}",
        name=name,
        margin=margin,
        callback=callback.name,
        monitor=callback.monitor,
        low=low,
        high=high,
        span=high - low,
        consequences=consequences,
        epoch=index + 1,
    )
    return Lint("min-delta-too-large", (position,), index, why)


def _margin(case: Case, callback: EarlyStopping | ReduceLROnPlateau) -> tuple[str, float]:
    """Return the argument that the version goes by, and its value."""
    ignored = getattr(callback, "epsilon", None) is None or case.version.plateau_epsilon == "ignored"
    return "min_delta" if ignored else "epsilon", callback.margin(case.version)


@of_each(EarlyStopping, ReduceLROnPlateau, ModelCheckpoint)
def first_nan(case: Case, position: int, callback: Monitoring) -> Lint | None:
    """Speak of a best value that is NaN, where an earlier Keras would have gone on to compare."""
    best = case.best(position)
    values = case.stream.values_of(callback.monitor)
    if best is None or not math.isnan(best):
        return None
    from_index = getattr(callback, "start_from_epoch", 0)
    index = next(index for index, value in values.items() if math.isnan(value) and index >= from_index)
    start = next((later for later, value in values.items() if later > index and not math.isnan(value)), None)
    before, mode = _BEFORE[type(callback)], case.direction(position)
    earlier = case.alone(position, version=semantics(before), mode=mode or callback.mode)
    here = case.alone(position)
    if start is None or first_difference(here, earlier) is None:
        return None
    why = reason(
        "lint.first-nan-unbeaten.because",
        monitor=callback.monitor,
        epoch=index + 1,
        version=case.version.name,
        callback=callback.name,
        here=does(effects(here)),
        before=before,
        there=does(effects(earlier)),
        remedy=_without_nan(callback, mode, start),
    )
    return Lint("first-nan-unbeaten", (position,), index, why)


def _without_nan(callback: Monitoring, mode: Direction | None, start: int) -> Reason | str:
    """Name the setting that leaves the NaN out; ReduceLROnPlateau has none."""
    if callback.purpose == "stops":
        return reason("lint.first-nan-unbeaten.start", start=start)
    if callback.purpose == "saves":
        return reason("lint.first-nan-unbeaten.threshold", threshold="inf" if mode == "min" else "-inf")
    return ""
