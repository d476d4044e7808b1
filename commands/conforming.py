"""`conform`: the engine against real Keras."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kcb_replay.commands.base import Command
from kcb_replay.commands.printing import print_result
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from kcb_replay.replay.bridge.installed import Library

__all__ = ["conform_command"]


@click.command(name="conform", cls=Command)
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
    print_result(output, conformance_document(reports, found), [], lambda: conformance_text(reports, found))
    if any(report.mismatches for report in reports) or (found and found.first):
        sys.exit(1)
