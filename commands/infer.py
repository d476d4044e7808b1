"""`infer`: which settings are consistent with what a recorded training did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.commands.selection import recording_of

if TYPE_CHECKING:
    from pathlib import Path

    from kcb_replay.replay.directions import Direction


@click.command(name="infer", cls=Command)
@options.run
@options.store
@click.option("--fit", type=int, help="Which fit of the run, from 0.  [default: the only one]")
@options.join_fits
@click.option("--monitor", help="Look at this metric only.  [default: every recorded one]")
@click.option("--mode", type=click.Choice(("min", "max")), help="Its direction.  [default: as auto takes it]")
@click.option("--semantics", help="Keras versions to look at (a,b).  [default: all that the recorded names allow]")
@options.form
@options.language
def infer_command(
    run: str,
    store: Path,
    fit: int | None,
    monitor: str | None,
    mode: Direction | None,
    semantics: str | None,
    form: str,
) -> None:
    """Say which callback settings are consistent with what one recorded training did.

    From its length, its learning rates and what callbacks said: ranges per argument and per version of Keras, exact at
    both ends, and the further epoch that would tell them apart. A recording that just ends never proves a stopper.

    \b
    kcb-replay infer run1
    kcb-replay infer logs/run1/training.log --monitor val_loss
    kcb-replay infer run1 --semantics keras-2.0.8,keras-3.15 --json
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.behaviours import Semantics
    from kcb_replay.replay.inference.infer import infer
    from kcb_replay.replay.inference.result import text_of
    from kcb_replay.replay.request import versions_of
    from kcb_replay.report.versions import version_notes

    inference = infer(recording_of(run, store), fit=fit, monitor=monitor, mode=mode, semantics=semantics)
    output.print_result(form, inference.to_dict(), inference.records(), lambda: text_of(inference, output.texts()))
    output.say(version_notes(each for each in versions_of(semantics) if isinstance(each, Semantics)))
