"""What an ingest would read: which files, by which reader, into which run, and why the others are let be.

A source is unchanged when its size and its time are, or else its hash; then it is not opened. A log that is the
beginning of another one beside it, a backup by the look of it, is told, never merged and never dropped: which of the
two is meant is not for a reader to guess. A stored source that is gone is looked for among the new files by its bytes,
and its run follows it; else it is told. One that cannot be looked at is not called gone. Another training under a name
that is taken gets a name of its own. Nothing is written here.
"""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from kcb_replay.errors import ReadError
from kcb_replay.ingest.discover import Candidate, LeftOutSource, RunFiles, discover, run_folder, under_own_name
from kcb_replay.ingest.files import FileState, read_head, read_whole, state_of
from kcb_replay.ingest.moved import digest_of, moved_sources
from kcb_replay.ingest.readers.base import longest_line, reader_name
from kcb_replay.ingest.recording import Note, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from kcb_replay.ingest.store.folder import StoreFolder
    from kcb_replay.ingest.store.schema import RefusedSource, RunEntry


Standing: TypeAlias = Literal["new", "changed", "unchanged", "moved"]
VANISHED = "has vanished since it was ingested; the run is kept as it is stored"
_BACKUP = "backup"
# The code of the note on a run that is told apart by its name.
OWN_NAME = "own_name"


@dataclass(frozen=True, slots=True)
class PlannedSource:
    """A file, the run it belongs to, the reader that takes it, and how it stands to what is stored."""

    run: str
    path: str
    format: str
    size: int
    standing: Standing


@dataclass(slots=True)
class Plan:
    """The runs to be read, those that are unchanged, what is left out, and the catalogue as it was.

    `moved` is, for each source that lies elsewhere now, where it did before.
    """

    stored: Mapping[str, RunEntry]
    labels: Labels
    wanted: dict[str, RunFiles] = field(default_factory=dict)
    unchanged: dict[str, tuple[Candidate, ...]] = field(default_factory=dict)
    left_out: list[LeftOutSource] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)

    def sources(self) -> list[PlannedSource]:
        """Return every file that was found to belong to a run, by run and path."""
        runs = {name: run.candidates for name, run in self.wanted.items()} | self.unchanged
        return sorted((self._planned(name, one) for name, some in runs.items() for one in some), key=_place)

    def _planned(self, run: str, candidate: Candidate) -> PlannedSource:
        label = self.labels(candidate.path)
        known = self.stored[run].known_sources.get(label) if run in self.stored else None
        standing: Standing = "new" if known is None else "unchanged" if _same(candidate, known) else "changed"
        standing = "moved" if label in self.moved else standing
        return PlannedSource(run, str(candidate.path), candidate.reader.format, candidate.size, standing)


def plan(store: StoreFolder, paths: Sequence[str | Path], *, format: str = "auto") -> Plan:  # noqa: A002  # the option's name
    """Return what an ingest of `paths` would do; raises `ReadError` for a path that cannot be looked at."""
    stored = store.catalogue() if store.exists else {}
    labels = Labels(store)
    memory = _Memory(stored, labels)
    discovery = discover([Path(path) for path in paths], format=format, remembered=memory.format_of)
    planned = Plan(stored, labels, left_out=discovery.left_out, others=discovery.others)
    there = {labels(candidate.path) for run in discovery.runs for candidate in run.candidates}
    _follow_moved(discovery.runs, planned, memory, store, there)
    notes = backup_notes([*discovery.beside, *discovery.runs], labels)
    names = {run.name for run in discovery.runs}
    for run in discovery.runs:
        _add(run, planned, memory, store, notes.get(run.name, ()), names)
    gone = _vanished(store, stored.values(), map(Path, paths), there.union(planned.moved.values()))
    planned.left_out += gone
    return planned


class _Memory:
    """What the store knows of the files that were read into it."""

    def __init__(self, stored: Mapping[str, RunEntry], labels: Labels) -> None:
        self._labels = labels
        self.run_of = {path: entry.name for entry in stored.values() for path in entry.known_sources}
        self._sources = {source.path: source for entry in stored.values() for source in entry.sources}

    def format_of(self, path: Path, state: FileState) -> str | None:
        """Return the format by which a file was read, None when it is new or has changed since."""
        source = self._sources.get(self._labels(path)) if self._sources else None
        return source.format if source and (source.size, source.mtime_ns) == state else None


