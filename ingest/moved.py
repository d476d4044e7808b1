"""Follow logs that were moved or renamed: a stored source that is gone, and a new file with the same bytes.

A file is known by its SHA-256, one that was read as it grew by the digest of what stands before its mark. A source that
is still where it was has not moved: a file like it is a copy.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from kcb_replay.errors import ReadError
from kcb_replay.ingest.files import streamed
from kcb_replay.ingest.reading import is_marked_so

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kcb_replay.ingest.discover import Candidate, RunFiles
    from kcb_replay.ingest.recording import Source
    from kcb_replay.ingest.store.schema import RunEntry


class MovedSource(NamedTuple):
    """A source of a stored run, the label it had and the one that it has now."""

    run: str
    old: str
    new: str


def moved_sources(
    unknown: Iterable[tuple[RunFiles, Candidate]],
    entries: Iterable[RunEntry],
    is_gone: Callable[[str], bool],
    label: Callable[[Candidate], str],
) -> Iterator[MovedSource]:
    """Yield the stored sources that are gone and whose bytes one of the unknown files has, each once."""
    new = list(unknown)
    sizes = {(candidate.size, candidate.reader.format) for _, candidate in new}
    gone: dict[tuple[int, str], list[tuple[str, Source]]] = defaultdict(list)
    for entry in entries if new else ():
        for source in entry.sources:
            if (source.size, source.format) in sizes and is_gone(source.path):
                gone[source.size, source.format].append((entry.name, source))
    for run, candidate in new:
        waiting = gone.get((candidate.size, candidate.reader.format), [])
        # Of several with the same bytes, rather that of the run of this name.
        waiting.sort(key=lambda item: item[0] not in (run.name, run.plain_name))
        moved = next((item for item in _with_bytes_of(candidate, waiting)), None)
        if moved is not None:
            waiting.remove(moved)
            yield MovedSource(moved[0], moved[1].path, label(candidate))


def _with_bytes_of(candidate: Candidate, waiting: list[tuple[str, Source]]) -> Iterator[tuple[str, Source]]:
    digest = digest_of(candidate) if any(source.sha256 for _, source in waiting) else ""
    for name, source in waiting:
        if source.sha256:
            if source.sha256 == digest:
                yield name, source
        elif source.mark is not None and is_marked_so(candidate.path, source.mark):
            yield name, source


def digest_of(candidate: Candidate) -> str:
    """Return the SHA-256 of a file, nothing where it cannot be read or does not rest."""
    try:
        with streamed(candidate.path) as stream:
            return stream.sha256 if stream.finish() else ""
    except (OSError, ReadError):
        # Reading it will say why it cannot be read.
        return ""
