"""What goes to stdout, the result alone, and what goes to stderr, everything else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kcb_replay.report.machine import Record

__all__ = ["all_shown", "print_result", "progress_bar", "say", "size_of"]


def print_result(output: str, document: Record, records: Sequence[Record], table: Callable[[], str]) -> None:
    """Print a result in the form that was asked for."""
    from kcb_replay.report import machine

    writers: dict[str, Callable[[], str]] = {
        "table": table,
        "json": lambda: machine.as_json(document),
        "jsonl": lambda: machine.as_jsonl(records),
        "csv": lambda: machine.as_csv(records),
        "tsv": lambda: machine.as_tsv(records),
        "md": lambda: machine.as_markdown(records),
    }
    text = writers[output]()
    # Without color, click takes what looks like a colour out of the names; a form without a record has no line.
    click.echo(text, color=True, nl=bool(text))


def progress_bar(quiet: bool) -> AbstractContextManager[Callable[[int, int, str], None] | None]:
    """Return a progress bar, one that shows nothing where nobody looks."""
    from kcb_replay.report.progress import progress

    return progress(shown=not quiet and sys.stderr.isatty())


def say(lines: Sequence[str], *, quiet: bool) -> None:
    """Print lines on stderr."""
    if not quiet:
        for line in lines:
            click.echo(line, err=True)


def all_shown(names: Sequence[str]) -> list[str]:
    """Return names as they may be printed."""
    from kcb_replay.report.names import shown

    return [shown(name) for name in names]


def size_of(path: Path) -> str:
    """Return the size of a file in words."""
    return f"{path.stat().st_size / 1000:,.0f} kB"
