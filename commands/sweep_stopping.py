"""A sweep of EarlyStopping on the command line: of one monitor and version, or of several one after the other."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from kcb_replay.commands.output import print_result, progress_bar, say, size_of
from kcb_replay.commands.page_options import command_line, held, recorded_metrics
from kcb_replay.commands.selection import listed, require_recorded, with_unique_names
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from kcb_replay.commands.page_options import PageRequest
    from kcb_replay.commands.sweep_request import SweepRequest
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.callbacks import EarlyStopping
    from kcb_replay.replay.semantics import Semantics
    from kcb_replay.replay.verdicts.summary import SweepSummary
    from kcb_replay.report.choices.default_setting import Limit
    from kcb_replay.report.machine import Record

__all__ = ["sweep_stopping"]


def sweep_stopping(
    asked: SweepRequest,
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
    from kcb_replay.replay.verdicts.settings_grid import settings_grid
    from kcb_replay.report.settings_table import left_out_of_sweep, limits_of_sweep
    from kcb_replay.report.sweeps import chosen_settings

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
    asked: SweepRequest,
    recordings: Callable[[], Iterable[Recording]],
    grid: Sequence[EarlyStopping],
    version: Semantics,
    also: str | None,
) -> SweepSummary:
    from kcb_replay.replay.verdicts.stopping_blocks import swept_blocks
    from kcb_replay.replay.verdicts.summary import overall

    return overall(asked.written(swept_blocks(recordings(), grid, version, also=also)), grid, version)


def _print(output: str, found: Sequence[SweepSummary], numbers: Sequence[Sequence[int]], *, pareto: bool) -> None:
    """Print one sweep, or several one after the other: of several monitors or versions."""
    from kcb_replay.report import sweeps

    records = [sweeps.sweep_records(each, some) for each, some in zip(found, numbers, strict=True)]
    documents = [sweeps.sweep_document(each, some) for each, some in zip(found, records, strict=True)]
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
            sweeps.sweep_table(each, some, pareto=pareto) for each, some in zip(found, numbers, strict=True)
        ),
    )


def _write_page(
    asked: SweepRequest,
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
