"""The geometry of one panel alone: the wait counter or the learning rate of a replay, large."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.report.drawing.curve import CurveInfo
from kcb_replay.report.drawing.layout import LEFT, Layout, Panel, put_ends, put_patience, put_rate, rate_panel
from kcb_replay.report.drawing.placing import Box, Label, Places, beside, between
from kcb_replay.report.drawing.scales import Tick, epoch_ticks, value_ticks
from kcb_replay.report.wait_and_rate import Rate, Wait

Part: TypeAlias = Literal["wait", "lr"]
_TOP, _HEIGHT, _AXIS = 62, 200, 34


def trace_layout(info: CurveInfo, part: Part, width: float) -> Layout:
    """Return where the panel stands and what is written to it.

    Raises `SettingError` where the replay has no such panel.
    """
    if part == "wait" and info.wait:
        return _with_labels(info, info.wait, _wait_panel(info.wait), width)
    if part == "lr" and info.rate:
        return _with_labels(info, info.rate, rate_panel(info.rate, _TOP, _HEIGHT), width)
    raise SettingError(_WHY[part])


_WHY: dict[Part, str] = {
    "wait": "No callback of this replay has a wait counter, so there is none to draw. Draw kind run instead.",
    "lr": "The learning rate is neither recorded nor set by a callback of this replay. Draw kind run, or add"
    " ReduceLROnPlateau, with the initial learning rate where that is not recorded.",
}


def _wait_panel(wait: Wait) -> Panel:
    whole = (tick for tick in value_ticks(0.0, wait.top) if tick.value == int(tick.value))
    ticks = tuple(Tick(tick.value, f"{tick.value:g}") for tick in whole)
    return Panel(_TOP, _TOP + _HEIGHT, 0.0, wait.top, ticks)


def _with_labels(info: CurveInfo, part: Wait | Rate, panel: Panel, width: float) -> Layout:
    axis_y = panel.bottom + 12
    # The one panel stands where the metric would; what draws it takes it from there.
    bare = Layout(axis_y + _AXIS, info.epochs[0] - 0.5, info.epochs[-1] + 0.5, panel, None, None, axis_y, (), (), width)
    x = bare.x(info.stop.epoch) if info.stop else -1.0
    places = Places(between((x, panel.top), (x, axis_y)) * 3)
    canvas = Box(2, 2, width - 2, bare.height)
    places.put([Label(LEFT, 14, "start", "title", part.title)], canvas)
    put_ends(info, bare, places, canvas)
    if part is info.wait:
        put_patience(info.wait, bare, panel, places, canvas)
    elif info.rate:
        put_rate(info.rate, bare, panel, places, canvas)
    if info.what_if_from is not None:
        x = bare.x(info.what_if_from - 0.5)
        spots = [Label(bare.right - 6, panel.top + 16, "end", "note", info.what_if_label)]
        places.put([*spots, *beside(x, panel.top + 16, "note", info.what_if_label)], canvas)
    return replace(bare, x_ticks=epoch_ticks(info.epochs, bare.right - LEFT), labels=places.placed)
