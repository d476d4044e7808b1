"""Which EarlyStopping explains where a recording ends: it stopped there, or would not have stopped before.

Looked at are monitor, mode, patience (whole) and min_delta (from 0 up); baseline and start_from_epoch are taken at
their defaults, and what is restored leaves no trace in the metrics.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.inference.candidates import StoppingCandidate
from kcb_replay.replay.inference.case import Monitored, merged
from kcb_replay.replay.inference.evidence import StopMessages
from kcb_replay.replay.inference.ranges import (
    LARGEST_MIN_DELTA,
    Bounds,
    Integers,
    ObservedRows,
    Pieces,
    Rule,
    pieces_of,
)
from kcb_replay.replay.verdicts.lanes.improvements import comparable


class _StoppingTraits(NamedTuple):
    """What of a version matters for one metric; versions with the same answer alike.

    `zero_stops_at` is the row at which a patience of 0 stops in any case, None where it acts as 1. `surely_stopped`:
    what EarlyStopping printed is printed only by one that stops.
    """

    rule: Rule
    counts_first: bool
    spares_first_epoch: bool
    zero_stops_at: int | None
    surely_stopped: bool


class _StopRange(NamedTuple):
    """Ranges of min_delta (`low`, `high`) and patience (`least`, `most`: None where it does not stop).

    Versions with the same answer are found by their being equal, and there may be thousands: so no dataclass.
    """

    low: float
    high: float | None
    least: int
    most: int | None
    next_index: int | None


def stopping_candidates(
    monitored: Monitored, versions: Sequence[Semantics], messages: StopMessages
) -> list[StoppingCandidate]:
    """Return every range of settings that stops at the last epoch or nowhere, as it printed, with its versions."""
    alike: dict[_StoppingTraits, list[str]] = defaultdict(list)
    for version in versions:
        if version.early_stopping_needs_metric and monitored.gaps:
            continue
        if not monitored.cannot_be_held(version.early_stopping_arithmetic):
            alike[_traits(monitored, version, messages)].append(version.name)
    rules = {traits.rule: None for traits in alike}
    passes = {
        (rule, first): _with_best(_pass(monitored, rule, first), monitored, messages)
        for rule in rules
        for first in _firsts(alike, rule)
    }
    answers = (
        (candidate, names)
        for traits, names in alike.items()
        for candidate in _of_pieces(monitored, passes[traits.rule, traits.spares_first_epoch], traits)
    )
    return [_candidate(monitored, each, names) for each, names in merged(answers, versions)]


def _candidate(monitored: Monitored, stop_range: _StopRange, versions: tuple[str, ...]) -> StoppingCandidate:
    return StoppingCandidate(
        monitor=monitored.monitor,
        mode=monitored.mode,
        patience=Bounds(stop_range.least, stop_range.most),
        min_delta=Bounds(stop_range.low, stop_range.high),
        stops=stop_range.most is not None,
        next_index=stop_range.next_index,
        versions=versions,
    )


def _traits(monitored: Monitored, version: Semantics, messages: StopMessages) -> _StoppingTraits:
    plain = monitored.first_is_plain
    rule = Rule(
        arithmetic=comparable(version.early_stopping_arithmetic),
        on_reference=False,
        first_always=plain or version.early_stopping_any_first_value,
    )
    tests_improving = version.early_stopping_baseline_by_wait and not version.early_stopping_improving_never_stops
    # A first value that improves is never waited on, so that it is spared tells nothing.
    spares = version.early_stopping_spares_first_epoch and monitored.indices[0] == 0
    zero = int(spares) if tests_improving else None
    # Up to Keras 2.15 weights are restored where it stops, and only there.
    stopped = messages.stopped or (messages.restored and not version.early_stopping_restores_at_end)
    return _StoppingTraits(rule, version.early_stopping_counts_first, spares and not plain, zero, stopped)


def _firsts(alike: dict[_StoppingTraits, list[str]], rule: Rule) -> set[bool]:
    return {traits.spares_first_epoch for traits in alike if traits.rule == rule}


def _pass(monitored: Monitored, rule: Rule, spares: bool) -> Pieces:
    """Return what the rows before the last one allow."""
    before_last = len(monitored.values) - 2
    return pieces_of(monitored.values, rule, ObservedRows((), before_last, np.ones(1, np.int64), first=int(spares)))


def _with_best(pieces: Pieces, monitored: Monitored, messages: StopMessages) -> Pieces:
    """Return the pieces whose best epoch is the one that was printed; pieces without an improvement stay."""
    if messages.best is None:
        return pieces
    best_row = len(monitored.values) - 1 - pieces.wait[:, 0]
    return pieces.chosen((best_row == monitored.row_of(messages.best)) | (best_row < 0))


def _of_pieces(monitored: Monitored, pieces: Pieces, traits: _StoppingTraits) -> Iterator[_StopRange]:
    least, wait = pieces.least[:, 0], pieces.wait[:, 0]
    ends_with_value = monitored.indices[-1] == monitored.last
    if ends_with_value and traits.zero_stops_at == len(monitored.values) - 1:
        yield _StopRange(0.0, None, 0, 0, None)
    judged = len(monitored.values) > 1 or not traits.spares_first_epoch
    if ends_with_value and judged:
        yield from _stopped(pieces, traits)
    if traits.surely_stopped:
        return
    needed = np.maximum(least, wait + 1) if judged else least
    for low, high, needs, waited in _runs(pieces, needed, wait):
        yield _StopRange(low, high, _as_given(needs, traits), None, monitored.last + needs - waited)


def _stopped(pieces: Pieces, traits: _StoppingTraits) -> Iterator[_StopRange]:
    least, wait = pieces.least[:, 0], pieces.wait[:, 0]
    possible = wait >= least
    for low, high, lowest, highest in _runs(pieces, np.where(possible, least, 0), np.where(possible, wait, 0)):
        if highest > 0:
            yield _StopRange(
                low, high, _as_given(lowest, traits), highest if traits.counts_first else highest - 1, None
            )


def _as_given(counter: int, traits: _StoppingTraits) -> int:
    """Return the least patience that acts when the counter reaches a number."""
    if not traits.counts_first:
        return counter - 1
    # 0 acts as 1, but from TensorFlow 2.5 to 2.11 it stops at any epoch.
    return 0 if counter == 1 and traits.zero_stops_at is None else counter


def _runs(pieces: Pieces, one: Integers, other: Integers) -> Iterator[tuple[float, float | None, int, int]]:
    """Yield neighbouring pieces with the same two numbers as one: low, high, and the numbers."""
    if not len(one):
        return
    apart = pieces.low[1:] != np.nextafter(pieces.high[:-1], np.inf)
    begins = np.flatnonzero(np.concatenate([[True], apart | (one[1:] != one[:-1]) | (other[1:] != other[:-1])]))
    ends = np.concatenate([begins[1:] - 1, [len(one) - 1]])
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        high = float(pieces.high[end])
        yield float(pieces.low[begin]), None if high >= LARGEST_MIN_DELTA else high, int(one[begin]), int(other[begin])
