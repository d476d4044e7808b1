"""`sweep`: every combination of settings on every run."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from kcb_replay.commands.asking import metrics_of, require_recorded
from kcb_replay.commands.base import Command
from kcb_replay.commands.options import output_options, quiet_option, runs_argument, stopping_options, store_option
from kcb_replay.commands.printing import print_result, progress_bar, say, size_of

__all__ = ["sweep_command"]


@click.command(name="sweep", cls=Command)
@runs_argument
@store_option
@stopping_options
@click.option("--semantics", default="keras-3.15", show_default=True, help="Which Keras is replayed.")
@click.option("--pareto", is_flag=True, help="Only settings that no other one beats in both saving and regret.")
@click.option("--top", type=click.IntRange(min=1), help="Only the first so many.")
@click.option(
    "--also", metavar="METRIC", help="A second metric that is not monitored, and what the epochs kept cost in it."
)
@click.option("--rows", type=click.Path(path_type=Path), help="Write a row per fit and setting too: .parquet or .csv.")
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
    **settings: Any,
) -> None:
    """Try every combination of EarlyStopping settings on every run, and say what each saves and costs.

    Without --patience it is 1..50. saved is the mean share of the recorded epochs that would not have run, regret what
    the epochs kept give away against the best of each recording. A fit whose recording ends before the stop is
    undecided: its regret is a lower bound, and so is that of a fit that was still improving.

    \b
    kcb-replay sweep --patience 1..50 --min-delta 0,1e-4,1e-3 --pareto
    kcb-replay sweep 'seeds/*' --patience 5,10 --restore-best-weights --json
    kcb-replay sweep --also val_accuracy --rows sweep.parquet
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import semantics
    from kcb_replay.replay.sweep.blocks import swept_blocks
    from kcb_replay.replay.sweep.grid import settings_grid
    from kcb_replay.replay.sweep.overall import overall
    from kcb_replay.report import sweeps
    from kcb_replay.report.sweep_rows import require_rows_file, written_rows

    if rows is not None:
        require_rows_file(rows)
    version = semantics(settings.pop("semantics"))
    grid = settings_grid(EarlyStopping, _swept(settings))
    with progress_bar(quiet) as progress:
        recordings = metrics_of(runs, store, {settings["monitor"], also or ""}, progress=progress)
        blocks = swept_blocks(recordings, grid, version, also=also)
        found = overall(blocks if rows is None else written_rows(blocks, rows), grid, version)
    if not found.answered:
        require_recorded(runs, store, found)
    numbers = sweeps.chosen_settings(found, pareto=pareto, top=top)
    records = sweeps.sweep_records(found, numbers)
    table = functools.partial(sweeps.sweep_table, found, numbers, pareto=pareto)
    print_result(output, sweeps.sweep_document(found, records), records, table)
    wrote = [] if rows is None else [f"Wrote {rows} ({size_of(rows)})"]
    say([*wrote, *sweeps.left_out_of_sweep(found)], quiet=quiet)


def _swept(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments to sweep, those that were given and a patience from 1 to 50."""
    given = {name: value for name, value in settings.items() if value is not None}
    return {"patience": range(1, 51), **given}
