"""The ground of every figure: a page measured in pixels from its upper left corner, with lines, marks and text on it.

Every property is given here, because matplotlib takes what is left out from the user's rcParams. A page narrower than
what can be laid out, or wider than it need be, is the same page smaller or larger. Only a text that has characters
which matplotlib's own font lacks looks for installed ones, so that every other figure is the same everywhere. As a
file it appears whole or not at all, the same for the same figure, with text as text in SVG and PDF.
"""

from __future__ import annotations

import functools
import textwrap
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias
from unicodedata import east_asian_width

from kcb_replay.errors import SettingError
from kcb_replay.report.drawing.palette import LIGHT, Palette
from kcb_replay.report.drawing.placing import Anchor
from kcb_replay.report.files import write_whole
from kcb_replay.report.output_place import GENERATOR
from kcb_replay.text import screen_width, visible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Align: TypeAlias = Literal["left", "center", "right"]
ALIGN: dict[Anchor, Align] = {"start": "left", "middle": "center", "end": "right"}
# Pixels of layout in an inch, and the inches of a figure that nobody asked otherwise of.
DPI, INCHES = 100, 9.6
# Height of a line of text, and what a character of 13 pixels takes at most.
LINE, _CHARACTER = 19, 7.5
_NARROWEST, _WIDEST = 480, 960
# Below it 13 pixels of text are less than 6 points.
_LEAST_INCHES, _MOST_INCHES = 3.1, 20.0
_OWN = "DejaVu Sans"
# The usual ones of Linux, macOS and Windows that have Chinese, Japanese and Korean.
_WIDE = (
    "Noto Sans CJK KR",
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "NanumGothic",
    "Apple SD Gothic Neo",
    "Malgun Gothic",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "WenQuanYi Zen Hei",
    "Droid Sans Fallback",
)


@dataclass(frozen=True, slots=True)
class Look:
    """How a figure looks: its colours, the pixels it is laid out in, and how large a pixel becomes."""

    palette: Palette = LIGHT
    width: int = _WIDEST
    scale: float = 1.0


def look_of(palette: Palette, inches: float) -> Look:
    """Return the look of a figure so wide; raises `SettingError` where its text could not be read."""
    if not _LEAST_INCHES <= inches <= _MOST_INCHES:
        raise SettingError(
            f"A figure of {inches:g} inches cannot be drawn: it must be {_LEAST_INCHES:g} to {_MOST_INCHES:g} wide."
            " A column of a paper is 3.5, a page 7, a slide 13.3."
        )
    width = round(min(max(inches * DPI, _NARROWEST), _WIDEST))
    return Look(palette, width, inches * DPI / width)


