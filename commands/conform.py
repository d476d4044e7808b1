"""`conform`: the engine against real Keras, recorded and installed."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kcb_replay.commands import options, output
from kcb_replay.commands.base import Command
from kcb_replay.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kcb_replay.replay.bridge.real_keras import Library


def _part(_: click.Context, parameter: click.Parameter, value: str) -> tuple[int, int]:
    """Return K and N of K/N."""
    match = re.fullmatch(r"(\d+)/(\d+)", value)
    if match is None:
        message = f"{value!r} is no part. Write K/N for the K-th of N parts, for example 3/12."
        raise click.BadParameter(message, param=parameter)
    return int(match[1]), int(match[2])


@contextmanager
def _progress(quiet: bool) -> Iterator[Callable[[int, int, str], None] | None]:
    """Yield a function of (done, of how many, which) that draws a bar on stderr, None where nobody looks."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    with click.progressbar(length=1, label="Comparing", show_pos=True, item_show_func=_text, file=sys.stderr) as bar:

        def update(done: int, total: int, name: str) -> None:
            bar.length = total
            bar.update(done - bar.pos, name)

        yield update


def _text(item: str | None) -> str:
    return item or ""


@click.command(name="conform", cls=Command)
@click.argument("files", nargs=-1, metavar="[GOLDEN]...", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--live", is_flag=True, help="Compare random cases with the Keras installed here, too.")
@click.option("--cases", type=click.IntRange(min=1), default=1000, show_default=True, help="How many, for --live.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which ones, for --live.")
@click.option(
    "--exhaustive", is_flag=True, help="Compare every stream of a small box with the Keras installed here, too."
)
@click.option("--epochs", type=int, default=3, show_default=True, help="How long, 1 to 6, for --exhaustive.")
@click.option(
    "--part", callback=_part, metavar="K/N", default="1/1", help="Which of N parts of the box.  [default: 1/1]"
)
@click.option(
    "--library",
    type=click.Choice(("keras", "tf_keras")),
    help="For --live and --exhaustive.  [default: what is installed]",
)
@click.option("--json", "form", flag_value="json", default="table", help="Print a JSON document.")
@options.quiet
def conform_command(
    files: tuple[Path, ...],
    live: bool,
    cases: int,
    seed: int,
    exhaustive: bool,
    epochs: int,
    part: tuple[int, int],
    library: Library | None,
    form: str,
    quiet: bool,
) -> None:
    """Compare the engine with real Keras: with golden cases recorded from it, or with the one installed here.

    GOLDEN is a file of recorded cases (.jsonl or .jsonl.gz). --live draws random cases, and shrinks one that differs to
    the smallest. --exhaustive goes through every stream of so many epochs over {best so far, tie in float32, better,
    worse, NaN, missing}, under some hundred settings of EarlyStopping and of ReduceLROnPlateau, alone and together; the
    box can be cut into parts, to be run one after the other or side by side. Exits with 1 when a case differs.

    \b
    kcb-replay conform tests/golden/*.jsonl.gz
    KERAS_BACKEND=jax kcb-replay conform --live --cases 5000
    KERAS_BACKEND=jax kcb-replay conform --exhaustive --epochs 6 --part 1/36
    """  # noqa: D301  # \b keeps click from joining the lines
    from kcb_replay.replay.conformance.golden import conform
    from kcb_replay.report.conformance import conformance_document, conformance_text

    if not (files or live or exhaustive):
        raise SettingError("There is nothing to compare with. Name golden files, or give --live or --exhaustive.")
    reports = [conform(file) for file in files]
    random = box = None
    if live:
        from kcb_replay.replay.conformance.live import conform_live

        random = conform_live(cases=cases, seed=seed, library=library)
    if exhaustive:
        from kcb_replay.replay.conformance.exhaustive import conform_exhaustively

        with _progress(quiet) as progress:
            box = conform_exhaustively(epochs=epochs, part=part, library=library, progress=progress)
    document = conformance_document(reports, random, box)
    output.print_result(form, document, [], lambda: conformance_text(reports, random, box))
    if any(report.mismatches for report in reports) or (random and random.first) or (box and box.mismatches):
        sys.exit(1)