def _follow_moved(
    runs: Iterable[RunFiles], planned: Plan, memory: _Memory, store: StoreFolder, there: Collection[str]
) -> None:
    """Take down which unknown files are stored sources that lay elsewhere, and remember them as such."""
    labels = planned.labels
    unknown = [(run, one) for run in runs for one in run.candidates if labels(one.path) not in memory.run_of]
    for moved in moved_sources(
        unknown,
        planned.stored.values(),
        is_gone=lambda label: label not in there and _is_gone(store.source_path(label)),
        label=lambda candidate: labels(candidate.path),
    ):
        planned.moved[moved.new] = moved.old
        memory.run_of[moved.new] = moved.run


def _add(
    run: RunFiles,
    planned: Plan,
    memory: _Memory,
    store: StoreFolder,
    notes: tuple[Note, ...],
    names: Collection[str],
) -> None:
    """Place a run among the wanted or the unchanged runs, under the name it is stored by already.

    Another training under a name of the store gets one that is neither in the store nor among `names`.
    """
    stored, labels = planned.stored, planned.labels
    known = {memory.run_of[label] for one in run.candidates if (label := labels(one.path)) in memory.run_of}
    if not known and run.name in stored and not _beside(run, stored[run.name], store):
        run = under_own_name(run, {*stored, *names, *planned.wanted})
    name = min(known, default=run.name)
    if run.plain_name and name == run.name and name not in stored:
        notes = (*notes, own_name_note(run, labels))
    if name in stored and _is_unchanged(run.candidates, stored[name], labels, notes):
        planned.unchanged[name] = (*planned.unchanged.get(name, ()), *run.candidates)
        return
    if name in stored:
        notes = (*notes, *(note for note in stored[name].notes if note.code == OWN_NAME))
    before = planned.wanted.get(name, RunFiles(name, ()))
    candidates, plain = (*before.candidates, *run.candidates), run.plain_name or before.plain_name
    planned.wanted[name] = RunFiles(name, candidates, (*before.notes, *notes), plain_name=plain)


def own_name_note(run: RunFiles, label: Callable[[Path], str]) -> Note:
    """Return what is said of a run that is told apart by its name from others."""
    path = label(run.candidates[0].path)
    text = f"the run of {path} is called {run.name}: another run has the name {run.plain_name}"
    return Note(OWN_NAME, text, path)


def _beside(run: RunFiles, entry: RunEntry, store: StoreFolder) -> bool:
    """Tell whether files lie in the folder of a stored run, whose other sources they then are."""
    folders = {run_folder(candidate.path.resolve(), candidate.reader.format) for candidate in run.candidates}
    return any(run_folder(store.source_path(source.path), source.format) in folders for source in entry.sources)


def _is_unchanged(candidates: Iterable[Candidate], entry: RunEntry, labels: Labels, notes: Iterable[Note]) -> bool:
    known = entry.known_sources
    stored = {note for note in entry.notes if note.code == _BACKUP}
    return stored.issuperset(notes) and all(
        _same(candidate, known.get(labels(candidate.path))) for candidate in candidates
    )


def _same(candidate: Candidate, known: Source | RefusedSource | None) -> bool:
    # A reader of another version may read the same bytes otherwise.
    if known is None or (isinstance(known, Source) and known.reader != reader_name(candidate.reader)):
        return False
    try:
        state = state_of(candidate.path)
        if state.size != known.size:
            return False
        if state.mtime_ns == known.mtime_ns:
            return True
        return isinstance(known, Source) and known.sha256 != "" and digest_of(candidate) == known.sha256
    except (OSError, ReadError):
        # Reading it will say why it cannot be read.
        return False


def _place(source: PlannedSource) -> tuple[str, str]:
    return source.run, source.path


