"""Which runs are the same training from several sources: a CSV file here, its event files or its console there.

Two runs are one training when they have the same fits at the same epochs and all metrics that both have agree at every
epoch: to float32, or to the digits that a console shows, and with evidence enough. Names and folders decide nothing but
which of two copies is taken. A run that only begins as another does is another, and so is a console that two different
trainings could have printed. Runs with a format in common are never one: they are copies, or two trainings.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from kcb_replay.ingest.copies import recording_digests, telling_digests
from kcb_replay.ingest.fingerprint import are_same, digits_of
from kcb_replay.ingest.merge import same_as_printed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from kcb_replay.ingest.copies import Digests
    from kcb_replay.ingest.recording import Fit, Note, Recording, Source
    from kcb_replay.ingest.store.schema import RunEntry

    # Gives the recordings of these names, in any order.
    Load: TypeAlias = Callable[[Collection[str]], Iterable[Recording]]


# Printed values agree more easily than whole ones, so that more of them must.
_ENOUGH_PRINTED = 24
# Runs that may share a digest, and are all looked at.
_FEW = 64
# A console shows four decimals; values are looked up by three.
_COARSELY = 1000


@dataclass(frozen=True, slots=True)
class KnownRun:
    """What is known of a run without its values: its formats, the epochs and digests of its fits, if it was printed."""

    formats: frozenset[str]
    epochs: tuple[object, ...]
    digests: Digests
    is_printed: bool

    @classmethod
    def of_entry(cls, entry: RunEntry) -> KnownRun:
        """Return what the catalogue knows."""
        epochs = tuple(fit.epochs for fit in entry.fits)
        return cls(_formats(entry.sources), epochs, entry.digests, _is_printed(entry.notes))

    @classmethod
    def of_recording(cls, recording: Recording) -> KnownRun:
        """Return what a recording tells."""
        epochs = tuple(fit.epochs.tobytes() for fit in recording.fits)
        digests = recording_digests(recording)
        return cls(_formats(recording.sources), epochs, digests, _is_printed(recording.notes))


def _formats(sources: Iterable[Source]) -> frozenset[str]:
    return frozenset(source.format for source in sources)


def _is_printed(notes: Iterable[Note]) -> bool:
    return any(note.code == "rounded" for note in notes)


def groups_of_one_training(
    runs: Mapping[str, KnownRun], load: Load, concerned: Collection[str]
) -> list[tuple[str, ...]]:
    """Return the groups of runs that are one training each, as far as one of two that meet is `concerned`."""
    if len({run.formats for run in runs.values()}) < 2:
        return []
    pairs = [*_equal_pairs(runs, concerned), *_printed_pairs(runs, load, concerned)]
    group_of: dict[str, tuple[str, ...]] = {}
    # Of two copies, the one that lies nearer.
    for one, two in sorted(pairs, key=lambda pair: (-_common_folders(*pair), pair)):
        some, others = (group_of.get(name, (name,)) for name in (one, two))
        if some is not others and all(_may_join(runs[first], runs[second]) for first in some for second in others):
            group_of |= dict.fromkeys((*some, *others), (*some, *others))
    return list(dict.fromkeys(group_of.values()))


def _common_folders(one: str, two: str) -> int:
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one.split("/"), two.split("/"), strict=False))))


def _may_join(one: KnownRun, two: KnownRun) -> bool:
    return one.formats.isdisjoint(two.formats)


def _equal_pairs(runs: Mapping[str, KnownRun], concerned: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the runs of other formats whose metrics agree to float32."""
    by_digest: dict[str, list[str]] = defaultdict(list)
    digests_of = {name: set(telling_digests(run.digests)) for name, run in runs.items()}
    for name, digests in digests_of.items():
        for digest in digests:
            by_digest[digest].append(name)
    # A digest that one format alone has leads nowhere.
    shared = {digest: names for digest, names in by_digest.items() if len({runs[name].formats for name in names}) > 1}
    pairs = set()
    for name, digests in digests_of.items():
        lists = sorted((shared[digest] for digest in digests & shared.keys()), key=len)
        # One training has them all in common; what thousands share, as a weight by epoch, is left to the rarer ones.
        near = {other for names in lists if names is lists[0] or len(names) <= _FEW for other in names}
        pairs |= {(min(name, other), max(name, other)) for other in near if name in concerned or other in concerned}
    for one, two in pairs:
        if _may_join(runs[one], runs[two]) and are_same(runs[one].digests, runs[two].digests):
            yield one, two


def _printed_pairs(runs: Mapping[str, KnownRun], load: Load, concerned: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield each run that was printed with those of whole values that it is of, where these are one training."""
    printed = {name for name, run in runs.items() if run.is_printed}
    new = not printed.isdisjoint(concerned)
    lengths = {runs[name].epochs for name in printed}
    whole = {
        name
        for name, run in runs.items()
        if name not in printed and run.epochs in lengths and (new or name in concerned)
    }
    if not printed or not whole:
        return
    lengths = {runs[name].epochs for name in whole}
    consoles = _ByFirstValues(load({name for name in printed if runs[name].epochs in lengths}))
    of_console: dict[str, list[str]] = defaultdict(list)
    for recording in load(whole):
        for console in consoles.near(recording):
            one, two = recording.name, console.name
            is_asked = one in concerned or two in concerned
            if is_asked and _may_join(runs[one], runs[two]) and _agree_as_printed(recording, console):
                of_console[two].append(one)
    for console_name, names in of_console.items():
        # Trainings that differ in digits that a console does not show: it could be of either.
        if all(are_same(runs[names[0]].digests, runs[name].digests) for name in names[1:]):
            yield from ((name, console_name) for name in names)


class _ByFirstValues:
    """Recordings by the first values of their metrics, as far as a console shows them."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._near: dict[tuple[bytes, str, int], list[Recording]] = defaultdict(list)
        for recording in recordings:
            for key in _first_values(recording):
                self._near[key].append(recording)

    def near(self, recording: Recording) -> list[Recording]:
        """Return the recordings that have nearly one of the same first values at the same epochs."""
        near: dict[str, Recording] = {}
        for epochs, metric, value in _first_values(recording):
            for key in ((epochs, metric, value + step) for step in (-1, 0, 1)):
                near |= {each.name: each for each in self._near.get(key, ())}
        return list(near.values())


def _first_values(recording: Recording) -> Iterator[tuple[bytes, str, int]]:
    for fit in recording.fits[:1]:
        for name, series in fit.metrics.items():
            value = series.values[series.valid][:1]
            if np.isfinite(value).all() and len(value):
                yield fit.epochs.tobytes(), name, round(float(value[0]) * _COARSELY)


def _agree_as_printed(whole: Recording, printed: Recording) -> bool:
    """Tell whether a console shows the values of a recording, all that both have, and enough of them."""
    digits = 0
    if len(whole.fits) != len(printed.fits):
        return False
    for one, two, digests in zip(whole.fits, printed.fits, recording_digests(printed), strict=True):
        shared = one.metrics.keys() & digests.keys()
        if not shared or not all(_shows(one, two, name) for name in shared):
            return False
        digits += sum(digits_of(digests[name]) for name in shared)
    return digits >= _ENOUGH_PRINTED


def _shows(whole: Fit, printed: Fit, metric: str) -> bool:
    one, two = whole.metrics[metric], printed.metrics[metric]
    if not np.array_equal(one.valid, two.valid):
        return False
    return bool(same_as_printed(one.values[one.valid], two.values[two.valid]).all())
