"""The command line: parse, one library call, print. stdout carries the result alone; everything else goes to stderr.

Everything heavy is imported by the command that needs it, so that `--help` answers at once.
"""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kcb_replay import __version__
from kcb_replay.errors import KcbReplayError, RunNotFoundError, SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from kcb_replay.ingest.ingest import IngestReport
    from kcb_replay.ingest.recording import Recording
    from kcb_replay.ingest.store import Store
    from kcb_replay.replay.bridge.installed import Library
    from kcb_replay.replay.callbacks import Callback
    from kcb_replay.replay.replay import Simulation
    from kcb_replay.report.machine import Record

__all__ = ["main"]

_Function = TypeVar("_Function", bound="Callable[..., None]")
# Keras's own default of 0 stops at the first epoch that is no better, which nobody asks about.
_DEFAULT_PATIENCE = "5"
_EARLY_STOPPING = ("patience", "min_delta", "baseline", "start_from_epoch", "restore_best_weights")
_REDUCE_LR = {
    "lr_patience": "patience",
    "factor": "factor",
    "cooldown": "cooldown",
    "min_lr": "min_lr",
    "lr_min_delta": "min_delta",
}


class _Command(click.Command):
    """Turns the package's errors into one line on stderr and an exit code: the one place that does."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a setting that cannot be is wrong usage (2), everything else a data problem (1)."""
        try:
            return super().invoke(ctx)
        except SettingError as error:
            raise click.UsageError(str(error), ctx) from error
        except KcbReplayError as error:
            raise click.ClickException(str(error)) from error
        except KeyboardInterrupt:
            click.echo("\nInterrupted. What was written so far is whole.", err=True)
            ctx.exit(130)


class _Commands(click.Group):
    command_class = _Command


