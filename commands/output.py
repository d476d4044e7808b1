"""Where the result of a command goes: to stdout, alone; to a page or a figure. Everything else goes to stderr."""

from __future__ import annotations

import itertools
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kcb_replay.commands.base import is_coloured
from kcb_replay.commands.options import ALL_COLUMNS, FORCE, JOIN_FITS, LANGUAGE, POOLED
from kcb_replay.errors import KcbReplayError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from kcb_replay.ingest.discover import LeftOutSource
    from kcb_replay.language.catalogue import Catalogue
    from kcb_replay.language.reason import Reason
    from kcb_replay.report.machine import Record
    from kcb_replay.report.terminal import Ink


# Pieces of a result that are printed together.
_AT_ONCE = 1_000
# Under this name the context of a command keeps the paths of which it was said what is left out.
_TOLD = "kcb_replay.told"


def _print(text: str, *, line_end: bool = True) -> None:
    """Print a part of the result; a stdout that takes none is no fault of the command."""
    if sys.stdout is None:
        raise KcbReplayError("The result cannot be printed: stdout is closed.")
    try:
        # Without color, click takes what looks like a colour out of the names.
        click.echo(text, color=True, nl=line_end)
    except BrokenPipeError:
        raise
    except OSError as error:
        reason = error.strerror or str(error)
        raise KcbReplayError(f"The result cannot be printed: {reason}. Make room, or print it elsewhere.") from None


def print_result(form: str, document: Record, records: Sequence[Record], table: Callable[[], str]) -> None:
    """Print a result in the form that was asked for."""
    from kcb_replay.report import machine

    if form == "table":
        print_text(table())
        return
    text = machine.as_json(document) if form == "json" else machine.as_records(form, records)
    # A form without a record has no line.
    _print(text, line_end=bool(text))


def print_texts(form: str, texts: Iterator[str]) -> None:
    """Print a result that comes piece by piece in the form that was asked for."""
    if form == "table":
        print_text("".join(texts))
        return
    is_empty = True
    for some in _batched(texts):
        is_empty = False
        _print(some, line_end=False)
    _print("", line_end=not is_empty)


def _batched(texts: Iterator[str]) -> Iterator[str]:
    """Yield texts some at a time: printing each alone would take longer than making it."""
    while batch := "".join(itertools.islice(texts, _AT_ONCE)):
        yield batch


def print_text(text: str) -> None:
    """Print a text for people; on a terminal its tables lose the columns that it is too narrow for, with a note."""
    context = click.get_current_context()
    whole = context.meta.get(ALL_COLUMNS) or sys.stdout is None or not sys.stdout.isatty()
    if sys.stdout is None or (whole and not is_coloured(sys.stdout)):
        _print(text, line_end=bool(text))
        return
    from kcb_replay.report.terminal import fitted

    text, hidden = fitted(text, width=None if whole else shutil.get_terminal_size().columns, ink=ink(), words=texts())
    _print(text, line_end=bool(text))
    if hidden and not context.params.get("quiet"):
        count = f"{len(hidden)} columns" if len(hidden) > 1 else "1 column"
        click.echo(f"{count} hidden ({', '.join(hidden)}); --all-columns or --csv", err=True)


def ink() -> Ink:
    """Return the colours of what goes to stdout."""
    from kcb_replay.report.terminal import Ink

    return Ink(on=is_coloured(sys.stdout))


def progress_bar(quiet: bool) -> AbstractContextManager[Callable[[int, int, str], None] | None]:
    """Return a progress bar, one that shows nothing where nobody looks."""
    from kcb_replay.report.terminal import progress

    return progress(shown=not quiet and sys.stderr.isatty())


def texts() -> Catalogue:
    """Return the sentences in the language that was asked for."""
    from kcb_replay.language.catalogue import catalogue
    from kcb_replay.language.reason import ENGLISH

    return catalogue(_chosen(LANGUAGE) or ENGLISH)


def say(lines: Iterable[str | Reason], *, quiet: bool = False) -> None:
    """Print lines on stderr."""
    for line in () if quiet else lines:
        click.echo(line if isinstance(line, str) else texts().why(line), err=True)


