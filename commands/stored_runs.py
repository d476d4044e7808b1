"""The commands that list, show, name and verify what the store holds."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.commands.selection import entries_of, is_stored, only_one, recording_of


@click.command(name="runs", cls=Command)
@options.runs
@options.store
@click.option("--tag", help="Only the runs that have this tag.")
@options.form
def runs_command(runs: tuple[str, ...], store: Path, tag: str | None, form: str) -> None:
    """List the runs of the store, or those in log files and folders.

    \b
    kcb-replay runs
    kcb-replay runs logs/
    kcb-replay runs 'seeds/*' --tag baseline --json
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.copies import copies_among
    from kcb_replay.ingest.store import Store
    from kcb_replay.report.stored_runs import nothing_listed, run_records, runs_table

    opened = Store(store)
    entries = entries_of(runs, store, tag=tag)
    everything = [*opened.runs(), *entries] if opened.exists and (runs or tag) else entries
    if not entries:
        output.say([nothing_listed(everything, tag)])
    copies = copies_among({entry.name: entry.digests for entry in everything})
    records = run_records(entries, copies)
    document = {"schema": "kcb-replay/runs/1", "runs": records}
    output.print_result(form, document, records, lambda: runs_table(entries, copies))


@click.command(name="show", cls=Command)
@options.run
@options.store
@options.form
def show_command(run: str, store: Path, form: str) -> None:
    """Show one run, stored or in a log file or folder: its sources, metrics, fits, streams, messages and notes.

    \b
    kcb-replay show seeds/seed0
    kcb-replay show logs/run1/training.log
    """  # noqa: D301  # \b keeps click from joining the lines
    import time

    from kcb_replay.ingest.store import Store
    from kcb_replay.ingest.store.rows import entry_of
    from kcb_replay.report.stored_runs import metric_records, run_document, run_text

    opened = Store(store)
    if is_stored(opened, run):
        entry = only_one(opened.runs(run), run)
        recording, copies = opened.load(entry.name), opened.copies()
    else:
        recording, copies = recording_of(run, store), {}
        entry = entry_of(recording, ())
    output.print_result(
        form,
        run_document(entry, recording, copies),
        metric_records(recording),
        lambda: run_text(entry, recording, copies, now=time.time()),
    )


@click.command(name="remove", cls=Command)
@options.several_runs
@options.store
@options.quiet
def remove_command(runs: tuple[str, ...], store: Path, quiet: bool) -> None:
    """Remove runs from the store, without asking; their logs stay, and the next ingest of them brings the runs back.

    RUN is a name or a glob.

    \b
    kcb-replay remove 'seeds/*'
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.store import Store

    output.say([f"Removed {name}" for name in output.visible_names(Store(store).remove(*runs))], quiet=quiet)


@click.command(name="rename", cls=Command)
@click.argument("old")
@click.argument("new")
@options.store
@options.quiet
def rename_command(old: str, new: str, store: Path, quiet: bool) -> None:
    """Give a run another name, which it keeps when its sources are ingested again.

    \b
    kcb-replay rename run1 resnet50/baseline
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.store import Store

    Store(store).rename(old, new)
    before, after = output.visible_names([old, new])
    output.say([f"Renamed {before} to {after}"], quiet=quiet)


@click.command(name="tag", cls=Command)
@options.several_runs
@click.argument("tags", metavar="TAG[,TAG]...")
@click.option("--remove", is_flag=True, help="Take the tags away instead.")
@options.store
@options.quiet
def tag_command(runs: tuple[str, ...], tags: str, remove: bool, store: Path, quiet: bool) -> None:
    """Tag runs, so that `runs --tag` finds them; tags stay when the runs are ingested again.

    RUN is a name or a glob; the last argument is the tag, or several with commas between.

    \b
    kcb-replay tag 'seeds/*' run1 baseline,published
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.store import Store

    wanted = [tag.strip() for tag in tags.split(",")]
    opened = Store(store)
    tagged = {entry.name for entry in opened.runs(*runs) if set(wanted).intersection(entry.tags)}
    names = opened.tag(runs, wanted, remove=remove)
    what = ", ".join(output.visible_names(wanted))
    done = f"Untagged {what}" if remove else f"Tagged {what}"
    lines = [
        f"{text} has no tag {what}" if remove and name not in tagged else f"{done}: {text}"
        for name, text in zip(names, output.visible_names(names), strict=True)
    ]
    output.say(lines, quiet=quiet)


@click.command(name="check", cls=Command)
@options.store
@options.form
@options.quiet
def check_command(store: Path, form: str, quiet: bool) -> None:
    """Verify the store: every page, catalogue, row and place of a run. Exits with 1 when something is wrong.

    \b
    kcb-replay check --store kcb-store
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.store import Store
    from kcb_replay.report.stored_runs import check_document, check_records, check_text

    with output.progress_bar(quiet) as progress:
        report = Store(store).check(progress=progress)
    output.print_result(form, check_document(report), check_records(report), lambda: check_text(report))
    if report.faults:
        sys.exit(1)


@click.command(name="snapshot", cls=Command)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@options.store
@options.quiet
def snapshot_command(folder: Path, store: Path, quiet: bool) -> None:
    """Make a store in DIR that stays as this one is now, for tools that read while an ingest writes.

    Its files are hard links, which take no space. DIR must be new or empty.

    \b
    kcb-replay snapshot kcb-snapshot && duckdb -c "from 'kcb-snapshot/data/*.parquet'"
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.store import Store
    from kcb_replay.text import counted

    buckets = Store(store).snapshot(folder)
    output.say([f"Wrote {folder} ({counted(buckets, 'bucket')})"], quiet=quiet)
