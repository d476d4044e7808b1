"""Write a figure as a file: whole or not at all, the same file for the same figure, text as text in SVG and PDF."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from kcb_replay.errors import SettingError
from kcb_replay.report.figures.canvas import DPI
from kcb_replay.report.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_PNG_DPI = 200
# No date, and no chance in the names of parts: the same replay gives the same file.
_METADATA: dict[str, dict[str, None]] = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def require_figure_file(path: Path) -> None:
    """Raise `SettingError` unless the file is of a kind that can be drawn."""
    if path.suffix.lower() not in _METADATA:
        raise SettingError(f"{path.name} must end in .png, .svg or .pdf: the suffix chooses the format.")


def save(figure: Figure, path: Path) -> None:
    """Write a figure as its suffix says, PNG with 200 pixels an inch.

    Raises `KcbReplayError` where the file cannot be written.
    """
    write_whole(path, lambda temporary: _save(figure, temporary))


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
