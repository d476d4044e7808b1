"""From the RUN arguments to recordings: runs of the store, globs of their names, or paths of logs."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from kcb_replay.commands import output
from kcb_replay.errors import KcbReplayError, RunNotFoundError, SettingError, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store import Store
    from kcb_replay.ingest.store.schema import RunEntry
    from kcb_replay.replay.verdicts.totals import Summary

    Progress: TypeAlias = Callable[[int, int, str], None]

# That of an argument, and the place or the name of the run among those that it stands for.
Position: TypeAlias = tuple[int, int | str]
_Item = TypeVar("_Item")


def recordings_of(runs: tuple[str, ...], store: Path) -> Iterator[Recording]:
    """Load the runs that were named, from the store or from files, all of the store when none was."""
    from kcb_replay.ingest.store import Store

    opened = Store(store)
    if not runs:
        yield from (_chosen(opened.load(entry.name)) for entry in opened.runs())
    for run in runs:
        if is_stored(opened, run):
            yield from (_chosen(opened.load(entry.name)) for entry in opened.runs(run))
        else:
            yield from _read(run)


def recordings_in_any_order(runs: tuple[str, ...], store: Path) -> Iterator[tuple[Position, Recording]]:
    """Yield the runs that were named, each with its position among them, in one pass over the store.

    Names are made unique. Streams and messages of stored runs are not loaded.
    """
    from kcb_replay.ingest.store.store import Store

    opened = Store(store)
    if not runs:
        yield from (((0, recording.name), _chosen(recording)) for recording in opened.recordings())
        return
    unique = _UniqueNames()
    stored: dict[str, list[tuple[Position, str]]] = defaultdict(list)
    patterns = []
    for number, run in enumerate(runs):
        if not is_stored(opened, run):
            for place, recording in enumerate(_read(run)):
                yield (number, place), replace(recording, name=unique(recording.name))
            continue
        patterns.append(run)
        for place, entry in enumerate(opened.runs(run)):
            stored[entry.name].append(((number, place), unique(entry.name)))
    for recording in opened.recordings(*patterns) if patterns else ():
        for position, name in stored[recording.name]:
            yield position, replace(_chosen(recording), name=name)


def recordings_in_order(runs: tuple[str, ...], store: Path) -> Iterator[Recording]:
    """Yield the runs that were named in their order, for who holds them all, in one pass over the store."""
    yield from (each for _, each in sorted(recordings_in_any_order(runs, store), key=lambda item: item[0]))


def recording_of(run: str, store: Path) -> Recording:
    """Load the one run that a name or a path must stand for."""
    return only_one(recordings_of((run,), store), run)


def entries_of(runs: tuple[str, ...], store: Path, *, tag: str | None = None) -> list[RunEntry]:
    """Return what is known of the runs that were named, or of all in the store; logs that are in none have no tag."""
    from kcb_replay.ingest.store.rows import entry_of
    from kcb_replay.ingest.store.store import Store

    opened = Store(store)
    stored = [run for run in runs if is_stored(opened, run)]
    entries = list(opened.runs(*stored, tag=tag)) if stored or not runs else []
    paths = [run for run in runs if run not in stored and tag is None]
    read = with_unique_names(itertools.chain.from_iterable(map(_read, paths)))
    return entries + [entry_of(recording, ()) for recording in read]


def metrics_of(
    runs: tuple[str, ...], store: Path, metrics: Collection[str], *, progress: Progress | None
) -> Iterator[Recording]:
    """Load some metrics of the runs that were named, many at a time, and say how far that is."""
    from kcb_replay.ingest.store import Store

    opened = Store(store)
    stored = [run for run in runs if is_stored(opened, run)]
    if (globs := output.pooling_globs()) and (stored or not runs):
        from kcb_replay.replay.pooled_metrics import matching

        metrics = {*metrics, *matching(globs, {name for entry in opened.runs(*stored) for name in entry.metrics})}
    total = len(opened.runs(*stored)) if progress and (stored or not runs) else len(runs)
    sources: list[Iterator[Recording]] = (
        [map(_chosen, opened.recordings(*stored, metrics=metrics))] if stored or not runs else []
    )
    sources.append(iter(_read_together([run for run in runs if run not in stored])))
    for done, recording in enumerate(itertools.chain(*sources), start=1):
        yield recording
        if progress:
            progress(done, max(total, done), recording.name)


def _read_together(paths: Sequence[str]) -> Sequence[Recording]:
    """Read logs below several paths; the sources of one training, which may be below two of them, are one recording."""
    from kcb_replay.ingest.copies import with_copies_marked
    from kcb_replay.ingest.joining import joined_recordings

    recordings = list(with_unique_names(itertools.chain.from_iterable(map(_read, paths))))
    return with_copies_marked(joined_recordings(recordings, {})) if len(paths) > 1 else recordings


def with_unique_names(recordings: Iterable[Recording]) -> Iterator[Recording]:
    """Yield recordings whose names differ: runs of the same name come from several folders, or are named twice."""
    unique = _UniqueNames()
    for recording in recordings:
        yield replace(recording, name=unique(recording.name))


class _UniqueNames:
    """Tells names apart: a second `run` is `run (2)`."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def __call__(self, name: str) -> str:
        self._seen[name] += 1
        return name if self._seen[name] == 1 else f"{name} ({self._seen[name]})"