class Labels:
    """The labels of a store's sources, as `Store.label` gives them."""

    def __init__(self, store: StoreFolder) -> None:
        self._beginning = _as_folder(str(store.path.resolve().parent))
        self._folders: dict[Path, str] = {}
        self._labels: dict[Path, str] = {}

    def __call__(self, path: Path) -> str:
        """Return the label of a file."""
        if path not in self._labels:
            self._labels[path] = self._real(path).removeprefix(self._beginning).replace(os.sep, "/")
        return self._labels[path]

    def _real(self, path: Path) -> str:
        """Return a path without links, asking the disk about its last part alone where its folder is known."""
        if path.name in ("", "..") or _is_link(path):
            return os.path.realpath(path)
        folder = path.parent
        if folder not in self._folders:
            self._folders[folder] = _as_folder(self._real(folder))
        return self._folders[folder] + path.name


def _as_folder(path: str) -> str:
    return path.rstrip(os.sep) + os.sep


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:
        # Reading it will say why it cannot be read.
        return False


def _vanished(
    store: StoreFolder, entries: Iterable[RunEntry], paths: Iterable[Path], there: Collection[str]
) -> Iterator[LeftOutSource]:
    """Yield the stored sources below `paths` that are gone; the labels in `there` are known to be not."""
    # As text, since there may be a hundred thousand of them.
    home = str(store.path.resolve().parent)
    roots = tuple(str(path.resolve()).rstrip(os.sep) + os.sep for path in paths)
    for label in (source.path for entry in entries for source in entry.sources if source.path not in there):
        if os.path.join(home, label).startswith(roots) and _is_gone(store.source_path(label)):  # noqa: PTH118
            yield LeftOutSource(label, VANISHED)


def _is_gone(path: Path) -> bool:
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def backup_notes(runs: Iterable[RunFiles], label: Callable[[Path], str]) -> dict[str, tuple[Note, ...]]:
    """Return the notes on each run that has a log which begins as another one in its folder does."""
    name_of = {
        candidate.path: run.name
        for run in runs
        for candidate in run.candidates
        if longest_line(candidate.reader) is not None
    }
    notes: dict[str, tuple[Note, ...]] = defaultdict(tuple)
    for paths in _alike(name_of):
        for part, whole, rows in _beginnings(paths):
            if name_of[part] != name_of[whole]:
                one, two = label(part), label(whole)
                begins = "row" if rows == 1 else f"{rows} rows"
                text = f"{one} holds the first {begins} of {two}, a backup by the look of it: both are kept as runs"
                notes[name_of[part]] += (Note(_BACKUP, text, one),)
                notes[name_of[whole]] += (Note(_BACKUP, text, two),)
    return dict(notes)


def _alike(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Yield the files of a folder that have the same first row, two at least."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        folders[path.parent].append(path)
    for files in folders.values():
        if len(files) > 1:
            by_row: dict[tuple[bytes, ...], list[Path]] = defaultdict(list)
            for path in files:
                by_row[_first_row(path)].append(path)
            yield from (some for first, some in by_row.items() if first and len(some) > 1)


def _first_row(path: Path) -> tuple[bytes, ...]:
    try:
        lines = _unified(read_head(path)).split(b"\n", 2)
    except (OSError, ReadError):
        # Reading it will say why it cannot be read.
        return ()
    return tuple(lines[:2]) if len(lines) == 3 else ()


def _beginnings(paths: Sequence[Path]) -> Iterator[tuple[Path, Path, int]]:
    """Yield each file that is the beginning of a longer one, with the shortest of these and its number of rows."""
    contents = sorted((rows, path) for path in paths if (rows := _rows(path)))
    for n, (rows, path) in enumerate(contents):
        # Sorted, whatever begins so stands right behind.
        if n + 1 < len(contents) and contents[n + 1][0].startswith(rows):
            yield path, contents[n + 1][1], rows.count(b"\n") - 1


def _rows(path: Path) -> bytes:
    """Return the whole lines of a file."""
    try:
        content, _ = read_whole(path)
    except (OSError, ReadError):
        return b""
    unified = _unified(content)
    return unified[: unified.rfind(b"\n") + 1]


def _unified(content: bytes) -> bytes:
    return content.replace(b"\r", b"")
