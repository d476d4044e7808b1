"""How a result shows itself in a notebook: by what the public package installs, for what draws stands above it.

Where nothing is installed a result shows its text, as everywhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    import os
    from collections.abc import Callable


class HtmlPage(Protocol):
    """An HTML page; in a notebook it shows itself in a frame that reaches nothing around it."""

    @property
    def html(self) -> str:
        """The page as text."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page, whole or not at all."""


@dataclass(frozen=True, slots=True)
class Renderers:
    """What draws results: as HTML for a notebook, and a replay as its explainer."""

    html: Callable[[object], str]
    explainer: Callable[..., HtmlPage]


class Displayed:
    """A result that shows itself in a notebook."""

    __slots__ = ()
    renderers: ClassVar[Renderers | None] = None

    def _repr_html_(self) -> str | None:
        return None if self.renderers is None else self.renderers.html(self)
