"""The commands that replay callbacks and show what they do: as tables, in words, as a page."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from kcb_replay.commands.base import Command
from kcb_replay.commands.options import (
    callback_options,
    figure_options,
    figure_settings,
    language_option,
    output_options,
    quiet_option,
    run_argument,
    runs_argument,
    store_option,
    verbose_option,
)
from kcb_replay.commands.output import ink, print_result, print_text, say, size_of
from kcb_replay.commands.page_options import PageRequest, command_line, page_options
from kcb_replay.commands.selection import (
    explained_callbacks,
    listed,
    only_one,
    recordings_of,
    require_answer,
    simulation_of,
)
from kcb_replay.errors import SettingError
from kcb_replay.language.catalogue import ENGLISH

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
    from kcb_replay.report.simulation import (
        reason_lines,
        simulation_document,
        simulation_notes,
        simulation_records,
        simulation_table,
    )

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
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with a slider per argument to this file.")
@click.option("--fit", type=int, help="Which fit of the run, from 0, for --html.  [default: the only one]")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the run, too: a .png, .svg or .pdf file.")
@figure_options
@language_option
@quiet_option
def explain_command(
    run: str,
    store: Path,
    html: Path | None,
    fit: int | None,
    plot: Path | None,
    language: str,
    quiet: bool,
    **settings: Any,
) -> None:
    """Say epoch by epoch, in words, what the callbacks do with one run; with --html as a page to turn the settings on.

    On the page, lists (--patience 1..40) are the positions of a slider; the others are chosen to fit the recording.

    \b
    kcb-replay explain run1 --patience 5 --min-delta 0.001
    kcb-replay explain run1 --patience 5 --lr-patience 3 --html run1.html
    kcb-replay explain run1 --patience 5 --plot run1.svg
    kcb-replay explain run1 --html run1.html --lang ko
    """  # noqa: D301  # \b keeps click from joining the lines
    look = figure_settings(settings)
    if plot is not None:
        from kcb_replay.report.figure import require_figure_file

        require_figure_file(plot)
    if html is not None:
        if plot is not None:
            raise SettingError("--html and --plot are drawn from other settings: ask for one after the other.")
        _write_explainer(run, store, html, fit, language, settings)
        say([f"Wrote {html} ({size_of(html)})"], quiet=quiet)
        return
    if fit is not None:
        raise SettingError("--fit chooses the fit of a page: give --html with it. In words, every fit is explained.")
    if language != ENGLISH:
        raise SettingError("--lang is the language of a page: give --html with it.")
    from kcb_replay.report.explanation import explanation
    from kcb_replay.report.simulation import left_out_lines
    from kcb_replay.report.versions import difference_sentences

    simulation = simulation_of((run,), store, settings)
    require_answer(simulation)
    differences = [f"{sentence}." for sentence in difference_sentences(simulation.replays)]
    explanations = [explanation(answer, ink()) for answer in simulation.answers]
    print_text("\n\n".join([*explanations, *differences]))
    say(left_out_lines(simulation), quiet=quiet)
    if plot is not None:
        from kcb_replay.report.figure import plot as draw

        draw(simulation, plot, **look)
        say([f"Wrote {plot} ({size_of(plot)})"], quiet=quiet)


def _write_explainer(
    run: str, store: Path, html: Path, fit: int | None, language: str, settings: dict[str, Any]
) -> None:
    from kcb_replay.report.explainer.page import explainer_html, write_explainer

    if settings["reuse"]:
        raise SettingError("--reuse-callbacks goes through all fits of a run, and a page is about one: leave it out.")
    (recording,) = only_one(recordings_of((run,), store), run)
    monitor, *others = listed(settings["monitor"])
    callbacks, axes = explained_callbacks({**settings, "monitor": monitor})
    page = explainer_html(
        recording,
        callbacks,
        fit=fit,
        axes=axes,
        monitors=others or None,
        language=language,
        semantics=settings["semantics"],
        initial_lr=settings["initial_lr"],
        steps_per_epoch=settings["steps_per_epoch"],
        command=shlex.join(["kcb-replay", *sys.argv[1:]]),
    )
    write_explainer(html, page)


@click.command(name="report", cls=Command)
@runs_argument
@store_option
@callback_options
@page_options("-o --output", required=True)
@quiet_option
def report_command(
    runs: tuple[str, ...], store: Path, output: Path, max_size: str, draw_all: bool, quiet: bool, **settings: Any
) -> None:
    """Write one offline HTML page: every run, its curve with marks, and the explanation.

    \b
    kcb-replay report --patience 5 -o report.html
    kcb-replay report 'seeds/*' --monitor val_accuracy -o seeds.html
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.report_page import contents_of, html_of
    from kcb_replay.report.simulation import simulation_notes

    page = PageRequest.of(output, max_size, draw_all=draw_all)
    simulation = simulation_of(runs, store, settings)
    contents = contents_of(simulation, draw_all=draw_all)
    page.write(html_of(contents, simulation, command=command_line()), contents.drawn_remark, quiet=quiet)
    say(simulation_notes(simulation), quiet=quiet)
    if not simulation.is_answered:
        sys.exit(1)
