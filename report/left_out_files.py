"""What was left out, and which files are no logs: each named while they are few, else by folder and ending."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from kcb_replay.text import counted, visible, whole

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kcb_replay.ingest.discover import LeftOutSource


# Lines of one folder and ending, names of other files, and lines where these are too many.
_MOST_ALIKE, _MOST_NAMED, _MOST_GROUPS = 20, 20, 40


def left_out_lines(left_out: Sequence[LeftOutSource]) -> Iterator[str]:
    """Yield how many files were left out, and each with the reason; of many alike the first ones and their number."""
    if not left_out:
        return
    yield f"Left out {whole(len(left_out))}:"
    groups: dict[str, list[LeftOutSource]] = defaultdict(list)
    for source in left_out:
        groups[_kind(source.path)].append(source)
    for kind, sources in groups.items():
        for source in sources[:_MOST_ALIKE]:
            yield f"  {visible(_with_path(source))}"
        if len(sources) > _MOST_ALIKE:
            yield f"  {visible(kind)}  {whole(len(sources) - _MOST_ALIKE)} more"


def other_lines(others: Sequence[str], *, verbose: bool) -> Iterator[str]:
    """Yield how many files are no logs, and, where `verbose`, which: many by their folders and endings."""
    if not others:
        return
    what = f"{counted(len(others), 'other file')} {'is no log' if len(others) == 1 else 'are no logs'}"
    if not verbose:
        yield f"{what}."
        return
    yield f"{what}:"
    if len(others) <= _MOST_NAMED:
        yield from (f"  {visible(path)}" for path in others)
        return
    groups = Counter(map(_kind, others))
    for kind, count in groups.most_common(_MOST_GROUPS):
        yield f"  {visible(kind)}  {whole(count)}"
    if len(groups) > _MOST_GROUPS:
        rest = sum(count for _, count in groups.most_common()[_MOST_GROUPS:])
        yield f"  {whole(rest)} in {counted(len(groups) - _MOST_GROUPS, 'more place')}"


def _kind(path: str) -> str:
    """Return the folder and the ending of a file, as a pattern."""
    folder, slash, name = path.rpartition("/")
    _, dot, ending = name.rpartition(".")
    return f"{folder}{slash}*{dot}{ending if dot else ''}"


def _with_path(source: LeftOutSource) -> str:
    return source.reason if source.path in source.reason else f"{source.path}  {source.reason}"
