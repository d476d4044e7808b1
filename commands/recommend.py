"""`recommend`: the setting to use, with what it costs and how sure that is; or the reason why none can be named."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, cast

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.commands.selection import metrics_of, require_recorded
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from pathlib import Path

    from kcb_replay.replay.callbacks import EarlyStopping


@click.command(name="recommend", cls=Command)
@options.runs
@options.store
@options.swept(restores="yes")
@click.option("--current", metavar="CODE", help="What you use now, to compare with: 'EarlyStopping(patience=10)'.")
@click.option("--tolerance", type=float, help="Regret that is nothing to worry about.  [default: the metric's noise]")
@click.option(
    "--max-failures", type=float, default=0.2, show_default=True, help="Share of runs that may give away more."
)
@click.option(
    "--group-by",
    default="folder",
    show_default=True,
    help="Runs that belong together: folder, run (each by itself), or a regular expression on their names.",
)
@options.semantics
@options.form
@options.language
@options.quiet
def recommend_command(
    runs: tuple[str, ...],
    store: Path,
    form: str,
    quiet: bool,
    current: str | None,
    tolerance: float | None,
    max_failures: float,
    group_by: str,
    semantics: str,
    **settings: Any,
) -> None:
    """Say which EarlyStopping setting to use: the one that saves most without giving away too much.

    Without --patience it chooses from 1..50, with the best weights restored. A run gives away too much when the epoch
    it keeps is worse than the best of its recording by more than --tolerance. The choice is repeated without each
    group of runs and on resampled groups; with too few runs, or too short ones, none is recommended (exit 1).

    \b
    kcb-replay recommend
    kcb-replay recommend --current 'EarlyStopping(patience=10)' --min-delta 0,0.001
    kcb-replay recommend 'seeds/*' --group-by run --max-failures 0.3 --json
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.recommend.recommend import recommended
    from kcb_replay.report import choices_table as tables
    from kcb_replay.report.simulation_notes import reasons_of
    from kcb_replay.report.versions import version_notes

    with output.progress_bar(quiet) as progress:
        answer = recommended(
            metrics_of(runs, store, {settings["monitor"]}, progress=progress),
            current=None if current is None else _stopper(current),
            tolerance=tolerance,
            max_failures=max_failures,
            group_by=group_by,
            semantics=semantics,
            **{name: value for name, value in settings.items() if value is not None},
        )
    if not answer.overall.answered:
        require_recorded(runs, store, answer.overall)
    output.print_result(
        form,
        tables.recommendation_document(answer),
        tables.recommendation_records(answer),
        lambda: tables.recommendation_text(answer, output.texts()),
    )
    output.say([*version_notes([answer.overall.semantics]), *reasons_of(answer.overall.left_out)], quiet=quiet)
    if answer.setting is None:
        sys.exit(1)


def _stopper(code: str) -> EarlyStopping:
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.settings_text import parse_callback

    callback = parse_callback(code)
    if callback.name != EarlyStopping.name:
        raise SettingError(f"--current takes an EarlyStopping, not {code!r}.")
    return cast("EarlyStopping", callback)
