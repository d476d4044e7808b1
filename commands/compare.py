"""`compare`: stopping rules side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.commands.callback_lists import early_stoppings
from kcb_replay.commands.selection import metrics_of, recorded_metrics, with_unique_names
from kcb_replay.errors import KcbReplayError


@click.command(name="compare", cls=Command)
@options.runs
@options.store
@click.option(
    "-c",
    "--callback",
    "rules",
    multiple=True,
    metavar="CODE",
    help="A stopping rule, written as in Python; repeat for each to compare.",
)
@options.stopping_rules
@options.semantics
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the rules in one plane: a .png, .svg or .pdf file.")
@options.figure
@options.page("--html")
@options.force
@click.option("--per-run", is_flag=True, help="A line per rule and fit instead of one per rule; not as a table.")
@options.form
@options.language
@options.quiet
def compare_command(
    runs: tuple[str, ...],
    store: Path,
    rules: tuple[str, ...],
    semantics: str,
    plot: Path | None,
    html: Path | None,
    max_size: str,
    draw_all: bool,
    per_run: bool,
    form: str,
    quiet: bool,
    theme: str,
    width: float | None,
    **settings: Any,
) -> None:
    """Compare stopping rules: what each saves and what it gives away, over all runs.

    Each combination of --patience, --min-delta and so on is one alternative, and so is each -c: EarlyStopping,
    Prechelt's GL(alpha), PQ(alpha) and UP(s), StopAt(epoch), LightningEarlyStopping, or MedianStopping, which compares
    each run with the others. saved is the mean share of the recorded epochs that would not have run, regret what the
    epoch kept gives away against the best of each recording, by --monitor. The figure shows them against stopping
    everything at the same epoch.

    \b
    kcb-replay compare -c 'EarlyStopping(patience=5)' -c 'GL(alpha=5)' -c 'UP(s=3)' --plot rules.png
    kcb-replay compare --patience 3,5,10 -c 'StopAt(20)' --html compare.html
    kcb-replay compare 'seeds/*' -c 'StopAt(20)' -c 'MedianStopping(min_runs=2)' --json
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.recommend.survey import rules_surveyed
    from kcb_replay.replay.semantics import semantics as resolve
    from kcb_replay.replay.settings_text import parse_callback
    from kcb_replay.replay.verdicts.rules import RuleQuestion
    from kcb_replay.report import choices_table as tables
    from kcb_replay.report.choices.answers import SourcePaths
    from kcb_replay.report.versions import version_notes

    figure = None if plot is None else output.FigureFile(plot, theme, width)
    page = None if html is None else output.PageFile(html, max_size, draw_all)
    sources = SourcePaths()
    monitor, mode = settings["monitor"], settings["mode"]
    alternatives = [*early_stoppings(settings), *map(parse_callback, rules)]
    question = RuleQuestion(alternatives, monitor=monitor, mode=mode, semantics=semantics)
    recordings = sources.noting(lambda: with_unique_names(metrics_of(runs, store, question.metrics, progress=None)))
    comparison, survey = rules_surveyed(
        recordings,
        question,
        keep=per_run or form == "json",
        draw_all=page is not None and page.draw_all,
    )
    notes = tables.limits_of_comparison(comparison)
    if page is not None:
        from kcb_replay.report.choices.compare import rules_page
        from kcb_replay.report.choices.page import choices_html

        recorded = recorded_metrics(store, recordings)
        contents = rules_page(comparison, survey, sources=sources, recorded=recorded, language=output.texts().language)
        page.write(choices_html(contents, command=output.command_line()), contents.first.runs.drawn_remark, quiet=quiet)
    if not comparison.is_answered:
        reasons = list(map(str, notes)) or ["The store is empty. Ingest logs first."]
        raise KcbReplayError("\n".join(["No run could be compared.", *reasons]))
    records = list(comparison.records()) if per_run else tables.rule_records(comparison)
    if per_run and form == "table":
        form = "csv"
    output.print_result(
        form, tables.rules_document(comparison), records, lambda: tables.rules_table(comparison, output.texts())
    )
    output.say([*version_notes([resolve(semantics)]), *notes], quiet=quiet)
    if figure is not None:
        figure.draw(comparison, quiet=quiet)
