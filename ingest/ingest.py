"""From log files to the store: find, read, merge, write, and say what was left out.

A run whose sources are unchanged is not read again. A run is written as a whole or not at all; one that cannot be read
keeps what is stored of it; whoever interrupts an ingest finds every run of the store as it was or as it is now.
"""

from __future__ import annotations

import itertools
import signal
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.errors import ReadError, SettingError
from kcb_replay.ingest.copies import with_copies_marked
from kcb_replay.ingest.discover import Candidate, LeftOutSource, RunFiles, discover
from kcb_replay.ingest.joining import join_stored, joined_recordings
from kcb_replay.ingest.plan import VANISHED, Labels, Plan, backup_notes, own_name_note, plan
from kcb_replay.ingest.readers import READERS, reader_named
from kcb_replay.ingest.reading import ReadRun, has_grown, read_runs
from kcb_replay.ingest.store.layout import bucket_of
from kcb_replay.text import counted, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kcb_replay.ingest.recording import Note, Recording, Source
    from kcb_replay.ingest.store.folder import StoreFolder
    from kcb_replay.ingest.store.schema import RefusedSource

    Written: TypeAlias = tuple[list["WrittenRun"], list[LeftOutSource]]


_MOST_REASONS, _MOST_NAMED = 20, 3
_KEPT = "; the run is kept as it is stored"
_TAKEN = "another ingest has just stored a run of this name from other sources: rename the folder and ingest it again"
# CPU seconds of one process and of two: 0.8 and 1.6 for 3,000 small runs, 2.4 and 3.7 for 10,000, 9.7 and 11.5 for
# 30,000; 2.6 and 3.8 for 200 MB in 1,000 CSV files, 1.6 and 2.7 for 200 MB of event files. On two cores that others
# keep busy, two were never the faster; on free ones they can be from 10,000 runs or 200 MB on.
_RUNS_PER_JOB, _BYTES_PER_JOB = 10_000, 1 << 28


@dataclass(slots=True)
class IngestReport:
    """What an ingest did: the runs it wrote, those that were unchanged, and what it left out and why.

    `copies` are those among the runs that it wrote, each with the run of the same training that is counted. `moved` are
    the sources that lie elsewhere now, each with the place where it lay. `joined` are the runs that several of one
    training have become, with the names that these had.
    """

    written: list[WrittenRun] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left_out: list[LeftOutSource] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    seconds: float = 0.0
    copies: dict[str, str] = field(default_factory=dict)
    moved: dict[str, str] = field(default_factory=dict)
    joined: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def other_files(self) -> int:
        """Number of files that are no logs."""
        return len(self.others)

    @property
    def epochs(self) -> int:
        """Number of epochs written."""
        return sum(run.epochs for run in self.written)

    @property
    def formats(self) -> Counter[str]:
        """Number of runs in which each format was read."""
        return Counter(name for run in self.written for name in sorted({source.format for source in run.sources}))


@dataclass(frozen=True, slots=True)
class LogsRead:
    """What was read without a store: the recordings, what was left out and why, and the paths of the other files."""

    recordings: list[Recording]
    left_out: list[LeftOutSource]
    others: list[str]


def read(*paths: str | Path, format: str = "auto") -> list[Recording]:  # noqa: A002  # the option's name
    """Return the recordings below `paths` (log files or folders) without a store.

    Raises `ReadError` when a path cannot be read, or when nothing below it is a log; `read_logs` says what else was
    left out of a folder. Each copy of another of them knows which (`copy_of`).
    """
    return read_logs(*paths, format=format).recordings


def read_logs(*paths: str | Path, format: str = "auto") -> LogsRead:  # noqa: A002  # the option's name
    """Return the recordings below `paths` as `read` does, and what was left out."""
    discovery = discover([Path(path) for path in paths], format=format)
    notes = backup_notes([*discovery.beside, *discovery.runs], Path.as_posix)
    wanted = [_noted(run, notes.get(run.name, ())) for run in discovery.runs]
    recordings = []
    for run in read_runs(wanted, Path.as_posix):
        discovery.left_out += run.left_out
        if run.recording is not None:
            recordings.append(run.recording)
    if not recordings:
        raise ReadError(_nothing_read(paths, format, discovery.left_out, discovery.others))
    plain = {run.name: run.plain_name for run in wanted if run.plain_name}
    joined = with_copies_marked(joined_recordings(recordings, plain))
    return LogsRead(joined, discovery.left_out, discovery.others)


def _noted(run: RunFiles, notes: tuple[Note, ...]) -> RunFiles:
    return replace(run, notes=(*notes, own_name_note(run, Path.as_posix)) if run.plain_name else notes)


def ingest(
    store: StoreFolder,
    paths: Sequence[str | Path],
    *,
    format: str = "auto",  # noqa: A002  # the option's name
    progress: Callable[[int, int, str], None] | None = None,
    jobs: int = 1,
) -> IngestReport:
    """Read the logs below `paths` into `store`; raises `ReadError` when there is no log that can be read.

    More `jobs` than one are processes, started where there is enough to read for them.
    """
    if jobs < 1:
        raise SettingError(f"jobs is {jobs}. Expected the number of processes, 1 or more.")
    start = time.monotonic()
    planned = plan(store, paths, format=format)
    report = IngestReport([], [*planned.unchanged], planned.left_out, planned.others, moved=planned.moved)
    wanted = list(_completed(planned, store, report))
    unread: list[LeftOutSource] = []
    for written, left_out in _write_runs(store, wanted, planned.labels, jobs=jobs, progress=progress):
        report.written += written
        unread += left_out
    # Processes end in any order.
    report.left_out += sorted(unread, key=_path)
    if not report.written and not report.unchanged:
        raise ReadError(_nothing_read(paths, format, report.left_out, report.others))
    before = {name: entry.epochs for name, entry in planned.stored.items()}
    report.written = [
        replace(run, epochs_before=before[run.name]) if run.name in before else run
        for run in sorted(report.written, key=_name)
    ]
    if report.written:
        _join(store, report, planned)
        names = {run.name for run in report.written}
        report.copies = {copy: original for copy, original in store.copies().items() if copy in names}
    report.seconds = time.monotonic() - start
    return report


