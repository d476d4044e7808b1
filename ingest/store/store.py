"""The store: buckets of Parquet under one folder, right for a stranger who just reads the Parquet.

Promises: a change is atomic per bucket, so per run; it is written beside, synced and renamed under the bucket's lock; a
run never moves from one file to another; a store of a newer version is refused; whatever fails, what was stored stays.
"""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from kcb_replay.errors import RunNotFoundError, StoreError, did_you_mean
from kcb_replay.ingest.discover import STORE_FILE
from kcb_replay.ingest.store.bucket import content_of, read_entries, read_run, renamed, rewrite, sync_folder
from kcb_replay.ingest.store.bulk import recordings_of_bucket
from kcb_replay.ingest.store.layout import Layout, buckets_for, read_layout
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from kcb_replay.ingest.ingest import IngestReport
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store.bucket import Content, StoredRun
    from kcb_replay.ingest.store.check import CheckReport
    from kcb_replay.ingest.store.schema import RunEntry

__all__ = ["Store"]

_LOCK_SECONDS = 120
_OWN_NAMES = {"data", ".tmp", ".lock"}


class Store:
    """A store at `path`; opening looks at nothing, the first ingest creates it.

    Methods raise `StoreError` when the store is missing, of a newer version, damaged or locked for two minutes.
    """

    def __init__(self, path: str | Path = "kcb-store") -> None:
        self.path = Path(path)

    def __repr__(self) -> str:
        return f"Store({str(self.path)!r})"

    @property
    def exists(self) -> bool:
        """Whether there is a store at `path`."""
        return (self.path / STORE_FILE).is_file()

    def ingest(
        self,
        *paths: str | Path,
        format: str = "auto",  # noqa: A002  # the option's name
        progress: Callable[[int, int, str], None] | None = None,
        jobs: int = 1,
    ) -> IngestReport:
        """Read the logs below `paths` into the store and report what was read, unchanged and left out.

        `progress` is called with (runs done, runs in all, name of the run at hand). More `jobs` than one are processes,
        started where there is enough to read for them; a script that asks for them guards what it does by
        `if __name__ == "__main__"`, since each of them imports it.
        """
        from kcb_replay.ingest.ingest import ingest

        return ingest(self, paths, format=format, progress=progress, jobs=jobs)

    def runs(self, *patterns: str, tag: str | None = None) -> list[RunEntry]:
        """Return the catalogue entries of the runs that match one of the patterns (all without one), by name.

        A pattern is a name or a glob; `tag` leaves only the runs that have it. Raises `RunNotFoundError` for a pattern
        that matches nothing.
        """
        entries = self.catalogue()
        names = sorted(entries)
        chosen = dict.fromkeys(name for pattern in patterns for name in self._matching(pattern, names))
        return [entries[name] for name in (chosen if patterns else names) if tag is None or tag in entries[name].tags]

    def load(self, name: str) -> Recording:
        """Return the recording of one run; raises `RunNotFoundError` when there is none of that name.

        Its streams are named at once, and read from the store when they are asked for.
        """
        for number in self.layout().numbers(name):
            recording = read_run(self.bucket_path(number), name)
            if recording is not None:
                return recording
        self._matching(name, sorted(self.catalogue()), glob=False)
        raise StoreError(f"{name} was removed from {self.path} while it was read.")

    def recordings(self, *patterns: str, metrics: Collection[str]) -> Iterator[Recording]:
        """Yield the runs that match one of the patterns (all without one), with these metrics only, bucket by bucket.

        Memory does not grow with the number of runs; the order is that of the store. Raises `RunNotFoundError` for a
        pattern that matches nothing.
        """
        names = {entry.name for entry in self.runs(*patterns)} if patterns else None
        for number in range(self.layout().buckets):
            path = self.bucket_path(number)
            yield from recordings_of_bucket(path, metrics, lambda name: names is None or name in names)

    def catalogue(self) -> dict[str, RunEntry]:
        """Return the entry of every run."""
        entries: dict[str, RunEntry] = {}
        for number in range(self.layout().buckets):
            entries |= read_entries(self.bucket_path(number))
        return entries

    def bucket_count(self, *, expected_runs: int = 0) -> int:
        """Return the number of buckets of this store, or the one it would be created with for so many runs."""
        return self.layout().buckets if self.exists else buckets_for(expected_runs)

    def create(self, *, expected_runs: int = 0) -> None:
        """Create the store unless it is there; `expected_runs` sets the number of buckets, and may raise it later."""
        if self.exists:
            self._grow(expected_runs)
            return
        self._require_own_folder()
        try:
            for folder in (self.path, self.path / "data", self.path / ".tmp"):
                folder.mkdir(parents=True, exist_ok=True)
            with self._locked(".lock"):
                if not self.exists:
                    self._write_layout(Layout(buckets_for(expected_runs)))
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"{self.path} cannot be written: {reason}. Choose another --store.") from None

    def put(self, runs: Iterable[StoredRun]) -> list[str]:
        """Write runs instead of those of the same names, whose tags they keep; each bucket changes at once.

        Returns the names that another run, from other sources, has taken: those runs are not written.
        """
        waiting = {run.recording.name: run for run in runs}
        taken: list[str] = []
        crowded = False
        while waiting:
            layout = self.layout()
            for number, names in self._homes(layout, waiting).items():
                with self._locked_buckets([number]):
                    # Else the store has grown or a run was renamed since the homes were looked up.
                    if self.layout() != layout:
                        break
                    change = _Put(number, layout, {name: waiting[name] for name in names})
                    self._rewrite(number, change)
                taken += change.taken
                crowded |= change.crowded
                for name in change.done:
                    del waiting[name]
        if crowded:
            self._grow(len(self.catalogue()))
        return taken

    def remove(self, *patterns: str) -> list[str]:
        """Delete the runs that match the patterns, names or globs, and return their names."""
        return self._edit(patterns, _without)

    def tag(self, patterns: Sequence[str], tags: Sequence[str], *, remove: bool = False) -> list[str]:
        """Give tags to the runs that match the patterns, or take them away; returns the names of the runs."""
        if not all(tag.strip() for tag in tags):
            raise StoreError("A tag cannot be empty. Give it a name.")

        def tagged(contents: dict[str, Content], names: Collection[str]) -> dict[str, Content]:
            return {
                name: content._replace(entry=_tagged(content.entry, tags, remove=remove)) if name in names else content
                for name, content in contents.items()
            }

        return self._edit(patterns, tagged)

    def rename(self, old: str, new: str) -> None:
        """Give a run another name; later ingests of its sources keep it. Refuses a name that is taken or empty."""
        if not new:
            raise StoreError(f"{old} cannot be renamed to nothing. Give it a name.")
        while not self._renamed(old, new):
            pass

    def check(self, *, progress: Callable[[int, int, str], None] | None = None) -> CheckReport:
        """Read everything and report what is wrong: pages, catalogues, rows, places of runs, foreign files."""
        from kcb_replay.ingest.store.check import check

        return check(self, progress=progress)

    def snapshot(self, folder: str | Path) -> int:
        """Make a store in `folder` that stays as this one is now, and return the number of its buckets.

        Its files are hard links, copies where links do not exist. Refuses a folder that holds something.
        """
        from kcb_replay.ingest.store.snapshot import snapshot

        with self._locked_buckets(range(self.layout().buckets)):
            return snapshot(self, Path(folder))

    def layout(self) -> Layout:
        """Return how names are spread over buckets."""
        return read_layout(self.path / STORE_FILE)

    def bucket_path(self, number: int) -> Path:
        """Return the file of a bucket, which need not exist."""
        return self.path / "data" / f"b{number:04d}.parquet"

    def label(self, path: Path) -> str:
        """Return how a source is named in the store: relative to the store's parent folder where it is below it."""
        real, parent = path.resolve(), self.path.resolve().parent
        return (real.relative_to(parent) if real.is_relative_to(parent) else real).as_posix()

    def source_path(self, label: str) -> Path:
        """Return the path of a source from its label."""
        return self.path.resolve().parent / label

    def _homes(self, layout: Layout, names: Iterable[str]) -> dict[int, list[str]]:
        """Return which names belong to which bucket: where they are stored, else where new ones go."""
        found: dict[int, Collection[str]] = {}
        homes: dict[int, list[str]] = defaultdict(list)
        for name in names:
            first, *others = layout.numbers(name)
            for number in others:
                if number not in found:
                    found[number] = read_entries(self.bucket_path(number)).keys()
            homes[next((number for number in others if name in found[number]), first)].append(name)
        return homes

    def _edit(
        self, patterns: Sequence[str], change: Callable[[dict[str, Content], Collection[str]], dict[str, Content]]
    ) -> list[str]:
        """Change the runs that match the patterns where they are, bucket by bucket; return their names."""
        chosen = dict.fromkeys(entry.name for entry in self.runs(*patterns)) if patterns else {}
        for number in sorted({number for name in chosen for number in self.layout().numbers(name)}):
            with self._locked_buckets([number]):
                if chosen.keys() & read_entries(self.bucket_path(number)).keys():
                    self._rewrite(number, lambda contents: change(contents, chosen.keys()))
        return list(chosen)

    def _renamed(self, old: str, new: str) -> bool:
        """Rename a run under all locks that matter; return whether that was possible, or the store has changed."""
        self._matching(old, sorted(self.catalogue()), glob=False)
        layout = self.layout()
        with self._locked_buckets({*layout.numbers(old), *layout.numbers(new)}):
            if self.layout() != layout:
                return False
            if any(new in read_entries(self.bucket_path(number)) for number in layout.numbers(new)):
                raise StoreError(f"{self.path} has a run {new!r} already. Choose another name, or remove that one.")
            homes = [number for number in layout.numbers(old) if old in read_entries(self.bucket_path(number))]
            if not homes:
                return False
            # First the place, which means nothing without the run; then the run, in one rename.
            with self._locked(".lock"):
                self._write_layout(self.layout().with_placed(new, homes[0]))
            self._rewrite(homes[0], lambda contents: _with_name(contents, old, new))
        return True

    def _grow(self, runs: int) -> None:
        """Raise the number of buckets to that for so many runs, while nobody writes."""
        layout = self.layout()
        if layout.grown(runs) == layout:
            return
        with self._locked_buckets(range(layout.buckets)), self._locked(".lock"):
            self._write_layout(self.layout().grown(runs))

    def _rewrite(self, number: int, change: Callable[[dict[str, Content]], dict[str, Content]]) -> None:
        """Change a bucket whose lock is held."""
        path = self.bucket_path(number)
        temporary = self.path / ".tmp" / f"b{number:04d}.{os.getpid()}.parquet"
        try:
            # Under the bucket's lock, whatever a killed writer left of this bucket is nobody's.
            for leftover in temporary.parent.glob(f"b{number:04d}.*"):
                leftover.unlink(missing_ok=True)
            rewrite(path, change, temporary=temporary)
        except OSError as error:
            raise StoreError(
                f"{path} could not be written: {error.strerror or error}. What was stored is unchanged; make"
                " room or check the permissions, and ingest again."
            ) from None

    def _require_own_folder(self) -> None:
        """Refuse to make a store of a folder that holds something else."""
        if self.path.exists() and not self.path.is_dir():
            raise StoreError(f"{self.path} is a file, not a store. Name a folder with --store.")
        names = {entry.name for entry in self.path.iterdir()} if self.path.exists() else set()
        if names - _OWN_NAMES:
            found = ", ".join(sorted(names - _OWN_NAMES)[:3])
            raise StoreError(
                f"{self.path} is not a store: it holds {found}. Name an empty or a new folder with --store."
            )

    def _write_layout(self, layout: Layout) -> None:
        temporary = self.path / ".tmp" / f"{STORE_FILE}.{os.getpid()}"
        try:
            with temporary.open("w", encoding="utf-8") as file:
                file.write(layout.to_text())
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path / STORE_FILE)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(self.path)

    @contextmanager
    def _locked_buckets(self, numbers: Iterable[int]) -> Iterator[None]:
        with ExitStack() as locks:
            # Always in the same order, so that two writers cannot wait for each other.
            for number in sorted(numbers):
                locks.enter_context(self._locked(f".lock-{number:04d}"))
            yield

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        lock = FileLock(self.path / name, timeout=_LOCK_SECONDS)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(
                f"{self.path / name} has been locked by another kcb-replay for {_LOCK_SECONDS} s. Try again later."
            ) from None
        except OSError as error:
            raise StoreError(
                f"{self.path / name} cannot be locked: {error.strerror or error}. Check the permissions of the store."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _matching(self, pattern: str, names: Sequence[str], *, glob: bool = True) -> list[str]:
        if pattern in names:
            return [pattern]
        found = [name for name in names if glob and fnmatchcase(name, pattern)]
        if not found:
            more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
            some = ", ".join(map(excerpt, names[:5])) + more
            raise RunNotFoundError(
                f"No run {pattern!r} in {self.path}.{did_you_mean(pattern, names)} Runs: {some or 'none'}."
            )
        return found


class _Put:
    """Puts runs into the contents of a bucket, and says which it has dealt with and which names are taken."""

    def __init__(self, number: int, layout: Layout, runs: Mapping[str, StoredRun]) -> None:
        self._number, self._layout, self._runs = number, layout, runs
        self.done: list[str] = []
        self.taken: list[str] = []
        self.crowded = False

    def __call__(self, contents: dict[str, Content]) -> dict[str, Content]:
        for name, run in self._runs.items():
            stored = contents.get(name)
            # It was removed from this older bucket meanwhile, so that it is a new run now, for another bucket.
            if stored is None and self._number != self._layout.numbers(name)[0]:
                continue
            self.done.append(name)
            if stored is not None and not _is_same_run(stored.entry, run):
                self.taken.append(name)
            else:
                contents[name] = content_of(run, stored.entry.tags if stored else ())
        own = sum(self._layout.numbers(name)[0] == self._number for name in contents)
        # Twice what it should be, since counting all runs costs more than a put.
        self.crowded = self._layout.grown(own * self._layout.buckets // 2) != self._layout
        return contents


def _is_same_run(entry: RunEntry, run: StoredRun) -> bool:
    """Tell whether a stored run shares a source with the new one of its name; else it is another run."""
    paths = {source.path for source in run.recording.sources}
    return any(source.path in paths for source in entry.sources) or not entry.sources


def _without(contents: dict[str, Content], names: Collection[str]) -> dict[str, Content]:
    return {name: content for name, content in contents.items() if name not in names}


def _with_name(contents: dict[str, Content], old: str, new: str) -> dict[str, Content]:
    return {**_without(contents, [old]), new: renamed(contents[old], new)}


def _tagged(entry: RunEntry, tags: Sequence[str], *, remove: bool) -> RunEntry:
    kept = [tag for tag in entry.tags if tag not in tags]
    return replace(entry, tags=tuple(sorted(kept if remove else {*kept, *tags})))
