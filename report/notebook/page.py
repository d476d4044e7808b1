"""The explainer of a replay for a notebook: a whole page in a frame that can reach nothing around it."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from kcb_replay.report.notebook.style import ROOT, style
from kcb_replay.report.pages.document import write_document

if TYPE_CHECKING:
    import os

__all__ = ["FramedPage"]

_HEIGHT = 860


@dataclass(frozen=True, slots=True)
class FramedPage:
    """A page: `html` is its text, `save` writes it, and a notebook shows it in a frame."""

    html: str

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all; raises `KcbReplayError` where that cannot be."""
        write_document(path, self.html)

    def _repr_html_(self) -> str:
        # Its programs run, but without the notebook's origin: no cookie, no kernel, no file is in their reach.
        frame = (
            f'<iframe sandbox="allow-scripts" srcdoc="{escape(self.html, quote=True)}" title="kcb-replay explainer"'
            f' width="100%" height="{_HEIGHT}" frameborder="0"></iframe>'
        )
        return f'<div class="{ROOT}"><style>{style()}</style>{frame}</div>'

    def __repr__(self) -> str:
        return f"<FramedPage of {len(self.html):,} characters>"
