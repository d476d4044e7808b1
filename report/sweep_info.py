"""What the figure of a sweep shows, as numbers: the settings in one plane, and two arguments as a grid."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kcb_replay.ingest.counted import counted
from kcb_replay.report.names import shown
from kcb_replay.report.numbers import decimals_for
from kcb_replay.report.scales import linear_end, scale_said
from kcb_replay.report.settings_table import argument_shown, head_of_sweep, percent, varying_arguments
from kcb_replay.report.sweeps import ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kcb_replay.replay.sweep.overall import Overall
    from kcb_replay.replay.sweep.totals import SettingSummary

__all__ = ["SweepGrid", "SweepInfo", "SweepPoint", "sweep_info"]


_MOST_NAMED = 12


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

    Where further arguments vary, a cell is the setting of least regret among those that share it.
    """

    columns: str
    rows: str
    column_names: tuple[str, ...]
    row_names: tuple[str, ...]
    regret: tuple[tuple[float, ...], ...]
    saving: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class SweepInfo:
    """What the figure shows; `points` are settings that act differently, `grid` is None where one argument varies.

    The axis of regret is logarithmic above `linear_until`, None where it is linear to its end.
    """

    title: str
    x_label: str
    y_label: str
    linear_until: float | None
    points: tuple[SweepPoint, ...]
    grid: SweepGrid | None
    legend: tuple[str, ...]
    notes: tuple[str, ...]


def sweep_info(found: Overall) -> SweepInfo:
    """Return what the figure of a sweep shows."""
    varying = varying_arguments(found.settings, ARGUMENTS)
    named = {number: place for place, number in enumerate(_named(found.front), 1)}
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
    monitors = sorted({setting.monitor for setting in found.settings})
    end = linear_end(point.regret for point in points)
    return SweepInfo(
        title=head_of_sweep(found, ARGUMENTS),
        x_label="mean saving (share of the recorded epochs that would not run)",
        y_label=f"mean regret ({shown(', '.join(monitors))}{scale_said(end)})",
        linear_until=end,
        points=tuple(sorted(points, key=lambda point: point.saving)),
        grid=_grid(found.summaries, varying),
        legend=tuple(_legend(place, found.summaries[number], varying) for number, place in named.items()),
        notes=tuple(_notes(found)),
    )


def _named(front: Sequence[int]) -> Sequence[int]:
    """Return the settings of the front that the legend has room for, the first and others at equal distances."""
    return front[:: -(-len(front) // _MOST_NAMED)] if front else front


def _legend(place: int, summary: SettingSummary, varying: Sequence[str]) -> str:
    arguments = ", ".join(f"{name}={argument_shown(getattr(summary.setting, name))}" for name in varying)
    regret = decimals_for([]).show(summary.regret_mean)
    return shown(f"{place}  {arguments or str(summary.setting)}: saves {percent(summary.saving)}, regret {regret}")


def _grid(summaries: Sequence[SettingSummary], varying: Sequence[str]) -> SweepGrid | None:
    if len(varying) < 2:
        return None
    # The one with most values runs along the columns, for it is wide.
    count = Counter({name: len({getattr(each.setting, name) for each in summaries}) for name in varying})
    (columns, _), (rows, _) = count.most_common(2)
    best: dict[tuple[object, object], SettingSummary] = {}
    for each in summaries:
        place = getattr(each.setting, rows), getattr(each.setting, columns)
        if place not in best or each.regret_mean < best[place].regret_mean:
            best[place] = each
    row_values = list(dict.fromkeys(row for row, _ in best))
    column_values = list(dict.fromkeys(column for _, column in best))
    nothing = math.nan
    return SweepGrid(
        columns=columns,
        rows=rows,
        column_names=tuple(map(argument_shown, column_values)),
        row_names=tuple(map(argument_shown, row_values)),
        regret=tuple(
            tuple(best[row, column].regret_mean if (row, column) in best else nothing for column in column_values)
            for row in row_values
        ),
        saving=tuple(
            tuple(best[row, column].saving if (row, column) in best else nothing for column in column_values)
            for row in row_values
        ),
    )


def _notes(found: Overall) -> list[str]:
    notes = []
    if any(summary.undecided > 0 for summary in found.summaries):
        notes.append("hollow: some recordings end before the stop, and count with the regret of their end")
    alike = len(found.settings) - len(found.distinct)
    if alike:
        notes.append(f"{counted(alike, 'setting')} that act like another one are not drawn again")
    if found.left_out:
        notes.append(f"{counted(len({(item.run, item.fit) for item in found.left_out}), 'fit')} left out")
    return notes