def recorded_metrics(store: Path, recordings: Callable[[], Iterable[Recording]]) -> Callable[[str], Sequence[str]]:
    """Return a function that gives the metrics of a run, whatever was read of it so far."""
    from kcb_replay.ingest.store import Store

    def of(run: str) -> Sequence[str]:
        opened = Store(store)
        entries = opened.catalogue() if opened.exists else {}
        if run in entries:
            return entries[run].metrics
        return next((recording.metrics for recording in recordings() if recording.name == run), ())

    return of


def require_recorded(runs: tuple[str, ...], store: Path, sweep: Summary[Any, Any]) -> None:
    """Raise `KcbReplayError` for a sweep without any answer, with every reason and the metric that was meant."""
    from kcb_replay.report.simulation_notes import reasons_of

    reasons = list(map(str, reasons_of(sweep.left_out))) or ["The store is empty. Ingest logs first."]
    recorded = {metric for recording in recordings_of(runs, store) for metric in recording.metrics}
    hint = did_you_mean(sweep.choices[0].monitor, recorded).strip()
    raise KcbReplayError("\n".join(filter(None, ["No run could be swept.", *reasons, hint])))


def listed(text: str) -> list[str]:
    """Return what commas part, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip())) or [text]


def only_one(items: Iterable[_Item], what: str, noun: str = "run", *, plural: str = "") -> _Item:
    """Return the one item that there must be; raises `SettingError` for none or several."""
    from kcb_replay.text import counted

    several = list(items)
    if len(several) != 1:
        stands_for = counted(len(several), noun, plural=plural)
        raise SettingError(f"{what!r} stands for {stands_for}, but exactly one is needed here.")
    return several[0]


def _read(path: str) -> list[Recording]:
    """Read logs that are in no store, and say what is left out of them."""
    from kcb_replay.ingest.ingest import read_logs

    logs = read_logs(path)
    if logs.left_out or logs.others:
        output.say_left_out(path, logs.left_out, logs.others)
    return list(map(_chosen, logs.recordings))


def _chosen(recording: Recording) -> Recording:
    """Return a recording as the options want it: metrics pooled and fits joined, where they say so."""
    if globs := output.pooling_globs():
        from kcb_replay.replay.pooled_metrics import pooled

        recording = pooled(recording, globs)
    if not output.joins_fits():
        return recording
    from kcb_replay.ingest.fits_joined import join_fits

    return join_fits(recording)


def is_stored(store: Store, run: str) -> bool:
    """Tell whether RUN names stored runs; else it is a path. Raises when it is neither."""
    if store.exists:
        try:
            return bool(store.runs(run))
        except RunNotFoundError:
            if not Path(run).exists():
                raise
    elif not Path(run).exists():
        raise RunNotFoundError(
            f"{run!r} is no file or folder, and there is no store at {store.path} to look for a run of that name."
            " Make one with `kcb-replay ingest LOGS`."
        )
    return False
