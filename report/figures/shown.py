"""The Figure that `kcb.plot` returns: one that a notebook shows, once, whether pyplot was ever imported or not.

A notebook draws Figures only after pyplot was imported; then its own way comes first, and this one is not asked.
"""

from __future__ import annotations

import io

from matplotlib.figure import Figure

_SHARPNESS = 2


class ShownFigure(Figure):
    """A Figure that draws itself for a notebook."""

    def _repr_png_(self) -> tuple[bytes, dict[str, int]]:
        """Return the picture for sharp screens, and the size to show it in."""
        width, height = (round(size) for size in self.bbox.size)
        buffer = io.BytesIO()
        self.savefig(buffer, format="png", dpi=_SHARPNESS * self.dpi, facecolor=self.get_facecolor(),
                     bbox_inches=self.bbox_inches, pad_inches=0)  # fmt: skip
        return buffer.getvalue(), {"width": width, "height": height}
