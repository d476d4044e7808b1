"""`completion`: what a shell completes of a command line, names of stored runs included."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.shell_completion import CompletionItem, get_completion_class

from kcb_replay.commands.base import Command
from kcb_replay.errors import KcbReplayError

_PROGRAM, _VARIABLE = "kcb-replay", "_KCB_REPLAY_COMPLETE"


@click.command(name="completion", cls=Command)
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
def completion_command(shell: str) -> None:
    """Print the script by which a shell completes commands, options and names of stored runs.

    \b
    echo 'eval "$(kcb-replay completion bash)"' >> ~/.bashrc
    echo 'eval "$(kcb-replay completion zsh)"' >> ~/.zshrc
    kcb-replay completion fish > ~/.config/fish/completions/kcb-replay.fish
    """  # noqa: D301  # \b keeps click from joining the lines
    kind = get_completion_class(shell)
    if kind is None:
        raise AssertionError("click knows all three")
    program = click.get_current_context().find_root().command
    completion = kind(program, {}, _PROGRAM, _VARIABLE)
    # Not `completion.source()`: that asks for a bash on this machine, and the script may be for another one.
    click.echo(completion.source_template % completion.source_vars())


def completed_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001  # the signature is click's
    """Return the stored runs whose names begin so, and let the shell complete paths; an unreadable store has none."""
    from kcb_replay.ingest.store import Store

    folder = ctx.params.get("store") or os.environ.get("KCB_STORE") or "kcb-store"
    try:
        names = [entry.name for entry in Store(Path(folder)).runs()]
    except KcbReplayError:
        names = []
    runs = [CompletionItem(name) for name in names if name.startswith(incomplete)]
    # Paths first: in bash they throw away what stands before them, and are offered where there is nothing else.
    return [CompletionItem(incomplete, type="file"), *runs]


def completed_versions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001  # the signature is click's
    """Return the known versions of Keras whose names begin so."""
    from kcb_replay.replay.semantics import known_semantics

    return [CompletionItem(name) for name in known_semantics() if name.startswith(incomplete)]
