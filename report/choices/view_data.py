"""What the program of a page needs of the runs: the answers of every choice, the curves, and the texts of both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.report.choices.acts import LABELS
from kcb_replay.report.choices.packed import packed
from kcb_replay.report.drawing.plane import HIGHEST_LABEL, WIDTH
from kcb_replay.text import visible

if TYPE_CHECKING:
    from kcb_replay.report.choices.acts import Integers
    from kcb_replay.report.choices.run_table import Runs, RunTable
    from kcb_replay.report.drawing.curves import CurvesInfo
    from kcb_replay.report.drawing.plane import Plane

__all__ = ["curves_data", "plane_data", "points_data", "runs_data", "table_data"]


def table_data(table: RunTable, noun: str) -> dict[str, object]:
    """Return what the program needs to fill in the table, and the sentences of a run."""
    return {
        "rows": [visible(name) for name in table.names],
        "columns": [column.key for column in table.columns],
        "labels": list(LABELS),
        "lastEpoch": table.last_epoch,
        "runSaid": {
            "none": "none",
            "notAsked": "not asked",
            "curves": "All curves. The table below lists the same runs.",
            "squares": f"Orange squares mark the chosen stop of each {noun}." if len(table.names) > 1 else "",
            "count": f"{{shown}} of {{all}} {noun}s" if len(table.names) > 1 else f"{{shown}} of {{all}} {noun}",
            "stopped": "{run}: stops after epoch {stop} of {last}, keeps epoch {kept}, regret {regret} ({label}).",
            "open": "{run}: not stopped within its {last} epochs, keeps epoch {kept}, regret {regret} ({label}).",
            "unasked": "{run}: cannot be asked.",
        },
    }


def runs_data(runs: Runs) -> dict[str, object]:
    """Return per fit its extent and lowest value, and its answers to every choice; -1 stands for none."""
    acts, coded, decimals = runs.acts, runs.coded, runs.decimals
    same = np.array_equal(coded.kept, coded.best)
    lowest = np.array([np.nan if fit.lowest_value is None else fit.lowest_value for fit in acts.fits])
    return {
        "first": [fit.first_epoch for fit in acts.fits],
        "last": [fit.last_epoch for fit in acts.fits],
        "lowest": ["none" if fit.lowest_value is None else decimals.show(fit.lowest_value) for fit in acts.fits],
        "lowestRank": np.unique(lowest, return_inverse=True)[1].reshape(-1).tolist() if len(lowest) else [],
        "lowestEpoch": [-1 if fit.lowest_index is None else fit.lowest_index + 1 for fit in acts.fits],
        "pick": packed(coded.pick.ravel()),
        "starts": packed(coded.starts),
        # Epochs from 1 here, so 0 would be none.
        "stop": packed(np.where(coded.stop < 0, -1, coded.stop + 1)),
        "best": packed(np.where(coded.best < 0, -1, coded.best + 1)),
        # Where the best weights are always restored, they are the ones kept.
        "kept": None if same else packed(np.where(coded.kept < 0, -1, coded.kept + 1)),
        "saved": packed(coded.saved),
        "regret": packed(coded.regret),
        "label": packed(coded.label),
        "regrets": list(coded.regrets),
    }


def curves_data(runs: Runs) -> dict[str, object] | None:
    """Return the pixel rows of all curves, and of each stop and each epoch kept."""
    curves = runs.curves
    if curves is None:
        return None
    return {
        "first": curves.first,
        "last": curves.last,
        "every": curves.every,
        "rows": packed(np.concatenate([np.zeros(0, np.int64), *curves.rows])),
        "lengths": packed(np.array([len(rows) for rows in curves.rows], np.int64)),
        # Where every epoch is drawn, its row is among the others.
        "stopRow": None if curves.every == 1 else packed(_rows_at(runs.coded.stop, curves, runs)),
        "keptRow": None if curves.every == 1 else packed(_rows_at(runs.coded.kept, curves, runs)),
        "x": [[tick.value, tick.text] for tick in curves.x_ticks],
        "y": [[curves.row_of(tick.value), tick.text] for tick in curves.y_ticks],
    }


def plane_data() -> dict[str, float]:
    """Return the geometry by which the label of the chosen point finds its place."""
    return {"middle": WIDTH / 2, "width": WIDTH, "top": HIGHEST_LABEL}


def points_data(plane: Plane, choices: int) -> list[list[float] | None]:
    """Return for every choice its place in the plane, and the ends of its intervals; None for one that is not there."""
    points: list[list[float] | None] = [None] * choices
    for point in plane.points:
        ends = point.whiskers
        around = [] if ends is None else [ends.left, ends.right, ends.bottom, ends.top]
        points[point.choice] = [round(number, 1) for number in (point.x, point.y, *around)]
    return points


def _rows_at(epochs: Integers, curves: CurvesInfo, runs: Runs) -> Integers:
    """Return the row of the value at 0-based epochs, one per answer; -1 where there is no value to stand at."""
    rows = np.full(len(epochs), -1, np.int64)
    ends = [*runs.coded.starts.tolist()[1:], len(epochs)]
    for fit, start, end in zip(runs.acts.fits, runs.coded.starts.tolist(), ends, strict=True):
        asked = epochs[start:end]
        place = np.clip(np.searchsorted(fit.epochs, asked), 0, len(fit.epochs) - 1)
        there = (fit.epochs[place] == asked) & fit.valid[place] & ~np.isnan(fit.values[place])
        rows[start:end] = np.where(there, curves.rows_of(fit.values[place]), -1)
    return rows
