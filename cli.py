"""The command line: the commands under one name. stdout carries the result alone; everything else goes to stderr."""

from __future__ import annotations

import os

import click

from kcb_replay import __version__
from kcb_replay.commands import (
    compare,
    completion,
    conform,
    course,
    explain,
    infer,
    ingest,
    plot,
    recommend,
    simulate,
    stored_runs,
    sweep,
    versions,
)
from kcb_replay.commands.base import Commands

_COMMANDS = (
    ingest.ingest_command,
    stored_runs.runs_command,
    stored_runs.show_command,
    stored_runs.remove_command,
    stored_runs.rename_command,
    stored_runs.tag_command,
    stored_runs.check_command,
    stored_runs.snapshot_command,
    simulate.simulate_command,
    explain.explain_command,
    sweep.sweep_command,
    recommend.recommend_command,
    compare.compare_command,
    infer.infer_command,
    plot.plot_command,
    simulate.report_command,
    course.course_command,
    versions.versions_command,
    conform.conform_command,
    completion.completion_command,
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
