"""What the figure of a sweep shows, as numbers: the settings in one plane, and two arguments as a grid."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.report.choices_table import ARGUMENTS, argument_shown, head_of_sweep, percent, varying_arguments
from kcb_replay.report.drawing.scales import linear_end, scale_said
from kcb_replay.text import counted, decimals_for, visible, whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.verdicts.totals import SettingSummary, SweepSummary

__all__ = ["SweepGrid", "SweepInfo", "SweepPoint", "sweep_info"]


_MOST_NAMED = 12
# So many discs stand side by side on the axis of saving.
_DISCS = 22


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One setting in the plane of saving and regret; `hollow` where some recordings end before its stop.

    `number` is that under which the legend names it, 0 for one that it does not name.
    """

    saving: float
    regret: float
    on_front: bool
    hollow: bool
    number: int


@dataclass(frozen=True, slots=True)
class SweepGrid:
    """Mean regret and mean saving by two arguments: `regret[row][column]`, NaN where it is unknown.

    Where further arguments vary, a cell is the setting of least regret among those that share it. `undecided` is
    whether some recording ends before its stop, `front` whether no other setting beats it.
    """

    columns: str
    rows: str
    column_names: tuple[str, ...]
    row_names: tuple[str, ...]
    regret: tuple[tuple[float, ...], ...]
    saving: tuple[tuple[float, ...], ...]
    undecided: tuple[tuple[bool, ...], ...]
    front: tuple[tuple[bool, ...], ...]

    def turned(self) -> SweepGrid:
        """Return the same grid with rows and columns exchanged."""
        return SweepGrid(
            columns=self.rows,
            rows=self.columns,
            column_names=self.row_names,
            row_names=self.column_names,
            regret=tuple(zip(*self.regret, strict=True)),
            saving=tuple(zip(*self.saving, strict=True)),
            undecided=tuple(zip(*self.undecided, strict=True)),
            front=tuple(zip(*self.front, strict=True)),
        )

    def notes(self, *, numbered: bool) -> list[str]:
        """Return what the marks of the cells mean, or how many cells have none for want of room."""
        cells = len(self.row_names) * len(self.column_names)
        open_ends = sum(map(sum, self.undecided))
        unknown = sum(math.isnan(regret) for row in self.regret for regret in row)
        notes = ["Framed: no other setting beats it."] if any(map(any, self.front)) else []
        if open_ends:
            what = "~:" if numbered else f"In {whole(open_ends)} of {whole(cells)} cells"
            notes.append(f"{what} some recordings end before the stop, and count with the regret of their end.")
        if unknown:
            notes.append("?: unknown." if numbered else f"Unknown in {whole(unknown)} of {whole(cells)} cells.")
        return notes


@dataclass(frozen=True, slots=True)
class SweepInfo:
    """What the figure shows; `points` are settings that act differently, `grid` is None where one argument varies.

    The axis of regret is logarithmic above `linear_until`, None where it is linear to its end.
    """

    title: str
    x_label: str
    y_label: str
    regret_label: str
    linear_until: float | None
    points: tuple[SweepPoint, ...]
    grid: SweepGrid | None
    legend: tuple[str, ...]
    notes: tuple[str, ...]


def sweep_info(found: SweepSummary) -> SweepInfo:
    """Return what the figure of a sweep shows."""
    varying = varying_arguments(found.settings, ARGUMENTS)
    named = {number: place for place, number in enumerate(_named(found), 1)}
    points = [
        SweepPoint(
            saving=found.summaries[number].saving,
            regret=found.summaries[number].regret_mean,
            on_front=number in found.front,
            hollow=found.summaries[number].undecided > 0,
            number=named.get(number, 0),
        )
        for number in found.distinct
        if math.isfinite(found.summaries[number].regret_mean)
    ]
    metrics = visible(", ".join(sorted({setting.monitor for setting in found.settings})))
    end = linear_end(point.regret for point in points)
    return SweepInfo(
        title=head_of_sweep(found, ARGUMENTS),
        x_label="mean saving (share of the recorded epochs that would not run)",
        y_label=f"mean regret ({metrics}{scale_said(end) or ', square-root scale'})",
        regret_label=f"Mean regret, what is given up in {metrics}",
        linear_until=end,
        points=tuple(sorted(points, key=lambda point: point.saving)),
        grid=_grid(found, varying),
        legend=tuple(_legend(place, found.summaries[number], varying) for number, place in named.items()),
        notes=tuple(_notes(found, unnamed=len(found.front) - len(named))),
    )


