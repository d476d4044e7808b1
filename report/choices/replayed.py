"""All curves of a report in one chart, and its settings and Keras versions side by side, from replays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from kcb_replay.language.catalogue import Catalogue
from kcb_replay.replay.result import Replay
from kcb_replay.replay.verdicts.blocks import RecordedCurve
from kcb_replay.report.choices.run_table import Matrix, MatrixCell, matrix_cells
from kcb_replay.report.columns.fits import lead_rule, regret_of
from kcb_replay.report.drawing.curve import chart_metric, lead_position, monitored_values
from kcb_replay.report.drawing.curves import Curves, curves_of
from kcb_replay.text import Decimals, fit_title

_MOST_COLUMNS = 8


@dataclass(frozen=True, slots=True, eq=False)
class AllCurves:
    """The curves of one metric, with the stops of all replays of each fit; `places` are by run and number of a fit.

    After its epoch in `ends` a fit is run by no replay, None where one runs them all.
    """

    monitor: str
    curves: Curves
    ends: tuple[int | None, ...]
    stops: tuple[tuple[int, ...], ...]
    places: Mapping[tuple[str, int], int]


def all_curves(replays: Sequence[Replay], words: Catalogue) -> AllCurves | None:
    """Return the chart of all fits, None for one fit, or where nothing can be drawn.

    Where replays monitor different metrics, the curves are those of the metric that most of them do.
    """
    if len({(replay.run, replay.fit) for replay in replays}) < 2:
        return None
    metrics = [chart_metric(replay, lead_position(replay)) for replay in replays]
    monitor, _ = Counter(metrics).most_common(1)[0]
    together: dict[tuple[str, int], list[Replay]] = {}
    for replay, metric in zip(replays, metrics, strict=True):
        if metric == monitor:
            together.setdefault((replay.run, replay.fit), []).append(replay)
    groups = list(together.values())
    fits = [_curve(group[0]) for group in groups]
    direction = groups[0][0].outcomes[lead_position(groups[0][0])].mode
    curves = curves_of(fits, direction, words)
    if curves is None:
        return None
    return AllCurves(
        monitor=monitor,
        curves=curves,
        ends=tuple(map(_end, groups)),
        stops=tuple(tuple(sorted({each.stop_epoch for each in group if each.stop_epoch})) for group in groups),
        places={fit: number for number, fit in enumerate(together)},
    )


def _curve(replay: Replay) -> RecordedCurve:
    position = lead_position(replay)
    values = monitored_values(replay, position)
    epochs = [epoch.index for epoch in replay.stream.epochs]
    return RecordedCurve(
        run=replay.run,
        fit=replay.fit,
        epochs=np.array(epochs),
        values=np.array([values.get(index, 0.0) for index in epochs]),
        valid=np.array([index in values for index in epochs]),
        lowest_index=None,
        lowest_value=None,
    )


def _end(group: Sequence[Replay]) -> int | None:
    """Return the last epoch that any replay of a fit runs, None where one runs them all."""
    ends = [replay.stop_epoch for replay in group if replay.stop_epoch is not None]
    return max(ends) if len(ends) == len(group) else None


def side_by_side(
    replays: Sequence[Replay], names: Mapping[tuple[str, tuple[str, ...]], str], decimals: Decimals, words: Catalogue
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
        title = fit_title(replay.run, replay.fit, several=replay.run in several)
        code = tuple(map(str, replay.callbacks))
        rows.setdefault(title, {})[names[replay.semantics.name, code]] = replay
    cells = {title: _cells([row.get(name) for name in columns], decimals, words) for title, row in rows.items()}
    return Matrix(tuple(columns), tuple(cells.items()))


def _cells(replays: Sequence[Replay | None], decimals: Decimals, words: Catalogue) -> tuple[MatrixCell, ...]:
    """Return the cells of one fit; where no stop differs from the others, none of them is the best."""
    answers = [None if replay is None else (replay.stop_epoch, regret_of(replay)) for replay in replays]
    cells = matrix_cells(answers, decimals, words, words.say("column.left_out"))
    differs = len({answer[0] for answer in answers if answer is not None}) > 1
    return cells if differs else tuple(replace(cell, best=False) for cell in cells)