def _join(store: StoreFolder, report: IngestReport, planned: Plan) -> None:
    """Join the runs that are one training, and report them as one."""
    written = {run.name: run for run in report.written}
    stored = planned.stored
    # All of one format, as most stores are, are not even looked through.
    sources = [*(run.sources for run in written.values()), *(entry.sources for entry in stored.values())]
    if len({source.format for source in itertools.chain.from_iterable(sources)}) < 2:
        return
    plain = {run.name: run.plain_name for run in planned.wanted.values() if run.plain_name}
    for run in join_stored(store, written, written.keys() - stored.keys(), plain):
        report.joined[run.recording.name] = run.names
        for name in run.names:
            written.pop(name, None)
        before = stored[run.recording.name].epochs if run.recording.name in stored else None
        written[run.recording.name] = replace(_written(run.recording), epochs_before=before)
    if report.joined:
        report.written = sorted(written.values(), key=_name)
        joined = {name for names in report.joined.values() for name in names}
        report.unchanged = [name for name in report.unchanged if name not in joined]


def _name(run: WrittenRun) -> str:
    return run.name


def _path(left_out: LeftOutSource) -> str:
    return left_out.path


def _completed(planned: Plan, store: StoreFolder, report: IngestReport) -> Iterator[RunFiles]:
    """Yield the runs together with the sources they already have in the store; without these a run is kept."""
    moved = frozenset(planned.moved.values())
    for run in planned.wanted.values():
        entry = planned.stored.get(run.name)
        if entry is None:
            yield run
            continue
        by_label = {planned.labels(candidate.path): candidate for candidate in run.candidates}
        vanished = []
        for source in entry.sources:
            if source.path not in by_label and source.path not in moved:
                path = store.source_path(source.path)
                by_label[source.path] = Candidate(path, reader_named(source.format), source.size)
                vanished += [] if path.is_file() else [source.path]
        if vanished:
            reported = {left.path for left in report.left_out}
            report.left_out += [LeftOutSource(path, VANISHED) for path in vanished if path not in reported]
        else:
            candidates, stored = tuple(by_label.values()), frozenset(each.path for each in entry.sources) - moved
            grown = len(candidates) == 1 and has_grown(candidates[0], entry)
            beginning = partial(store.load, run.name) if grown else None
            yield replace(run, candidates=candidates, stored=stored, beginning=beginning)


def _nothing_read(
    paths: Sequence[str | Path], wanted_format: str, left_out: Sequence[LeftOutSource], others: Sequence[str]
) -> str:
    where = ", ".join(str(path) for path in paths)
    if not left_out:
        formats = ", ".join(reader.format for reader in READERS)
        expected = (
            f"one of these formats: {formats}" if wanted_format == "auto" else f"a log of the format {wanted_format}"
        )
        return f"No log was found in {where} ({_other_files(others)}). Expected {expected}."
    nothing, reasons = f"No log could be read in {where}", [_with_path(source) for source in left_out[:_MOST_REASONS]]
    if len(left_out) > 1:
        more = [f"and {len(left_out) - _MOST_REASONS:,} more"] if len(left_out) > _MOST_REASONS else []
        return "\n  ".join([f"{nothing}:", *reasons, *more])
    # Of one file that was given by its name the reason says all.
    return reasons[0] if [Path(path).is_file() for path in paths] == [True] else f"{nothing}: {reasons[0]}"


def _other_files(others: Sequence[str]) -> str:
    more = f" and {len(others) - _MOST_NAMED:,} more" if len(others) > _MOST_NAMED else ""
    names = f": {', '.join(map(visible, others[:_MOST_NAMED]))}{more}" if others else ""
    return f"{counted(len(others), 'other file')}{names}"


def _with_path(source: LeftOutSource) -> str:
    text = source.reason if source.path in source.reason else f"{source.path} {source.reason}"
    return text.replace("\n", "\\n")


def watch(
    store: StoreFolder,
    paths: Sequence[str | Path],
    *,
    format: str = "auto",  # noqa: A002  # the option's name
    interval: float = 2.0,
    wait: Callable[[float], None] = time.sleep,
) -> Iterator[IngestReport]:
    """Yield the report of every ingest that wrote a run or left out something that was not left out before.

    A folder without a log is waited for. Never ends by itself; `interval` seconds lie between two looks.
    """
    reported: object = None
    while True:
        report = _ingested(store, paths, format)
        left_out = sorted((left.path, left.reason) for left in report.left_out)
        if report.written or left_out != reported:
            yield report
        reported = left_out
        wait(interval)


def _ingested(store: StoreFolder, paths: Sequence[str | Path], format: str) -> IngestReport:  # noqa: A002
    try:
        return ingest(store, paths, format=format)
    except ReadError as error:
        # Nothing to read yet, or a writer that does not rest: it may be otherwise the next time.
        return IngestReport(left_out=[LeftOutSource(", ".join(map(str, paths)), str(error))])


@dataclass(frozen=True, slots=True)
class WrittenRun:
    """A run that was written: what it came from, what is odd about it, and its epochs, now and before."""

    name: str
    epochs: int
    sources: tuple[Source, ...]
    notes: tuple[Note, ...]
    epochs_before: int | None = None


def _write_runs(
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
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

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
