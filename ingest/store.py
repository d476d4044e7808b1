"""The store: buckets of Parquet under one folder, right for a stranger who just reads the Parquet.

Promises: a change is atomic per bucket, so per run; it is written beside, synced and renamed under the bucket's lock; a
store of a newer version is refused; whatever fails, what was stored stays.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from kcb_replay.errors import RunNotFoundError, StoreError, did_you_mean
from kcb_replay.ingest.bucket import read_entries, read_run, replace_runs, sync_folder
from kcb_replay.ingest.discover import STORE_FILE
from kcb_replay.ingest.schema import VERSION, require_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from kcb_replay.ingest.bucket import StoredRun
    from kcb_replay.ingest.ingest import IngestReport
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.schema import RunEntry

__all__ = ["Store", "bucket_of"]

_FEWEST_BUCKETS, _MOST_BUCKETS, _RUNS_PER_BUCKET = 64, 1024, 100
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
    ) -> IngestReport:
        """Read the logs below `paths` into the store and report what was read, unchanged and left out.

        `progress` is called with (runs done, runs in all, name of the run at hand).
        """
        from kcb_replay.ingest.ingest import ingest

        return ingest(self, paths, format=format, progress=progress)

    def runs(self, *patterns: str) -> list[RunEntry]:
        """Return the catalogue entries of the runs that match one of the patterns (all without one), by name.

        A pattern is a name or a glob. Raises `RunNotFoundError` for one that matches nothing.
        """
        entries = self.catalogue()
        if not patterns:
            return [entries[name] for name in sorted(entries)]
        chosen = {name: None for pattern in patterns for name in self._matching(pattern, sorted(entries))}
        return [entries[name] for name in chosen]

    def load(self, name: str) -> Recording:
        """Return the recording of one run; raises `RunNotFoundError` when there is none of that name."""
        recording = read_run(self._bucket_path(bucket_of(name, self._buckets())), name)
        if recording is None:
            self._matching(name, sorted(self.catalogue()), glob=False)
            raise StoreError(f"{name} was removed from {self.path} while it was read.")
        return recording

    def catalogue(self) -> dict[str, RunEntry]:
        """Return the entry of every run."""
        entries: dict[str, RunEntry] = {}
        for number in range(self._buckets()):
            entries |= read_entries(self._bucket_path(number))
        return entries

    def bucket_count(self, *, expected_runs: int = 0) -> int:
        """Return the number of buckets of this store, or the one it would be created with for so many runs."""
        return self._buckets() if self.exists else _bucket_count(expected_runs)

    def create(self, *, expected_runs: int = 0) -> None:
        """Create the store unless it is there; `expected_runs` sets the number of buckets."""
        if self.exists:
            return
        self._require_own_folder()
        try:
            for folder in (self.path, self.path / "data", self.path / ".tmp"):
                folder.mkdir(parents=True, exist_ok=True)
            with self._locked(".lock"):
                if not self.exists:
                    self._write_store_file(_bucket_count(expected_runs))
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"{self.path} cannot be written: {reason}. Choose another --store.") from None

    def put(self, runs: Iterable[StoredRun]) -> list[str]:
        """Write runs instead of those of the same names; each bucket changes at once or not at all.

        Returns the names that another run, from other sources, has taken: those runs are not written.
        """
        count = self._buckets()
        per_bucket: dict[int, list[StoredRun]] = defaultdict(list)
        for run in runs:
            per_bucket[bucket_of(run.recording.name, count)].append(run)
        return [name for number, members in per_bucket.items() for name in self._replace(number, members)]

    def label(self, path: Path) -> str:
        """Return how a source is named in the store: relative to the store's parent folder where it is below it."""
        real, parent = path.resolve(), self.path.resolve().parent
        return (real.relative_to(parent) if real.is_relative_to(parent) else real).as_posix()

    def source_path(self, label: str) -> Path:
        """Return the path of a source from its label."""
        return self.path.resolve().parent / label

    def _replace(self, number: int, runs: list[StoredRun]) -> list[str]:
        path = self._bucket_path(number)
        with self._locked(f".lock-{number:04d}"):
            temporary = self.path / ".tmp" / f"b{number:04d}.{os.getpid()}.parquet"
            # Under the bucket's lock, whatever a killed writer left of this bucket is nobody's.
            for leftover in temporary.parent.glob(f"b{number:04d}.*"):
                leftover.unlink(missing_ok=True)
            try:
                return replace_runs(path, runs, temporary=temporary)
            except OSError as error:
                raise StoreError(
                    f"{path} could not be written: {error.strerror or error}. What was stored is unchanged; make"
                    " room or check the permissions, and ingest again."
                ) from None

    def _buckets(self) -> int:
        try:
            settings = json.loads((self.path / STORE_FILE).read_text())
            require_version(settings["version"], str(self.path))
            return _positive(settings["buckets"])
        except FileNotFoundError:
            raise StoreError(
                f"There is no store at {self.path}. Make one with `kcb-replay ingest LOGS`,"
                " or name another with --store."
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self.path / STORE_FILE} cannot be read: {error}. Is this a store?") from None

    def _bucket_path(self, number: int) -> Path:
        return self.path / "data" / f"b{number:04d}.parquet"

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

    def _write_store_file(self, buckets: int) -> None:
        temporary = self.path / ".tmp" / f"{STORE_FILE}.{os.getpid()}"
        try:
            with temporary.open("w") as file:
                json.dump({"version": VERSION, "buckets": buckets}, file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self.path / STORE_FILE)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(self.path)

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
            some = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            raise RunNotFoundError(
                f"No run {pattern!r} in {self.path}.{did_you_mean(pattern, names)} Runs: {some or 'none'}."
            )
        return found


def bucket_of(name: str, count: int) -> int:
    """Return the number of the bucket, of `count`, that holds a run of that name."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % count


def _positive(number: object) -> int:
    if not isinstance(number, int) or number < 1:
        raise ValueError(f"{number!r} buckets")
    return number


def _bucket_count(runs: int) -> int:
    count = _FEWEST_BUCKETS
    while count < _MOST_BUCKETS and count * _RUNS_PER_BUCKET < runs:
        count *= 2
    return count
