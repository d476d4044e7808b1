"""EarlyStopping and ReduceLROnPlateau watch the same metric, and the training stops before a lower rate is tried.

Both count the same epochs, so with a patience not above that of ReduceLROnPlateau, EarlyStopping is there first, or in
the same epoch. Silent when at least one epoch was trained at a reduced rate, and when no reduction was ever in sight.
"""

from __future__ import annotations

from dataclasses import replace

from kcb_replay.replay.callbacks import EarlyStopping, ReduceLROnPlateau
from kcb_replay.replay.lints.base import Case, Lint, reductions, stop_of

__all__ = ["unused_rate"]


def unused_rate(case: Case) -> list[Lint]:
    """Speak of each pair whose stop comes before the first epoch at a reduced rate."""
    pairs = [
        (stopping, plateau)
        for stopping, stops in case.each(EarlyStopping)
        for plateau, reduces in case.each(ReduceLROnPlateau)
        if stops.monitor == reduces.monitor
    ]
    return [lint for stopping, plateau in pairs for lint in _of_pair(case, stopping, plateau)]


def _of_pair(case: Case, stopping: int, plateau: int) -> list[Lint]:
    stop = stop_of(case.run, stopping)
    if stop is None or any(drop.index < stop for drop in reductions(case.run, plateau)):
        return []
    stops, reduces = case.callbacks[stopping], case.callbacks[plateau]
    if not isinstance(stops, EarlyStopping) or not isinstance(reduces, ReduceLROnPlateau):
        raise TypeError("pairs are made of these two")
    drops = reductions(case.replayed(reduces))
    cut_short = stop == case.stream.epochs[-1].index and stops.patience <= reduces.patience
    if not drops and not cut_short:
        return []
    first = drops[0].index if drops else None
    text = (
        f"EarlyStopping stops the training after epoch {stop + 1}, {_beside(stop, first)}: no epoch is trained at a"
        f" reduced learning rate.{_remedy(case, stops, reduces, first)}"
    )
    return [Lint("reduced-rate-unused", (stopping, plateau), stop, text)]


def _beside(stop: int, first: int | None) -> str:
    if first is None:
        return "before ReduceLROnPlateau has reduced the learning rate at all"
    if first == stop:
        return "the epoch after which ReduceLROnPlateau reduces the learning rate for the first time"
    return f"before ReduceLROnPlateau would have reduced the learning rate, after epoch {first + 1}"


def _remedy(case: Case, stops: EarlyStopping, reduces: ReduceLROnPlateau, first: int | None) -> str:
    """Name a patience with which the first reduction comes before the stop; there is none under a baseline, say."""
    # Twice as much gives the lower rate as many epochs as led to it.
    for patience in (2 * reduces.patience, 2 * (stops.patience + reduces.patience), len(case.stream.epochs)):
        stop = stop_of(case.replayed(replace(stops, patience=patience)))
        if patience > reduces.patience and (stop is None or (first is not None and stop > first)):
            return (
                f" Give EarlyStopping more patience than the {reduces.patience:g} of ReduceLROnPlateau,"
                f" for example patience={patience:g}."
            )
    return ""
