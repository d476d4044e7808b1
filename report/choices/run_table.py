"""The table of runs under one choice, as Python writes it: the program of the page fills in the other choices.

A page may show several views of the same runs (monitors, Keras versions); a run has one row, whatever view it is in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.choices.acts import LABELS
from kcb_replay.report.svg.curves import Drawn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.report.choices.acts import Acts, DrawnFit
    from kcb_replay.report.choices.coded import Coded
    from kcb_replay.report.drawing.curves import CurvesInfo
    from kcb_replay.text import Decimals

__all__ = ["Column", "Row", "RunTable", "Runs", "Strip", "run_table"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its key in the data of the page, its head, whether it holds numbers, and is first sorted downwards."""

    key: str
    head: str
    number: bool = True
    down: bool = False


@dataclass(frozen=True, slots=True)
class Strip:
    """The small picture of a run, in epochs from 1; None for what there is not.

    `ran` is the last epoch that runs, `mark` the best epoch or else the one kept, `lowest` the best of the recording.
    """

    first: int
    last: int
    ran: int
    stops: bool
    mark: int | None
    lowest: int | None


@dataclass(frozen=True, slots=True)
class Row:
    """One run: its number in the data, its name, and the texts of the columns behind the strip."""

    number: int
    name: str
    cells: tuple[str, ...]
    strip: Strip


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Runs:
    """The runs of a view under all choices, of which `choice` is shown first.

    `noun` says whether they are runs or fits, `lowest_head` what the best value of a recording is called; `has_best`
    where the choices know a best epoch, `has_kept` where the epoch kept may be another one.
    """

    acts: Acts
    coded: Coded
    curves: CurvesInfo | None
    choice: int
    noun: str
    decimals: Decimals
    lowest_head: str
    caption: str
    drawn_remark: str = ""
    has_best: bool = True
    has_kept: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class RunTable:
    """A row per run of any view, those of the view that is shown first in the order of their regret.

    `places[view][row number]` is the place of that run among the fits of a view, -1 where it is not among them.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    names: tuple[str, ...]
    places: tuple[tuple[int, ...], ...]
    caption: str
    drawn_remark: str
    last_epoch: int
    drawn: Drawn | None


def run_table(views: Sequence[Runs], start: Runs) -> RunTable:
    """Return the table of the runs of all views, as it looks in `start`."""
    names = list(dict.fromkeys(fit.title for view in (start, *views) for fit in view.acts.fits))
    places = [{fit.title: place for place, fit in enumerate(view.acts.fits)} for view in views]
    columns = _columns(start)
    rows = _rows(start, columns)
    return RunTable(
        columns=columns,
        rows=(*rows, *(_absent(number, name, columns) for number, name in enumerate(names) if number >= len(rows))),
        names=tuple(names),
        places=tuple(tuple(found.get(name, -1) for name in names) for found in places),
        caption=start.caption,
        drawn_remark=start.drawn_remark,
        last_epoch=max((fit.last_epoch for view in views for fit in view.acts.fits), default=1),
        drawn=_drawn(start, rows),
    )


def _drawn(view: Runs, rows: Sequence[Row]) -> Drawn | None:
    if view.curves is None:
        return None
    ends = [row.strip.ran if row.strip.stops else None for row in sorted(rows, key=lambda row: row.number)]
    stops = [() if end is None else (end,) for end in ends]
    return Drawn(view.curves, [fit.first_epoch for fit in view.acts.fits], ends, stops)


def _columns(view: Runs) -> tuple[Column, ...]:
    best = [Column("best", "Best epoch" if view.has_kept else "Best epoch kept")] if view.has_best else []
    kept = [Column("kept", "Keeps epoch")] if view.has_kept else []
    return (
        Column("name", "Run", number=False),
        Column("strip", "Epochs", number=False),
        Column("stop", "Stops after"),
        Column("saved", "Saved", down=True),
        *best,
        *kept,
        Column("lowest", view.lowest_head),
        Column("regret", "Regret", down=True),
        Column("label", "Answer", number=False, down=True),
    )


def _rows(view: Runs, columns: Sequence[Column]) -> list[Row]:
    """Return a row per fit, the largest regret first, as the program would sort them."""
    rows = []
    for number, fit in enumerate(view.acts.fits):
        at = view.coded.place(view.choice, number)
        texts = _texts(fit, view.coded, at, view.decimals)
        cells = tuple(texts[column.key] for column in columns if column.key not in ("name", "strip"))
        rank = -1 if at is None else int(view.coded.regret[at])
        rows.append((-rank, Row(number, fit.title, cells, _strip(fit, view.coded, at))))
    return [row for _, row in sorted(rows, key=lambda pair: pair[0])]


def _absent(number: int, name: str, columns: Sequence[Column]) -> Row:
    """Return the row of a run that the first view does not have."""
    return Row(number, name, ("",) * (len(columns) - 2), Strip(1, 1, 1, stops=False, mark=None, lowest=None))


def _texts(fit: DrawnFit, coded: Coded, at: int | None, decimals: Decimals) -> dict[str, str]:
    lowest = "none" if fit.lowest_value is None else decimals.show(fit.lowest_value)
    if at is None:
        return {
            **dict.fromkeys(("stop", "saved", "best", "kept", "regret"), ""),
            "lowest": lowest,
            "label": "not asked",
        }
    stop = int(coded.stop[at])
    return {
        "stop": f"≥ {fit.last_epoch + 1}" if stop < 0 else str(stop + 1),
        "saved": str(coded.saved[at]),
        "best": _epoch(int(coded.best[at])),
        "kept": _epoch(int(coded.kept[at])),
        "lowest": lowest,
        "regret": coded.regrets[int(coded.regret[at])],
        "label": LABELS[int(coded.label[at])],
    }


def _epoch(index: int) -> str:
    return "none" if index < 0 else str(index + 1)


def _strip(fit: DrawnFit, coded: Coded, at: int | None) -> Strip:
    stop, best, kept = (-1, -1, -1) if at is None else (int(each[at]) for each in (coded.stop, coded.best, coded.kept))
    mark = best if best >= 0 else kept
    return Strip(
        first=fit.first_epoch,
        last=fit.last_epoch,
        ran=fit.last_epoch if stop < 0 else stop + 1,
        stops=stop >= 0,
        mark=None if mark < 0 else mark + 1,
        lowest=None if fit.lowest_index is None else fit.lowest_index + 1,
    )
