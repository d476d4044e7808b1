"""Which ReduceLROnPlateau explains a recorded learning rate: every reduction where it was recorded, and no other.

Looked at are monitor, mode, patience and cooldown (whole), min_delta (from 0 up), factor and min_lr.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from kcb_replay.replay.inference.candidates import PlateauCandidate
from kcb_replay.replay.inference.factors import RateArguments, rate_arguments
from kcb_replay.replay.inference.float_ranges import Range
from kcb_replay.replay.inference.monitored import merged
from kcb_replay.replay.inference.plateaus import LARGEST_MIN_DELTA, Happened, Rule, pieces_of
from kcb_replay.replay.verdicts.lanes.improvements import comparable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.replay.inference.evidence import Rates
    from kcb_replay.replay.inference.monitored import Monitored
    from kcb_replay.replay.inference.plateaus import Pieces
    from kcb_replay.replay.semantics import Semantics

__all__ = ["plateau_candidates"]


class _Acting(NamedTuple):
    """What of a version matters for when one metric has a plateau."""

    rule: Rule
    counts_first: bool


class _Timing(NamedTuple):
    """A range of min_delta, a range of cooldown, and the patiences that go with both."""

    min_delta: Range
    cooldown: Range
    patience: Range
    next_index: int | None


def plateau_candidates(monitored: Monitored, versions: Sequence[Semantics], rates: Rates) -> list[PlateauCandidate]:
    """Return every range of settings that reduces as recorded, with its versions."""
    acts = [*(drop.index for drop in rates.drops), *rates.repeats]
    rows = [row for index in acts if (row := monitored.row_of(index)) is not None]
    # Without a value the callback does nothing at all, and it never raises a rate.
    if len(rows) < len(acts) or rates.rose:
        return []
    timings: dict[tuple[_Acting, bool], list[_Timing]] = {}
    found: list[tuple[tuple[_Timing, RateArguments], list[str]]] = []
    for (acting, given), names in _alike(monitored, versions, rates).items():
        ends = given.at_floor
        if (acting, ends) not in timings:
            until = max(rows, default=-1) if ends else monitored.last_row_until(rates.seen_until)
            timings[acting, ends] = list(_timings(monitored, rows, until, acting, ends=ends))
        found += [((timing, given), names) for timing in timings[acting, ends]]
    return [
        _candidate(monitored, timing, given, rates.reading, names) for (timing, given), names in merged(found, versions)
    ]


def _alike(
    monitored: Monitored, versions: Sequence[Semantics], rates: Rates
) -> dict[tuple[_Acting, RateArguments], list[str]]:
    """Return the versions that act alike with each factor and min_lr that make the recorded rates."""
    alike: dict[tuple[_Acting, RateArguments], list[str]] = defaultdict(list)
    known: dict[tuple[str, bool], list[RateArguments]] = {}
    for version in versions:
        if monitored.cannot_be_held(version.plateau_arithmetic):
            continue
        key = (version.plateau_floor, version.float32_product)
        if key not in known:
            known[key] = rate_arguments(rates, version)
        for given in known[key]:
            alike[_acting(monitored, version), given].append(version.name)
    return alike


def _candidate(
    monitored: Monitored, timing: _Timing, given: RateArguments, reading: str, versions: tuple[str, ...]
) -> PlateauCandidate:
    return PlateauCandidate(
        monitor=monitored.monitor,
        mode=monitored.mode,
        factor=given.factor,
        patience=timing.patience,
        cooldown=timing.cooldown,
        min_delta=timing.min_delta,
        min_lr=given.min_lr,
        at_floor=given.at_floor,
        reading=reading,
        next_index=timing.next_index,
        versions=versions,
    )


def _acting(monitored: Monitored, version: Semantics) -> _Acting:
    rule = Rule(
        arithmetic=comparable(version.plateau_arithmetic),
        on_reference=not version.plateau_absolute_min_delta,
        first_always=monitored.first_is_plain or version.plateau_any_first_value,
    )
    return _Acting(rule, version.plateau_counts_first)


def _timings(
    monitored: Monitored, events: Sequence[int], until: int, acting: _Acting, *, ends: bool
) -> Iterator[_Timing]:
    """Yield what min_delta, cooldown and patience put the plateaus where they were; `ends` with the last of them."""
    offsets = _offsets(events, until, acting, ends=ends)
    pieces = pieces_of(monitored.values, acting.rule, Happened(tuple(events), until, offsets))
    if not len(pieces.low):
        return
    # Before the first event, and without any, there is one column for all cooldowns.
    unbounded = len(events) < 2
    rows: list[tuple[float, float, _Columns]] = []
    for piece in range(len(pieces.low)):
        columns = tuple(_columns(monitored, pieces, piece, offsets, acting, unbounded=unbounded, ends=ends))
        low, high = float(pieces.low[piece]), float(pieces.high[piece])
        if rows and rows[-1][2] == columns and pieces.low[piece] == np.nextafter(rows[-1][1], np.inf):
            low = rows.pop()[0]
        rows.append((low, high, columns))
    for low, high, columns in rows:
        min_delta = Range(low, None if high >= LARGEST_MIN_DELTA else high)
        for cooldown, patience, next_index in columns:
            yield _Timing(min_delta, cooldown, patience, next_index)


_Columns = tuple[tuple[Range, Range, int | None], ...]


def _offsets(
    events: Sequence[int], until: int, acting: _Acting, *, ends: bool
) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Return the numbers of rows from a reduction to the first one that counts that make a difference."""
    gaps = [later - earlier for earlier, later in pairwise(events)]
    first = 1 if acting.counts_first else 0
    if gaps:
        return np.arange(first, min(gaps) + 1)
    # Beyond the end of what is known all cooldowns are alike.
    most = until - events[0] + 1 if events and not ends else first
    return np.arange(first, max(most, first) + 1)


def _columns(
    monitored: Monitored,
    pieces: Pieces,
    piece: int,
    offsets: Sequence[int] | np.ndarray[tuple[int], np.dtype[np.int64]],
    acting: _Acting,
    *,
    unbounded: bool,
    ends: bool,
) -> Iterator[tuple[Range, Range, int | None]]:
    """Yield neighbouring cooldowns with the same patiences as one."""
    least, most, wait = (array[piece].tolist() for array in (pieces.least, pieces.most, pieces.wait))
    endless = pieces.endless[piece].tolist()
    places = [place for place in range(len(least)) if most[place] >= least[place]]
    key = lambda item: (least[item[1]], most[item[1]], item[1] - item[0])  # noqa: E731
    for (lowest, highest, _), group in groupby(enumerate(places), key):
        chosen = [place for _, place in group]
        first, last = int(offsets[chosen[0]]), int(offsets[chosen[-1]])
        without_end = unbounded and chosen[-1] == len(least) - 1
        cooldown = Range(0 if chosen[0] == 0 else first, None if without_end else last)
        low, high = _as_given(lowest, acting), highest if acting.counts_first else highest - 1
        # A shorter cooldown acts again sooner.
        next_index = None if ends else monitored.last + lowest - wait[chosen[0]]
        yield cooldown, Range(low, None if endless[chosen[0]] else high), next_index


def _as_given(counter: int, acting: _Acting) -> int:
    """Return the least patience that acts when the counter reaches a number; 0 acts as 1."""
    if not acting.counts_first:
        return counter - 1
    return 0 if counter == 1 else counter
