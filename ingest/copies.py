"""Which runs are copies of others: the one place that decides it, for stores and for logs that are read without one.

A copy has the same fits as the run that is counted: every metric that it has agrees with it at every epoch, to float32,
and says enough that this is no chance. A run that holds more metrics than another is no copy of it, and neither is one
that only begins alike, as a backup or another seed's first epoch does.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.ingest.fingerprint import ENOUGH_DIGITS, are_same, digests_of, digits_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from kcb_replay.ingest.recording import Recording

    # The digests of each fit of a run, by metric.
    Digests: TypeAlias = tuple[Mapping[str, str], ...]


# What people call copies; a name says no more than which of two is counted.
_COPY = re.compile(r"(?i)(?:^|[^a-z])(?:copy|copies|backups?|bak|old|archived?|tmp|trash)(?:[^a-z]|$)")
# Two different values of a metric, at least.
_TELLING_DIGITS = 8


class SeenTrainings:
    """The trainings that were seen so far: tells of each run whether one of them is the same."""

    def __init__(self) -> None:
        self._by_digest: dict[str, list[tuple[str, Digests]]] = {}

    def original_of(self, run: str, digests: Digests) -> str | None:
        """Return the run that was seen before and that this one is a copy of; None for a training not seen yet."""
        telling = telling_digests(digests)
        # An original has them all, so one that has the rarest is looked for: thousands of trainings may share another.
        candidates = min((self._by_digest.get(digest, ()) for digest in telling), key=len, default=())
        for name, others in candidates:
            if are_same(digests, others) and all(map(_is_part, digests, others)):
                return name
        for digest in telling:
            self._by_digest.setdefault(digest, []).append((run, digests))
        return None


def telling_digests(digests: Digests) -> list[str]:
    """Return the digests by which a training is looked up; none where all of them together say too little."""
    all_digests = [digest for fit in digests for digest in fit.values()]
    if sum(map(digits_of, all_digests)) < ENOUGH_DIGITS:
        return []
    # Thousands of trainings that were stuck share a metric that is always 0.
    return [digest for digest in all_digests if digits_of(digest) >= _TELLING_DIGITS] or all_digests


def _is_part(some: Mapping[str, str], others: Mapping[str, str]) -> bool:
    return some.keys() <= others.keys()


def copies_among(runs: Mapping[str, Digests]) -> dict[str, str]:
    """Return the copies among runs, each with the run that is counted: which holds most metrics."""
    # Of a hundred thousand runs hardly any share a digest.
    counts = Counter(digest for digests in runs.values() for fit in digests for digest in fit.values())
    sharing = [
        name for name, digests in runs.items() if any(counts[one] > 1 for fit in digests for one in fit.values())
    ]
    seen = SeenTrainings()
    ordered = sorted(sharing, key=lambda name: _order(name, runs[name]))
    originals = ((name, seen.original_of(name, runs[name])) for name in ordered)
    return {name: original for name, original in originals if original is not None}


def _order(name: str, digests: Digests) -> tuple[int, bool, int, int, str]:
    is_named_so = _COPY.search(name) is not None
    return -sum(map(len, digests)), is_named_so, name.count("/"), len(name), name


def with_copies_marked(recordings: Sequence[Recording]) -> list[Recording]:
    """Return recordings, each copy with the name of the one that is counted."""
    copies = copies_among({recording.name: recording_digests(recording) for recording in recordings})
    return [replace(each, copy_of=copies[each.name]) if each.name in copies else each for each in recordings]


def recording_digests(recording: Recording) -> Digests:
    """Return what tells a recording from others."""
    return tuple(map(digests_of, recording.fits))


def each_with_original(recordings: Iterable[Recording]) -> Iterator[tuple[Recording, str | None]]:
    """Yield recordings, each with the run that is counted in its stead, None for one that is counted."""
    seen = SeenTrainings()
    for recording in recordings:
        yield recording, recording.copy_of or seen.original_of(recording.name, recording_digests(recording))
