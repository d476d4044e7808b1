"""The command line: the commands under one name. stdout carries the result alone; everything else goes to stderr."""

from __future__ import annotations

import os

import click

from kcb_replay import __version__
from kcb_replay.commands.base import Commands
from kcb_replay.commands.compare import compare_command
from kcb_replay.commands.completion import completion_command
from kcb_replay.commands.conform import conform_command
from kcb_replay.commands.course import course_command
from kcb_replay.commands.infer import infer_command
from kcb_replay.commands.ingest import ingest_command
from kcb_replay.commands.plot import plot_command
from kcb_replay.commands.recommend import recommend_command
from kcb_replay.commands.simulate import explain_command, report_command, simulate_command
from kcb_replay.commands.stored_runs import (
    check_command,
    remove_command,
    rename_command,
    runs_command,
    show_command,
    snapshot_command,
    tag_command,
)
from kcb_replay.commands.sweep import sweep_command
from kcb_replay.commands.versions import versions_command

__all__ = ["main"]

_COMMANDS = (
    ingest_command,
    runs_command,
    show_command,
    remove_command,
    rename_command,
    tag_command,
    check_command,
    snapshot_command,
    simulate_command,
    explain_command,
    sweep_command,
    recommend_command,
    compare_command,
    infer_command,
    plot_command,
    report_command,
    course_command,
    versions_command,
    conform_command,
    completion_command,
)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kcb-replay")
def main() -> None:
    """When would EarlyStopping, ReduceLROnPlateau and other Keras callbacks have fired on the trainings you have?

    \b
    kcb-replay ingest logs/
    kcb-replay simulate --patience 5
    kcb-replay report -o report.html
    """  # noqa: D301  # \b keeps click from joining the lines
    # NumPy starts threads for linear algebra when it is imported; nothing here does any, and they spin for a while.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


for command in _COMMANDS:
    main.add_command(command)
