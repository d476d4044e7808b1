"""`plot`: figures for papers and slides, of one run, of many, of a sweep, of stopping rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kcb_replay.commands import options, output, selection
from kcb_replay.commands.base import Command
from kcb_replay.commands.callback_lists import require_answer, simulation_of, swept_arguments
from kcb_replay.errors import KcbReplayError, SettingError

if TYPE_CHECKING:
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.simulation import Simulation
    from kcb_replay.replay.verdicts.rules import RuleComparison
    from kcb_replay.replay.verdicts.totals import SweepSummary


_RUN, _SWEEP = ("run", "curve", "wait", "lr"), ("sweep", "heatmap", "pareto")


@click.command(name="plot", cls=Command)
@options.runs
@options.store
@click.option(
    "-o", "--output", "path", type=click.Path(path_type=Path), required=True, help="A .png, .svg or .pdf file."
)
@click.option(
    "--kind",
    type=click.Choice((*_RUN, "strips", *_SWEEP, "rules")),
    help="What to draw.  [default: run of one replay, strips of several]",
)
@options.figure
@options.force
@click.option("--fit", type=int, help="Which fit of the run, from 0.  [default: every one]")
@options.replayed_callbacks
@options.language
@options.quiet
def plot_command(
    runs: tuple[str, ...],
    store: Path,
    path: Path,
    kind: str | None,
    theme: str,
    width: float | None,
    fit: int | None,
    quiet: bool,
    **settings: Any,
) -> None:
    """Draw a figure for a paper or a slide: PNG, SVG or PDF, light or dark.

    Of one run: run (the curve with its marks, the wait counter and the learning rate), curve, wait or lr. Of many:
    strips, a line each. Of all combinations of EarlyStopping settings: sweep, heatmap or pareto. Of stopping rules,
    each a -c: rules.

    \b
    kcb-replay plot run1 --patience 5 -o run1.png
    kcb-replay plot 'seeds/*' --patience 5 --kind strips --theme dark -o seeds.svg
    kcb-replay plot --patience 1..20 --min-delta 0,1e-3,1e-2 --kind heatmap --width 7 -o settings.pdf
    kcb-replay plot -c 'EarlyStopping(patience=5)' -c 'GL(alpha=5)' --kind rules -o rules.pdf
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.simulation_notes import SimulationNotes

    figure = output.FigureFile(path, theme, width)
    if kind in _SWEEP:
        figure.draw(_sweep(runs, store, settings), kind=kind, quiet=quiet)
    elif kind == "rules":
        figure.draw(_comparison(runs, store, settings), quiet=quiet)
    else:
        simulation = simulation_of(runs, store, settings)
        notes = SimulationNotes.of(simulation)
        require_answer(notes)
        output.say([*notes.unanswered_sentences(), *notes.left_out_lines()], quiet=quiet)
        figure.draw(_chosen(simulation, runs, kind, fit), kind=kind, quiet=quiet)


def _chosen(simulation: Simulation, runs: tuple[str, ...], kind: str | None, fit: int | None) -> Simulation | Replay:
    replays = [replay for replay in simulation.replays if fit in (None, replay.fit)]
    if kind not in _RUN and replays:
        return replace(simulation, answers=tuple(each for each in simulation.answers if fit in (None, each.fit)))
    what = (" ".join(runs) or "the store") + ("" if fit is None else f" fit {fit}")
    of = "of run, fit and setting"
    return selection.only_one(replays, what, f"combination {of}", plural=f"combinations {of}")


def _sweep(runs: tuple[str, ...], store: Path, settings: dict[str, Any]) -> SweepSummary:
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.grid import settings_grid
    from kcb_replay.replay.semantics import semantics
    from kcb_replay.replay.verdicts.stopping import swept_blocks
    from kcb_replay.replay.verdicts.totals import summary_of

    if settings["callbacks"]:
        raise SettingError("A sweep is described by lists of settings, as --patience 1..50, not by -c.")
    arguments, reducing = swept_arguments(settings)
    if reducing:
        raise SettingError("A sweep of ReduceLROnPlateau has no figure: it saves no epoch and keeps none.")
    grid = settings_grid(EarlyStopping, {"patience": range(1, 51), **arguments})
    version = semantics(settings["semantics"] or "keras-3.15")
    recordings = selection.metrics_of(runs, store, {arguments["monitor"]}, progress=None)
    sweep = summary_of(swept_blocks(recordings, grid, version), grid, version)
    if not sweep.answered:
        selection.require_recorded(runs, store, sweep)
    return sweep


def _comparison(runs: tuple[str, ...], store: Path, settings: dict[str, Any]) -> RuleComparison:
    from kcb_replay.replay.settings_text import parse_callback
    from kcb_replay.replay.verdicts.rules import compare_rules
    from kcb_replay.report.choices_table import limits_of_comparison

    if not settings["callbacks"]:
        raise SettingError("Say which rules: -c 'EarlyStopping(patience=5)' -c 'GL(alpha=5)', one -c for each.")
    comparison = compare_rules(
        selection.recordings_of(runs, store),
        [parse_callback(text) for text in settings["callbacks"]],
        monitor=settings["monitor"],
        mode=settings["mode"],
        semantics=settings["semantics"] or "keras-3.15",
    )
    if not comparison.is_answered:
        raise KcbReplayError("\n".join(["No run could be compared.", *map(str, limits_of_comparison(comparison))]))
    return comparison