class _Numbers(click.ParamType):  # type: ignore[type-arg]  # generic in click 8.5 only
    """A number, a list as 3,5,10 or a range as 1..40 or 1..40:5."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        from kcb_replay.replay.grid import numbers_from_text

        if isinstance(value, list):
            return value
        try:
            return numbers_from_text(value)
        except SettingError as error:
            self.fail(str(error), param, ctx)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="kcb-replay")
def main() -> None:
    """When would EarlyStopping, ReduceLROnPlateau and other Keras callbacks have fired on the trainings you have?

    \b
    kcb-replay ingest logs/
    kcb-replay simulate --patience 5
    kcb-replay report -o report.html
    """  # noqa: D301  # \b keeps click from joining the lines


_store = click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path("kcb-store"),
    envvar="KCB_STORE",
    show_default=True,
    show_envvar=True,
    help="Folder of the store.",
)
_quiet = click.option("-q", "--quiet", is_flag=True, help="Print no progress and no notes on stderr.")
_runs = click.argument("runs", nargs=-1, metavar="[RUN]...")
_some_runs = click.argument("runs", nargs=-1, required=True, metavar="RUN...")
_run = click.argument("run", metavar="RUN")


def _output(command: _Function) -> _Function:
    """Add --format and its short forms."""
    for option in (
        click.option("--csv", "output", flag_value="csv", help="Short for --format csv."),
        click.option("--json", "output", flag_value="json", help="Short for --format json."),
        click.option(
            "--format",
            "output",
            type=click.Choice(("table", "json", "jsonl", "csv", "tsv", "md")),
            default="table",
            show_default=True,
            help="Form of the result.",
        ),
    ):
        command = option(command)
    return command


_STOPPING = (
    click.option("--monitor", default="val_loss", show_default=True, help="Metric to watch."),
    click.option("--mode", type=click.Choice(("auto", "min", "max")), default="auto", show_default=True),
    click.option("--patience", type=_Numbers(), help="EarlyStopping: epochs without improvement.  [default: 5]"),
    click.option("--min-delta", type=_Numbers(), help="EarlyStopping: smallest change that counts.  [default: 0]"),
    click.option("--baseline", type=_Numbers(), help="EarlyStopping: value to beat before the wait is reset."),
    click.option("--start-from-epoch", type=_Numbers(), help="EarlyStopping: first epoch looked at, from 0."),
    click.option(
        "--restore-best-weights/--no-restore-best-weights",
        default=None,
        help="EarlyStopping: keep the best epoch instead of the last.  [default: no]",
    ),
)


def _stopping(command: _Function) -> _Function:
    """Add the options that describe EarlyStopping."""
    for option in reversed(_STOPPING):
        command = option(command)
    return command


def _settings(command: _Function) -> _Function:
    """Add the options that describe callbacks."""
    numbers = _Numbers()
    options = (
        *_STOPPING,
        click.option("--lr-patience", type=numbers, help="ReduceLROnPlateau: patience.  [default: 10]"),
        click.option("--factor", type=numbers, help="ReduceLROnPlateau: factor.  [default: 0.1]"),
        click.option("--cooldown", type=numbers, help="ReduceLROnPlateau: cooldown.  [default: 0]"),
        click.option("--min-lr", type=numbers, help="ReduceLROnPlateau: lower bound.  [default: 0]"),
        click.option("--lr-min-delta", type=numbers, help="ReduceLROnPlateau: min_delta.  [default: 0.0001]"),
        click.option("--initial-lr", type=float, help="Learning rate to start from.  [default: the recorded one]"),
        click.option(
            "-c",
            "--callback",
            "callbacks",
            multiple=True,
            metavar="CODE",
            help="A callback as in Keras; repeat for a list in order. Instead of the options above.",
        ),
        click.option(
            "--semantics",
            help="Which Keras is replayed: a version, several to compare (a,b), or auto to choose from the recording."
            "  [default: keras-3.15]",
        ),
        click.option("--steps-per-epoch", type=int, help="Batches in each epoch, for callbacks that count them."),
        click.option(
            "--reuse-callbacks/--fresh-callbacks",
            "reuse",
            default=False,
            help="Whether all fits of a run share the same callbacks.  [default: fresh]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


@main.command(name="ingest")
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, readable=False, path_type=Path)
)
@_store
@click.option(
    "--format",
    "format_",
    default="auto",
    show_default=True,
    help="Or a format by its name, such as csvlogger, history, tensorboard, console.",
)
@click.option("--jobs", type=click.IntRange(min=1), help="Processes, where they pay.  [default: one per core]")
@click.option("--dry-run", is_flag=True, help="Only list what would be read, by which reader, into which run.")
@click.option("--watch", "watched", is_flag=True, help="Go on and follow trainings that still run, until Ctrl-C.")
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=2.0, show_default=True, help="Seconds between two looks."
)
@click.option("--strict", is_flag=True, help="Exit with 1 when anything was left out.")
@_quiet
def ingest_command(paths: tuple[Path, ...], store: Path, **options: Any) -> None:
    """Read log files or folders of them into the store.

    CSVLogger files, pickled Histories, TensorBoard event files and console logs become runs named by their folders.
    What is unchanged since the last ingest is not read again.

    \b
    kcb-replay ingest logs/ --dry-run
    kcb-replay ingest logs/ --watch
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.store import Store

    if options["dry_run"] and options["watched"]:
        raise SettingError("--dry-run writes nothing, so there is nothing to follow. Give it without --watch.")
    follow = _dry_run if options["dry_run"] else _watch if options["watched"] else _ingest
    follow(Store(store), paths, options)


def _ingest(store: Store, paths: Sequence[Path], options: dict[str, Any]) -> None:
    from kcb_replay.ingest.ingest import ingest

    with _progress(options["quiet"]) as progress:
        jobs = options["jobs"] or os.cpu_count() or 1
        report = ingest(store, paths, format=options["format_"], progress=progress, jobs=jobs)
    _say(_ingest_summary(report, store.path), quiet=options["quiet"])
    if (options["strict"] and report.left_out) or not (report.written or report.unchanged):
        sys.exit(1)


def _dry_run(store: Store, paths: Sequence[Path], options: dict[str, Any]) -> None:
    from kcb_replay.ingest.plan import plan
    from kcb_replay.report.summary import plan_lines, plan_summary

    planned = plan(store, paths, format=options["format_"])
    for line in plan_lines(planned):
        click.echo(line)
    _say(plan_summary(planned), quiet=options["quiet"])
    if (options["strict"] and planned.left_out) or not (planned.wanted or planned.unchanged):
        sys.exit(1)


