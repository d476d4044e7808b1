"""The commands that replay callbacks and show what they do: as tables, in words, as a page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from kcb_replay.commands.asking import require_answer, simulation_of
from kcb_replay.commands.base import Command
from kcb_replay.commands.options import (
    callback_options,
    output_options,
    quiet_option,
    run_argument,
    runs_argument,
    store_option,
    verbose_option,
)
from kcb_replay.commands.printing import ink, print_result, print_text, say, size_of

__all__ = ["explain_command", "report_command", "simulate_command"]


@click.command(name="simulate", cls=Command)
@runs_argument
@store_option
@callback_options
@output_options
@quiet_option
@verbose_option
def simulate_command(
    runs: tuple[str, ...], store: Path, output: str, quiet: bool, verbose: bool, **settings: Any
) -> None:
    """Replay callbacks on recorded runs: when they would have stopped, what they would have kept.

    RUN is a run of the store, a glob, or a log file or folder (then no store is needed); all runs of the store by
    default. Options take lists (3,5,10) and ranges (1..40:5): every combination is replayed.

    \b
    kcb-replay simulate --patience 3,5,10
    kcb-replay simulate logs/run1/training.log --patience 5 --lr-patience 3 --factor 0.5
    kcb-replay simulate -c 'EarlyStopping(monitor="val_accuracy", patience=3)'
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.summary import reason_lines, simulation_notes
    from kcb_replay.report.tables import simulation_document, simulation_records, simulation_table

    simulation = simulation_of(runs, store, settings)
    require_answer(simulation)
    print_result(
        output,
        simulation_document(simulation),
        simulation_records(simulation),
        lambda: simulation_table(simulation),
    )
    say([*(reason_lines(simulation) if verbose else ()), *simulation_notes(simulation)], quiet=quiet)


@click.command(name="explain", cls=Command)
@run_argument
@store_option
@callback_options
def explain_command(run: str, store: Path, **settings: Any) -> None:
    """Say epoch by epoch, in words, what the callbacks do with one run.

    \b
    kcb-replay explain run1 --patience 5
    kcb-replay explain logs/run1/training.log -c 'ReduceLROnPlateau(factor=0.2, patience=3)'
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.explanation import explanation
    from kcb_replay.report.summary import left_out_lines
    from kcb_replay.report.versions import difference_sentences

    simulation = simulation_of((run,), store, settings)
    require_answer(simulation)
    differences = [f"{sentence}." for sentence in difference_sentences(simulation.replays)]
    explanations = [explanation(replay, ink()) for replay in simulation.replays]
    print_text("\n\n".join([*explanations, *differences]))
    say(left_out_lines(simulation), quiet=False)


@click.command(name="report", cls=Command)
@runs_argument
@store_option
@callback_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="An .html file.")
@quiet_option
def report_command(runs: tuple[str, ...], store: Path, output: Path, quiet: bool, **settings: Any) -> None:
    """Write one offline HTML page: every run, its curve with marks, and the explanation.

    \b
    kcb-replay report --patience 5 -o report.html
    kcb-replay report 'seeds/*' --monitor val_accuracy -o seeds.html
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.page import report
    from kcb_replay.report.summary import simulation_notes

    simulation = simulation_of(runs, store, settings)
    report(simulation, output, command=shlex.join(["kcb-replay", *sys.argv[1:]]))
    say([f"Wrote {output} ({size_of(output)})", *simulation_notes(simulation)], quiet=quiet)
    if not simulation.replays:
        sys.exit(1)
