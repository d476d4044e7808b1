"""Fits from a table of named columns with a row an epoch, whoever wrote it: which column counts, which is a metric.

A column `epoch`, in any case, counts the epochs, else an index as pandas or R writes it, else the rows; then a note
says that a resumed start cannot be seen. The long form (a row a value, with columns that name the metric and the data)
is made wide. An epoch that does not rise begins a fit. Tables with several rows an epoch are refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.ingest.epoch_count import assumed_from_1
from kcb_replay.ingest.metric_names import ROLE_OF, name_in_role, names_of, split_role
from kcb_replay.ingest.table import MAX_STEP, EpochTable, Log
from kcb_replay.text import counted, excerpt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kcb_replay.ingest.recording import Fit

# A number, a text, or no value.
Cell: TypeAlias = float | str | None

_EPOCHS = ("epoch", "epochs")
# What pandas and R call the numbers of rows.
_INDEX = re.compile(r"|index|level_0|rownames|unnamed: ?\d+(_level_\d+)?", re.IGNORECASE)
_STEPS = frozenset({"step", "steps", "global_step", "iteration", "iter", "iterations", "batch", "batch_idx"})
_METRIC_COLUMNS, _ROLE_COLUMNS = ("metric", "variable"), ("data", "phase", "split", "set", "subset", "dataset", "mode")
_METRIC = re.compile(
    r"(.*[_/ .-])?(loss|acc|accuracy|error|err|mae|mse|rmse|mape|auc|f1|precision|recall|iou|miou|dice|psnr|ssim"
    r"|perplexity|ppl|r2|kappa|fid)([_/ .-].*)?",
    re.IGNORECASE,
)
_BESIDE = frozenset({"lr", "learning_rate", "time", "seconds", "duration", "epoch_time", "elapsed"})
# Of more rows than this, not one in three may repeat the epoch before.
_MOST_REPEATED = 1 / 3


@dataclass(frozen=True, slots=True)
class Frame:
    """Named columns, the cells of each row, and the line that each row stands in."""

    names: tuple[str, ...]
    rows: list[Sequence[Cell]]
    lines: list[int]


def are_columns_of_epochs(names: Sequence[str]) -> bool:
    """Tell whether a table with these columns can only have a row for each epoch of a training."""
    plain = [name.strip().lower() for name in names]
    metrics = [name for name in plain if name not in _EPOCHS and not _INDEX.fullmatch(name)]
    if len(set(names)) < len(names) or not metrics or not _STEPS.isdisjoint(plain) or any(map(_is_number, names)):
        return False
    if any(name in _EPOCHS for name in plain):
        is_long = "value" in plain and not {*_METRIC_COLUMNS}.isdisjoint(plain)
        return is_long or any(_METRIC.fullmatch(name) or split_role(name) for name in metrics)
    # Without epochs, every column must be one that a History has: rows may be models, or samples.
    twins = {name.removeprefix("val_") for name in metrics if name.startswith("val_")}
    own = [name.removeprefix("val_") for name in metrics]
    return "loss" in {*names_of(metrics).values()} and all(
        name in twins or name in _BESIDE or _METRIC.fullmatch(name) for name in own
    )


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True


def fits_of(frames: Iterable[Frame], log: Log) -> tuple[Fit, ...]:
    """Return the fits of tables that stand one below another; raises the refusal of the log."""
    table: EpochTable[Cell] = EpochTable(log, _number, text="{tag} is left out of {path}: line {line} holds {why}")
    are_counted = True
    for frame in frames:
        table.begin()
        are_counted = _add(_wide(_without_texts(frame, log), log), table, log) and are_counted
    if not table.count:
        raise log.refusal("holds no whole epoch", why=True)
    from_1 = table.first_epoch == 1
    if from_1 and are_counted:
        log.notes.append(assumed_from_1(log.path))
    if not are_counted:
        text = (
            f"{log.path} has no epoch column: its rows are taken for epochs 1 to n, so that a resumed start is not seen"
        )
        log.note("no_epoch_column", text)
    fits = table.fits(counted_from=1 if from_1 else 0)
    if not any(fit.metrics for fit in fits):
        raise log.refusal("holds epochs but no value", why=True)
    return fits


def _number(cell: Cell) -> float | None:
    if isinstance(cell, str):
        raise ValueError(f"{excerpt(cell, 40)!r} (not a number)")  # noqa: TRY004  # a fact of the file
    return cell


def _without_texts(frame: Frame, log: Log) -> Frame:
    """Leave out the columns that hold nothing but texts, by name; those that name metrics or data stay."""
    kept = []
    for at, name in enumerate(frame.names):
        texts = sum(isinstance(row[at], str) for row in frame.rows)
        names_something = name.strip().lower() in (*_METRIC_COLUMNS, *_ROLE_COLUMNS)
        if texts and not names_something and all(isinstance(row[at], str | None) for row in frame.rows):
            first = next(row[at] for row in frame.rows if isinstance(row[at], str))
            text = f"{excerpt(name) or 'a column without a name'} is left out of {log.path}: it holds texts"
            log.note("not_a_number", f"{text}, such as {excerpt(str(first), 40)!r}")
        else:
            kept.append(at)
    names = tuple(frame.names[at] for at in kept)
    return Frame(names, [[row[at] for at in kept] for row in frame.rows], frame.lines)


def _wide(frame: Frame, log: Log) -> Frame:
    """Return a table in the long form as a wide one, any other as it is."""
    plain = [name.strip().lower() for name in frame.names]
    roles = [at for at, name in enumerate(plain) if name in _ROLE_COLUMNS and _are_roles(frame, at)]
    metrics = [at for at, name in enumerate(plain) if name in _METRIC_COLUMNS and "value" in plain]
    epochs = [at for at, name in enumerate(plain) if name in _EPOCHS]
    if not epochs or not (roles or metrics):
        return frame
    role, metric = roles[:1], metrics[:1]
    values = (
        [plain.index("value")]
        if metric
        else [
            at
            for at, name in enumerate(plain)
            if at not in (*epochs, *role) and not _INDEX.fullmatch(frame.names[at].strip())
        ]
    )
    points: dict[tuple[int, float], dict[str, Cell]] = {}
    fit_of: dict[str, tuple[int, float]] = {}
    for row, line in zip(frame.rows, frame.lines, strict=True):
        epoch = row[epochs[0]]
        if not isinstance(epoch, float):
            raise log.refusal(f"holds {excerpt(str(epoch), 40)!r} as epoch in line {line}")
        for at in values:
            tag = str(row[metric[0]]) if metric else frame.names[at]
            if role:
                tag = name_in_role(tag, ROLE_OF[str(row[role[0]]).strip().lower()])
            # Each metric is counted by itself: one may stand whole before the next begins.
            number, last = fit_of.get(tag, (0, -1.0))
            fit_of[tag] = (number + (epoch <= last), epoch)
            points.setdefault((fit_of[tag][0], epoch), {})[tag] = row[at]
    order = sorted(points)
    names = tuple(fit_of)
    rows: list[Sequence[Cell]] = [[epoch, *(points[fit, epoch].get(name) for name in names)] for fit, epoch in order]
    return Frame(("epoch", *names), rows, [0] * len(rows))


def _are_roles(frame: Frame, at: int) -> bool:
    return all(isinstance(row[at], str) and str(row[at]).strip().lower() in ROLE_OF for row in frame.rows)


def _add(frame: Frame, table: EpochTable[Cell], log: Log) -> bool:
    """Add the rows of a table, and tell whether a column of it counts the epochs."""
    named = [at for at, name in enumerate(frame.names) if name.strip().lower() in _EPOCHS]
    index = [at for at, name in enumerate(frame.names) if _INDEX.fullmatch(name.strip()) and _is_count(frame, at)]
    if len(named) > 1:
        raise log.refusal(f"has {counted(len(named), 'column')} of epochs")
    dropped = {*named, *index}
    kept = [at for at in range(len(frame.names)) if at not in dropped]
    tags = [frame.names[at] for at in kept]
    if named:
        epochs = [_epoch(row[named[0]], line, log) for row, line in zip(frame.rows, frame.lines, strict=True)]
    elif index:
        first = frame.rows[0][index[0]] if frame.rows else 0
        epochs = [_epoch(row[index[0]], 0, log) - (first == 1) for row in frame.rows]
    else:
        epochs = list(range(len(frame.rows)))
    order = _order(epochs, log)
    for at in order:
        table.add(epochs[at], tags, [frame.rows[at][column] for column in kept], frame.lines[at])
    return bool(named)


def _is_count(frame: Frame, at: int) -> bool:
    """Tell whether a column numbers rows: whole numbers that rise by one, from 0 or 1 on, again and again perhaps."""
    numbers = [row[at] for row in frame.rows]
    first = numbers[0] if numbers else 0.0
    goes_on = all(
        isinstance(one, float) and isinstance(two, float) and two in (one + 1, first) for one, two in pairwise(numbers)
    )
    return first in (0.0, 1.0) and goes_on


def _epoch(cell: Cell, line: int, log: Log) -> int:
    if not isinstance(cell, float) or not cell.is_integer() or not 0 <= cell < MAX_STEP:
        raise log.refusal(f"holds {excerpt(str(cell), 40)!r} as epoch in line {line}")
    return int(cell)


def _order(epochs: Sequence[int], log: Log) -> list[int]:
    """Return the rows in the order of their training; those of a sorted table are put back."""
    pairs = list(pairwise(epochs))
    repeated = sum(one == two for one, two in pairs)
    falls = sum(one > two for one, two in pairs)
    if repeated > _MOST_REPEATED * len(pairs) and repeated < len(pairs):
        text = f"has several rows for one epoch ({counted(len(set(epochs)), 'epoch')} in {counted(len(epochs), 'row')})"
        raise log.refusal(text)
    if falls > _MOST_REPEATED * len(pairs) and len(set(epochs)) == len(epochs) and len(epochs) > 2:
        log.note("other_order", f"the rows of {log.path} are not in the order of their epochs: they are put in it")
        return sorted(range(len(epochs)), key=epochs.__getitem__)
    return list(range(len(epochs)))
