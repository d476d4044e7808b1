"""Make one run of those that are the same training: of recordings in memory, or in a store behind an ingest.

The sources of the joined run are merged as those of one folder are. In a store the joined run is written first, and
then the others are dropped: whoever is interrupted in between finds a run twice, of which one is a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.ingest.merge import merge
from kcb_replay.ingest.plan import OWN_NAME
from kcb_replay.ingest.readers import READERS
from kcb_replay.ingest.readers.base import Reading
from kcb_replay.ingest.same_training import KnownRun, groups_of_one_training

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store.folder import StoreFolder


# Recordings that are held at once.
_AT_ONCE = 256


class JoinedRun(NamedTuple):
    """A run that several others have become, and their names."""

    recording: Recording
    names: tuple[str, ...]


def joined_recordings(recordings: Sequence[Recording], plain_names: Mapping[str, str]) -> list[Recording]:
    """Return recordings, those of one training as one; `plain_names` have those that were told apart by their names."""
    if len({source.format for recording in recordings for source in recording.sources}) < 2:
        return list(recordings)
    by_name = {recording.name: recording for recording in recordings}
    place = {name: number for number, name in enumerate(by_name)}
    known = {name: KnownRun.of_recording(recording) for name, recording in by_name.items()}
    groups = groups_of_one_training(known, lambda names: [by_name[name] for name in names], by_name)
    names = _Names(by_name, plain_names)
    joined: dict[str, Recording | None] = {}
    for group in groups:
        joined |= dict.fromkeys(group)
        joined[min(group, key=place.__getitem__)] = _joined([by_name[name] for name in group], names)
    each = (joined.get(recording.name, recording) for recording in recordings)
    return [recording for recording in each if recording is not None]


def join_stored(
    store: StoreFolder, written: Collection[str], new: Collection[str], plain_names: Mapping[str, str]
) -> Iterator[JoinedRun]:
    """Join the runs of a store that are one training with a `written` one; a name that is not `new` is kept."""
    entries = store.catalogue()
    known = {name: KnownRun.of_entry(entry) for name, entry in entries.items()}
    groups = groups_of_one_training(known, store.values_of, written)
    names = _Names(entries, plain_names)
    for first in range(0, len(groups), _AT_ONCE):
        joined = []
        for group in groups[first : first + _AT_ONCE]:
            kept = sorted((name for name in group if name not in new), key=lambda name: not entries[name].tags)[:1]
            recording = _joined([store.load(name) for name in group], names, *kept)
            joined.append(JoinedRun(recording, group))
        taken = store.put(
            [each.recording for each in joined],
            {each.recording.name: tuple(r for n in each.names for r in entries[n].refused) for each in joined},
            {each.recording.name: tuple(tag for n in each.names for tag in entries[n].tags) for each in joined},
        )
        # Somebody else has just stored another run of that name: all stays as it is.
        joined = [each for each in joined if each.recording.name not in taken]
        store.drop({name for each in joined for name in each.names if name != each.recording.name})
        yield from joined


class _Names:
    """Names for joined runs, each given once; `plain_names` have those that were told apart by their names."""

    def __init__(self, taken: Collection[str], plain_names: Mapping[str, str]) -> None:
        self._taken, self._plain_names = set(taken), plain_names

    def of(self, names: Sequence[str]) -> str:
        """Return the name that all would have alone, where it is free, else the first."""
        plain = {self._plain_names.get(name, name) for name in names}
        name = plain.pop() if len(plain) == 1 and plain.isdisjoint(self._taken) else names[0]
        self._taken.add(name)
        return name


def _joined(recordings: Sequence[Recording], names: _Names, name: str = "") -> Recording:
    """Return one recording of several, under a name that is given, or else found by that of the leading one."""
    ordered = sorted(recordings, key=_rank)
    readings = [
        Reading(
            recording.fits,
            tuple(note for note in recording.notes if note.code != OWN_NAME),
            sources=recording.sources,
            rank=_rank(recording),
        )
        for recording in ordered
    ]
    return merge(name or names.of([recording.name for recording in ordered]), readings)


def _rank(recording: Recording) -> int:
    formats = {source.format for source in recording.sources}
    # A store may hold what a reader that is no longer installed has read.
    return min((reader.rank for reader in READERS if reader.format in formats), default=0)
