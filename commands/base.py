"""What all commands share: when there is colour, and how the package's errors end."""

from __future__ import annotations

import os
import re
import sys
from typing import IO, Any

import click

from kcb_replay.errors import KcbReplayError, SettingError

# Where one sentence ends and the next, which says what to do, begins.
_SENTENCE = re.compile(r"(?<=[.?!]) +(?=[A-Z'])")


class Command(click.Command):
    """Has --color, and turns the package's errors into lines on stderr and an exit code: the one place that does."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.params.append(_color_option())

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a setting that cannot be is wrong usage (2), everything else a data problem (1)."""
        try:
            return super().invoke(ctx)
        except SettingError as error:
            raise _WrongUsage(str(error)) from error
        except KcbReplayError as error:
            raise _Problem(str(error)) from error
        except KeyboardInterrupt:
            click.echo("\nInterrupted. What was written so far is whole.", err=True)
            ctx.exit(130)

    def get_short_help_str(self, limit: int = 150) -> str:
        """Return the first sentence of the help whole: it is wrapped where it is printed."""
        return super().get_short_help_str(max(limit, 150))


class Commands(click.Group):
    """A group of them, which says what was typed wrong as it says every other error."""

    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; where nothing else says what to do, its help does."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            message = error.format_message()
            path = error.ctx.command_path if error.ctx else ctx.command_path
            help_line = "" if _SENTENCE.search(message) else f"\nTry '{path} --help'."
            raise _WrongUsage(f"{message}{help_line}") from error


class _Problem(click.ClickException):
    """An error in two parts: what it is, and below it what to do."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        # When it is shown, the command and what it says of colour are gone.
        self._is_coloured = is_coloured(sys.stderr)

    def show(self, file: IO[Any] | None = None) -> None:
        """Print it on stderr."""
        from kcb_replay.report.terminal import Ink
        from kcb_replay.text import visible

        what, *lines = map(visible, self.message.split("\n"))
        word = Ink(on=self._is_coloured).error("Error:")
        click.echo(
            "\n".join([f"{word} {_SENTENCE.sub(chr(10), what, count=1)}", *lines]), file=file or sys.stderr, color=True
        )


class _WrongUsage(_Problem):
    """An error in what was typed."""

    exit_code = 2


def is_coloured(stream: IO[Any]) -> bool:
    """Tell whether colour is wanted: as --color says, else NO_COLOR and FORCE_COLOR, else on a terminal."""
    context = click.get_current_context(silent=True)
    chosen = context.color if context else None
    if chosen is None and os.environ.get("NO_COLOR"):
        return False
    if chosen is None and os.environ.get("FORCE_COLOR"):
        return True
    can = stream.isatty() and os.environ.get("TERM") != "dumb"
    return can if chosen is None else chosen


def _color_option() -> click.Option:
    return click.Option(
        ["--color"],
        type=click.Choice(("auto", "always", "never")),
        default="auto",
        show_default=True,
        expose_value=False,
        callback=_choose_color,
        is_eager=True,
        help="Colour: auto is on a terminal, unless NO_COLOR or FORCE_COLOR is set.",
    )


def _choose_color(ctx: click.Context, param: click.Parameter, value: str) -> None:  # noqa: ARG001  # the signature is click's
    ctx.color = {"always": True, "never": False}.get(value)
