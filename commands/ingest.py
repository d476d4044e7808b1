"""`ingest`: read logs into the store, once, for trial, or following."""

from __future__ import annotations

import math
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.store import Store


def _require_finite(ctx: click.Context, param: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter("it is no number of seconds.", ctx, param)
    return value


@click.command(name="ingest", cls=Command)
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, readable=False, path_type=Path)
)
@options.store
@click.option(
    "--format",
    "format_",
    default="auto",
    show_default=True,
    help="Or a format by its name, such as csvlogger, history, tensorboard, console.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes, where they pay.  [default: one per core]")
@click.option("--dry-run", is_flag=True, help="Only list what would be read, by which reader, into which run.")
@click.option("--watch", "watched", is_flag=True, help="Go on and follow trainings that still run, until Ctrl-C.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.1),
    callback=_require_finite,
    default=2.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--strict", is_flag=True, help="Exit with 1 when anything was left out.")
@options.quiet
@options.verbose
def ingest_command(paths: tuple[Path, ...], store: Path, **choices: Any) -> None:
    """Read log files or folders of them into the store.

    CSVLogger files, pickled Histories, TensorBoard event files and console logs become runs named by their folders.
    What is unchanged since the last ingest is not read again.

    \b
    kcb-replay ingest logs/ --dry-run
    kcb-replay ingest logs/ --watch
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.store import Store

    if choices["dry_run"] and choices["watched"]:
        raise SettingError("--dry-run writes nothing, so there is nothing to follow. Give it without --watch.")
    follow = _dry_run if choices["dry_run"] else _watch if choices["watched"] else _ingest
    follow(Store(store), paths, choices)


def _ingest(store: Store, paths: Sequence[Path], choices: dict[str, Any]) -> None:
    from kcb_replay.ingest.ingest import ingest
    from kcb_replay.report.ingest_summary import growth_lines, ingest_summary

    with output.progress_bar(choices["quiet"]) as progress:
        jobs = choices["jobs"] or os.cpu_count() or 1
        report = ingest(store, paths, format=choices["format_"], progress=progress, jobs=jobs)
    more = growth_lines(report) if choices["verbose"] else []
    output.say([*more, *ingest_summary(report, store.path, verbose=choices["verbose"])], quiet=choices["quiet"])
    if (choices["strict"] and report.left_out) or not (report.written or report.unchanged):
        sys.exit(1)


def _dry_run(store: Store, paths: Sequence[Path], choices: dict[str, Any]) -> None:
    from kcb_replay.ingest.plan import plan
    from kcb_replay.report.ingest_summary import plan_lines, plan_summary

    planned = plan(store, paths, format=choices["format_"])
    for line in plan_lines(planned):
        click.echo(line)
    output.say(plan_summary(planned, verbose=choices["verbose"]), quiet=choices["quiet"])
    if (choices["strict"] and planned.left_out) or not (planned.wanted or planned.unchanged):
        sys.exit(1)


def _watch(store: Store, paths: Sequence[Path], choices: dict[str, Any]) -> None:
    from kcb_replay.ingest.ingest import watch
    from kcb_replay.report.ingest_summary import change_lines

    for report in watch(store, paths, format=choices["format_"], interval=choices["interval"]):
        output.say(change_lines(report), quiet=choices["quiet"])
