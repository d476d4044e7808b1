"""`plot`: figures for papers and slides, of one run, of many, of a sweep, of stopping rules."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kcb_replay.commands.base import Command
from kcb_replay.commands.options import (
    callback_options,
    figure_options,
    figure_settings,
    quiet_option,
    runs_argument,
    store_option,
)
from kcb_replay.commands.output import say, size_of
from kcb_replay.commands.selection import (
    metrics_of,
    only_one,
    recordings_of,
    require_answer,
    require_recorded,
    simulation_of,
    swept_arguments,
)
from kcb_replay.errors import KcbReplayError, SettingError

if TYPE_CHECKING:
    from kcb_replay.replay.replay import Simulation
    from kcb_replay.replay.result import Replay
    from kcb_replay.replay.verdicts.rules import RuleComparison
    from kcb_replay.replay.verdicts.totals import SweepSummary

__all__ = ["plot_command"]

_RUN, _SWEEP = ("run", "curve", "wait", "lr"), ("sweep", "heatmap", "pareto")


@click.command(name="plot", cls=Command)
@runs_argument
@store_option
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .png, .svg or .pdf file.")
@click.option(
    "--kind",
    type=click.Choice((*_RUN, "strips", *_SWEEP, "rules")),
    help="What to draw.  [default: run of one replay, strips of several]",
)
@figure_options
@click.option("--fit", type=int, help="Which fit of the run, from 0.  [default: every one]")
@callback_options
@quiet_option
def plot_command(
    runs: tuple[str, ...],
    store: Path,
    output: Path,
    kind: str | None,
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
    from kcb_replay.report.figure import plot, require_figure_file
    from kcb_replay.report.simulation import left_out_lines, unanswered_sentences

    require_figure_file(output)
    look = figure_settings(settings)
    if kind in _SWEEP:
        plot(_sweep(runs, store, settings), output, kind=kind, **look)
    elif kind == "rules":
        plot(_comparison(runs, store, settings), output, **look)
    else:
        simulation = simulation_of(runs, store, settings)
        require_answer(simulation)
        say([*unanswered_sentences(simulation.answers), *left_out_lines(simulation)], quiet=quiet)
        plot(_chosen(simulation, runs, kind, fit), output, kind=kind, **look)
    say([f"Wrote {output} ({size_of(output)})"], quiet=quiet)


def _chosen(simulation: Simulation, runs: tuple[str, ...], kind: str | None, fit: int | None) -> Simulation | Replay:
    replays = [replay for replay in simulation.replays if fit in (None, replay.fit)]
    if kind not in _RUN and replays:
        return replace(simulation, answers=tuple(each for each in simulation.answers if fit in (None, each.fit)))
    what = (" ".join(runs) or "the store") + ("" if fit is None else f" fit {fit}")
    of = "of run, fit and setting"
    return only_one(replays, what, f"combination {of}", plural=f"combinations {of}")[0]


def _sweep(runs: tuple[str, ...], store: Path, settings: dict[str, Any]) -> SweepSummary:
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.grid import settings_grid
    from kcb_replay.replay.semantics import semantics
    from kcb_replay.replay.verdicts.stopping import swept_blocks
    from kcb_replay.replay.verdicts.totals import overall

    if settings["callbacks"]:
        raise SettingError("A sweep is described by lists of settings, as --patience 1..50, not by -c.")
    arguments, reducing = swept_arguments(settings)
    if reducing:
        raise SettingError("A sweep of ReduceLROnPlateau has no figure: it saves no epoch and keeps none.")
    grid = settings_grid(EarlyStopping, {"patience": range(1, 51), **arguments})
    version = semantics(settings["semantics"] or "keras-3.15")
    recordings = metrics_of(runs, store, {arguments["monitor"]}, progress=None)
    found = overall(swept_blocks(recordings, grid, version), grid, version)
    if not found.answered:
        require_recorded(runs, store, found)
    return found


def _comparison(runs: tuple[str, ...], store: Path, settings: dict[str, Any]) -> RuleComparison:
    from kcb_replay.replay.settings_text import parse_callback
    from kcb_replay.replay.verdicts.rules import compare_rules
    from kcb_replay.report.rules import left_out_of_comparison

    if not settings["callbacks"]:
        raise SettingError("Say which rules: -c 'EarlyStopping(patience=5)' -c 'GL(alpha=5)', one -c for each.")
    asked = {name: settings[name] for name in ("monitor", "mode")}
    found = compare_rules(
        recordings_of(runs, store),
        [parse_callback(text) for text in settings["callbacks"]],
        semantics=settings["semantics"] or "keras-3.15",
        **asked,
    )
    if not found.answers:
        raise KcbReplayError("\n".join(["No run could be compared.", *left_out_of_comparison(found)]))
    return found
