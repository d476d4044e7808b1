"""`sweep`: every combination of settings of EarlyStopping, or of ReduceLROnPlateau, on every run."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

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
from kcb_replay.commands.output import print_result, progress_bar, say, size_of
from kcb_replay.commands.page_options import PageRequest, command_line, held, page_options, recorded_metrics
from kcb_replay.commands.selection import listed, metrics_of, require_recorded, swept_arguments, with_unique_names
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from kcb_replay.commands.selection import Progress
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.verdicts.records import Rows
    from kcb_replay.replay.verdicts.totals import SweepSummary
    from kcb_replay.report.choices.default_setting import Limit
    from kcb_replay.report.machine import Record

    _Block = TypeVar("_Block", bound=Rows)

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
    from kcb_replay.report.files import require_rows_file

    if rows is not None:
        require_rows_file(rows)
    if plot is not None:
        from kcb_replay.report.figure import require_figure_file

        require_figure_file(plot)
    page = None if html is None else PageRequest.of(html, max_size, draw_all=draw_all)
    limit = None if max_regret is None else Limit.from_text(max_regret)
    stopping, reducing = swept_arguments(settings)
    asked = _Request(runs, store, tuple(map(semantics, listed(settings["semantics"]))), rows, top, output, quiet)
    look = figure_settings(settings)
    if not reducing:
        _sweep_stopping(asked, stopping, pareto=pareto, also=also, plot=plot, look=look, page=page, limit=limit)
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


def _sweep_reducing(asked: _Request, arguments: dict[str, Any], initial_lr: float | None) -> None:
    from kcb_replay.ingest.recording import LEARNING_RATE_KEYS
    from kcb_replay.replay.callbacks import ReduceLROnPlateau
    from kcb_replay.replay.grid import settings_grid
    from kcb_replay.replay.verdicts.plateau_totals import overall_plateau
    from kcb_replay.replay.verdicts.reducing import plateau_blocks
    from kcb_replay.report import choices_table
    from kcb_replay.report.choices_table import left_out_of_sweep, limits_of_sweep

    grid = settings_grid(ReduceLROnPlateau, arguments)
    with progress_bar(asked.quiet) as progress:
        recordings = asked.recordings({arguments["monitor"], *LEARNING_RATE_KEYS}, progress)
        blocks = plateau_blocks(recordings, grid, asked.version, initial_lr=initial_lr)
        found = overall_plateau(asked.written(blocks), grid, asked.version)
    if not found.answered:
        require_recorded(asked.runs, asked.store, found)
    records = choices_table.plateau_records(found, asked.top)
    table = functools.partial(choices_table.plateau_table, found, asked.top)
    print_result(asked.output, choices_table.plateau_document(found, records), records, table)
    asked.say_all([*choices_table.plateau_notes(found), *limits_of_sweep(found), *left_out_of_sweep(found)])


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of a sweep of any callback."""

    runs: tuple[str, ...]
    store: Path
    versions: tuple[Semantics, ...]
    rows: Path | None
    top: int | None
    output: str
    quiet: bool

    @property
    def version(self) -> Semantics:
        """The one version of a sweep that takes no more."""
        if len(self.versions) > 1:
            raise SettingError("Several versions are swept side by side for EarlyStopping, without --rows and --plot.")
        return self.versions[0]

    def recordings(self, metrics: Collection[str], progress: Progress | None) -> Iterator[Recording]:
        """Load these metrics of the runs."""
        return metrics_of(self.runs, self.store, metrics, progress=progress)

    def written(self, blocks: Iterable[_Block]) -> Iterable[_Block]:
        """Write the rows of every block on its way, if that is asked for."""
        from kcb_replay.report.files import written_rows

        return blocks if self.rows is None else written_rows(blocks, self.rows)

    def say_all(self, notes: list[str]) -> None:
        """Say what was written, which versions stand for others, and the notes."""
        from kcb_replay.report.versions import version_notes

        wrote = [] if self.rows is None else [f"Wrote {self.rows} ({size_of(self.rows)})"]
        say([*wrote, *version_notes(self.versions), *notes], quiet=self.quiet)


