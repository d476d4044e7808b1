"""From log files to the store: find, read, merge, write, and say what was left out.

A run whose sources are unchanged is not read again. A run is written as a whole or not at all; one that cannot be read
keeps what is stored of it; whoever interrupts an ingest finds every run of the store as it was or as it is now.
"""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.backups import backup_notes
from kcb_replay.ingest.discover import Candidate, discover
from kcb_replay.ingest.left_out import LeftOutSource
from kcb_replay.ingest.plan import plan
from kcb_replay.ingest.readers import reader_named
from kcb_replay.ingest.reading import WantedRun, read_runs
from kcb_replay.ingest.store import bucket_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kcb_replay.ingest.bucket import StoredRun
    from kcb_replay.ingest.plan import Plan
    from kcb_replay.ingest.reading import ReadRun
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store import Store

__all__ = ["IngestReport", "ingest", "read"]

_TAKEN = "another ingest has just stored a run of this name from other sources: rename the folder and ingest it again"
_KEPT = "; the run is kept as it is stored"


@dataclass(slots=True)
class IngestReport:
    """What an ingest did: the runs it wrote, those that were unchanged, and what it left out and why.

    `epochs_before` has, for each written run that was stored already, how many epochs it had.
    """

    written: list[Recording] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left_out: list[LeftOutSource] = field(default_factory=list)
    other_files: int = 0
    seconds: float = 0.0
    epochs_before: dict[str, int] = field(default_factory=dict)

    @property
    def epochs(self) -> int:
        """Number of epochs written."""
        return sum(recording.epochs for recording in self.written)

    @property
    def formats(self) -> Counter[str]:
        """Number of runs in which each format was read."""
        return Counter(name for run in self.written for name in sorted({source.format for source in run.sources}))


def read(*paths: str | Path, format: str = "auto") -> list[Recording]:  # noqa: A002  # the option's name
    """Return the recordings below `paths` (log files or folders) without a store.

    Raises `ReadError` when a path cannot be read, or when nothing below it is a log; what else was left out of a folder
    is in the notes of the run it belongs to, or not reported.
    """
    found = discover([Path(path) for path in paths], format=format)
    notes = backup_notes(found.groups, Path.as_posix)
    wanted = [WantedRun(group.name, group.candidates, notes.get(group.name, ())) for group in found.groups]
    recordings = []
    for run in read_runs(wanted, Path.as_posix):
        found.left_out += run.left_out
        if run.stored is not None:
            recordings.append(run.stored.recording)
    if not recordings:
        raise ReadError(_nothing_read(paths, found.left_out, found.other_files))
    return recordings


def ingest(
    store: Store,
    paths: Sequence[str | Path],
    *,
    format: str = "auto",  # noqa: A002  # the option's name
    progress: Callable[[int, int, str], None] | None = None,
) -> IngestReport:
    """Read the logs below `paths` into `store`; raises `ReadError` when there is no log that can be read."""
    start = time.monotonic()
    planned = plan(store, paths, format=format)
    report = IngestReport([], [*planned.unchanged], planned.left_out, planned.other_files)
    counted = _Counted(len(planned.wanted), progress)
    wanted = list(_completed(planned, store, report))
    buckets = store.bucket_count(expected_runs=len(wanted))
    ordered = sorted(wanted, key=lambda run: bucket_of(run.name, buckets))
    # Each bucket is written once. Nothing is created for logs that cannot be read: a store begins with its first run.
    for _, some in groupby(
        read_runs(ordered, planned.labels, counted.begins), lambda run: bucket_of(run.name, buckets)
    ):
        runs = _storable(some, planned, report)
        if runs:
            store.create(expected_runs=len(wanted))
            taken = store.put(runs)
            report.written += [run.recording for run in runs if run.recording.name not in taken]
            report.left_out += [LeftOutSource(name, _TAKEN) for name in taken]
    counted.ends()
    if not report.written and not report.unchanged:
        raise ReadError(_nothing_read(paths, report.left_out, report.other_files))
    report.written.sort(key=lambda recording: recording.name)
    before = planned.stored
    report.epochs_before = {run.name: before[run.name].epochs for run in report.written if run.name in before}
    report.seconds = time.monotonic() - start
    return report


class _Counted:
    """Counts the runs as they are begun."""

    def __init__(self, total: int, progress: Callable[[int, int, str], None] | None) -> None:
        self._done, self._total, self._progress = 0, total, progress

    def begins(self, name: str) -> None:
        if self._progress:
            self._progress(self._done, self._total, name)
        self._done += 1

    def ends(self) -> None:
        if self._progress:
            self._progress(self._total, self._total, "")


def _completed(planned: Plan, store: Store, report: IngestReport) -> Iterator[WantedRun]:
    """Yield the runs together with the sources they already have in the store; without these a run is kept."""
    for run in planned.wanted.values():
        entry = planned.stored.get(run.name)
        given = {planned.labels(candidate.path): candidate for candidate in run.candidates}
        vanished = []
        for source in entry.sources if entry else ():
            if source.path not in given:
                path = store.source_path(source.path)
                given[source.path] = Candidate(path, reader_named(source.format), source.size)
                vanished += [] if path.is_file() else [source.path]
        if vanished:
            reason = "has vanished since it was ingested" + _KEPT
            report.left_out += [LeftOutSource(path, reason) for path in vanished]
        else:
            yield WantedRun(run.name, tuple(given.values()), run.notes)


def _storable(runs: Iterable[ReadRun], planned: Plan, report: IngestReport) -> list[StoredRun]:
    """Return what can be written: a run that lacks a source it had is kept as it is stored."""
    storable = []
    for run in runs:
        entry = planned.stored.get(run.name)
        stored = {source.path for source in entry.sources} if entry else set()
        if any(source.path in stored for source in run.refused):
            report.left_out += [LeftOutSource(left.path, left.reason.rstrip(".") + _KEPT) for left in run.left_out]
            continue
        report.left_out += run.left_out
        if run.stored is not None:
            storable.append(run.stored)
    return storable


def _nothing_read(paths: Sequence[str | Path], left_out: Sequence[LeftOutSource], other_files: int) -> str:
    where = ", ".join(str(path) for path in paths)
    if left_out:
        first = left_out[0]
        others = f" {len(left_out) - 1} more were left out." if len(left_out) > 1 else ""
        reason = first.reason if first.path in first.reason else f"{first.path} {first.reason}"
        return f"No log could be read in {where}: {reason}{others}"
    return (
        f"No log was found in {where} ({other_files} other files). Expected CSVLogger files, pickled Histories or"
        " TensorBoard event files."
    )
