"""What all commands share: how the package's errors end."""

from __future__ import annotations

from typing import Any

import click

from kcb_replay.errors import KcbReplayError, SettingError

__all__ = ["Command", "Commands"]


class Command(click.Command):
    """Turns the package's errors into one line on stderr and an exit code: the one place that does."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a setting that cannot be is wrong usage (2), everything else a data problem (1)."""
        try:
            return super().invoke(ctx)
        except SettingError as error:
            raise click.UsageError(str(error), ctx) from error
        except KcbReplayError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            click.echo("\nInterrupted. What was written so far is whole.", err=True)
            ctx.exit(130)


class Commands(click.Group):
    """A group of them."""

    command_class = Command
