"""Runs from their files into the buckets of a store, in this process or in several.

A bucket is written once, with all of its runs. Processes are started only for so much work that they can pay: two cost
1 to 2 CPU seconds more than one, whatever is read, so each is given about three seconds of work.
"""

from __future__ import annotations

import signal
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from itertools import groupby
from multiprocessing import get_context
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.ingest.discover import LeftOutSource
from kcb_replay.ingest.plan import Labels
from kcb_replay.ingest.reading import read_runs
from kcb_replay.ingest.store.layout import bucket_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kcb_replay.ingest.discover import RunFiles
    from kcb_replay.ingest.reading import ReadRun
    from kcb_replay.ingest.recording import Note, Recording, Source
    from kcb_replay.ingest.store.folder import StoreFolder
    from kcb_replay.ingest.store.schema import RefusedSource

    Written: TypeAlias = tuple[list["WrittenRun"], list[LeftOutSource]]

__all__ = ["WrittenRun", "write_runs"]

_KEPT = "; the run is kept as it is stored"
_TAKEN = "another ingest has just stored a run of this name from other sources: rename the folder and ingest it again"
# CPU seconds of one process and of two: 0.8 and 1.6 for 3,000 small runs, 2.4 and 3.7 for 10,000, 9.7 and 11.5 for
# 30,000; 2.6 and 3.8 for 200 MB in 1,000 CSV files, 1.6 and 2.7 for 200 MB of event files. On two cores that others
# keep busy, two were never the faster; on free ones they can be from 10,000 runs or 200 MB on.
_RUNS_PER_JOB, _BYTES_PER_JOB = 10_000, 1 << 28


@dataclass(frozen=True, slots=True)
class WrittenRun:
    """A run that was written: what it came from, what is odd about it, and its epochs, now and before."""

    name: str
    epochs: int
    sources: tuple[Source, ...]
    notes: tuple[Note, ...]
    epochs_before: int | None = None


def write_runs(
    store: StoreFolder,
    wanted: Sequence[RunFiles],
    labels: Labels,
    *,
    jobs: int = 1,
    progress: Callable[[int, int, str], None] | None = None,
) -> Iterator[Written]:
    """Read runs and write them, and yield again and again what was written and what was left out.

    `progress` is called with (runs done, runs in all, name of the run at hand).
    """
    # The number of buckets is that of the store when it is there; else of the one that the first run will make.
    buckets = store.bucket_count(expected_runs=len(wanted))
    ordered = sorted(wanted, key=lambda run: bucket_of(run.name, buckets))
    count = _useful_jobs(ordered, jobs)
    heard = progress or _not_heard
    if count > 1:
        yield from _write_in_processes(store, ordered, buckets, count, heard)
    else:
        yield from _write_here(store, ordered, labels, buckets, heard)
    heard(len(wanted), len(wanted), "")


def _not_heard(done: int, total: int, name: str) -> None:
    pass


def _useful_jobs(wanted: Sequence[RunFiles], jobs: int) -> int:
    size = sum(candidate.size for run in wanted for candidate in run.candidates)
    return min(jobs, max(len(wanted) // _RUNS_PER_JOB, size // _BYTES_PER_JOB), len(wanted))


def _write_here(
    store: StoreFolder,
    ordered: Sequence[RunFiles],
    labels: Labels,
    buckets: int,
    progress: Callable[[int, int, str], None],
) -> Iterator[Written]:
    begun = iter(range(len(ordered)))
    read = read_runs(ordered, labels, lambda name: progress(next(begun), len(ordered), name))
    for _, some in groupby(read, lambda run: bucket_of(run.files.name, buckets)):
        yield _write(store, some, len(ordered))


def _write_in_processes(
    store: StoreFolder, ordered: Sequence[RunFiles], buckets: int, jobs: int, progress: Callable[[int, int, str], None]
) -> Iterator[Written]:
    # Forking a process that has threads, as pyarrow starts them, can lock up.
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"), initializer=_ignore_interrupts)
    done = 0
    try:
        parts = [list(some) for _, some in groupby(ordered, lambda run: bucket_of(run.name, buckets))]
        tasks = {pool.submit(_write_part, store, part, len(ordered)): part for part in parts}
        for task in as_completed(tasks):
            progress(done, len(ordered), tasks[task][-1].name)
            done += len(tasks[task])
            yield task.result()
    finally:
        # A bucket that is being written is finished, the others are not begun.
        pool.shutdown(wait=True, cancel_futures=True)


def _ignore_interrupts() -> None:
    # Ctrl-C reaches every process of the terminal; the one that was started by the user ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _write_part(store: StoreFolder, part: Sequence[RunFiles], expected: int) -> Written:
    return _write(store, read_runs(part, Labels(store)), expected)


def _write(store: StoreFolder, runs: Iterable[ReadRun], expected: int) -> Written:
    storable, refused, left_out = _storable(runs)
    # Nothing is created for logs that cannot be read: a new store begins with its first run.
    if not storable:
        return [], left_out
    store.create(expected_runs=expected)
    taken = store.put(storable, refused)
    left_out += [LeftOutSource(name, _TAKEN) for name in taken]
    return [_written(run) for run in storable if run.name not in taken], left_out


def _storable(
    runs: Iterable[ReadRun],
) -> tuple[list[Recording], dict[str, tuple[RefusedSource, ...]], list[LeftOutSource]]:
    """Return what can be written, the refused files beside it, and what is left out.

    A run that lacks a source it had is kept as it is stored.
    """
    storable: list[Recording] = []
    refused: dict[str, tuple[RefusedSource, ...]] = {}
    left_out: list[LeftOutSource] = []
    for run in runs:
        if run.lacks_a_source:
            left_out += [LeftOutSource(left.path, left.reason.rstrip(".") + _KEPT) for left in run.left_out]
            continue
        left_out += run.left_out
        if run.recording is not None:
            storable.append(run.recording)
            refused[run.recording.name] = run.refused
    return storable, refused, left_out


def _written(recording: Recording) -> WrittenRun:
    return WrittenRun(recording.name, recording.epochs, recording.sources, recording.notes)