def say_left_out(path: str, left_out: Sequence[LeftOutSource], others: Sequence[str]) -> None:
    """Say which files below a path are left out and why, however often it is read; the other files with -v."""
    context = click.get_current_context()
    told: set[str] = context.meta.setdefault(_TOLD, set())
    if path in told:
        return
    told.add(path)
    from kcb_replay.report.left_out_files import left_out_lines, other_lines

    lines = list(left_out_lines(left_out))
    if context.params.get("verbose"):
        lines += other_lines(others, verbose=True)
    say(lines, quiet=bool(context.params.get("quiet")))


def say_wrote(path: Path, *, quiet: bool) -> None:
    """Say which file was written, and how large it is."""
    say([f"Wrote {path} ({path.stat().st_size / 1000:,.0f} kB)"], quiet=quiet)


def visible_names(names: Sequence[str]) -> list[str]:
    """Return names as they may be printed."""
    from kcb_replay.text import visible

    return [visible(name) for name in names]


def command_line() -> str:
    """Return the command as it was typed, for the foot of a page."""
    return shlex.join(["kcb-replay", *sys.argv[1:]])


def _chosen(name: str) -> Any:
    """Return what was chosen for a command under a name of its context, None outside of any."""
    context = click.get_current_context(silent=True)
    return None if context is None else context.meta.get(name)


def joins_fits() -> bool:
    """Tell whether the fits of a run are to be taken for one training."""
    return bool(_chosen(JOIN_FITS))


def pooling_globs() -> tuple[str, ...]:
    """Return the globs of metrics that are to be taken for one."""
    return tuple(_chosen(POOLED) or ())


def may_replace() -> bool:
    """Tell whether a file that kcb-replay did not write may be replaced."""
    return bool(_chosen(FORCE))


def require_place(path: Path) -> None:
    """Raise `KcbReplayError` where no file can or should be written: asked before the work, not only behind it."""
    from kcb_replay.report.output_place import output_place

    output_place(path, force=may_replace(), read=_read_files())


def _read_files() -> Iterator[Path]:
    """Yield the logs that the command reads, and those that the runs of its store were read from."""
    from kcb_replay.ingest.discover import discover
    from kcb_replay.ingest.store import Store

    params = click.get_current_context().params
    named = [Path(each) for each in (*(params.get("runs") or ()), params.get("run")) if each]
    for run in discover([path for path in named if path.exists()]).runs:
        yield from (candidate.path for candidate in run.candidates)
    store = Store(params["store"])
    for entry in store.runs():
        yield from (store.source_path(source.path) for source in entry.sources)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A page to be written, how large it may be, and whether all runs are drawn whatever their number.

    Raises before any work is done where nothing can be written.
    """

    path: Path
    max_size: str
    draw_all: bool
    most: int = field(init=False)

    def __post_init__(self) -> None:
        from kcb_replay.report.files import size_from_text

        if self.path.suffix.lower() not in (".html", ".htm"):
            raise SettingError(f"{self.path} is no .html file.")
        require_place(self.path)
        object.__setattr__(self, "most", size_from_text(self.max_size))

    def write(self, html: str, remark: str, *, quiet: bool) -> None:
        """Write the page, whole or not at all, and say so; `remark` is what of many runs is drawn on it."""
        from kcb_replay.report.files import require_size
        from kcb_replay.report.pages.document import write_document

        require_size(html, self.most, self.path)
        write_document(self.path, html, force=may_replace())
        say_wrote(self.path, quiet=quiet)
        say(filter(None, [remark]), quiet=quiet)


@dataclass(frozen=True, slots=True)
class FigureFile:
    """A figure to be drawn, and how; raises before any work is done where the file is none that can be drawn."""

    path: Path
    theme: str
    width: float | None

    def __post_init__(self) -> None:
        from kcb_replay.report.figures.canvas import require_figure_file

        require_figure_file(self.path)
        require_place(self.path)

    def draw(self, result: Any, *, quiet: bool, kind: str | None = None) -> None:
        """Draw a result, and say so."""
        from kcb_replay.report.figure import plot

        look: dict[str, Any] = {"theme": self.theme, **({} if self.width is None else {"width": self.width})}
        plot(result, self.path, kind=kind, language=texts().language, force=may_replace(), **look)
        say_wrote(self.path, quiet=quiet)