def _named(found: SweepSummary) -> Sequence[int]:
    """Return the settings of the front that the list has room for, and whose discs do not cover each other."""
    savings = [found.summaries[number].saving for number in found.distinct]
    apart = (max(savings) - min(savings)) / _DISCS if savings else 0.0
    chosen: list[int] = []
    for number in found.front:
        if not chosen or found.summaries[number].saving - found.summaries[chosen[-1]].saving >= apart:
            chosen.append(number)
    return chosen[:: -(-len(chosen) // _MOST_NAMED)] if chosen else chosen


def _legend(place: int, summary: SettingSummary, varying: Sequence[str]) -> str:
    arguments = ", ".join(f"{name}={argument_shown(getattr(summary.setting, name))}" for name in varying)
    regret = decimals_for([]).show(summary.regret_mean)
    return visible(f"{place}  {arguments or str(summary.setting)}: saves {percent(summary.saving)}, regret {regret}")


def _grid(found: SweepSummary, varying: Sequence[str]) -> SweepGrid | None:
    if len(varying) < 2:
        return None
    # The one with most values runs along the columns.
    count = Counter({name: len({getattr(each.setting, name) for each in found.summaries}) for name in varying})
    (columns, _), (rows, _) = count.most_common(2)
    best: dict[tuple[object, object], int] = {}
    for number, each in enumerate(found.summaries):
        place = getattr(each.setting, rows), getattr(each.setting, columns)
        if place not in best or each.regret_mean < found.summaries[best[place]].regret_mean:
            best[place] = number
    row_values = list(dict.fromkeys(row for row, _ in best))
    column_values = list(dict.fromkeys(column for _, column in best))
    # A grid is a product of arguments, so every place has a setting.
    cells = [[best[row, column] for column in column_values] for row in row_values]
    summaries = [[found.summaries[number] for number in row] for row in cells]
    front = _acting_like(found, found.front)
    return SweepGrid(
        columns=columns,
        rows=rows,
        column_names=tuple(map(argument_shown, column_values)),
        row_names=tuple(map(argument_shown, row_values)),
        regret=tuple(tuple(each.regret_mean for each in row) for row in summaries),
        saving=tuple(tuple(each.saving for each in row) for row in summaries),
        undecided=tuple(tuple(each.undecided > 0 for each in row) for row in summaries),
        front=tuple(tuple(number in front for number in row) for row in cells),
    )


def _acting_like(found: SweepSummary, numbers: Sequence[int]) -> set[int]:
    """Return the settings and those that act like one of them."""
    return {each for group in found.alike if set(group).intersection(numbers) for each in group}


def _notes(found: SweepSummary, *, unnamed: int) -> list[str]:
    notes = [f"{counted(unnamed, 'further setting')} of the front, too close to others for a number"] if unnamed else []
    if any(summary.undecided > 0 for summary in found.summaries):
        notes.append("hollow: some recordings end before the stop, and count with the regret of their end")
    beyond = sum(not math.isfinite(found.summaries[number].regret_mean) for number in found.distinct)
    if beyond:
        notes.append(f"{counted(beyond, 'setting')} of infinite or unknown regret: not in the plane")
    alike = len(found.settings) - len(found.distinct)
    if alike:
        notes.append(f"{counted(alike, 'setting')} that act like another one are not drawn again")
    if found.left_out:
        notes.append(f"{counted(len({(item.run, item.fit) for item in found.left_out}), 'fit')} left out")
    return notes
