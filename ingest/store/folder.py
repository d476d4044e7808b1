"""The folder of a store: its settings, its buckets, and who may change them.

A change is atomic per bucket, so per run: it is written beside, synced and renamed under the bucket's lock. A run never
moves from one file to another; a store of a newer version is refused; whatever fails, what was stored stays.
"""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from kcb_replay.errors import RunNotFoundError, StoreError, did_you_mean
from kcb_replay.ingest.copies import copies_among
from kcb_replay.ingest.store.bucket import read_digests, read_entries, read_metrics, read_run
from kcb_replay.ingest.store.layout import STORE_FILE, BucketLayout, buckets_for, read_layout
from kcb_replay.ingest.store.rewriting import Content, content_of, rewrite, sync_folder
from kcb_replay.text import excerpt

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from kcb_replay.ingest.copies import Digests
    from kcb_replay.ingest.recording import Recording, Source
    from kcb_replay.ingest.store.schema import RefusedSource, RunEntry


_LOCK_SECONDS = 120
_OWN_NAMES = {"data", ".tmp", ".lock"}


class StoreFolder:
    """The files of a store at `path`; opening looks at nothing, `create` makes them.

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

    def load(self, name: str) -> Recording:
        """Return the recording of one run; raises `RunNotFoundError` when there is none of that name.

        Its streams are named at once, and read from the store when they are asked for.
        """
        for number in self.layout().numbers(name):
            recording = read_run(self.bucket_path(number), name)
            if recording is not None:
                return recording
        names = sorted(self.catalogue())
        if name not in names:
            raise run_not_found(name, names, self.path)
        raise StoreError(f"{name} was removed from {self.path} while it was read.")

    def catalogue(self) -> dict[str, RunEntry]:
        """Return the entry of every run."""
        entries: dict[str, RunEntry] = {}
        for number in range(self.layout().buckets):
            entries |= read_entries(self.bucket_path(number))
        return entries

    def copies(self, names: Collection[str] | None = None) -> dict[str, str]:
        """Return the copies among runs (all for None), each with the run of the same training that is counted."""
        digests: dict[str, Digests] = {}
        for number in range(self.layout().buckets):
            digests |= read_digests(self.bucket_path(number))
        return copies_among(digests if names is None else {name: digests[name] for name in names & digests.keys()})

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
                    self._write_layout(BucketLayout(buckets_for(expected_runs)))
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"{self.path} cannot be written: {reason}. Choose another --store.") from None

    def put(
        self,
        runs: Iterable[Recording],
        refused: Mapping[str, tuple[RefusedSource, ...]] = MappingProxyType({}),
        tags: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
    ) -> list[str]:
        """Write runs instead of those of the same names, whose tags they keep; each bucket changes at once.

        `refused` are the files of a run's folder that could not be read, `tags` further ones, by its name. Returns the
        names that another run, from other sources, has taken: those runs are not written.
        """
        waiting = {run.name: run for run in runs}
        taken: list[str] = []
        crowded = False
        while waiting:
            layout = self.layout()
            for number, names in self._homes(layout, waiting).items():
                with self._locked_buckets([number]):
                    # Else the store has grown or a run was renamed since the homes were looked up.
                    if self.layout() != layout:
                        break
                    change = _Put(number, layout, [waiting[name] for name in names], refused, tags)
                    self._rewrite(number, change)
                taken += change.taken
                crowded |= change.crowded
                for name in change.done:
                    del waiting[name]
        if crowded:
            self._grow(len(self.catalogue()))
        return taken

    def drop(self, names: Collection[str]) -> None:
        """Delete runs, bucket by bucket; a name that is not there is passed over."""
        self._change(names, lambda contents: {name: one for name, one in contents.items() if name not in names})

    def values_of(self, names: Collection[str]) -> Iterator[Recording]:
        """Yield runs without their streams and messages, bucket by bucket."""
        for number in sorted({number for name in names for number in self.layout().numbers(name)}):
            yield from read_metrics(self.bucket_path(number), None, names.__contains__)

    def layout(self) -> BucketLayout:
        """Return how names are spread over buckets."""
        return read_layout(self.path / STORE_FILE)

    def bucket_path(self, number: int) -> Path:
        """Return the file of a bucket, which need not exist."""
        return self.path / "data" / f"b{number:04d}.parquet"

    def source_path(self, label: str) -> Path:
        """Return the path of a source from its label."""
        return self.path.resolve().parent / label

    def _homes(self, layout: BucketLayout, names: Iterable[str]) -> dict[int, list[str]]:
        """Return which names belong to which bucket: where they are stored, else where new ones go."""
        stored: dict[int, Collection[str]] = {}
        homes: dict[int, list[str]] = defaultdict(list)
        for name in names:
            first, *others = layout.numbers(name)
            for number in others:
                if number not in stored:
                    stored[number] = read_entries(self.bucket_path(number)).keys()
            homes[next((number for number in others if name in stored[number]), first)].append(name)
        return homes

    def _grow(self, runs: int) -> None:
        """Raise the number of buckets to that for so many runs, while nobody writes."""
        layout = self.layout()
        if layout.grown(runs) == layout:
            return
        with self._locked_buckets(range(layout.buckets)), self._locked(".lock"):
            self._write_layout(self.layout().grown(runs))

    def _change(self, names: Collection[str], change: Callable[[dict[str, Content]], dict[str, Content]]) -> None:
        """Change the buckets that hold one of these runs."""
        for number in sorted({number for name in names for number in self.layout().numbers(name)}):
            with self._locked_buckets([number]):
                if not read_entries(self.bucket_path(number)).keys().isdisjoint(names):
                    self._rewrite(number, change)

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
            others = ", ".join(sorted(names - _OWN_NAMES)[:3])
            raise StoreError(
                f"{self.path} is not a store: it holds {others}. Name an empty or a new folder with --store."
            )

    def _write_layout(self, layout: BucketLayout) -> None:
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


class _Put:
    """Puts runs into the contents of a bucket, and says which it has dealt with and which names are taken."""

    def __init__(
        self,
        number: int,
        layout: BucketLayout,
        runs: Sequence[Recording],
        refused: Mapping[str, tuple[RefusedSource, ...]],
        tags: Mapping[str, tuple[str, ...]],
    ) -> None:
        self._number, self._layout, self._runs, self._refused, self._tags = number, layout, runs, refused, tags
        self.done: list[str] = []
        self.taken: list[str] = []
        self.crowded = False

    def __call__(self, contents: dict[str, Content]) -> dict[str, Content]:
        for run in self._runs:
            stored = contents.get(run.name)
            # It was removed from this older bucket meanwhile, so that it is a new run now, for another bucket.
            if stored is None and self._number != self._layout.numbers(run.name)[0]:
                continue
            self.done.append(run.name)
            if stored is not None and not _is_same_run(stored.entry, run):
                self.taken.append(run.name)
            else:
                refused = self._refused.get(run.name, ())
                tags = {*(stored.entry.tags if stored else ()), *self._tags.get(run.name, ())}
                contents[run.name] = content_of(run, refused, tuple(sorted(tags)))
        own = sum(self._layout.numbers(name)[0] == self._number for name in contents)
        # Twice what it should be, since counting all runs costs more than a put.
        self.crowded = self._layout.grown(own * self._layout.buckets // 2) != self._layout
        return contents


def run_not_found(pattern: str, names: Sequence[str], path: Path) -> RunNotFoundError:
    """Return the error for a name or a pattern that stands for none of the runs of a store."""
    more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
    some = ", ".join(map(excerpt, names[:5])) + more
    return RunNotFoundError(f"No run {pattern!r} in {path}.{did_you_mean(pattern, names)} Runs: {some or 'none'}.")


def _is_same_run(entry: RunEntry, run: Recording) -> bool:
    """Tell whether a stored run shares a source with the new one of its name, by its path or its bytes."""
    known = {key for source in run.sources for key in _identities(source)}
    return any(not known.isdisjoint(_identities(source)) for source in entry.sources) or not entry.sources


def _identities(source: Source) -> Iterator[str]:
    yield source.path
    yield from filter(None, (source.sha256, source.mark and source.mark.digest))
