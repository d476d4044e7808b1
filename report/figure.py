"""Charts as matplotlib figures and as PNG, SVG or PDF files.

Draws the same layout as the pages. Uses neither pyplot nor the user's rcParams: every setting is given here.
"""

from __future__ import annotations

import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from kcb_replay.errors import SettingError
from kcb_replay.replay.rule_comparison import RuleComparison
from kcb_replay.replay.sweep.overall import Overall, overall
from kcb_replay.replay.sweep.table import Sweep
from kcb_replay.report.curve import curve_info
from kcb_replay.report.drawing import BEST, INK, MISSED, MUTED, RATE, STOP, draw_panels
from kcb_replay.report.files import write_whole
from kcb_replay.report.layout import LEFT, WIDTH, layout_of
from kcb_replay.report.names import shown
from kcb_replay.report.rules import rules_info
from kcb_replay.report.rules_figure import figure_of_rules
from kcb_replay.report.sweep_figure import figure_of_sweep
from kcb_replay.report.sweep_info import sweep_info

if TYPE_CHECKING:
    import os

    from matplotlib.figure import Figure

    from kcb_replay.replay.result import Replay
    from kcb_replay.report.curve import CurveInfo
    from kcb_replay.report.placing import Anchor, Role

    Plottable: TypeAlias = Replay | RuleComparison | Sweep | Overall

__all__ = ["figure_of", "plot", "require_figure_file"]

_SUFFIXES = (".png", ".svg", ".pdf")
_DPI = 100
_PNG_DPI = 200
_PX = 72 / _DPI
_FONT = "DejaVu Sans"
_TEXT: dict[Role, str] = {
    "axis": MUTED,
    "title": INK,
    "stop": STOP,
    "best": BEST,
    "missed": MISSED,
    "kept": INK,
    "rate": RATE,
    "note": MUTED,
}
_LINE_HEIGHT, _WRAP, _NAME = 19, 126, 80
_ALIGN: dict[Anchor, str] = {"start": "left", "middle": "center", "end": "right"}


def plot(result: Plottable, path: str | os.PathLike[str] | None = None) -> Figure:
    """Draw a replay, a comparison of rules or a sweep of EarlyStopping; with `path`, write it as PNG, SVG or PDF.

    The file appears whole or not at all. Raises `SettingError` for any other suffix, `KcbReplayError` where the file
    cannot be written.
    """
    if path is None:
        return _drawn(result)
    target = Path(path)
    require_figure_file(target)
    figure = _drawn(result)
    write_whole(target, lambda temporary: _save(figure, temporary))
    return figure


def require_figure_file(path: Path) -> None:
    """Raise `SettingError` unless the file is of a kind that can be drawn."""
    if path.suffix.lower() not in _SUFFIXES:
        raise SettingError(f"{path.name} must end in .png, .svg or .pdf: the suffix chooses the format.")


def _drawn(result: Plottable) -> Figure:
    if isinstance(result, RuleComparison):
        return figure_of_rules(rules_info(result))
    if isinstance(result, Sweep):
        result = overall([result], result.settings, result.semantics)
    if isinstance(result, Overall):
        return figure_of_sweep(sweep_info(result))
    return figure_of(curve_info(result))


def figure_of(info: CurveInfo) -> Figure:
    """Return the chart as a Figure whose axes are the metric, the wait counter and, if known, the learning rate."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    layout = layout_of(info)
    header = _header(info)
    head = _LINE_HEIGHT * len(header) + 26
    size = (WIDTH / _DPI, (layout.height + head) / _DPI)
    figure = Figure(figsize=size, dpi=_DPI, facecolor="white", edgecolor="white", linewidth=0)
    # Whatever the user prefers, the panels stand where the layout says.
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    for row, (text, role) in enumerate(header):
        size_px = 17 if row == 0 else 13
        _write(figure, LEFT - 46, 28 + row * _LINE_HEIGHT, text, _TEXT[role], bold=row == 0, size=size_px)
    draw_panels(figure, info, layout, head)
    for label in layout.all_labels:
        align = _ALIGN[label.anchor]
        _write(figure, label.x, label.y + head, label.text, _TEXT[label.role], bold=label.bold, align=align)
    return figure


def _save(figure: Figure, path: Path) -> None:
    suffix = path.suffix.lower()
    # No date: the same replay gives the same file.
    metadata = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}[suffix]
    whole = figure.bbox_inches
    dpi = _PNG_DPI if suffix == ".png" else _DPI
    with warnings.catch_warnings():
        # A name may hold characters that the font lacks: a box for each is drawn, and says as much.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(
            path, format=suffix[1:], dpi=dpi, facecolor="white", bbox_inches=whole, pad_inches=0, metadata=metadata
        )


def _header(info: CurveInfo) -> list[tuple[str, Role]]:
    name = info.run if info.fit == 0 else f"{info.run}, fit {info.fit}"
    lines: list[tuple[str, Role]] = [(_middle_cut(shown(name)), "title")]
    lines += [(line, "title") for line in textwrap.wrap(shown(" ".join(info.sentences)), _WRAP)]
    reason = shown(f"{info.validity}: {info.reason}")
    return lines + [(line, "axis") for line in textwrap.wrap(reason, _WRAP)]


def _middle_cut(name: str) -> str:
    # The ends tell runs apart: a common folder in front, a seed behind.
    return name if len(name) <= _NAME else f"{name[: _NAME // 2]}…{name[-_NAME // 2 :]}"


def _write(
    figure: Figure,
    x: float,
    y: float,
    text: str,
    colour: str,
    *,
    bold: bool = False,
    align: str = "left",
    size: float = 13,
) -> None:
    from matplotlib import patheffects

    height = figure.get_figheight() * _DPI
    figure.text(
        x / WIDTH,
        1 - y / height,
        shown(text),
        color=colour,
        fontsize=size * _PX,
        fontfamily=_FONT,
        fontweight="bold" if bold else "normal",
        fontstyle="normal",
        fontvariant="normal",
        fontstretch="normal",
        antialiased=True,
        ha=align,
        va="baseline",
        parse_math=False,
        path_effects=[patheffects.withStroke(linewidth=3, foreground="white")],
        zorder=9,
    )
