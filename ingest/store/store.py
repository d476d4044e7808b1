"""The store: what people and programs ask of it. Its files are right for a stranger who just reads the Parquet."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay.errors import StoreError
from kcb_replay.ingest.store.bucket import read_entries, read_metrics
from kcb_replay.ingest.store.folder import StoreFolder, run_not_found
from kcb_replay.ingest.store.layout import STORE_FILE
from kcb_replay.ingest.store.rewriting import Content, renamed

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from kcb_replay.ingest.ingest import IngestReport
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store.check import CheckReport
    from kcb_replay.ingest.store.schema import RunEntry


class Store(StoreFolder):
    """A store at `path`; opening looks at nothing, the first ingest creates it.

    Methods raise `StoreError` when the store is missing, of a newer version, damaged or locked for two minutes.
    """

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

    def recordings(self, *patterns: str, metrics: Collection[str] | None = None) -> Iterator[Recording]:
        """Yield the runs that match one of the patterns (all without one), with these metrics (None: all), in one pass.

        They come bucket by bucket, without streams and messages, so memory does not grow with their number; the order
        is that of the store. Each copy of another one of them knows which is counted (`copy_of`).

        Raises `RunNotFoundError` for a pattern that matches nothing.
        """
        layout = self.layout()
        names = {entry.name for entry in self.runs(*patterns)} if patterns else None
        copies = self.copies(names)
        numbers = range(layout.buckets)
        for number in numbers if names is None else sorted({n for name in names for n in layout.numbers(name)}):
            path = self.bucket_path(number)
            for recording in read_metrics(path, metrics, lambda name: names is None or name in names):
                original = copies.get(recording.name)
                yield recording if original is None else replace(recording, copy_of=original)

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
        with self._locked_buckets(range(self.layout().buckets)):
            return _linked(self, Path(folder))

    def label(self, path: Path) -> str:
        """Return how a source is named in the store: relative to the store's parent folder where it is below it."""
        real, parent = path.resolve(), self.path.resolve().parent
        return (real.relative_to(parent) if real.is_relative_to(parent) else real).as_posix()

    def _edit(
        self, patterns: Sequence[str], change: Callable[[dict[str, Content], Collection[str]], dict[str, Content]]
    ) -> list[str]:
        """Change the runs that match the patterns where they are, bucket by bucket; return their names."""
        chosen = dict.fromkeys(entry.name for entry in self.runs(*patterns)) if patterns else {}
        self._change(chosen.keys(), lambda contents: change(contents, chosen.keys()))
        return list(chosen)

    def _renamed(self, old: str, new: str) -> bool:
        """Rename a run under all locks that matter; return whether that was possible, or the store has changed."""
        names = sorted(self.catalogue())
        if old not in names:
            raise run_not_found(old, names, self.path)
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

    def _matching(self, pattern: str, names: Sequence[str]) -> list[str]:
        if pattern in names:
            return [pattern]
        matching = [name for name in names if fnmatchcase(name, pattern)]
        if not matching:
            raise run_not_found(pattern, names, self.path)
        return matching


def _without(contents: dict[str, Content], names: Collection[str]) -> dict[str, Content]:
    return {name: content for name, content in contents.items() if name not in names}


def _with_name(contents: dict[str, Content], old: str, new: str) -> dict[str, Content]:
    return {**_without(contents, [old]), new: renamed(contents[old], new)}


def _tagged(entry: RunEntry, tags: Sequence[str], *, remove: bool) -> RunEntry:
    kept = [tag for tag in entry.tags if tag not in tags]
    return replace(entry, tags=tuple(sorted(kept if remove else {*kept, *tags})))


def _linked(store: Store, folder: Path) -> int:
    """Link every bucket of a store, whose locks are held, into `folder`; return the number of buckets.

    Outside tools may open a file twice, and a bucket that is replaced in between shows them two states. The files of a
    snapshot are never replaced.
    """
    _require_empty(store, folder)
    try:
        for part in (folder / "data", folder / ".tmp"):
            part.mkdir(parents=True, exist_ok=True)
        buckets = [path for number in range(store.layout().buckets) if (path := store.bucket_path(number)).exists()]
        for path in buckets:
            _link(path, folder / "data" / path.name)
        # Last, so that what is half made is no store. A copy: links would not survive a tool that edits in place.
        shutil.copyfile(store.path / STORE_FILE, folder / STORE_FILE)
    except OSError as error:
        raise StoreError(
            f"{folder} could not be written: {error.strerror or error}. Delete it and choose another folder."
        ) from None
    return len(buckets)


def _require_empty(store: Store, folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise StoreError(f"{folder} is a file. Name a new or an empty folder.")
    if folder.exists() and any(folder.iterdir()):
        raise StoreError(f"{folder} is not empty. Name a new or an empty folder.")
    if folder.resolve().is_relative_to(store.path.resolve()):
        raise StoreError(f"{folder} lies in the store, where it would be read as part of it. Name another folder.")


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
