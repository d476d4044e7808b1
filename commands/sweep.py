"""`sweep`: every combination of settings on every run."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from kcb_replay.commands.base import Command
from kcb_replay.commands.options import (
    figure_options,
    figure_settings,
    output_options,
    quiet_option,
    reducing_options,
    runs_argument,
    store_option,
    swept_options,
)
from kcb_replay.commands.output import print_result, progress_bar
from kcb_replay.commands.page_options import PageRequest, page_options
from kcb_replay.commands.selection import listed, require_recorded, swept_arguments
from kcb_replay.commands.sweep_request import SweepRequest
from kcb_replay.commands.sweep_stopping import sweep_stopping
from kcb_replay.errors import SettingError

__all__ = ["sweep_command"]


@click.command(name="sweep", cls=Command)
@runs_argument
@store_option
@swept_options(restores="no")
@reducing_options
@click.option(
    "--semantics", default="keras-3.15", show_default=True, help="Which Keras is replayed; several (a,b) side by side."
)
@click.option("--pareto", is_flag=True, help="Only settings that no other one beats in both saving and regret.")
@click.option("--top", type=click.IntRange(min=1), help="Only the first so many.")
@click.option(
    "--also", metavar="METRIC", help="A second metric that is not monitored, and what the epochs kept cost in it."
)
@click.option("--rows", type=click.Path(path_type=Path), help="Write a row per fit and setting too: .parquet or .csv.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw all settings: a .png, .svg or .pdf file.")
@page_options("--html")
@click.option(
    "--max-regret",
    metavar="LIMIT",
    help="Page: show first what saves most within this mean regret, 0.002 or 1% of the mean best value.",
)
@figure_options
@output_options
@quiet_option
def sweep_command(
    runs: tuple[str, ...],
    store: Path,
    output: str,
    quiet: bool,
    pareto: bool,
    top: int | None,
    also: str | None,
    rows: Path | None,
    plot: Path | None,
    html: Path | None,
    max_size: str,
    draw_all: bool,
    max_regret: str | None,
    **settings: Any,
) -> None:
    """Try every combination of EarlyStopping settings on every run, and say what each saves and costs.

    Without --patience it is 1..50. saved is the mean share of the recorded epochs that would not have run, regret what
    the epochs kept give away against the best of each recording. A fit whose recording ends before the stop is
    undecided: its regret is a lower bound, and so is that of a fit that was still improving.

    With --lr-patience, --factor, --cooldown, --min-lr or --lr-min-delta it is ReduceLROnPlateau instead: how many fits
    it reduces the learning rate of, when, and how often before the recorded training had reached its best epoch.

    \b
    kcb-replay sweep --patience 1..50 --min-delta 0,1e-4,1e-3 --pareto
    kcb-replay sweep --patience 1..30 --min-delta 0,1e-3,1e-2 --plot sweep.png --html sweep.html
    kcb-replay sweep --monitor val_loss,val_accuracy --semantics keras-3.15,keras-2.0.8 --html sweep.html
    kcb-replay sweep 'seeds/*' --patience 5,10 --restore-best-weights --json
    kcb-replay sweep --also val_accuracy --rows sweep.parquet
    kcb-replay sweep --lr-patience 2..10 --factor 0.1,0.5
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.semantics import semantics
    from kcb_replay.report.choices.default_setting import Limit
    from kcb_replay.report.sweep_rows import require_rows_file

    if rows is not None:
        require_rows_file(rows)
    if plot is not None:
        from kcb_replay.report.figure import require_figure_file

        require_figure_file(plot)
    page = None if html is None else PageRequest.of(html, max_size, draw_all=draw_all)
    limit = None if max_regret is None else Limit.from_text(max_regret)
    stopping, reducing = swept_arguments(settings)
    asked = SweepRequest(runs, store, tuple(map(semantics, listed(settings["semantics"]))), rows, top, output, quiet)
    look = figure_settings(settings)
    if not reducing:
        sweep_stopping(asked, stopping, pareto=pareto, also=also, plot=plot, look=look, page=page, limit=limit)
    else:
        only = (
            ("--pareto", pareto),
            ("--also", also),
            ("--plot", plot),
            ("--html", html),
            ("--max-regret", max_regret),
        )
        for option in (name for name, value in only if value):
            raise SettingError(f"{option} is for EarlyStopping: ReduceLROnPlateau saves no epoch and keeps none.")
        _sweep_reducing(asked, reducing, settings["initial_lr"])


def _sweep_reducing(asked: SweepRequest, arguments: dict[str, Any], initial_lr: float | None) -> None:
    from kcb_replay.ingest.recording import LEARNING_RATE_KEYS
    from kcb_replay.replay.callbacks import ReduceLROnPlateau
    from kcb_replay.replay.verdicts.plateau_blocks import plateau_blocks
    from kcb_replay.replay.verdicts.plateau_totals import overall_plateau
    from kcb_replay.replay.verdicts.settings_grid import settings_grid
    from kcb_replay.report import plateau_sweeps
    from kcb_replay.report.settings_table import left_out_of_sweep, limits_of_sweep

    grid = settings_grid(ReduceLROnPlateau, arguments)
    with progress_bar(asked.quiet) as progress:
        recordings = asked.recordings({arguments["monitor"], *LEARNING_RATE_KEYS}, progress)
        blocks = plateau_blocks(recordings, grid, asked.version, initial_lr=initial_lr)
        found = overall_plateau(asked.written(blocks), grid, asked.version)
    if not found.answered:
        require_recorded(asked.runs, asked.store, found)
    records = plateau_sweeps.plateau_records(found, asked.top)
    table = functools.partial(plateau_sweeps.plateau_table, found, asked.top)
    print_result(asked.output, plateau_sweeps.plateau_document(found, records), records, table)
    asked.say_all([*plateau_sweeps.plateau_notes(found), *limits_of_sweep(found), *left_out_of_sweep(found)])