def _watch(store: Store, paths: Sequence[Path], options: dict[str, Any]) -> None:
    from kcb_replay.ingest.watch import watch
    from kcb_replay.report.summary import change_lines

    for report in watch(store, paths, format=options["format_"], interval=options["interval"]):
        _say(change_lines(report), quiet=options["quiet"])


@main.command(name="runs")
@_runs
@_store
@click.option("--tag", help="Only the runs that have this tag.")
@_output
def runs_command(runs: tuple[str, ...], store: Path, tag: str | None, output: str) -> None:
    """List the runs of the store."""
    from kcb_replay.ingest.store import Store
    from kcb_replay.report.tables import run_records, runs_table

    entries = Store(store).runs(*runs, tag=tag)
    records = run_records(entries)
    document = {"schema": "kcb-replay/runs/1", "runs": records}
    _print(output, document, records, lambda: runs_table(entries))


@main.command(name="show")
@_run
@_store
@_output
def show_command(run: str, store: Path, output: str) -> None:
    """Show one run: its sources, metrics, fits, streams, messages and notes."""
    import time

    from kcb_replay.ingest.store import Store
    from kcb_replay.report.stored_run import metric_records, run_document, run_text

    opened = Store(store)
    (entry,) = _only_one(opened.runs(run), run)
    recording = opened.load(entry.name)
    _print(
        output,
        run_document(entry, recording),
        metric_records(recording),
        lambda: run_text(entry, recording, now=time.time()),
    )


@main.command(name="remove")
@_some_runs
@_store
@_quiet
def remove_command(runs: tuple[str, ...], store: Path, quiet: bool) -> None:
    """Remove runs from the store, without asking; their logs stay, and the next ingest of them brings the runs back.

    RUN is a name or a glob.
    """
    from kcb_replay.ingest.store import Store

    _say([f"Removed {name}" for name in _shown(Store(store).remove(*runs))], quiet=quiet)


@main.command(name="rename")
@click.argument("old")
@click.argument("new")
@_store
@_quiet
def rename_command(old: str, new: str, store: Path, quiet: bool) -> None:
    """Give a run another name, which it keeps when its sources are ingested again."""
    from kcb_replay.ingest.store import Store

    Store(store).rename(old, new)
    before, after = _shown([old, new])
    _say([f"Renamed {before} to {after}"], quiet=quiet)


@main.command(name="tag")
@_some_runs
@click.argument("tags", metavar="TAG[,TAG]...")
@click.option("--remove", is_flag=True, help="Take the tags away instead.")
@_store
@_quiet
def tag_command(runs: tuple[str, ...], tags: str, remove: bool, store: Path, quiet: bool) -> None:
    """Tag runs, so that `runs --tag` finds them; tags stay when the runs are ingested again.

    RUN is a name or a glob; the last argument is the tag, or several with commas between.

    \b
    kcb-replay tag 'seeds/*' run1 baseline,published
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.ingest.store import Store

    names = Store(store).tag(runs, tags.split(","), remove=remove)
    what = f"{'Untagged' if remove else 'Tagged'} {', '.join(_shown(tags.split(',')))}:"
    _say([f"{what} {name}" for name in _shown(names)], quiet=quiet)


@main.command(name="check")
@_store
@_output
@_quiet
def check_command(store: Path, output: str, quiet: bool) -> None:
    """Verify the store: every page, catalogue, row and place of a run. Exits with 1 when something is wrong."""
    from kcb_replay.ingest.store import Store
    from kcb_replay.report.upkeep import check_document, check_records, check_text

    with _progress(quiet) as progress:
        report = Store(store).check(progress=progress)
    _print(output, check_document(report), check_records(report), lambda: check_text(report))
    if report.faults:
        sys.exit(1)


@main.command(name="snapshot")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@_store
@_quiet
def snapshot_command(folder: Path, store: Path, quiet: bool) -> None:
    """Make a store in DIR that stays as this one is now, for tools that read while an ingest writes.

    Its files are hard links, which take no space. DIR must be new or empty.
    """
    from kcb_replay.ingest.store import Store

    buckets = Store(store).snapshot(folder)
    _say([f"Wrote {folder} ({buckets} buckets)"], quiet=quiet)


@main.command(name="simulate")
@_runs
@_store
@_settings
@_output
@_quiet
def simulate_command(runs: tuple[str, ...], store: Path, output: str, quiet: bool, **settings: Any) -> None:
    """Replay callbacks on recorded runs: when they would have stopped, what they would have kept.

    RUN is a run of the store, a glob, or a log file or folder (then no store is needed); all runs of the store by
    default. Options take lists (3,5,10) and ranges (1..40:5): every combination is replayed.

    \b
    kcb-replay simulate --patience 3,5,10
    kcb-replay simulate logs/run1/training.log --patience 5 --lr-patience 3 --factor 0.5
    kcb-replay simulate -c 'EarlyStopping(monitor="val_accuracy", patience=3)'
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.report.tables import simulation_document, simulation_records, simulation_table

    simulation = _simulation(runs, store, settings)
    _require_answer(simulation)
    _print(
        output,
        simulation_document(simulation),
        simulation_records(simulation),
        lambda: simulation_table(simulation),
    )
    _say(_simulation_notes(simulation), quiet=quiet)


