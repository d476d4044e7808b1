"""From log files to the store: find, read, merge, write, and say what was left out.

A run whose sources are unchanged (size and modification time, else the hash) is not read again. A run is written as a
whole or not at all; one that cannot be read keeps what is stored of it.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay.errors import ReadError
from kcb_replay.ingest.bucket import StoredRun
from kcb_replay.ingest.discover import Candidate, LeftOutSource, discover, run_folder
from kcb_replay.ingest.merge import Part, merge
from kcb_replay.ingest.readers import Blob, reader_named
from kcb_replay.ingest.recording import Recording, Source
from kcb_replay.ingest.schema import RefusedSource
from kcb_replay.ingest.store import bucket_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kcb_replay.ingest.discover import Discovery, Group
    from kcb_replay.ingest.readers import Reader
    from kcb_replay.ingest.schema import RunEntry
    from kcb_replay.ingest.store import Store

__all__ = ["IngestReport", "ingest", "read"]


_TAKEN = "another ingest has just stored a run of this name from other sources: rename the folder and ingest it again"


@dataclass(slots=True)
class IngestReport:
    """What an ingest did: the runs it wrote, those that were unchanged, and what it left out and why."""

    written: list[Recording] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    left_out: list[LeftOutSource] = field(default_factory=list)
    other_files: int = 0
    seconds: float = 0.0

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
    recordings = []
    for group in found.groups:
        run, refused = _read_group(group.name, group.candidates, _as_typed)
        found.left_out += refused
        if run is not None:
            recordings.append(run.recording)
    if not recordings:
        raise ReadError(_nothing_read(paths, found))
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
    found = discover([Path(path) for path in paths], format=format)
    report = IngestReport(left_out=found.left_out, other_files=found.other_files)
    # Nothing is created for logs that cannot be read: a new store begins with its first run.
    stored = store.catalogue() if store.exists else {}
    wanted = _to_read(found, store, stored, report)
    done = 0
    for names in _by_bucket(store, wanted):
        runs = []
        for name in names:
            if progress:
                progress(done, len(wanted), name)
            runs += _stored_run(name, wanted[name], store, stored.get(name), report)
            done += 1
        if runs:
            store.create(expected_runs=len(wanted))
            taken = store.put(runs)
            report.written += [run.recording for run in runs if run.recording.name not in taken]
            report.left_out += [LeftOutSource(name, _TAKEN) for name in taken]
    if progress:
        progress(done, len(wanted), "")
    if not report.written and not report.unchanged:
        raise ReadError(_nothing_read(paths, found))
    report.written.sort(key=lambda recording: recording.name)
    report.seconds = time.monotonic() - start
    return report


def _to_read(
    found: Discovery, store: Store, stored: dict[str, RunEntry], report: IngestReport
) -> dict[str, tuple[Candidate, ...]]:
    """Return the runs whose sources are new or changed, under the name they are stored by already."""
    run_of = {path: entry.name for entry in stored.values() for path in entry.known_sources}
    wanted: dict[str, tuple[Candidate, ...]] = {}
    for group in found.groups:
        known = {run_of[label] for label in _labels(group, store) if label in run_of}
        if not known and group.name in stored and not _beside(group, stored[group.name], store):
            taken = stored[group.name].sources[0].path
            reason = (
                f"the store has another run {group.name!r} (from {taken}): rename the folder, or use another --store"
            )
            report.left_out.append(LeftOutSource(str(group.candidates[0].path.parent), reason))
            continue
        name = min(known, default=group.name)
        if name in stored and _unchanged(group.candidates, stored[name], store):
            report.unchanged.append(name)
        else:
            wanted[name] = (*wanted.get(name, ()), *group.candidates)
    return wanted


def _beside(group: Group, entry: RunEntry, store: Store) -> bool:
    """Tell whether files lie in the folder of a stored run, whose other sources they then are."""
    folders = {run_folder(candidate.path.resolve(), candidate.reader.format) for candidate in group.candidates}
    return any(run_folder(store.source_path(source.path), source.format) in folders for source in entry.sources)


def _labels(group: Group, store: Store) -> list[str]:
    return [store.label(candidate.path) for candidate in group.candidates]


def _unchanged(candidates: Iterable[Candidate], entry: RunEntry, store: Store) -> bool:
    known = entry.known_sources
    return all(_same(candidate, known.get(store.label(candidate.path))) for candidate in candidates)


def _same(candidate: Candidate, known: Source | RefusedSource | None) -> bool:
    path = candidate.path
    # A reader of another version may read the same bytes otherwise.
    if isinstance(known, Source) and known.reader != _reader_name(candidate.reader):
        return False
    try:
        status = path.stat()
        if known is None or status.st_size != known.size:
            return False
        if status.st_mtime_ns == known.mtime_ns:
            return True
        return isinstance(known, Source) and hashlib.sha256(path.read_bytes()).hexdigest() == known.sha256
    except OSError:
        # Reading it will say why it cannot be read.
        return False


def _by_bucket(store: Store, wanted: Iterable[str]) -> Iterable[list[str]]:
    """Group run names by their bucket, so that each bucket is written once."""
    names = list(wanted)
    count = store.bucket_count(expected_runs=len(names))
    buckets: dict[int, list[str]] = defaultdict(list)
    for name in names:
        buckets[bucket_of(name, count)].append(name)
    return buckets.values()


def _stored_run(
    name: str, candidates: tuple[Candidate, ...], store: Store, entry: RunEntry | None, report: IngestReport
) -> list[StoredRun]:
    """Read one run together with the sources it already has in the store."""
    given = {store.label(candidate.path): candidate for candidate in candidates}
    for source in entry.sources if entry else ():
        path = store.source_path(source.path)
        if source.path not in given and not path.is_file():
            reason = "has vanished since it was ingested; the run is kept as it is stored"
            report.left_out.append(LeftOutSource(source.path, reason))
            return []
        given.setdefault(source.path, Candidate(path, reader_named(source.format)))
    run, refused = _read_group(name, tuple(given.values()), store.label)
    stored = {source.path for source in entry.sources} if entry else set()
    kept = any(source.path in stored for source in refused)
    if kept:
        why = "; the run is kept as it is stored"
        refused = [LeftOutSource(source.path, source.reason.rstrip(".") + why) for source in refused]
    report.left_out += refused
    return [] if run is None or kept else [run]


def _read_group(
    name: str, candidates: Sequence[Candidate], label: Callable[[Path], str]
) -> tuple[StoredRun | None, list[LeftOutSource]]:
    """Read the files of one run, each format by its reader; a format that fails does not take the others along."""
    parts: list[Part] = []
    refused: list[RefusedSource] = []
    readers = {candidate.reader.format: candidate.reader for candidate in candidates}
    for reader in readers.values():
        paths = [candidate.path for candidate in candidates if candidate.reader.format == reader.format]
        try:
            parts.append(_part(reader, paths, label))
        except ReadError as error:
            refused += [_refused(path, label(path), str(error)) for path in paths]
    left_out = [LeftOutSource(source.path, source.reason) for source in refused]
    return (StoredRun(merge(name, parts), tuple(refused)) if parts else None), left_out


def _part(reader: Reader, paths: Sequence[Path], label: Callable[[Path], str]) -> Part:
    sources, blobs = [], []
    for path in paths:
        try:
            status, content = path.stat(), path.read_bytes()
        except OSError as error:
            raise ReadError(f"{path} cannot be read: {error.strerror}") from None
        digest = hashlib.sha256(content).hexdigest()
        name = _reader_name(reader)
        sources.append(Source(label(path), reader.format, len(content), status.st_mtime_ns, digest, name))
        blobs.append(Blob(label(path), content, folder=path.absolute().parent.name))
    return Part(reader.format, reader.rank, tuple(sources), reader.read(tuple(blobs)))


def _reader_name(reader: Reader) -> str:
    return f"{reader.format}/{reader.version}"


def _refused(path: Path, label: str, reason: str) -> RefusedSource:
    try:
        status = path.stat()
    except OSError:
        return RefusedSource(label, -1, -1, reason)
    return RefusedSource(label, status.st_size, status.st_mtime_ns, reason)


def _as_typed(path: Path) -> str:
    return path.as_posix()


def _nothing_read(paths: Sequence[str | Path], found: Discovery) -> str:
    where = ", ".join(str(path) for path in paths)
    if found.left_out:
        first = found.left_out[0]
        others = f" {len(found.left_out) - 1} more were left out." if len(found.left_out) > 1 else ""
        reason = first.reason if first.path in first.reason else f"{first.path} {first.reason}"
        return f"No log could be read in {where}: {reason}{others}"
    return (
        f"No log was found in {where} ({found.other_files} other files). Expected CSVLogger files, pickled Histories,"
        " TensorBoard event files or console logs of Keras."
    )
