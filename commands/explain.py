"""`explain`: what callbacks do with one run, epoch by epoch: in words, as a page, as a figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.commands.callback_lists import explained_callbacks, require_answer, simulation_of
from kcb_replay.commands.selection import listed, recording_of
from kcb_replay.errors import SettingError


@click.command(name="explain", cls=Command)
@options.run
@options.store
@options.replayed_callbacks
@click.option("--html", type=click.Path(path_type=Path), help="Write a page with a slider per argument to this file.")
@click.option("--fit", type=int, help="Which fit of the run, from 0, for --html.  [default: the only one]")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the run, too: a .png, .svg or .pdf file.")
@options.figure
@options.force
@options.language
@options.quiet
def explain_command(
    run: str,
    store: Path,
    html: Path | None,
    fit: int | None,
    plot: Path | None,
    theme: str,
    width: float | None,
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
    figure = None if plot is None else output.FigureFile(plot, theme, width)
    if html is not None:
        if figure is not None:
            raise SettingError("--html and --plot are drawn from other settings: ask for one after the other.")
        _write_page(run, store, html, fit, settings)
        output.say_wrote(html, quiet=quiet)
        return
    if fit is not None:
        raise SettingError("--fit chooses the fit of a page: give --html with it. In words, every fit is explained.")
    from kcb_replay.report.sections import explanation
    from kcb_replay.report.simulation_notes import SimulationNotes

    simulation = simulation_of((run,), store, settings)
    notes = SimulationNotes.of(simulation)
    require_answer(notes)
    words = output.texts()
    differences = [words.say("validity.sentence", why=each) for each in notes.difference_sentences()]
    explanations = [explanation(answer, output.ink(), words) for answer in simulation.answers]
    output.print_text("\n\n".join([*explanations, *differences]))
    output.say(notes.left_out_lines(), quiet=quiet)
    if figure is not None:
        figure.draw(simulation, quiet=quiet)


def _write_page(run: str, store: Path, html: Path, fit: int | None, settings: dict[str, Any]) -> None:
    from kcb_replay.report.explainer.page import explainer_html
    from kcb_replay.report.pages.document import write_document

    if settings["reuse"]:
        raise SettingError("--reuse-callbacks goes through all fits of a run, and a page is about one: leave it out.")
    output.require_place(html)
    recording = recording_of(run, store)
    monitor, *others = listed(settings["monitor"])
    callbacks, axes = explained_callbacks({**settings, "monitor": monitor})
    page = explainer_html(
        recording,
        callbacks,
        fit=fit,
        axes=axes,
        monitors=others or None,
        language=output.texts().language,
        semantics=settings["semantics"],
        initial_lr=settings["initial_lr"],
        steps_per_epoch=settings["steps_per_epoch"],
        command=output.command_line(),
    )
    write_document(html, page, force=output.may_replace())
