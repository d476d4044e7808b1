"""`versions`: what changed between two versions of Keras, and which runs that moves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.commands.callback_lists import one_callback_list
from kcb_replay.commands.completion import completed_runs, completed_versions
from kcb_replay.commands.selection import recordings_in_order
from kcb_replay.errors import SettingError
from kcb_replay.language.reason import reason

if TYPE_CHECKING:
    from pathlib import Path

    from kcb_replay.replay.behaviours import Semantics
    from kcb_replay.replay.callbacks import Callback


@click.command(name="versions", cls=Command)
@click.argument("first", required=False, metavar="[FROM", shell_complete=completed_versions)
@click.argument("second", required=False, metavar="TO]", shell_complete=completed_versions)
@click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completed_runs)
@options.store
@options.callbacks
@click.option("--steps-per-epoch", type=int, help="Batches in each epoch, for callbacks that count them.")
@click.option("--per-run", is_flag=True, help="A line per fit that ends elsewhere, instead of one per change.")
@options.form
@options.language
@options.quiet
@click.pass_context
def versions_command(
    ctx: click.Context,
    /,
    first: str | None,
    second: str | None,
    runs: tuple[str, ...],
    store: Path,
    per_run: bool,
    form: str,
    quiet: bool,
    **settings: Any,
) -> None:
    """Say what changed in the callbacks from one Keras to another, and which recorded runs end elsewhere by it.

    Without versions it lists what is known. The runs (all of the store, or those named after TO) are judged by
    EarlyStopping(patience=5, restore_best_weights=True) and ReduceLROnPlateau(patience=3), or by what the options say.

    \b
    kcb-replay versions
    kcb-replay versions tf_keras-2.15 keras-3.15
    kcb-replay versions tf-2.9 keras-3.15 'seeds/*' -c 'EarlyStopping(monitor="val_auc", patience=3)'
    kcb-replay versions keras-3.15/tensorflow keras-3.15/jax --json
    """  # noqa: D301  # \b keeps click from joining the lines
    if first is None:
        _print_known(form)
        return
    if second is None:
        raise SettingError(
            f"versions takes two versions, FROM and TO, or none, but only {first!r} is given. For example"
            " `kcb-replay versions tf_keras-2.15 keras-3.15`."
        )
    from kcb_replay.replay.semantics import semantics
    from kcb_replay.replay.version_comparison import versions
    from kcb_replay.report import version_changes
    from kcb_replay.report.versions import version_notes

    pair = semantics(first), semantics(second)
    is_judged = bool(runs) or store.exists() or _is_on_command_line(ctx, "store")
    comparison = versions(
        *pair,
        recordings_in_order(runs, store) if is_judged else (),
        _callbacks(settings, pair),
        initial_lr=settings["initial_lr"],
        steps_per_epoch=settings["steps_per_epoch"],
    )
    if per_run and form == "table":
        form = "csv"
    records = (
        version_changes.moved_records(comparison) if per_run else version_changes.change_records(comparison.changes)
    )
    text, words = version_changes.version_comparison_text, output.texts()
    output.print_result(form, comparison.to_dict(), records, lambda: text(comparison, words, is_judged=is_judged))
    no_store = reason("versions.no_store", store=str(store))
    notes = version_changes.version_comparison_notes(comparison) if is_judged else [no_store]
    output.say([*version_notes(pair), *notes], quiet=quiet)


def _print_known(form: str) -> None:
    from kcb_replay.replay.version_changes import every_change
    from kcb_replay.report import version_changes

    if form == "md":
        click.echo(version_changes.known_page())
        return
    records = version_changes.change_records(every_change())
    output.print_result(form, version_changes.known_document(), records, version_changes.known_text)


def _callbacks(settings: dict[str, Any], versions: tuple[Semantics, Semantics]) -> tuple[Callback, ...]:
    """Return the callbacks that the options describe, those that most trainings have where they describe none."""
    from kcb_replay.replay.version_comparison import usual_callbacks

    return one_callback_list(settings) or usual_callbacks(*versions, monitor=settings["monitor"], mode=settings["mode"])


def _is_on_command_line(ctx: click.Context, name: str) -> bool:
    return ctx.get_parameter_source(name) not in (None, click.core.ParameterSource.DEFAULT)
