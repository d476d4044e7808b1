"""The options that several commands take, each described once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kcb_replay.commands.completion import completed_runs
from kcb_replay.errors import SettingError
from kcb_replay.language.reason import ENGLISH, LANGUAGES

if TYPE_CHECKING:
    from collections.abc import Callable

    Function = TypeVar("Function", bound=Callable[..., None])


# Under these names the context of a command keeps whether narrow terminals are to be ignored, its language,
# whether files of others may be replaced, whether the fits of a run are one training, and which globs pool metrics.
ALL_COLUMNS = "kcb_replay.all_columns"
LANGUAGE = "kcb_replay.language"
FORCE = "kcb_replay.force"
JOIN_FITS = "kcb_replay.join_fits"
POOLED = "kcb_replay.pooled"


class Numbers(click.ParamType):  # type: ignore[type-arg]  # generic in click 8.5 only
    """A number, a list as 3,5,10 or a range as 1..40 or 1..40:5."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[float]:
        """Return the numbers of a text."""
        from kcb_replay.replay.grid import numbers_from_text

        if isinstance(value, list):
            return value
        try:
            return numbers_from_text(value)
        except SettingError as error:
            self.fail(str(error), param, ctx)


class RateParameter(click.ParamType):  # type: ignore[type-arg]  # generic in click 8.5 only
    """A learning rate, `int32(1)`, or a schedule as `ExponentialDecay(0.01, 1000, 0.96)`."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the rate or the schedule of a text."""
        from kcb_replay.replay.settings_text import parse_rate

        try:
            return parse_rate(value) if isinstance(value, str) else value
        except SettingError as error:
            self.fail(str(error), param, ctx)


