"""`completion`: what a shell completes of a command line, names of stored runs included.

A run may have any name that a folder can have, `$(...)` among them: what is offered is quoted for the shell, and a name
that the shell's script cannot carry is not offered.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
    get_completion_class,
)

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


class _Offering(ShellComplete):
    """Offers no value that would be cut or steer the terminal on its way."""

    cutting = ""

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """Return what is offered for an incomplete word."""
        return [item for item in super().get_completions(args, incomplete) if self._is_carried(item)]

    def _is_carried(self, item: CompletionItem) -> bool:
        return item.type != "plain" or (item.value.isprintable() and not {*self.cutting}.intersection(item.value))


class _Bash(_Offering, BashComplete):
    """Bash puts a word into the line as it is, and runs what is not quoted."""

    # click's script takes backslashes away, and lets `*` stand for the files of the folder.
    source_template = BashComplete.source_template.replace("read type", "read -r type").replace(
        "COMPREPLY+=($value)", 'COMPREPLY+=("$value")'
    )

    def format_completion(self, item: CompletionItem) -> str:
        """Return a line of the answer, its value quoted as the word was begun."""
        return f"{item.type},{_in_bash(item.value, _opened_quote()) if item.type == 'plain' else item.value}"


class _Zsh(_Offering, ZshComplete):
    """Zsh quotes what it puts into the line."""


class _Fish(_Offering, FishComplete):
    """Fish quotes what it puts into the line; its script cuts a value at a comma."""

    cutting = ","


for kind in (_Bash, _Zsh, _Fish):
    add_completion_class(kind)


def _opened_quote() -> str:
    """Return the quote that the word begins with at which bash stands."""
    word = os.environ["COMP_WORDS"].split("\n")[int(os.environ["COMP_CWORD"]) :][:1]
    return word[0][:1] if word and word[0][:1] in ("'", '"') else ""


def _in_bash(value: str, quote: str) -> str:
    """Return a value as the rest of a word that has begun with a quote, or with none."""
    if quote == "'":
        return value.replace("'", "'\\''")
    if quote == '"':
        # Nothing escapes a `!` between these.
        return re.sub(r'([$`"\\])', r"\\\1", value).replace("!", "\"'!'\"")
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", value)


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
