"""Draw a sweep: two arguments as a grid of mean regret, and all settings in the plane of saving and regret."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.report.figures.canvas import LINE, Look, blank, wrapped
from kcb_replay.report.figures.heat import draw_heat, heat_size
from kcb_replay.report.figures.pareto import draw_pareto, list_height, plane_height, write_list
from kcb_replay.report.figures.plane import EDGE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from kcb_replay.report.sweep_info import SweepInfo

__all__ = ["figure_of_sweep"]

_BELOW, _DOWN, _LEAVES_ROOM = 14, 40, 0.46


def figure_of_sweep(info: SweepInfo, look: Look, *, heat: bool = True, pareto: bool = True) -> Figure:
    """Return the grid above the plane, or one of them; raises `SettingError` for a grid of a single argument."""
    if not pareto and info.grid is None:
        raise SettingError(
            "A heat map shows two arguments, but fewer have several values here."
            " Give lists of two, as --patience 1..20 --min-delta 0,0.001,0.01, or draw kind pareto."
        )
    title = wrapped(info.title, (look.width - 2 * EDGE) / 1.12)
    head = 28 + LINE * len(title)
    wide, tall = heat_size(info, look) if heat else (0.0, 0.0)
    plane = plane_height() if pareto else 0.0
    # Side by side where the grid leaves room for a plane.
    beside = pareto and 0 < wide <= _LEAVES_ROOM * look.width
    drawn = max(tall, plane) if beside else tall + plane
    canvas = blank(look, head + drawn + list_height(info, look) + _BELOW)
    for row, line in enumerate(title):
        canvas.write(EDGE, 28 + row * LINE, line, look.palette.ink, size=14, bold=True)
    if heat:
        draw_heat(canvas, info, head)
    if pareto:
        draw_pareto(canvas, info, head + _DOWN if beside else head + tall, wide if beside else 0.0)
    write_list(canvas, info, head + drawn)
    return canvas.figure