def _all(*options: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Return what adds several options, which the help lists in this order."""

    def add(command: Function) -> Function:
        for option in reversed(options):
            command = option(command)
        return command

    return add


def _kept_as(name: str) -> Callable[[click.Context, click.Parameter, object], None]:
    """Return what keeps the value of an option under a name of the context, where no command need hand it on."""

    def keep(ctx: click.Context, param: click.Parameter, value: object) -> None:  # noqa: ARG001  # the signature is click's
        ctx.meta[name] = value

    return keep


def _choose_monitor(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """Return the names of metrics, each glob as the name that it pools metrics under."""
    if not any(wild in value for wild in "*?["):
        return value
    from kcb_replay.replay.pooled_metrics import pooled_name

    try:
        names = {part.strip(): pooled_name(part.strip()) for part in value.split(",") if part.strip()}
    except SettingError as error:
        raise click.BadParameter(str(error), ctx, param) from None
    ctx.meta[POOLED] = tuple(part for part, name in names.items() if part != name)
    return ",".join(names.values())


runs = click.argument("runs", nargs=-1, metavar="[RUN]...", shell_complete=completed_runs)
several_runs = click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=completed_runs)
run = click.argument("run", metavar="RUN", shell_complete=completed_runs)
store = click.option(
    "--store",
    type=click.Path(path_type=Path),
    default=Path("kcb-store"),
    envvar="KCB_STORE",
    show_default=True,
    show_envvar=True,
    help="Folder of the store.",
)
language = click.option(
    "--lang",
    type=click.Choice(LANGUAGES),
    default=ENGLISH,
    envvar="KCB_LANG",
    show_default=True,
    show_envvar=True,
    expose_value=False,
    callback=_kept_as(LANGUAGE),
    help="Language of sentences and pages.",
)
force = click.option(
    "--force",
    is_flag=True,
    expose_value=False,
    callback=_kept_as(FORCE),
    help="Write over a file that kcb-replay did not write, too.",
)
join_fits = click.option(
    "--join-fits",
    is_flag=True,
    expose_value=False,
    callback=_kept_as(JOIN_FITS),
    help="Take the fits of a run for one training, as after fit(epochs=1) in a loop.",
)
quiet = click.option("-q", "--quiet", is_flag=True, help="Print no progress and no notes on stderr.")
verbose = click.option("-v", "--verbose", is_flag=True, help="Say the reasons, too, on stderr.")
mode = click.option("--mode", type=click.Choice(("auto", "min", "max")), default="auto", show_default=True)
semantics = click.option("--semantics", default="keras-3.15", show_default=True, help="Which Keras is replayed.")
form = _all(
    click.option(
        "--format",
        "form",
        type=click.Choice(("table", "json", "jsonl", "csv", "tsv", "md")),
        default="table",
        show_default=True,
        help="Form of the result.",
    ),
    click.option("--json", "form", flag_value="json", help="Short for --format json."),
    click.option("--csv", "form", flag_value="csv", help="Short for --format csv."),
    click.option(
        "--all-columns",
        is_flag=True,
        expose_value=False,
        callback=_kept_as(ALL_COLUMNS),
        help="Print a table whole where the terminal is too narrow for it.",
    ),
)
figure = _all(
    click.option(
        "--theme", type=click.Choice(("light", "dark")), default="light", show_default=True, help="Of a figure."
    ),
    click.option(
        "--width",
        type=float,
        metavar="INCHES",
        help="Width of the figure: 3.5 for a column of a paper, 7 for a page, 13.3 for a slide.  [default: 9.6]",
    ),
)


def page(flag: str, name: str = "html", *, required: bool = False) -> Callable[[Function], Function]:
    """Return what adds the options of a page: `flag` says which file it is, and the command calls it `name`."""
    file = click.Path(path_type=Path)
    return _all(
        click.option(*flag.split(), name, type=file, required=required, help="Write an offline .html page."),
        click.option("--all", "draw_all", is_flag=True, help="Draw all runs on the page, also more than 500."),
        click.option("--max-size", default="2MB", show_default=True, help="Write no larger page than this."),
    )


def _stopping(patience: str, restores: str) -> Callable[[Function], Function]:
    return _all(
        join_fits,
        click.option(
            "--monitor",
            default="val_loss",
            show_default=True,
            callback=_choose_monitor,
            help="Metric to watch; a glob pools those of folds ('val_auc*').",
        ),
        mode,
        click.option(
            "--patience",
            type=Numbers(),
            help=f"EarlyStopping: epochs without improvement.  [default: {patience}]",
        ),
        click.option("--min-delta", type=Numbers(), help="EarlyStopping: smallest change that counts.  [default: 0]"),
        click.option("--baseline", type=Numbers(), help="EarlyStopping: value to beat before the wait is reset."),
        click.option("--start-from-epoch", type=Numbers(), help="EarlyStopping: first epoch looked at, from 0."),
        click.option(
            "--restore-best-weights/--no-restore-best-weights",
            default=None,
            help=f"EarlyStopping: keep the best epoch instead of the last.  [default: {restores}]",
        ),
    )


def swept(*, restores: str) -> Callable[[Function], Function]:
    """Return what adds the options of EarlyStopping where many patiences are tried; `restores` is the default."""
    return _stopping("1..50", restores)


# What describes rules to compare; without any of them, only those of -c are compared.
stopping_rules = _stopping("none", "no")
reducing = _all(
    click.option("--lr-patience", type=Numbers(), help="ReduceLROnPlateau: patience.  [default: 10]"),
    click.option("--factor", type=Numbers(), help="ReduceLROnPlateau: factor.  [default: 0.1]"),
    click.option("--cooldown", type=Numbers(), help="ReduceLROnPlateau: cooldown.  [default: 0]"),
    click.option("--min-lr", type=Numbers(), help="ReduceLROnPlateau: lower bound.  [default: 0]"),
    click.option(
        "--lr-min-delta", type=Numbers(), help="ReduceLROnPlateau: min_delta (once epsilon).  [default: 0.0001]"
    ),
    click.option(
        "--initial-lr",
        type=RateParameter(),
        help="Learning rate to start from, int32(1), or the optimizer's schedule.  [default: the recorded one]",
    ),
)
# What describes a list of callbacks.
callbacks = _all(
    _stopping("5", "no"),
    reducing,
    click.option(
        "-c",
        "--callback",
        "callbacks",
        multiple=True,
        metavar="CODE",
        help="A callback as in Keras; repeat for a list in order. Instead of the options above.",
    ),
)
# What describes it and how it is replayed.
replayed_callbacks = _all(
    callbacks,
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