@main.command(name="sweep")
@_runs
@_store
@_stopping
@click.option("--semantics", default="keras-3.15", show_default=True, help="Which Keras is replayed.")
@click.option("--pareto", is_flag=True, help="Only settings that no other one beats in both saving and regret.")
@click.option("--top", type=click.IntRange(min=1), help="Only the first so many.")
@click.option("--per-run", is_flag=True, help="A line per setting and fit instead of one per setting; not as a table.")
@_output
@_quiet
def sweep_command(
    runs: tuple[str, ...],
    store: Path,
    output: str,
    quiet: bool,
    pareto: bool,
    top: int | None,
    per_run: bool,
    **settings: Any,
) -> None:
    """Try every combination of EarlyStopping settings on every run, and say what each saves and costs.

    Without --patience it is 1..50. saved is the mean share of the recorded epochs that would not have run, regret what
    the epochs kept give away against the best of each recording. A fit whose recording ends before the stop is
    undecided: its regret is a lower bound.

    \b
    kcb-replay sweep --patience 1..50 --min-delta 0,1e-4,1e-3 --pareto
    kcb-replay sweep 'seeds/*' --patience 5,10 --restore-best-weights --json
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.sweep.sweep import sweep
    from kcb_replay.report import sweeps

    found = sweep(_recordings(runs, store), semantics=settings.pop("semantics"), **_swept(settings))
    if not found.answered.any():
        reasons = sweeps.left_out_of_sweep(found) or ["The store is empty. Ingest logs first."]
        raise KcbReplayError("\n".join(["No run could be swept.", *reasons]))
    summaries = found.per_setting()
    numbers = sweeps.chosen_settings(found, summaries, pareto=pareto, top=top)
    records = list(found.records()) if per_run else sweeps.sweep_records(summaries, numbers)
    if per_run and output == "table":
        output = "csv"
    table = functools.partial(sweeps.sweep_table, found, summaries, numbers, pareto=pareto)
    _print(output, sweeps.sweep_document(found, records), records, table)
    _say(sweeps.left_out_of_sweep(found), quiet=quiet)


@main.command(name="explain")
@_run
@_store
@_settings
def explain_command(run: str, store: Path, **settings: Any) -> None:
    """Say epoch by epoch, in words, what the callbacks do with one run."""
    from kcb_replay.report.explanation import explanation

    simulation = _simulation((run,), store, settings)
    _require_answer(simulation)
    from kcb_replay.report.versions import difference_sentences

    differences = [f"{sentence}." for sentence in difference_sentences(simulation.replays)]
    click.echo("\n\n".join([*(explanation(replay) for replay in simulation.replays), *differences]))
    _say(_left_out_lines(simulation), quiet=False)


@main.command(name="plot")
@_run
@_store
@_settings
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="A .png, .svg or .pdf file.")
@click.option("--fit", type=int, help="Which fit of the run, from 0.  [default: the only one]")
@_quiet
def plot_command(run: str, store: Path, output: Path, fit: int | None, quiet: bool, **settings: Any) -> None:
    """Draw one run: the curve, the stop, the best epoch and the learning rate."""
    from kcb_replay.report.figure import plot

    simulation = _simulation((run,), store, settings)
    _require_answer(simulation)
    replays = [replay for replay in simulation.replays if fit in (None, replay.fit)]
    (replay,) = _only_one(replays, run if fit is None else f"{run} fit {fit}")
    plot(replay, output)
    _say([f"Wrote {output} ({_size(output)})"], quiet=quiet)


@main.command(name="report")
@_runs
@_store
@_settings
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="An .html file.")
@_quiet
def report_command(runs: tuple[str, ...], store: Path, output: Path, quiet: bool, **settings: Any) -> None:
    """Write one offline HTML page: every run, its curve with marks, and the explanation."""
    from kcb_replay.report.page import report

    simulation = _simulation(runs, store, settings)
    report(simulation, output, command="kcb-replay " + " ".join(_typed()))
    _say([f"Wrote {output} ({_size(output)})", *_simulation_notes(simulation)], quiet=quiet)
    if not simulation.replays:
        sys.exit(1)


@main.command(name="conform")
@click.argument("files", nargs=-1, metavar="[GOLDEN]...", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--live", is_flag=True, help="Compare random cases with the Keras installed here, too.")
@click.option("--cases", type=click.IntRange(min=1), default=1000, show_default=True, help="How many, for --live.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which ones, for --live.")
@click.option("--library", type=click.Choice(("keras", "tf_keras")), help="For --live.  [default: what is installed]")
@click.option("--json", "output", flag_value="json", default="table", help="Print a JSON document.")
def conform_command(
    files: tuple[Path, ...], live: bool, cases: int, seed: int, library: Library | None, output: str
) -> None:
    """Compare the engine with real Keras: with golden cases recorded from it, with the one installed here, or both.

    GOLDEN is a file of recorded cases (.jsonl or .jsonl.gz). Exits with 1 when a case differs; what --live finds is
    shrunk to the smallest case.

    \b
    kcb-replay conform tests/golden/*.jsonl.gz
    KERAS_BACKEND=jax kcb-replay conform --live --cases 5000
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.conformance.golden import conform
    from kcb_replay.report.conformance import conformance_document, conformance_text

    if not (files or live):
        raise SettingError("There is nothing to compare with. Name golden files, or give --live.")
    reports = [conform(file) for file in files]
    found = None
    if live:
        from kcb_replay.replay.conformance.live import conform_live

        found = conform_live(cases=cases, seed=seed, library=library)
    _print(output, conformance_document(reports, found), [], lambda: conformance_text(reports, found))
    if any(report.mismatches for report in reports) or (found and found.first):
        sys.exit(1)


def _simulation(runs: tuple[str, ...], store: Path, settings: dict[str, Any]) -> Simulation:
    from kcb_replay.replay.replay import simulate

    lists = _callback_lists(settings)
    recordings = _recordings(runs, store)
    asked = ("semantics", "initial_lr", "steps_per_epoch", "reuse")
    return simulate(recordings, lists, **{name: settings[name] for name in asked})


def _recordings(runs: tuple[str, ...], path: Path) -> Iterator[Recording]:
    """Load the runs that were named, from the store or from files, all of the store when none was."""
    from kcb_replay.ingest.ingest import read
    from kcb_replay.ingest.store import Store

    store = Store(path)
    if not runs:
        yield from (store.load(entry.name) for entry in store.runs())
    for run in runs:
        if _is_stored(store, run):
            yield from (store.load(entry.name) for entry in store.runs(run))
        else:
            yield from read(run)


def _is_stored(store: Store, run: str) -> bool:
    """Tell whether RUN names stored runs; else it is a path. Raises when it is neither."""
    if store.exists:
        try:
            return bool(store.runs(run))
        except RunNotFoundError:
            if not Path(run).exists():
                raise
    elif not Path(run).exists():
        raise RunNotFoundError(
            f"{run!r} is no file or folder, and there is no store at {store.path} to look for a run of that name."
            " Make one with `kcb-replay ingest LOGS`."
        )
    return False


def _callback_lists(settings: dict[str, Any]) -> list[list[Callback]]:
    """Return every list of callbacks that the options describe."""
    from kcb_replay.replay.grid import combinations
    from kcb_replay.replay.settings_text import parse_callback

    stop = {name: settings[name] for name in _EARLY_STOPPING if settings[name] is not None}
    reduce = {name: settings[option] for option, name in _REDUCE_LR.items() if settings[option] is not None}
    if settings["callbacks"]:
        given = [name for name in (*_EARLY_STOPPING, *_REDUCE_LR) if settings[name] is not None]
        if given:
            option = "--" + given[0].replace("_", "-")
            raise SettingError(
                f"-c describes the callbacks whole, so {option} cannot be given with it. Write it inside -c."
            )
        return [[parse_callback(text) for text in settings["callbacks"]]]
    if "restore_best_weights" in stop:
        stop["restore_best_weights"] = [stop["restore_best_weights"]]
    shared = {"monitor": [settings["monitor"]], "mode": [settings["mode"]]}
    options = []
    if stop or not reduce:
        options.append(("EarlyStopping", {**shared, "patience": [int(_DEFAULT_PATIENCE)], **stop}))
    if reduce:
        options.append(("ReduceLROnPlateau", {**shared, **reduce}))
    return combinations(options)


def _swept(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments to sweep, those that were given and a patience from 1 to 50."""
    given = {name: value for name, value in settings.items() if value is not None}
    return {"patience": range(1, 51), **given}


def _require_answer(simulation: Simulation) -> None:
    if simulation.replays:
        return
    if not simulation.left_out:
        raise KcbReplayError("There is no run to replay: the store is empty. Ingest logs first.")
    if len(simulation.left_out) == 1:
        raise KcbReplayError(simulation.left_out[0].message)
    raise KcbReplayError("\n".join(["No run could be replayed.", *_left_out_lines(simulation)]))


_Item = TypeVar("_Item")


def _only_one(items: Sequence[_Item] | Iterator[_Item], what: str) -> list[_Item]:
    found = list(items)
    if len(found) != 1:
        raise SettingError(f"{what!r} stands for {len(found)} of them, but exactly one is needed here.")
    return found


def _print(output: str, document: Record, records: Sequence[Record], table: Callable[[], str]) -> None:
    from kcb_replay.report import machine

    writers: dict[str, Callable[[], str]] = {
        "table": table,
        "json": lambda: machine.as_json(document),
        "jsonl": lambda: machine.as_jsonl(records),
        "csv": lambda: machine.as_csv(records),
        "tsv": lambda: machine.as_tsv(records),
        "md": lambda: machine.as_markdown(records),
    }
    click.echo(writers[output]())


def _progress(quiet: bool) -> AbstractContextManager[Callable[[int, int, str], None] | None]:
    from kcb_replay.report.progress import progress

    return progress(shown=not quiet and sys.stderr.isatty())


def _say(lines: Sequence[str], *, quiet: bool) -> None:
    if not quiet:
        for line in lines:
            click.echo(line, err=True)


def _ingest_summary(report: IngestReport, store: Path) -> list[str]:
    from kcb_replay.report.summary import ingest_summary

    return ingest_summary(report, store)


def _simulation_notes(simulation: Simulation) -> list[str]:
    from kcb_replay.report.summary import simulation_notes

    return simulation_notes(simulation)


def _left_out_lines(simulation: Simulation) -> list[str]:
    from kcb_replay.report.summary import left_out_lines

    return left_out_lines(simulation)


def _shown(names: Sequence[str]) -> list[str]:
    from kcb_replay.report.names import shown

    return [shown(name) for name in names]


def _size(path: Path) -> str:
    return f"{path.stat().st_size / 1000:,.0f} kB"


def _typed() -> list[str]:
    import shlex

    return [shlex.quote(word) for word in sys.argv[1:]]
