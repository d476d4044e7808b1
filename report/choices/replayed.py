"""All curves of a report in one chart, and its settings and Keras versions side by side, from replays."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kcb_replay.report.choices.acts import DrawnFit
from kcb_replay.report.choices.rules_matrix import Cell, Matrix
from kcb_replay.report.columns.fits import lead_rule
from kcb_replay.report.drawing.curves import curves_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kcb_replay.replay.result import Replay
    from kcb_replay.report.drawing.curve import CurveInfo
    from kcb_replay.report.drawing.curves import CurvesInfo
    from kcb_replay.text import Decimals

__all__ = ["AllCurves", "all_curves", "side_by_side"]

_MOST_COLUMNS = 8


@dataclass(frozen=True, slots=True, eq=False)
class AllCurves:
    """The curves of one metric; `stops` are those of all replays of a fit, `places` its place by run and number."""

    monitor: str
    curves: CurvesInfo
    firsts: tuple[int, ...]
    stops: tuple[tuple[int, ...], ...]
    ends: tuple[int | None, ...]
    places: Mapping[tuple[str, int], int]


def all_curves(infos: Sequence[CurveInfo], decimals: Decimals) -> AllCurves | None:
    """Return the chart of all fits, None for one fit, or where nothing can be drawn.

    Where replays monitor different metrics, the curves are those of the metric that most of them do.
    """
    if len({(info.run, info.fit) for info in infos}) < 2:
        return None
    monitor, _ = Counter(info.monitor for info in infos).most_common(1)[0]
    together: dict[tuple[str, int], list[CurveInfo]] = {}
    for info in infos:
        if info.monitor == monitor:
            together.setdefault((info.run, info.fit), []).append(info)
    fits = [_fit(group[0]) for group in together.values()]
    curves = curves_of(fits, next(iter(together.values()))[0].direction, decimals)
    if curves is None:
        return None
    return AllCurves(
        monitor=monitor,
        curves=curves,
        firsts=tuple(fit.first_epoch for fit in fits),
        stops=tuple(tuple(sorted({info.stop.epoch for info in group if info.stop})) for group in together.values()),
        ends=tuple(_end(group) for group in together.values()),
        places={place: number for number, place in enumerate(together)},
    )


def _fit(info: CurveInfo) -> DrawnFit:
    return DrawnFit(
        run=info.run,
        fit=info.fit,
        title=info.run,
        epochs=np.array(info.epochs) - 1,
        values=np.array([np.nan if value is None else value for value in info.values]),
        valid=np.array([value is not None for value in info.values]),
        lowest_index=None if info.lowest is None else info.lowest.epoch - 1,
        lowest_value=None if info.lowest is None else info.lowest.value,
    )


def _end(group: Sequence[CurveInfo]) -> int | None:
    """Return the last epoch that any replay of a fit runs, None where one runs them all."""
    ends = [info.stop.epoch for info in group if info.stop]
    return max(ends) if len(ends) == len(group) else None


def side_by_side(
    replays: Sequence[Replay], names: Mapping[tuple[str, tuple[str, ...]], str], decimals: Decimals
) -> Matrix | None:
    """Return stop and regret of every fit, a column per setting and version; None for one column, or too many.

    `names` give the columns, by the name of the version and the code of the callbacks, in their order.
    """
    columns = list(dict.fromkeys(names.values()))
    if not 1 < len(columns) <= _MOST_COLUMNS or not all(map(lead_rule, replays)):
        return None
    rows: dict[str, dict[str, Replay]] = {}
    several = {replay.run for replay in replays if replay.fit}
    for replay in replays:
        title = f"{replay.run}, fit {replay.fit}" if replay.run in several else replay.run
        code = tuple(map(str, replay.callbacks))
        rows.setdefault(title, {})[names[replay.semantics.name, code]] = replay
    return Matrix(
        tuple(columns),
        tuple((title, tuple(_cells([found.get(name) for name in columns], decimals))) for title, found in rows.items()),
    )


def _cells(replays: Sequence[Replay | None], decimals: Decimals) -> list[Cell]:
    rules = [None if replay is None else lead_rule(replay) for replay in replays]
    regrets = [None if rule is None else rule.regret for rule in rules]
    least = min((regret for regret in regrets if regret is not None), default=None)
    cells = []
    for replay, regret in zip(replays, regrets, strict=True):
        if replay is None:
            cells.append(Cell("left out", "", "", best=False))
            continue
        last = replay.stream.epochs[-1].index + 1
        stop = f"after {replay.stop_epoch}" if replay.stop_epoch is not None else f"≥ {last + 1}"
        text = "unknown" if regret is None else decimals.show(regret)
        differs = len({each.stop_epoch for each in replays if each is not None}) > 1
        cells.append(Cell(text, stop, text, best=differs and regret is not None and regret == least))
    return cells
