"""`simulate` and `report`: what callbacks would have done with recorded runs, as a table, as records, as a page."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.commands.callback_lists import answers_of, require_answer, simulation_of

if TYPE_CHECKING:
    from pathlib import Path


@click.command(name="simulate", cls=Command)
@options.runs
@options.store
@options.replayed_callbacks
@options.form
@options.language
@options.quiet
@options.verbose
def simulate_command(
    runs: tuple[str, ...], store: Path, form: str, quiet: bool, verbose: bool, **settings: Any
) -> None:
    """Replay callbacks on recorded runs: when they would have stopped, what they would have kept.

    RUN is a run of the store, a glob, or a log file or folder (then no store is needed); all runs of the store by
    default. Options take lists (3,5,10) and ranges (1..40:5): every combination is replayed.

    \b
    kcb-replay simulate --patience 3,5,10
    kcb-replay simulate logs/run1/training.log --patience 5 --lr-patience 3 --factor 0.5
    kcb-replay simulate -c 'EarlyStopping(monitor="val_accuracy", patience=3)'
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.simulation import SimulationResult

    result = SimulationResult(form, output.texts(), verbose=verbose)
    for position, answers in answers_of(runs, store, settings):
        result.add(position, answers)
    require_answer(result.notes)
    output.print_texts(form, result.texts())
    output.say(result.reason_lines(), quiet=quiet)
    output.say(result.notes.lines(), quiet=quiet)


@click.command(name="report", cls=Command)
@options.runs
@options.store
@options.replayed_callbacks
@options.page("-o --output", "path", required=True)
@options.force
@options.language
@options.quiet
def report_command(
    runs: tuple[str, ...], store: Path, path: Path, max_size: str, draw_all: bool, quiet: bool, **settings: Any
) -> None:
    """Write one offline HTML page: every run, its curve with marks, and the explanation.

    \b
    kcb-replay report --patience 5 -o report.html
    kcb-replay report 'seeds/*' --monitor val_accuracy -o seeds.html
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.report_page import contents_of, html_of
    from kcb_replay.report.simulation_notes import SimulationNotes

    page = output.PageFile(path, max_size, draw_all)
    simulation = simulation_of(runs, store, settings)
    contents = contents_of(simulation, output.texts(), draw_all=draw_all)
    html = html_of(contents, command=output.command_line())
    page.write(html, contents.drawn_remark, quiet=quiet)
    output.say(SimulationNotes.of(simulation).lines(), quiet=quiet)
    if not simulation.is_answered:
        sys.exit(1)