def _sweep_stopping(
    asked: _Request,
    arguments: dict[str, Any],
    *,
    pareto: bool,
    also: str | None,
    plot: Path | None,
    look: dict[str, Any],
    page: PageRequest | None,
    limit: Limit | None,
) -> None:
    """Sweep settings of EarlyStopping, print what they come to, and write the page and the figure asked for."""
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.grid import settings_grid
    from kcb_replay.report.choices_table import chosen_settings, left_out_of_sweep, limits_of_sweep

    monitors = listed(arguments["monitor"])
    if (asked.rows or plot) and len(monitors) * len(asked.versions) > 1:
        raise SettingError("--rows and --plot take one monitor and one version at a time; --html holds several.")
    grids = [
        settings_grid(EarlyStopping, {"patience": range(1, 51), **arguments, "monitor": monitor})
        for monitor in monitors
    ]
    read = functools.partial(asked.recordings, {*monitors, also or ""})
    with progress_bar(asked.quiet) as progress:
        first = functools.partial(read, progress)
        several = page is not None or len(monitors) * len(asked.versions) > 1
        recordings = held(first, functools.partial(read, None)) if several else first
        found = [_swept(asked, recordings, grid, version, also) for grid in grids for version in asked.versions]
    if page is not None:
        _write_page(asked, page, limit, recordings, grids[0], monitors)
    if not any(each.answered for each in found):
        require_recorded(asked.runs, asked.store, found[0])
    _print(asked.output, found, [chosen_settings(each, pareto=pareto, top=asked.top) for each in found], pareto=pareto)
    asked.say_all(
        list(dict.fromkeys(line for each in found for line in (*limits_of_sweep(each), *left_out_of_sweep(each))))
    )
    if plot is not None:
        from kcb_replay.report.figure import plot as draw

        draw(found[0], plot, **look)
        say([f"Wrote {plot} ({size_of(plot)})"], quiet=asked.quiet)


def _swept(
    asked: _Request,
    recordings: Callable[[], Iterable[Recording]],
    grid: Sequence[EarlyStopping],
    version: Semantics,
    also: str | None,
) -> SweepSummary:
    from kcb_replay.replay.verdicts.stopping import swept_blocks
    from kcb_replay.replay.verdicts.totals import overall

    return overall(asked.written(swept_blocks(recordings(), grid, version, also=also)), grid, version)


def _print(output: str, found: Sequence[SweepSummary], numbers: Sequence[Sequence[int]], *, pareto: bool) -> None:
    """Print one sweep, or several one after the other: of several monitors or versions."""
    from kcb_replay.report import choices_table

    records = [choices_table.sweep_records(each, some) for each, some in zip(found, numbers, strict=True)]
    documents = [choices_table.sweep_document(each, some) for each, some in zip(found, records, strict=True)]
    document: Record = documents[0]
    if len(found) > 1:
        document = {"schema": "kcb-replay/sweeps/1", "sweeps": documents}
        records = [
            [{"semantics": each.semantics.name, **record} for record in some]
            for each, some in zip(found, records, strict=True)
        ]
    print_result(
        output,
        document,
        [record for some in records for record in some],
        lambda: "\n\n".join(
            choices_table.sweep_table(each, some, pareto=pareto) for each, some in zip(found, numbers, strict=True)
        ),
    )


def _write_page(
    asked: _Request,
    page: PageRequest,
    limit: Limit | None,
    recordings: Callable[[], Iterable[Recording]],
    grid: Sequence[EarlyStopping],
    monitors: Sequence[str],
) -> None:
    from kcb_replay.report.choices.default_setting import DEFAULT_LIMIT
    from kcb_replay.report.choices.sweep_page import SweepQuestion, sweep_html, sweep_page

    question = SweepQuestion(
        settings=grid,
        monitors=monitors,
        versions=asked.versions,
        limit=limit or DEFAULT_LIMIT,
        draw_all=page.draw_all,
        recorded=recorded_metrics(asked.store, recordings),
    )
    found = sweep_page(lambda: with_unique_names(recordings()), question)
    page.write(sweep_html(found, command=command_line()), found.table.drawn_remark, quiet=asked.quiet)
