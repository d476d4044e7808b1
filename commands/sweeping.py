"""`sweep`: every combination of settings on every run."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click

from kcb_replay.commands.asking import recordings_of
from kcb_replay.commands.base import Command
from kcb_replay.commands.options import output_options, quiet_option, runs_argument, stopping_options, store_option
from kcb_replay.commands.printing import print_result, say
from kcb_replay.errors import KcbReplayError

__all__ = ["sweep_command"]


@click.command(name="sweep", cls=Command)
@runs_argument
@store_option
@stopping_options
@click.option("--semantics", default="keras-3.15", show_default=True, help="Which Keras is replayed.")
@click.option("--pareto", is_flag=True, help="Only settings that no other one beats in both saving and regret.")
@click.option("--top", type=click.IntRange(min=1), help="Only the first so many.")
@click.option("--per-run", is_flag=True, help="A line per setting and fit instead of one per setting; not as a table.")
@output_options
@quiet_option
def sweep_command(
    runs: tuple[str, ...],
    store: Path,
    output: str,
    quiet: bool,
    pareto: bool,
    top: int | None,
    per_run: bool,
    **settings: Any,
) -> None:
    """Try every combination of EarlyStopping settings on every run, and say what each saves and costs.

    Without --patience it is 1..50. saved is the mean share of the recorded epochs that would not have run, regret what
    the epochs kept give away against the best of each recording. A fit whose recording ends before the stop is
    undecided: its regret is a lower bound.

    \b
    kcb-replay sweep --patience 1..50 --min-delta 0,1e-4,1e-3 --pareto
    kcb-replay sweep 'seeds/*' --patience 5,10 --restore-best-weights --json
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.sweep.sweep import sweep
    from kcb_replay.report import sweeps

    found = sweep(recordings_of(runs, store), semantics=settings.pop("semantics"), **_swept(settings))
    if not found.answered.any():
        reasons = sweeps.left_out_of_sweep(found) or ["The store is empty. Ingest logs first."]
        raise KcbReplayError("\n".join(["No run could be swept.", *reasons]))
    summaries = found.per_setting()
    numbers = sweeps.chosen_settings(found, summaries, pareto=pareto, top=top)
    records = list(found.records()) if per_run else sweeps.sweep_records(summaries, numbers)
    if per_run and output == "table":
        output = "csv"
    table = functools.partial(sweeps.sweep_table, found, summaries, numbers, pareto=pareto)
    print_result(output, sweeps.sweep_document(found, records), records, table)
    say(sweeps.left_out_of_sweep(found), quiet=quiet)


def _swept(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments to sweep, those that were given and a patience from 1 to 50."""
    given = {name: value for name, value in settings.items() if value is not None}
    return {"patience": range(1, 51), **given}
