"""Why two versions of Keras answer differently: the fewest behaviours that turn the one answer into the other.

Found by replaying, not by reasoning: the behaviours in which the versions differ are given to the first one, then taken
back one by one as long as the answer stays that of the second.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeAlias

from kcb_replay.replay.behaviours import Semantics
from kcb_replay.replay.callbacks.base import Context
from kcb_replay.replay.directions import compiled_metrics
from kcb_replay.replay.engine import EventsOfAll, Row, Run, run_fit
from kcb_replay.replay.events import CheckpointSaved, WeightsRestored, of_kind
from kcb_replay.replay.result import Replay

_Acts: TypeAlias = tuple[object, ...]
# A name alone changes no answer.
_NAMES = ("name", "learning_rate_key")


@dataclass(frozen=True, slots=True)
class VersionDifference:
    """Two versions that answer differently for one fit.

    `index` is the 0-based epoch at which they first differ. `behaviours` are fields of Semantics; with these of the
    second version the first one answers as the second does.
    """

    first: Replay
    second: Replay
    index: int
    behaviours: tuple[str, ...]


def differences_of(replays: Iterable[Replay]) -> list[VersionDifference]:
    """Return where neighbouring versions of the same fit and callbacks answer differently."""
    groups: dict[object, list[Replay]] = {}
    for each in replays:
        groups.setdefault((each.run, each.fit, each.callbacks), []).append(each)
    pairs = (pair for group in groups.values() for pair in itertools.pairwise(group))
    return [difference for first, second in pairs for difference in _difference(first, second)]


def behaviours_between(replay: Replay, other: Semantics) -> tuple[str, ...]:
    """Return the fewest behaviours of another version with which a replay would do what that one does, errors too.

    They are fields of Semantics; none where both versions do the same.
    """
    wanted = _acts(_rerun(replay, other))
    return () if _acts(replay.run_record) == wanted else _fewest(replay, other, wanted)


def _difference(first: Replay, second: Replay) -> Iterator[VersionDifference]:
    wanted = _acts(second.run_record)
    position = _first_difference(_acts(first.run_record), wanted)
    if position is None:
        return
    rows = max(first.rows, second.rows, key=len)
    index = rows[min(position, len(rows) - 1)].index
    yield VersionDifference(first, second, index, _fewest(first, second.semantics, wanted))


def _fewest(first: Replay, second: Semantics, wanted: Sequence[_Acts]) -> tuple[str, ...]:
    differing = [item.name for item in fields(second) if item.name not in _NAMES]
    differing = [name for name in differing if getattr(first.semantics, name) != getattr(second, name)]
    # Most behaviours are those of callbacks that are not there: whole stretches are taken back before single ones.
    for size in (16, 4, 1):
        for some in _stretches(differing, size):
            fewer = [kept for kept in differing if kept not in some]
            mixed = replace(first.semantics, **{kept: getattr(second, kept) for kept in fewer})
            if _acts(_rerun(first, mixed)) == wanted:
                differing = fewer
    return tuple(differing)


def _stretches(names: Sequence[str], size: int) -> list[Sequence[str]]:
    return [names[start : start + size] for start in range(0, len(names), size)]


def _rerun(like: Replay, version: Semantics) -> Run:
    context = Context(version, compiled_metrics(like.stream.names))
    return run_fit(like.stream.epochs, like.callbacks, context, initial_lr=like.initial_lr)


def _first_difference(first: Sequence[_Acts], second: Sequence[_Acts]) -> int | None:
    """Return the first position in which they differ, None where nowhere."""
    pairs = enumerate(itertools.zip_longest(first, second))
    return next((position for position, (one, two) in pairs if one != two), None)


def _acts(run: Run) -> list[_Acts]:
    """Return what each epoch did to the training: rates, stop, files, restored weights."""
    # Versions restore at the stop or at the end of training, which are one moment.
    last = len(run.rows) - 1
    acts = [_row_acts(row, run.finish_events if n == last else ()) for n, row in enumerate(run.rows)]
    return acts if run.error is None else [*acts, (run.error.kind, run.error.stage)]


def _row_acts(row: Row, finish: EventsOfAll) -> _Acts:
    events = [*row.all_events, *itertools.chain.from_iterable(finish)]
    saved = tuple((event.path, event.batch) for event in of_kind(events, CheckpointSaved))
    restored = tuple((event.from_index, event.fits_ago) for event in of_kind(events, WeightsRestored))
    return (row.lr_begin, row.lr, row.stoppers, saved, restored)