@dataclass(frozen=True, slots=True)
class Canvas:
    """A figure of `look.width` times `height` pixels."""

    figure: Figure
    look: Look
    height: float

    def points(self, pixels: float) -> float:
        """Return a length in the points of matplotlib."""
        return pixels * 72 / DPI * self.look.scale

    def place(self, left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        """Return a rectangle as matplotlib places axes."""
        width, height = self.look.width, self.height
        return left / width, 1 - bottom / height, (right - left) / width, (bottom - top) / height

    def axes(self, left: float, top: float, right: float, bottom: float, *, share: Axes | None = None) -> Axes:
        """Return axes without a frame, ticks and text."""
        axes = self.figure.add_axes(self.place(left, top, right, bottom), sharex=share, facecolor="none")
        axes.set_axis_off()
        return axes

    def layer(self, label: str, order: float) -> Axes:
        """Return invisible axes over the whole page, whose unit is the pixel; `order` says what lies above what."""
        whole_page = (0, 0, 1, 1)
        axes = self.figure.add_axes(whole_page, facecolor="none", label=label, zorder=order)
        axes.set_axis_off()
        axes.set_xlim(0, self.look.width)
        axes.set_ylim(self.height, 0)
        return axes

    def write(
        self,
        x: float,
        y: float,
        text: str,
        colour: str,
        *,
        size: float = 13,
        bold: bool = False,
        align: Align = "left",
        halo: bool = False,
    ) -> None:
        """Write a line whose base is at `y`; a `halo` of the ground keeps it apart from what it stands on."""
        from matplotlib import patheffects

        ground = patheffects.Stroke(linewidth=self.points(4), foreground=self.look.palette.ground)
        # The halo is a drawing, so the text comes after it by itself: else it would be a drawing, too.
        for effects in ([ground], None) if halo else (None,):
            self.figure.text(
                x / self.look.width,
                1 - y / self.height,
                visible(text),
                color=colour,
                fontsize=self.points(size),
                fontfamily=_families_for(text),
                fontweight="bold" if bold else "normal",
                fontstyle="normal",
                fontvariant="normal",
                fontstretch="normal",
                antialiased=True,
                ha=align,
                va="baseline",
                parse_math=False,
                usetex=False,
                path_effects=effects,
                zorder=9,
            )

    def write_lines(self, x: float, y: float, lines: Sequence[tuple[str, str]]) -> None:
        """Write lines of text and colour below each other, the first with its base at `y`."""
        for row, (text, colour) in enumerate(lines):
            self.write(x, y + row * LINE, text, colour)


def blank(look: Look, height: float) -> Canvas:
    """Return an empty page of so many pixels."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from kcb_replay.report.figures.shown import ShownFigure

    size = (look.width * look.scale / DPI, height * look.scale / DPI)
    ground = look.palette.ground
    figure = ShownFigure(figsize=size, dpi=DPI, facecolor=ground, edgecolor=ground, linewidth=0)
    # Whatever the user prefers, everything stands where the layout says.
    figure.set_layout_engine("none")
    FigureCanvasAgg(figure)
    return Canvas(figure, look, height)


def wrapped(text: str, pixels: float) -> list[str]:
    """Return the text in lines that fit into so many pixels; wide characters, as of Korean, fill the room of two."""
    room, lines = max(20, int(pixels / _CHARACTER)), [""]
    for word in visible(text).split():
        line = f"{lines[-1]} {word}".lstrip()
        if screen_width(line) <= room:
            lines[-1] = line
        else:
            lines += textwrap.wrap(word, room // max(1, screen_width(word) // len(word)))
    return [line for line in lines if line]


_Dash: TypeAlias = str | tuple[float, tuple[float, float]]
DASHED: _Dash = (0, (4, 3))
DOTTED: _Dash = (0, (1, 3))


def stroke(
    canvas: Canvas,
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    colour: str,
    width: float,
    *,
    dash: _Dash = "-",
    order: float = 2,
    alpha: float = 1.0,
    clip: bool = False,
) -> None:
    """Draw a line through points, `width` pixels wide; `clip` keeps it inside its axes."""
    axes.plot(
        x,
        y,
        color=colour,
        linewidth=canvas.points(width),
        linestyle=dash,
        marker="None",
        alpha=alpha,
        antialiased=True,
        solid_capstyle="butt",
        dash_capstyle="butt",
        solid_joinstyle="round",
        clip_on=clip,
        zorder=order,
    )


def dots(
    canvas: Canvas,
    axes: Axes,
    x: Sequence[float],
    y: Sequence[float],
    shape: str,
    size: float,
    fill: str,
    edge: str,
    *,
    alpha: float = 1.0,
    clip: bool = False,
    order: float = 5,
) -> None:
    """Draw the same mark, `size` pixels wide, at every point; another `fill` than the edge makes it hollow."""
    axes.plot(
        x,
        y,
        linestyle="None",
        marker=shape,
        markersize=canvas.points(size),
        markerfacecolor=fill,
        markeredgecolor=edge,
        markeredgewidth=canvas.points(1.6),
        alpha=alpha,
        antialiased=True,
        clip_on=clip,
        zorder=order,
    )


def _families_for(text: str) -> list[str]:
    """Return the names of fonts, the one to try first in front."""
    wide = any(east_asian_width(character) in "WF" for character in text)
    return [_OWN, *_installed()] if wide else [_OWN]


@functools.cache
def _installed() -> tuple[str, ...]:
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return tuple(name for name in _WIDE if name in known)


_PNG_DPI = 200
# Who made it, but no date, and no chance in the names of parts: the same replay gives the same file.
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": GENERATOR},
    ".svg": {"Creator": GENERATOR, "Date": None},
    ".pdf": {"Creator": GENERATOR, "CreationDate": None},
}


def require_figure_file(path: Path) -> None:
    """Raise `SettingError` unless the file is of a kind that can be drawn."""
    if path.suffix.lower() not in _METADATA:
        raise SettingError(f"{path.name} must end in .png, .svg or .pdf: the suffix chooses the format.")


def save(figure: Figure, path: Path, *, force: bool = False) -> None:
    """Write a figure as its suffix says, PNG with 200 pixels an inch.

    Raises `KcbReplayError` where the file cannot or, without `force`, should not be written.
    """
    write_whole(path, lambda temporary: _save(figure, temporary), force=force)


def _save(figure: Figure, path: Path) -> None:
    from matplotlib import rc_context

    suffix = path.suffix.lower()
    # What no property of an artist can say; everything is as before when the file is written.
    own = rc_context({"svg.fonttype": "none", "svg.hashsalt": "kcb-replay", "pdf.fonttype": 42, "path.sketch": None})
    with warnings.catch_warnings(), own:
        # A name may hold characters that no font here has: a box for each is drawn, and says as much.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        figure.savefig(
            path,
            format=suffix[1:],
            dpi=_PNG_DPI if suffix == ".png" else DPI,
            facecolor=figure.get_facecolor(),
            bbox_inches=figure.bbox_inches,
            pad_inches=0,
            metadata=_METADATA[suffix],
        )
