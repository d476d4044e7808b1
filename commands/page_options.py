"""What the commands share that write a page of many runs: their options, and the checks before any work is done."""

from __future__ import annotations

import itertools
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from kcb_replay.commands.output import say, size_of
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from kcb_replay.ingest.recording import Recording

    Function = TypeVar("Function", bound=Callable[..., None])

__all__ = ["PageRequest", "command_line", "held", "page_options", "recorded_metrics"]

# Fewer recordings than these are read once, more of them once for every pass.
_MOST_HELD = 5_000


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Where a page goes, how large it may be, and whether all runs are drawn whatever their number."""

    path: Path
    most: int
    draw_all: bool

    @classmethod
    def of(cls, path: Path, max_size: str, *, draw_all: bool) -> PageRequest:
        """Return what is asked; raises before any work is done where nothing can be written."""
        from kcb_replay.report.files import require_place
        from kcb_replay.report.pages.size import size_from_text

        if path.suffix.lower() not in (".html", ".htm"):
            raise SettingError(f"{path} is no .html file.")
        require_place(path)
        return cls(path, size_from_text(max_size), draw_all)

    def write(self, html: str, remark: str, *, quiet: bool) -> None:
        """Write the page, whole or not at all, and say so; `remark` is what of many runs is drawn on it."""
        from kcb_replay.report.pages.document import write_document
        from kcb_replay.report.pages.size import require_size

        require_size(html, self.most, self.path)
        write_document(self.path, html)
        say([f"Wrote {self.path} ({size_of(self.path)})", *filter(None, [remark])], quiet=quiet)


def page_options(flag: str, *, required: bool = False) -> Callable[[Function], Function]:
    """Add the options of a page: `flag` names its file."""

    def add(command: Function) -> Function:
        for option in (
            click.option("--max-size", default="2MB", show_default=True, help="Write no larger page than this."),
            click.option("--all", "draw_all", is_flag=True, help="Draw all runs on the page, also more than 500."),
            click.option(
                *flag.split(), type=click.Path(path_type=Path), required=required, help="Write an offline .html page."
            ),
        ):
            command = option(command)
        return command

    return add


def command_line() -> str:
    """Return the command as it was typed, for the foot of a page."""
    return shlex.join(["kcb-replay", *sys.argv[1:]])


def held(
    first: Callable[[], Iterable[Recording]], again: Callable[[], Iterable[Recording]]
) -> Callable[[], Iterable[Recording]]:
    """Return what gives recordings again and again: those of `first`, or where they are many, those of `again`."""
    found = list(itertools.islice(first(), _MOST_HELD + 1))
    return (lambda: found) if len(found) <= _MOST_HELD else again


def recorded_metrics(store: Path, recordings: Callable[[], Iterable[Recording]]) -> Callable[[str], Sequence[str]]:
    """Return a function that gives the metrics of a run, whatever was read of it so far."""
    from kcb_replay.ingest.store import Store

    def of(run: str) -> Sequence[str]:
        kept = Store(store)
        entries = kept.catalogue() if kept.exists else {}
        if run in entries:
            return entries[run].metrics
        return next((recording.metrics for recording in recordings() if recording.name == run), ())

    return of
