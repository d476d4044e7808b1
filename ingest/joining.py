"""Make one run of those that are the same training: of recordings in memory, or in a store behind an ingest.

The sources of the joined run are merged as those of one folder are. In a store the joined run is written first, and
then the others are dropped: whoever is interrupted in between finds a run twice, of which one is a copy.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.ingest.merge import merge
from kcb_replay.ingest.plan import OWN_NAME
from kcb_replay.ingest.readers import reader_named
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
    known = {name: KnownRun.of_recording(recording) for name, recording in by_name.items()}
    groups = groups_of_one_training(known, lambda names: [by_name[name] for name in names], by_name)
    joined: dict[str, Recording | None] = {}
    for group in groups:
        joined |= dict.fromkeys(group)
        first = next(name for name in by_name if name in group)
        joined[first] = _joined([by_name[name] for name in group], plain_names, taken=by_name)
    each = (joined.get(recording.name, recording) for recording in recordings)
    return [recording for recording in each if recording is not None]


def join_stored(
    store: StoreFolder, written: Collection[str], new: Collection[str], plain_names: Mapping[str, str]
) -> Iterator[JoinedRun]:
    """Join the runs of a store that are one training with a `written` one; a name that is not `new` is kept."""
    entries = store.catalogue()
    known = {name: KnownRun.of_entry(entry) for name, entry in entries.items()}
    groups = groups_of_one_training(known, store.values_of, written)
    for first in range(0, len(groups), _AT_ONCE):
        joined = []
        for group in groups[first : first + _AT_ONCE]:
            kept = sorted((name for name in group if name not in new), key=lambda name: not entries[name].tags)[:1]
            recording = _joined([store.load(name) for name in group], plain_names, taken=entries)
            joined.append(JoinedRun(replace(recording, name=kept[0]) if kept else recording, group))
        store.put(
            [each.recording for each in joined],
            {each.recording.name: tuple(r for n in each.names for r in entries[n].refused) for each in joined},
            {each.recording.name: tuple(tag for n in each.names for tag in entries[n].tags) for each in joined},
        )
        store.drop({name for each in joined for name in each.names if name != each.recording.name})
        yield from joined


def _joined(recordings: Sequence[Recording], plain_names: Mapping[str, str], taken: Collection[str]) -> Recording:
    """Return one recording of several, under the name of the leading one, or the one that all would have alone."""
    readings = sorted(map(_reading, recordings), key=lambda reading: reading.rank)
    leading = min(recordings, key=lambda each: _reading(each).rank)
    plain = {plain_names.get(recording.name, recording.name) for recording in recordings}
    name = plain.pop() if len(plain) == 1 else leading.name
    is_free = name not in taken or name in {recording.name for recording in recordings}
    return merge(name if is_free else leading.name, readings)


def _reading(recording: Recording) -> Reading:
    rank = min((reader_named(source.format).rank for source in recording.sources), default=0)
    notes = tuple(note for note in recording.notes if note.code != OWN_NAME)
    return Reading(recording.fits, notes, sources=recording.sources, rank=rank)
