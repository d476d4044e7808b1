"""`sweep`: every combination of settings of EarlyStopping, or of ReduceLROnPlateau, on every run."""

from __future__ import annotations

import functools
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kcb_replay.commands import options, output, selection
from kcb_replay.commands.base import Command
from kcb_replay.commands.callback_lists import swept_arguments
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from kcb_replay.commands.selection import Progress
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.language.reason import Reason
    from kcb_replay.replay.behaviours import Semantics
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.verdicts.blocks import StoppingBlock
    from kcb_replay.replay.verdicts.collect import Passing
    from kcb_replay.replay.verdicts.table import Verdicts
    from kcb_replay.replay.verdicts.totals import SweepSummary
    from kcb_replay.report.choices.sweep import Limit
    from kcb_replay.report.machine import Record

    _Block = TypeVar("_Block", bound="Verdicts[Any, Any]")


@click.command(name="sweep", cls=Command)
@options.runs
@options.store
@options.swept(restores="no")
@options.reducing
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
@options.page("--html")
@options.force
@click.option(
    "--max-regret",
    metavar="LIMIT",
    help="Page: show first what saves most within this mean regret, 0.002 or 1% of the mean best value.",
)
@options.figure
@options.form
@options.language
@options.quiet
def sweep_command(
    runs: tuple[str, ...],
    store: Path,
    form: str,
    quiet: bool,
    pareto: bool,
    top: int | None,
    also: str | None,
    rows: Path | None,
    plot: Path | None,
    theme: str,
    width: float | None,
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
    from kcb_replay.report.files import require_rows_file

    if rows is not None:
        require_rows_file(rows)
        output.require_place(rows)
    figure = None if plot is None else output.FigureFile(plot, theme, width)
    page = None if html is None else output.PageFile(html, max_size, draw_all)
    limit = None
    if max_regret is not None:
        from kcb_replay.report.choices.sweep import Limit

        limit = Limit.from_text(max_regret)
    stopping, reducing = swept_arguments(settings)
    versions = tuple(map(semantics, selection.listed(settings["semantics"])))
    request = _Request(runs, store, versions, rows, top, form, quiet)
    if not reducing:
        _sweep_stopping(request, stopping, pareto=pareto, also=also, figure=figure, page=page, limit=limit)
        return
    of_stopping = {"--pareto": pareto, "--also": also, "--plot": plot, "--html": html, "--max-regret": max_regret}
    for option in (name for name, value in of_stopping.items() if value):
        raise SettingError(f"{option} is for EarlyStopping: ReduceLROnPlateau saves no epoch and keeps none.")
    _sweep_reducing(request, reducing, settings["initial_lr"])


@dataclass(frozen=True, slots=True)
class _Request:
    """What is asked of a sweep of any callback."""

    runs: tuple[str, ...]
    store: Path
    versions: tuple[Semantics, ...]
    rows: Path | None
    top: int | None
    form: str
    quiet: bool

    @property
    def version(self) -> Semantics:
        """The one version of a sweep that takes no more."""
        if len(self.versions) > 1:
            raise SettingError("Several versions are swept side by side for EarlyStopping, without --rows and --plot.")
        return self.versions[0]

    def recordings(self, metrics: Collection[str], progress: Progress | None) -> Iterator[Recording]:
        """Load these metrics of the runs."""
        return selection.metrics_of(self.runs, self.store, metrics, progress=progress)

    def written(self, blocks: Iterable[_Block]) -> Iterable[_Block]:
        """Write the rows of every block on its way, if that is asked for."""
        from kcb_replay.report.files import written_rows

        return blocks if self.rows is None else written_rows(blocks, self.rows, force=output.may_replace())

    @contextmanager
    def rows_collector(self, settings: Sequence[EarlyStopping]) -> Iterator[tuple[Passing[StoppingBlock], ...]]:
        """Give what writes the rows of a pass of one sweep for several ends, nothing where no rows are asked for."""
        if self.rows is None:
            yield ()
            return
        from kcb_replay.replay.verdicts.collect import Passing
        from kcb_replay.replay.verdicts.table import Sweep
        from kcb_replay.report.files import rows_file

        choices, version = tuple(settings), self.version
        with rows_file(self.rows, force=output.may_replace()) as write:
            yield (Passing(lambda block: write(Sweep(choices, (block,), version))),)

    def say_all(self, notes: Iterable[Reason]) -> None:
        """Say what was written, which versions stand for others, and the notes."""
        from kcb_replay.report.versions import version_notes

        if self.rows is not None:
            output.say_wrote(self.rows, quiet=self.quiet)
        output.say([*version_notes(self.versions), *notes], quiet=self.quiet)


def _sweep_reducing(request: _Request, arguments: dict[str, Any], initial_lr: float | None) -> None:
    from kcb_replay.ingest.recording import LEARNING_RATE_KEYS
    from kcb_replay.replay.callbacks import ReduceLROnPlateau
    from kcb_replay.replay.grid import settings_grid
    from kcb_replay.replay.verdicts.plateau import summary_of_plateaus
    from kcb_replay.replay.verdicts.reducing import plateau_blocks
    from kcb_replay.report import choices_table as tables
    from kcb_replay.report.columns.choices import REDUCING_COLUMNS

    grid = settings_grid(ReduceLROnPlateau, arguments)
    with output.progress_bar(request.quiet) as progress:
        recordings = request.recordings({arguments["monitor"], *LEARNING_RATE_KEYS}, progress)
        blocks = plateau_blocks(recordings, grid, request.version, initial_lr=initial_lr)
        sweep = summary_of_plateaus(request.written(blocks), grid, request.version)
    if not sweep.answered:
        selection.require_recorded(request.runs, request.store, sweep)
    numbers = tables.chosen_settings(sweep, pareto=False, top=request.top)
    records = tables.setting_records(REDUCING_COLUMNS, sweep, numbers)
    table = functools.partial(tables.settings_table, REDUCING_COLUMNS, sweep, numbers, words=output.texts())
    output.print_result(request.form, tables.sweep_document(sweep, records), records, table)
    request.say_all([*tables.reducing_notes(sweep), *tables.limits_of_sweep(sweep)])


def _sweep_stopping(
    request: _Request,
    arguments: dict[str, Any],
    *,
    pareto: bool,
    also: str | None,
    figure: output.FigureFile | None,
    page: output.PageFile | None,
    limit: Limit | None,
) -> None:
    """Sweep settings of EarlyStopping, print what they come to, and write the page and the figure asked for."""
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.grid import settings_grid
    from kcb_replay.report.choices.answers import SourcePaths
    from kcb_replay.report.choices.page import choices_html
    from kcb_replay.report.choices.sweep import DEFAULT_LIMIT, SweepQuestion, sweep_page, sweep_surveys
    from kcb_replay.report.choices_table import limits_of_sweep

    monitors = selection.listed(arguments["monitor"])
    several = len(monitors) * len(request.versions) > 1
    if several and (request.rows or figure):
        raise SettingError("--rows and --plot take one monitor and one version at a time; --html holds several.")
    grids = [
        settings_grid(EarlyStopping, {"patience": range(1, 51), **arguments, "monitor": monitor})
        for monitor in monitors
    ]
    metrics, sources = {*monitors, also or ""}, SourcePaths()
    with output.progress_bar(request.quiet) as progress:
        read = functools.partial(request.recordings, metrics, progress)
        question = SweepQuestion(
            settings=grids[0],
            monitors=monitors,
            versions=request.versions,
            also=also,
            limit=limit or DEFAULT_LIMIT,
            draw_all=page is not None and page.draw_all,
            recorded=selection.recorded_metrics(request.store, read),
            language=output.texts().language,
        )
        if several or page is not None:
            with request.rows_collector(grids[0]) as collectors:
                named = sources.noting(lambda: selection.with_unique_names(read()))
                surveys = sweep_surveys(named, question, collectors=collectors)
            sweeps = [survey.summary for survey in surveys]
        else:
            sweeps = [_swept(request, read(), grids[0], also)]
    if page is not None:
        contents = sweep_page(surveys, question, sources)
        html = choices_html(contents, command=output.command_line())
        page.write(html, contents.first.runs.drawn_remark, quiet=request.quiet)
    if not any(sweep.answered for sweep in sweeps):
        selection.require_recorded(request.runs, request.store, sweeps[0])
    _print(request, sweeps, pareto=pareto)
    notes = (line for sweep in sweeps for line in limits_of_sweep(sweep))
    request.say_all(dict.fromkeys(notes))
    if figure is not None:
        figure.draw(sweeps[0], quiet=request.quiet)


def _swept(
    request: _Request, recordings: Iterable[Recording], grid: Sequence[EarlyStopping], also: str | None
) -> SweepSummary:
    from kcb_replay.replay.verdicts.stopping import swept_blocks
    from kcb_replay.replay.verdicts.totals import summary_of

    return summary_of(
        request.written(swept_blocks(recordings, grid, request.version, also=also)), grid, request.version
    )


def _print(request: _Request, sweeps: Sequence[SweepSummary], *, pareto: bool) -> None:
    """Print one sweep, or several one after the other: of several monitors or versions."""
    from kcb_replay.report import choices_table as tables
    from kcb_replay.report.columns.choices import STOPPING_COLUMNS

    chosen = [(sweep, tables.chosen_settings(sweep, pareto=pareto, top=request.top)) for sweep in sweeps]
    records = [tables.setting_records(STOPPING_COLUMNS, sweep, numbers) for sweep, numbers in chosen]
    documents = [tables.sweep_document(sweep, rows) for sweep, rows in zip(sweeps, records, strict=True)]
    document: Record = documents[0]
    if len(sweeps) > 1:
        document = {"schema": "kcb-replay/sweeps/1", "sweeps": documents}
        records = [
            [{"semantics": sweep.semantics.name, **record} for record in rows]
            for sweep, rows in zip(sweeps, records, strict=True)
        ]
    words = output.texts()
    output.print_result(
        request.form,
        document,
        [record for rows in records for record in rows],
        lambda: "\n\n".join(
            tables.settings_table(STOPPING_COLUMNS, sweep, numbers, pareto=pareto, words=words)
            for sweep, numbers in chosen
        ),
    )
