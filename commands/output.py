"""What goes to stdout, the result alone, and what goes to stderr, everything else."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import click

from kcb_replay.commands.base import is_coloured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from kcb_replay.report.machine import Record
    from kcb_replay.report.terminal import Ink

__all__ = ["ALL_COLUMNS", "all_shown", "ink", "print_result", "print_text", "progress_bar", "say", "size_of"]

# Under this name the context of a command keeps whether narrow terminals are to be ignored.
ALL_COLUMNS = "kcb_replay.all_columns"


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
    if output == "table":
        print_text(text)
    else:
        # Without color, click takes what looks like a colour out of the names; a form without a record has no line.
        click.echo(text, color=True, nl=bool(text))


def print_text(text: str) -> None:
    """Print a text for people; on a terminal its tables lose the columns that it is too narrow for, with a note."""
    from kcb_replay.report.terminal import fitted

    width = shutil.get_terminal_size().columns if sys.stdout.isatty() and not _all_columns() else None
    text, hidden = fitted(text, width=width, ink=ink())
    click.echo(text, color=True, nl=bool(text))
    if hidden and not click.get_current_context().params.get("quiet"):
        count = f"{len(hidden)} columns" if len(hidden) > 1 else "1 column"
        click.echo(f"{count} hidden ({', '.join(hidden)}); --all-columns or --csv", err=True)


def ink() -> Ink:
    """Return the colours of what goes to stdout."""
    from kcb_replay.report.terminal import Ink

    return Ink(on=is_coloured(sys.stdout))


def _all_columns() -> bool:
    return bool(click.get_current_context().meta.get(ALL_COLUMNS))


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
    from kcb_replay.text import visible

    return [visible(name) for name in names]


def size_of(path: Path) -> str:
    """Return the size of a file in words."""
    return f"{path.stat().st_size / 1000:,.0f} kB"
