"""From the files of runs to what is stored of them: read, merge, and say of each file why it was left out.

A format that fails does not take the others of its run along. Runs are read many at a time, for some readers are faster
so; what comes out is the same. A file that is too large to be held is read piece by piece, and again if it changed
meanwhile. One that has done nothing but grow is read on where the last ingest stopped: what is remembered of it is the
byte behind its last whole row, and a digest of its first bytes and of those before that one. What was changed in the
middle of a large file that only grew is not noticed: that would mean to read it.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import KcbReplayError, ReadError
from kcb_replay.ingest.discover import Candidate, LeftOutSource, RunFiles
from kcb_replay.ingest.files import FileState, FileStream, read_from, read_whole, state_of, streamed
from kcb_replay.ingest.fits_joined import with_loop_noted
from kcb_replay.ingest.merge import merge
from kcb_replay.ingest.readers.base import (
    Blob,
    BulkReader,
    GrowingReader,
    Reader,
    Reading,
    StreamReader,
    longest_line,
    reader_name,
)
from kcb_replay.ingest.recording import ReadMark, Recording, Source
from kcb_replay.ingest.store.schema import RefusedSource, RunEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path


# Many runs at a time, but not more bytes than fit beside everything else.
_MOST_RUNS, _MOST_BYTES = 512, 1 << 25
_TRIES = 6
# Bytes of the beginning, and of what stands before the mark. A smaller file is read as fast as it is compared.
_COMPARED = 1 << 16


@dataclass(frozen=True, slots=True)
class ReadRun:
    """What was read of the files of a run, None where nothing could be, and the files that were refused."""

    files: RunFiles
    recording: Recording | None
    refused: tuple[RefusedSource, ...]

    @property
    def left_out(self) -> list[LeftOutSource]:
        """The refused files as they are reported."""
        return [LeftOutSource(source.path, source.reason) for source in self.refused]

    @property
    def lacks_a_source(self) -> bool:
        """Whether a file was refused that the stored run was read from."""
        return any(source.path in self.files.stored for source in self.refused)


class _FormatFiles(NamedTuple):
    """The files of one format of a run."""

    run: int
    reader: Reader
    paths: tuple[Path, ...]
    sources: tuple[Source, ...]
    blobs: tuple[Blob, ...]
    reading: Reading | None = None  # of files too large to be held


def read_runs(
    wanted: Iterable[RunFiles], label: Callable[[Path], str], on_run: Callable[[str], None] | None = None
) -> Iterator[ReadRun]:
    """Yield each run in turn; `on_run` hears of a run before its files are opened."""
    for batch in _batches(wanted):
        yield from _read_batch(batch, label, on_run)


def _batches(wanted: Iterable[RunFiles]) -> Iterator[list[RunFiles]]:
    batch: list[RunFiles] = []
    size = 0
    for run in wanted:
        size += run.size
        if batch and (len(batch) >= _MOST_RUNS or size > _MOST_BYTES):
            yield batch
            batch, size = [], run.size
        batch.append(run)
    if batch:
        yield batch


def _read_batch(
    batch: Sequence[RunFiles], label: Callable[[Path], str], on_run: Callable[[str], None] | None
) -> Iterator[ReadRun]:
    opened: list[_FormatFiles] = []
    refused: list[list[RefusedSource]] = [[] for _ in batch]
    by_run: list[list[Reading]] = [[] for _ in batch]
    for number, run in enumerate(batch):
        if on_run:
            on_run(run.name)
        if grown := _grown(run, label):
            by_run[number].append(grown)
            continue
        for reader, paths in _by_reader(run.candidates):
            try:
                if run.size > _MOST_BYTES and isinstance(reader, StreamReader):
                    opened.append(_streamed(number, reader, paths, label))
                else:
                    opened.append(_opened(number, reader, paths, label))
            except ReadError as error:
                refused[number] += _refusals(paths, label, error)
    for files, reading in zip(opened, _readings(opened), strict=True):
        if isinstance(reading, ReadError):
            refused[files.run] += _refusals(files.paths, label, reading)
        else:
            by_run[files.run].append(replace(reading, sources=_marked(files, reading), rank=files.reader.rank))
    # Their bytes are no longer needed while their runs are written.
    opened.clear()
    for run, readings, left_out in zip(batch, by_run, refused, strict=True):
        yield ReadRun(run, _recording(run, readings), tuple(left_out))


def _grown(run: RunFiles, label: Callable[[Path], str]) -> Reading | None:
    if run.beginning is None:
        return None
    try:
        stored = run.beginning()
    except KcbReplayError:
        # It was removed from the store meanwhile.
        return None
    return _read_grown(run.candidates[0], stored, label)


def _marked(files: _FormatFiles, reading: Reading) -> tuple[Source, ...]:
    """Return the sources of a run, a single one with the place where reading can go on."""
    mark = _mark_of(files.blobs[0].content, reading.read_to)
    return files.sources if mark is None else (replace(files.sources[0], mark=mark),)


def _recording(run: RunFiles, readings: Sequence[Reading]) -> Recording | None:
    if not readings:
        return None
    recording = with_loop_noted(merge(run.name, readings))
    return replace(recording, notes=(*recording.notes, *run.notes)) if run.notes else recording


def _by_reader(candidates: Iterable[Candidate]) -> Iterable[tuple[Reader, tuple[Path, ...]]]:
    readers: dict[str, Reader] = {}
    paths: dict[str, list[Path]] = {}
    for candidate in candidates:
        readers[candidate.reader.format] = candidate.reader
        paths.setdefault(candidate.reader.format, []).append(candidate.path)
    return [(reader, tuple(paths[name])) for name, reader in readers.items()]


def _opened(run: int, reader: Reader, paths: tuple[Path, ...], label: Callable[[Path], str]) -> _FormatFiles:
    sources, blobs = [], []
    longest = longest_line(reader)
    for path in paths:
        try:
            content, state = read_whole(path, longest_line=longest)
        except OSError as error:
            raise ReadError(f"{path} cannot be read: {error.strerror}") from None
        sources.append(_source(label(path), reader, state, hashlib.sha256(content).hexdigest()))
        blobs.append(_blob(path, label, content))
    return _FormatFiles(run, reader, paths, tuple(sources), tuple(blobs))


def _streamed(run: int, reader: StreamReader, paths: tuple[Path, ...], label: Callable[[Path], str]) -> _FormatFiles:
    blobs = tuple(_blob(path, label, b"") for path in paths)
    try:
        reading, read = _read_streamed(reader, paths, blobs)
    except OSError as error:
        raise ReadError(f"{error.filename or paths[0]} cannot be read: {error.strerror}") from None
    sources = tuple(_source(blob.path, reader, *identity) for blob, identity in zip(blobs, read, strict=True))
    return _FormatFiles(run, reader, paths, sources, blobs, reading)


def _source(name: str, reader: Reader, state: FileState, digest: str) -> Source:
    return Source(name, reader.format, state.size, state.mtime_ns, digest, reader_name(reader))


def _blob(path: Path, label: Callable[[Path], str], content: bytes) -> Blob:
    return Blob(label(path), content, folder=path.parent.name or path.absolute().parent.name)


def _readings(opened: Sequence[_FormatFiles]) -> list[Reading | ReadError]:
    """Return what each reader makes of its files, in the order given."""
    by_format: dict[str, list[int]] = {}
    readings: dict[int, Reading | ReadError] = {}
    for number, files in enumerate(opened):
        if files.reading is None:
            by_format.setdefault(files.reader.format, []).append(number)
        else:
            readings[number] = files.reading
    for numbers in by_format.values():
        reader = opened[numbers[0]].reader
        if isinstance(reader, BulkReader):
            readings |= zip(numbers, reader.read_many([opened[number].blobs for number in numbers]), strict=True)
        else:
            readings |= {number: _reading(opened[number]) for number in numbers}
    return [readings[number] for number in range(len(opened))]


def _reading(files: _FormatFiles) -> Reading | ReadError:
    try:
        return files.reader.read(files.blobs)
    except ReadError as error:
        return error


def _refusals(paths: Iterable[Path], label: Callable[[Path], str], error: ReadError) -> list[RefusedSource]:
    return [_refusal(path, label(path), str(error)) for path in paths]


def _refusal(path: Path, label: str, reason: str) -> RefusedSource:
    try:
        size, mtime_ns = state_of(path)
    except (OSError, ReadError):
        size, mtime_ns = -1, -1
    return RefusedSource(label, size, mtime_ns, reason)


def _read_streamed(
    reader: StreamReader, paths: Sequence[Path], blobs: tuple[Blob, ...]
) -> tuple[Reading, list[tuple[FileState, str]]]:
    """Return what a reader makes of files, and the state and the SHA-256 of each when it was that.

    A file that grows is read up to where it was; when one is rewritten meanwhile, all are read again. Raises
    `ReadError` when that happens again and again, or as the reader does; `OSError` when a file is gone.
    """
    for _ in range(_TRIES):
        passing = _Passing(dict(zip(blobs, paths, strict=True)))
        try:
            reading = reader.read_streams(blobs, passing.opened)
        except ReadError:
            if passing.rested:
                raise
            continue
        if passing.rested:
            return reading, [passing.read[blob] for blob in blobs]
    raise ReadError(f"{paths[0]} changes while it is read. Ingest it again when its writer rests.")


class _Passing:
    """One reading of some files: what each was, and whether all of them rested."""

    def __init__(self, path_of: dict[Blob, Path]) -> None:
        self._path_of = path_of
        self.read: dict[Blob, tuple[FileState, str]] = {}
        self.rested = True

    @contextmanager
    def opened(self, blob: Blob) -> Iterator[FileStream]:
        """Open a file; when it has been read, take down what it was."""
        with streamed(self._path_of[blob]) as stream:
            yield stream
            self.rested = stream.finish() and self.rested
            self.read[blob] = (stream.state, stream.sha256)


def _mark_of(content: bytes, read_to: int | None) -> ReadMark | None:
    """Return where reading can go on when the file has grown, None where it must begin from the start."""
    if read_to is None or read_to < _COMPARED:
        return None
    return ReadMark(read_to, _digest(content[:_COMPARED], content[read_to - _COMPARED : read_to]))


def has_grown(candidate: Candidate, entry: RunEntry) -> bool:
    """Tell whether a file, the only one of its run, was read up to a mark and is larger now."""
    if len(entry.known_sources) != 1 or len(entry.sources) != 1:
        return False
    return entry.sources[0].mark is not None and candidate.size > entry.sources[0].size


def is_marked_so(path: Path, mark: ReadMark) -> bool:
    """Tell whether a file has, before a mark, the bytes that were read up to it."""
    try:
        head, rest, _ = read_from(path, mark.offset - _COMPARED, head=_COMPARED)
    except (OSError, ReadError):
        return False
    return _digest(head, rest[:_COMPARED]) == mark.digest


def _read_grown(candidate: Candidate, stored: Recording, label: Callable[[Path], str]) -> Reading | None:
    """Return what reading a file as a whole would give, from its recording and its new rows; None where it must be."""
    reader, (source, *others) = candidate.reader, stored.sources
    mark = source.mark
    if mark is None or others or source.reader != reader_name(reader) or not isinstance(reader, GrowingReader):
        return None
    try:
        head, rest, state = read_from(candidate.path, mark.offset - _COMPARED, head=_COMPARED)
    except (OSError, ReadError):
        # Reading it as a whole will say why it cannot be read.
        return None
    name, new = label(candidate.path), rest[_COMPARED:]
    if name != source.path or _digest(head, rest[:_COMPARED]) != mark.digest:
        return None
    reading = reader.read_on(stored.fits, head, Blob(name, new))
    if reading is None or reading.read_to is None:
        return None
    read_to = _COMPARED + reading.read_to
    mark = ReadMark(mark.offset + reading.read_to, _digest(head, rest[read_to - _COMPARED : read_to]))
    grown = Source(name, reader.format, state.size, state.mtime_ns, "", reader_name(reader), mark)
    return replace(reading, sources=(grown,), rank=reader.rank)


def _digest(head: bytes, before: bytes) -> str:
    return hashlib.sha256(head + before).hexdigest()
