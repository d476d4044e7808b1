"""`compare`: stopping rules side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kcb_replay.commands.base import Command
from kcb_replay.commands.options import (
    figure_options,
    figure_settings,
    output_options,
    quiet_option,
    runs_argument,
    store_option,
)
from kcb_replay.commands.output import print_result, say, size_of
from kcb_replay.commands.page_options import PageRequest, command_line, page_options
from kcb_replay.commands.selection import recordings_of, with_unique_names
from kcb_replay.errors import KcbReplayError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.ingest.recording import Recording
    from kcb_replay.replay.verdicts.rules import RuleComparison

__all__ = ["compare_command"]


@click.command(name="compare", cls=Command)
@runs_argument
@store_option
@click.option(
    "-c",
    "--callback",
    "rules",
    multiple=True,
    required=True,
    metavar="CODE",
    help="A stopping rule, written as in Python; repeat for each to compare.",
)
@click.option("--monitor", default="val_loss", show_default=True, help="Metric by which all rules are judged.")
@click.option("--mode", type=click.Choice(("auto", "min", "max")), default="auto", show_default=True)
@click.option("--semantics", default="keras-3.15", show_default=True, help="Which Keras is replayed.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the rules in one plane: a .png, .svg or .pdf file.")
@figure_options
@page_options("--html")
@click.option("--per-run", is_flag=True, help="A line per rule and fit instead of one per rule; not as a table.")
@output_options
@quiet_option
def compare_command(
    runs: tuple[str, ...],
    store: Path,
    rules: tuple[str, ...],
    monitor: str,
    mode: str,
    semantics: str,
    plot: Path | None,
    html: Path | None,
    max_size: str,
    draw_all: bool,
    per_run: bool,
    output: str,
    quiet: bool,
    **look: Any,
) -> None:
    """Compare stopping rules: what each saves and what it gives away, over all runs.

    Each -c is one alternative: EarlyStopping, Prechelt's GL(alpha), PQ(alpha) and UP(s), StopAt(epoch),
    LightningEarlyStopping, or MedianStopping, which compares each run with the others. "epochs run" is the mean share
    of the recorded epochs, regret what the epoch kept gives away against the best of each recording, by --monitor. The
    figure shows them against stopping everything at the same epoch.

    \b
    kcb-replay compare -c 'EarlyStopping(patience=5)' -c 'GL(alpha=5)' -c 'UP(s=3)' --plot rules.png
    kcb-replay compare -c 'EarlyStopping(patience=5)' -c 'StopAt(20)' --html compare.html
    kcb-replay compare 'seeds/*' -c 'StopAt(20)' -c 'MedianStopping(min_runs=2)' --json
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.semantics import semantics as resolve
    from kcb_replay.replay.settings_text import parse_callback
    from kcb_replay.replay.verdicts.rules import compare_rules
    from kcb_replay.report.rules import left_out_of_comparison, rules_table
    from kcb_replay.report.versions import version_notes

    if plot is not None:
        from kcb_replay.report.figure import require_figure_file

        require_figure_file(plot)
    page = None if html is None else PageRequest.of(html, max_size, draw_all=draw_all)
    parsed, recordings = [parse_callback(text) for text in rules], list(with_unique_names(recordings_of(runs, store)))
    found = compare_rules(recordings, parsed, monitor=monitor, mode=mode, semantics=semantics)
    notes = left_out_of_comparison(found)
    if page is not None:
        _write_page(page, found, recordings, semantics, quiet=quiet)
    if not found.answers:
        reasons = notes or ["The store is empty. Ingest logs first."]
        raise KcbReplayError("\n".join(["No run could be compared.", *reasons]))
    records = list(found.records()) if per_run else found.summary_records()
    if per_run and output == "table":
        output = "csv"
    print_result(output, found.to_dict(), records, lambda: rules_table(found))
    say([*version_notes([resolve(semantics)]), *notes], quiet=quiet)
    if plot is not None:
        from kcb_replay.report.figure import plot as draw

        draw(found, plot, **figure_settings(look))
        say([f"Wrote {plot} ({size_of(plot)})"], quiet=quiet)


def _write_page(
    page: PageRequest, found: RuleComparison, recordings: Sequence[Recording], version: str, *, quiet: bool
) -> None:
    from kcb_replay.replay.semantics import semantics
    from kcb_replay.report.choices.rules_page import rules_html, rules_page

    metrics = {recording.name: recording.metrics for recording in recordings}
    shown = rules_page(
        found, recordings, semantics(version), recorded=lambda run: metrics.get(run, ()), draw_all=page.draw_all
    )
    page.write(rules_html(shown, command=command_line()), shown.table.drawn_remark, quiet=quiet)
