"""Find the sources below some paths and group them into runs named by their folders.

Directory links are not followed. Every file that looks like a log and is none is reported; the paths of
other files are kept apart.
"""

from __future__ import annotations

import itertools
import os
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from kcb_replay.errors import ReadError
from kcb_replay.ingest.files import FileState, read_head, state_of
from kcb_replay.ingest.readers import READERS, reader_named
from kcb_replay.ingest.readers.base import FolderReader, Reader
from kcb_replay.ingest.sniffing import accepting, is_pointer, no_format, printable, require_utf8, sniffed
from kcb_replay.ingest.store.layout import STORE_FILE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from kcb_replay.ingest.recording import Note, Recording

    Remembered: TypeAlias = Callable[[Path, FileState], str | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file, the reader that takes it, and its size when it was found."""

    path: Path
    reader: Reader
    size: int = 0


@dataclass(frozen=True, slots=True)
class RunFiles:
    """The files of one run, what is already known to be odd about them, and the sources that it is stored with.

    `beginning` loads what is stored of a file that has grown, so that only its new rows are read. `plain_name` is that
    which others have, too, where `name` tells them apart.
    """

    name: str
    candidates: tuple[Candidate, ...]
    notes: tuple[Note, ...] = ()
    stored: frozenset[str] = frozenset()
    beginning: Callable[[], Recording] | None = None
    plain_name: str = ""

    @property
    def size(self) -> int:
        """The bytes of all files as they were found."""
        return sum(candidate.size for candidate in self.candidates)


@dataclass(frozen=True, slots=True)
class LeftOutSource:
    """A file or folder that was left out, and why."""

    path: str
    reason: str


@dataclass(slots=True)
class Discovery:
    """The runs found, what looked like a log and is none, and the paths of the other files.

    `beside` are all runs in the folders of files that were named.
    """

    runs: list[RunFiles] = field(default_factory=list)
    beside: list[RunFiles] = field(default_factory=list)
    left_out: list[LeftOutSource] = field(default_factory=list)
    others: list[str] = field(default_factory=list)

    @property
    def other_files(self) -> int:
        """How many files are no logs, by their content and their names."""
        return len(self.others)


@dataclass(slots=True)
class _Search:
    """What is looked for, what was found, and what has been seen beside named files already."""

    readers: Sequence[Reader]
    remembered: Remembered
    discovery: Discovery = field(default_factory=Discovery)
    beside: dict[Path, list[RunFiles]] = field(default_factory=dict)


def discover(
    paths: Sequence[Path | str],
    *,
    format: str = "auto",  # noqa: A002  # the option's name
    remembered: Remembered | None = None,
) -> Discovery:
    """Return the runs below `paths` (files or folders); raises `ReadError` for a path that cannot be looked at.

    `format` limits the search to one format. A named file that is of no known format is an error, too. `remembered`
    tells the format of a file that has not changed since it was read: it is not opened.
    """
    readers = READERS if format == "auto" else (reader_named(format),)
    search = _Search(readers, remembered or _nothing_remembered)
    discovery = search.discovery
    runs: list[RunFiles] = []
    for path in map(Path, paths):
        _require_readable(path)
        runs += _in_folder(path, search) if path.is_dir() else [_of_file(path, search)]
    # What is found below one folder is found once.
    discovery.beside = [run for runs_beside in search.beside.values() for run in runs_beside]
    discovery.runs = _with_own_names(_joined(runs) if len(paths) > 1 else runs)
    return discovery


def _nothing_remembered(path: Path, state: FileState) -> str | None:  # noqa: ARG001  # the signature is the promise
    return None


def _require_readable(path: Path) -> None:
    if not path.exists():
        raise ReadError(f"{path} does not exist. Give a log file or a folder of logs.")
    try:
        require_utf8(path.absolute())
    except ReadError as error:
        raise ReadError(f"{printable(path.absolute())} {error}.") from None
    if path.is_dir() and not os.access(path, os.R_OK | os.X_OK):
        raise ReadError(f"{path} cannot be opened: permission denied. Check its permissions.")


def _in_folder(root: Path, search: _Search) -> Iterator[RunFiles]:
    folders: dict[Path, list[Candidate]] = defaultdict(list)
    for path in _files(root, search.discovery):
        candidate = _sniffed(path, search)
        if candidate is not None:
            folders[_run_folder(candidate)].append(candidate)
    for folder, candidates in folders.items():
        yield from _runs_of(_folder_name(folder, root), candidates)


def _files(root: Path, discovery: Discovery) -> Iterator[Path]:
    def report(error: OSError) -> None:
        discovery.left_out.append(LeftOutSource(str(error.filename), f"cannot be opened: {error.strerror}"))

    for folder, subfolders, names in os.walk(root, onerror=report):
        if STORE_FILE in names:
            subfolders.clear()
            continue
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        yield from (Path(folder, name) for name in sorted(names) if not name.startswith("."))


def _sniffed(path: Path, search: _Search) -> Candidate | None:
    file = sniffed(path, search.readers, search.remembered)
    if file.reader is not None:
        return Candidate(path, file.reader, file.size)
    if file.reason:
        search.discovery.left_out.append(LeftOutSource(printable(path), file.reason))
    else:
        search.discovery.others.append(printable(path))
    return None


def _of_file(path: Path, search: _Search) -> RunFiles:
    try:
        require_utf8(path)
        state, head = state_of(path), read_head(path)
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror}. Check the file and its permissions.") from None
    except ReadError as error:
        raise ReadError(f"{printable(path)} {error}.") from None
    readers = search.readers
    if is_pointer(head):
        raise ReadError(f"{path} {no_format(path, head)}.")
    reader = readers[0] if len(readers) == 1 else accepting(path, head, readers)
    if reader is None and not head:
        raise ReadError(f"{path} {no_format(path, head)}. Give a log in which something is written.")
    if reader is None:
        formats = ", ".join(reader.format for reader in READERS)
        raise ReadError(
            f"{path} {no_format(path, head)} ({formats}). Give one of these, or name its format with --format."
        )
    candidate = Candidate(path, reader, state.size)
    return RunFiles(_name_beside_siblings(candidate, search), (candidate,))


def _name_beside_siblings(candidate: Candidate, search: _Search) -> str:
    """Name a single file as the ingest of its whole folder would."""
    folder = _run_folder(candidate)
    if candidate.path.parent not in search.beside:
        siblings = _Search(READERS, search.remembered)
        files = [path for path in sorted(candidate.path.parent.iterdir()) if path.is_file()]
        candidates = [one for one in (_sniffed(path, siblings) for path in files) if one is not None]
        search.beside[candidate.path.parent] = _runs_of(_folder_name(folder, folder), candidates)
    runs = search.beside[candidate.path.parent]
    names = (run.name for run in runs for other in run.candidates if other.path == candidate.path)
    return next(names, _folder_name(folder, folder))


def _run_folder(candidate: Candidate) -> Path:
    return run_folder(candidate.path, candidate.reader.format)


def run_folder(path: Path, format: str) -> Path:  # noqa: A002  # the readers' word
    """Return the folder that names the run of a file, which a reader may know better than its path does."""
    reader = reader_named(format)
    if _is_folder_reader(type(reader)):
        return cast("FolderReader", reader).run_folder(path)
    return path.parent


def _folder_name(folder: Path, root: Path) -> str:
    depth = len(root.parts)
    # No absolute folder lies in the working folder by its parts, though that one has none.
    lies_inside = (folder.anchor, folder.parts[:depth]) == (root.anchor, root.parts)
    inside = folder.parts[depth:] if lies_inside else ()
    return "/".join(inside) or folder.resolve().name


def _runs_of(name: str, candidates: Sequence[Candidate]) -> list[RunFiles]:
    """Make one run of a folder, or, when it holds several logs of one format, one run of each file."""
    if len(candidates) == 1:
        return [RunFiles(name, (candidates[0],))]
    events = tuple(candidate for candidate in candidates if _is_of_folders(candidate.reader))
    files = [candidate for candidate in candidates if not _is_of_folders(candidate.reader)]
    per_format = Counter(candidate.reader.format for candidate in files)
    if max(per_format.values(), default=0) <= 1:
        return [RunFiles(name, (*files, *events))]
    per_stem = defaultdict(list)
    for candidate in files:
        per_stem[candidate.path.stem].append(candidate)
    runs = [RunFiles(name, events)] if events else []
    for stem, alike in per_stem.items():
        formats = {candidate.reader.format for candidate in alike}
        parts = [alike] if len(formats) == len(alike) else [[candidate] for candidate in alike]
        runs += [RunFiles(f"{name}/{stem if len(parts) == 1 else part[0].path.name}", tuple(part)) for part in parts]
    return runs


def _is_of_folders(reader: Reader) -> bool:
    return _is_folder_reader(type(reader))


# Asking a Protocol takes longer than opening a file, and there are as many questions as files.
@cache
def _is_folder_reader(kind: type[Reader]) -> bool:
    return issubclass(kind, FolderReader)


def _joined(runs: Iterable[RunFiles]) -> list[RunFiles]:
    """Join what several arguments found of one run: the same folder, file by file, under the name found first."""
    joined: dict[tuple[str, Path], dict[Path, Candidate]] = defaultdict(dict)
    name_of: dict[Path, str] = {}
    resolved = lru_cache(maxsize=None)(Path.resolve)
    for run in runs:
        files = {resolved(candidate.path.parent) / candidate.path.name: candidate for candidate in run.candidates}
        name = next((name_of[file] for file in files if file in name_of), run.name)
        joined[name, resolved(_run_folder(run.candidates[0]))].update(files)
        name_of.update(dict.fromkeys(files, name))
    return [RunFiles(name, tuple(candidates.values())) for (name, _), candidates in joined.items()]


def _with_own_names(runs: list[RunFiles]) -> list[RunFiles]:
    """Tell runs of one name apart by the folders above them."""
    counts = Counter(run.name for run in runs)
    taken = {name for name, count in counts.items() if count == 1}
    own: list[RunFiles] = []
    for run in runs:
        own.append(run if counts[run.name] == 1 else under_own_name(run, taken | counts.keys()))
        taken.add(own[-1].name)
    return own


def under_own_name(run: RunFiles, taken: Collection[str]) -> RunFiles:
    """Return a run under a name that is not taken: with the folders above it, as many as are needed."""
    name = next(name for name in _longer_names(run) if name not in taken)
    return replace(run, name=name, plain_name=run.plain_name or run.name)


def _longer_names(run: RunFiles) -> Iterator[str]:
    name = run.plain_name or run.name
    folder = _run_folder(run.candidates[0]).absolute().parts[1:]
    parts = tuple(name.split("/"))
    # The name of a file in a folder of several begins with the folder.
    inside = next((n for n in range(len(parts), 0, -1) if folder[-n:] == parts[:n]), 0)
    above = folder[: len(folder) - inside]
    for n in range(1, len(above) + 1):
        yield "/".join((*above[-n:], name))
    yield from (f"{name} ({n})" for n in itertools.count(2))
